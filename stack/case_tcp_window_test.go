package stack

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/ztstack/ztstack/icmp"
	"github.com/ztstack/ztstack/ipv4"
	"github.com/ztstack/ztstack/tcp"
)

// "The transmitting host SHOULD send the first zero-window probe when a zero window has existed for the
// retransmission timeout period, and SHOULD increase exponentially the interval between successive probes" RFC 9293,
// Section 3.8.6.1 (SHLD-29, SHLD-30); "as long as the receiving TCP peer continues to send acknowledgments in response
// to the probe segments, the sending TCP peer MUST allow the connection to stay open" (MUST-37).
func TestCase_T30(t *testing.T) {
	p := newPeer(t, &tcp.Config{SendBuffer: 4096}).open()
	p.want(p.say(". 1:1(0) ack 1 win 0"))
	p.want(p.write(4096))
	if n, err := p.conn.Write(p.now, []byte("x")); n != 0 || !errors.Is(err, tcp.ErrWouldBlock) {
		t.Errorf("Write to a full buffer = %d, %v; want %v", n, err, tcp.ErrWouldBlock)
	}
	var gaps []time.Duration
	last := p.now
	for end := p.now.Add(30 * time.Minute); p.now < end; {
		got := p.wait(100 * time.Millisecond)
		if len(got) == 0 {
			continue
		}
		if len(got) != 1 || got[0].n != 1 {
			t.Fatalf("a probe is %q", p.lines(got))
		}
		gaps = append(gaps, p.now.Sub(last))
		last = p.now
		p.say(". 1:1(0) ack 1 win 0")
	}
	p.wantState(tcp.StateEstablished)
	if len(gaps) < 20 || len(gaps) > 60 {
		t.Errorf("%d probes in half an hour", len(gaps))
	}
	for i, g := range gaps[1:] {
		// The steps of the test are 100 ms.
		if g > 70*time.Second || g < min(gaps[i]*2-200*time.Millisecond, 59*time.Second) {
			t.Errorf("probe %d comes after %v, the one before it after %v", i+1, g, gaps[i])
		}
	}
	// The window opens.
	p.say(". 1:1(0) ack 1 win 5000")
	p.ackAll(5000)
	if len(p.heard) != 4096 {
		t.Errorf("after the window has opened %d bytes arrive, want 4096", len(p.heard))
	}
	// Nothing at all comes back: the user timeout holds.
	p = newPeer(t, &tcp.Config{UserTimeout: 2 * time.Minute}).open()
	p.say(". 1:1(0) ack 1 win 0")
	p.write(100)
	p.wait(3 * time.Minute)
	if err := p.conn.Err(); !errors.Is(err, tcp.ErrTimeout) {
		t.Errorf("Err = %v, want %v", err, tcp.ErrTimeout)
	}
}

// "A sending TCP peer must be prepared for a shrunken window" and avoids silly ones: RFC 9293, Section 3.8.6
// (MUST-34) and 3.8.6.2 (MUST-38, MUST-39).
func TestCase_T31(t *testing.T) {
	p := newPeer(t, nil).open(withMSS(1000))
	p.write(20000)
	// 10000 bytes are in flight; the window is now 2000.
	p.say(". 1:1(0) ack 1001 win 2000")
	sent := len(p.heard)
	for range 50 {
		if got := p.wait(time.Second); len(got) > 0 {
			for _, r := range got {
				if at := int(r.h.Seq-p.iss) - 1; at+r.n > sent {
					t.Fatalf("data beyond a window that has shrunk: %s", p.line(r))
				}
			}
			p.say(". 1:1(0) ack 1001 win 2000")
		}
	}
	p.wantState(tcp.StateEstablished)
	p.ackAll(20000)
	if len(p.heard) != 20000 {
		t.Errorf("%d bytes arrived, want 20000", len(p.heard))
	}

	// A window that never grows beyond a byte: the sender waits for the override timeout, and does not die.
	p = newPeer(t, nil).open(withMSS(1000))
	p.say(". 1:1(0) ack 1 win 4000")
	p.write(4000)
	p.say(". 1:1(0) ack 4001 win 4000")
	p.say(". 1:1(0) ack 4001 win 1")
	p.want(p.write(1000))
	segments := 0
	for range 600 {
		for _, r := range p.wait(100 * time.Millisecond) {
			segments++
			if r.n > 1 {
				t.Fatalf("%s into a window of 1", p.line(r))
			}
		}
		p.say(". 1:1(0) ack " + strconv.Itoa(len(p.heard)+1) + " win 1")
	}
	p.wantState(tcp.StateEstablished)
	if segments == 0 || segments > 320 {
		t.Errorf("%d segments of a byte in a minute", segments)
	}

	// Our own window opens in steps worth having: min(MSS, half the buffer).
	p = newPeer(t, &tcp.Config{ReceiveBuffer: 8192}).open(withMSS(1000))
	for at := 1; at < 8193; at += 1024 {
		p.say(". " + strconv.Itoa(at) + ":" + strconv.Itoa(at+1024) + "(1024) ack 1")
	}
	right := 8193
	b := make([]byte, 1)
	for range 8192 {
		if _, err := p.conn.Read(p.now, b); err != nil {
			t.Fatal(err)
		}
		for _, r := range p.hear() {
			edge := int(r.h.Ack-p.isn) + int(r.h.Window)
			if edge != right && edge-right < 1460 {
				t.Fatalf("the window opens by %d bytes", edge-right)
			}
			right = edge
		}
	}
	if right < 8193+4096 {
		t.Errorf("the window's edge is %d after everything was read", right)
	}
}

// The retransmission timer doubles, up to the end: RFC 6298, Section 5 (5.5); "R2 [...] for a SYN segment MUST be
// set large enough to provide retransmission of the segment for at least 3 minutes" RFC 9293, Section 3.8.3 (MUST-23).
func TestCase_T38(t *testing.T) {
	type try struct {
		name       string
		begin      func(p *peer)
		first      time.Duration // least first timeout
		least      time.Duration // before it gives up
		icmp       bool
		want       error
		seq, flags int
	}
	syn := func(p *peer) { p.dial(nil) }
	data := func(p *peer) { p.open(); p.write(100) }
	for _, tt := range []try{
		{"SYN", syn, time.Second, 3 * time.Minute, false, tcp.ErrTimeout, 0, 0},
		{"SYN with ICMP", syn, time.Second, 3 * time.Minute, true, ErrUnreachable, 0, 0},
		{"data", data, 200 * time.Millisecond, 100 * time.Second, false, tcp.ErrTimeout, 1, 0},
		{"data with ICMP", data, 200 * time.Millisecond, 100 * time.Second, true, ErrUnreachable, 1, 0},
	} {
		p := newPeer(t, nil)
		tt.begin(p)
		begin, last := p.now, p.now
		var gaps []time.Duration
		for p.conn.Err() == nil && p.now.Sub(begin) < time.Hour {
			for range p.wait(50 * time.Millisecond) {
				gaps = append(gaps, p.now.Sub(last))
				last = p.now
				if tt.icmp {
					q := p.quote(tt.seq)
					m := icmp.Unreachable4(icmp.Code4Host, q)
					p.in(ipFrame(b4, a4, 1, icmp4Message(&m)))
				}
			}
		}
		if err := p.conn.Err(); !errors.Is(err, tt.want) {
			t.Errorf("%s: Err = %v, want %v", tt.name, err, tt.want)
		}
		if d := p.now.Sub(begin); d < tt.least || d > 15*time.Minute {
			t.Errorf("%s: gave up after %v, want at least %v", tt.name, d, tt.least)
		}
		if len(gaps) < 5 || gaps[0] < tt.first || tt.first == time.Second && gaps[0] > 1100*time.Millisecond {
			t.Fatalf("%s: sent again after %v", tt.name, gaps)
		}
		for i, g := range gaps[1:] {
			// The steps of the test are 50 ms.
			if g < min(gaps[i]*2-100*time.Millisecond, 59*time.Second) {
				t.Errorf("%s: interval %d is %v, after %v", tt.name, i+1, g, gaps[i])
			}
		}
	}
	// Karn: an ACK of what was sent twice, without timestamps, does not end the back-off nor give a sample.
	p := newPeer(t, nil)
	data(p)
	p.wait(1 * time.Second)
	before := p.info()
	if before.Stats.Timeouts == 0 {
		t.Fatal("no timeout")
	}
	p.say(". 1:1(0) ack 101")
	if after := p.info(); after.SRTT != before.SRTT {
		t.Errorf("an ambiguous ACK took SRTT from %v to %v", before.SRTT, after.SRTT)
	}
}

// quote returns the IP packet with the host's segment at a relative sequence number as an ICMP error quotes it.
func (p *peer) quote(seq int) []byte {
	h := tcp.Header{SrcPort: p.remote.Port(), DstPort: p.local.Port(), Seq: p.iss.Add(seq), Flags: tcp.ACK}
	return ip4(ipv4.Header{Proto: 6, Src: a4.As4(), Dst: b4.As4()}, segment(a4, b4, &h, nil))
}

// "Keep-alives MUST [...] default to off" and, when on, find out whether the peer is there: RFC 9293, Section 3.8.4
// (MUST-24 to MUST-29).
func TestCase_T39(t *testing.T) {
	p := newPeer(t, nil).open()
	if got := p.wait(24 * time.Hour); len(got) != 0 {
		t.Errorf("an idle connection sends %q", p.lines(got))
	}
	p.wantState(tcp.StateEstablished)
	// A probe of the peer's, with a byte of garbage or without, is answered by an ACK.
	for _, line := range []string{". 0:1(1) ack 1", ". 0:0(0) ack 1"} {
		p.want(p.say(line), ". 1:1(0) ack 1")
		if n := p.conn.Readable(); n != 0 {
			t.Errorf("%s brought %d bytes", line, n)
		}
	}

	cfg := &tcp.Config{KeepAliveIdle: time.Minute, KeepAliveInterval: 10 * time.Second, KeepAliveCount: 3}
	p = newPeer(t, cfg).open()
	for range 5 {
		p.want(p.wait(time.Minute), ". 0:0(0) ack 1")
		p.want(p.say(". 1:1(0) ack 1"))
	}
	p.want(p.wait(89*time.Second), ". 0:0(0) ack 1", ". 0:0(0) ack 1", ". 0:0(0) ack 1")
	p.wantState(tcp.StateEstablished)
	p.wait(2 * time.Second)
	if err := p.conn.Err(); !errors.Is(err, tcp.ErrTimeout) {
		t.Errorf("Err = %v, want %v", err, tcp.ErrTimeout)
	}
}

// A reader that never reads: what is beyond the window is dropped and acknowledged, and small segments do not
// cost more memory than they bring.
func TestCase_T40(t *testing.T) {
	const wnd = 64 << 10
	p := newPeer(t, &tcp.Config{ReceiveBuffer: wnd}).open()
	var right int
	for _, r := range p.say(". 1:1(0) ack 1") {
		right = int(r.h.Ack-p.isn) + int(r.h.Window)
	}
	h := tcp.Header{SrcPort: p.local.Port(), DstPort: p.remote.Port(), Ack: p.iss + 1, Flags: tcp.ACK, Window: 1000}
	for at := 1; at <= wnd+1000; at++ {
		h.Seq = p.isn.Add(at)
		p.in(p.wrap(&h, []byte{byteOf(tcp.Seq(at))}))
		if at%16 == 0 {
			for _, r := range p.hear() {
				right = int(r.h.Ack-p.isn) + int(r.h.Window)
			}
		}
	}
	in := p.info()
	if in.ReceiveQueued > wnd || in.ReceiveQueued < wnd-2000 || right > wnd+1 {
		t.Errorf("%d bytes are queued, the window's edge is %d; the buffer is %d", in.ReceiveQueued, right, wnd)
	}
	if n := p.s.Stats().Buffered; n > wnd+32<<10 {
		t.Errorf("%d bytes of memory hold %d", n, in.ReceiveQueued)
	}
	p.hear()
	queued := in.ReceiveQueued
	h.Seq = p.isn.Add(1 + queued)
	got := p.replies(p.ask(p.wrap(&h, []byte{1})))
	p.want(got, ". 1:1(0) ack "+strconv.Itoa(queued+1))
	if got := p.info().ReceiveQueued; got != queued {
		t.Errorf("%d bytes are queued after a byte beyond the window, before it %d", got, queued)
	}
	if n := p.read(1); n != queued {
		t.Errorf("%d bytes arrived, want %d", n, queued)
	}
	p.alive()
}
