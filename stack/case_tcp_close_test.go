package stack

import (
	"errors"
	"io"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/ztstack/ztstack/tcp"
)

// eof fails unless the application has read n bytes and then meets the end.
func (p *peer) eof(n int) {
	p.t.Helper()
	if got := p.read(1); got != n {
		p.t.Errorf("%d bytes arrived, want %d", got, n)
	}
	if k, err := p.conn.Read(p.now, make([]byte, 1)); k != 0 || !errors.Is(err, io.EOF) {
		p.t.Errorf("then Read = %d, %v; want %v", k, err, io.EOF)
	}
}

// There is one end of a stream, and it is where the first FIN put it: RFC 9293, Section 3.10.7.4.
func TestCase_T32(t *testing.T) {
	for _, tt := range []struct {
		name  string
		lines []string
		n     int
	}{
		{"with data", []string{"FP. 1:101(100) ack 1"}, 100},
		{"alone", []string{"F. 1:1(0) ack 1"}, 0},
		{"before the data", []string{"F. 101:101(0) ack 1", ". 1:101(100) ack 1"}, 100},
		{"with data, before other data", []string{"F. 51:101(50) ack 1", ". 1:51(50) ack 1"}, 100},
		{"twice", []string{"F. 1:101(100) ack 1", "F. 1:101(100) ack 1"}, 100},
		{"at two places, behind a gap", []string{"F. 101:101(0) ack 1", "F. 201:201(0) ack 1", "F. 51:51(0) ack 1", ". 1:101(100) ack 1"}, 100},
		{"at two places", []string{"F. 1:101(100) ack 1", "F. 102:202(100) ack 1"}, 100},
		{"data after it", []string{"F. 1:101(100) ack 1", ". 101:201(100) ack 1", ". 102:202(100) ack 1"}, 100},
		{"data after it, behind a gap", []string{"F. 51:101(50) ack 1", ". 101:201(100) ack 1", ". 1:51(50) ack 1"}, 100},
	} {
		p := newPeer(t, nil).open()
		for _, l := range tt.lines {
			p.say(l)
		}
		p.wantState(tcp.StateCloseWait)
		p.eof(tt.n)
		if nxt := p.info().RcvNXT - p.isn; int(nxt) != tt.n+2 {
			t.Errorf("%s: RCV.NXT is %d, want %d", tt.name, nxt, tt.n+2)
		}
	}
	p := newPeer(t, &tcp.Config{ReceiveBuffer: 4096}).open()
	p.want(p.say("F. 4097:4097(0) ack 1"), ". 1:1(0) ack 1")
	p.want(p.say("F. 100000:100000(0) ack 1"), ". 1:1(0) ack 1")
	p.wantState(tcp.StateEstablished)
}

// "If such a host issues a CLOSE call while received data is still pending in the TCP connection, or if new data
// is received after CLOSE is called, its TCP implementation SHOULD send a RST" RFC 9293, Section 3.6.1 (SHLD-3).
func TestCase_T33(t *testing.T) {
	p := newPeer(t, nil).open()
	p.say("P. 1:101(100) ack 1")
	p.conn.Close(p.now)
	p.conn = nil
	if got := p.hear(); len(got) != 1 || got[0].h.Flags&tcp.RST == 0 || got[0].h.Seq != p.iss+1 {
		t.Errorf("Close with unread data sends %q, want a reset", p.lines(got))
	}
	p.want(p.say("P. 101:201(100) ack 1"), "R 1:1(0)")

	p = newPeer(t, nil).open()
	p.conn.Close(p.now)
	p.conn = nil
	p.want(p.hear(), "F. 1:1(0) ack 1")
	if got := p.say("P. 1:101(100) ack 2"); len(got) != 1 || got[0].h.Flags&tcp.RST == 0 || got[0].h.Seq != p.iss+2 {
		t.Errorf("data after Close is answered by %q, want a reset", p.lines(got))
	}
	if n := p.s.Stats().Conns; n != 0 {
		t.Errorf("%d connections remain", n)
	}
	// A half-close is another matter: RFC 9293, Section 3.6.
	p = newPeer(t, nil).open()
	p.conn.CloseWrite(p.now)
	p.want(p.hear(), "F. 1:1(0) ack 1")
	p.say("P. 1:101(100) ack 2")
	if n := p.read(1); n != 100 {
		t.Errorf("after a half-close %d bytes arrived, want 100", n)
	}
}

// timeWait brings the host into TIME-WAIT, of which only a record remains.
func (p *peer) timeWait(with ...func(*tcp.Header)) *peer {
	p.t.Helper()
	p.open(with...)
	p.conn.Close(p.now)
	p.conn = nil
	p.want(p.hear(), "F. 1:1(0) ack 1")
	p.want(p.say(". 1:1(0) ack 2"))
	p.want(p.say("F. 1:1(0) ack 2"), ". 2:2(0) ack 2")
	if st := p.s.Stats(); st.TimeWait != 1 || st.Conns != 0 {
		p.t.Fatalf("%d records, %d connections", st.TimeWait, st.Conns)
	}
	return p
}

// TIME-WAIT is not ended by what is old, and gives way to what is new: RFC 9293, Section 3.10.7.4; RFC 1337; RFC 6191.
func TestCase_T34(t *testing.T) {
	records := func(p *peer, n int) {
		p.t.Helper()
		if got := p.s.Stats().TimeWait; got != n {
			p.t.Errorf("%d records, want %d", got, n)
		}
	}
	ts := withTS(1000, 0)
	old := func() *peer { p := newPeer(t, nil); p.tsval = 1000; return p }

	p := newPeer(t, nil).timeWait()
	p.want(p.say("R 2:2(0)"))
	p.want(p.say("R. 2:2(0) ack 2"))
	records(p, 1)
	p.want(p.say("P. 1:101(100) ack 2"), ". 2:2(0) ack 2")
	p.wait(59 * time.Second)
	records(p, 1)
	// "Acknowledge it, and restart the 2 MSL timeout."
	p.want(p.say("F. 1:1(0) ack 2"), ". 2:2(0) ack 2")
	p.wait(59 * time.Second)
	records(p, 1)
	p.wait(2 * time.Second)
	records(p, 0)

	for _, tt := range []struct {
		name string
		syn  string
		old  []func(*tcp.Header)
		with []func(*tcp.Header)
		in   bool
	}{
		{"a lower sequence number", "S -100:-100(0)", nil, nil, false},
		{"the same", "S 2:2(0)", nil, nil, false},
		{"a higher one", "S 3:3(0)", nil, nil, true},
		{"a higher one, wrapped", "S 2147483000:2147483000(0)", nil, nil, true},
		{"a later timestamp and a lower number", "S -100:-100(0)", []func(*tcp.Header){ts}, []func(*tcp.Header){withTS(1001, 0)}, true},
		{"an earlier timestamp and a higher number", "S 100:100(0)", []func(*tcp.Header){ts}, []func(*tcp.Header){withTS(999, 0)}, false},
		{"the same timestamp and a higher number", "S 100:100(0)", []func(*tcp.Header){ts}, []func(*tcp.Header){withTS(1000, 0)}, true},
		{"no timestamp any more, a higher number", "S 100:100(0)", []func(*tcp.Header){ts}, []func(*tcp.Header){noTS}, true},
	} {
		p := old().timeWait(tt.old...)
		isn, iss := p.isn, p.iss
		got := p.say(tt.syn, tt.with...)
		if len(got) != 1 {
			t.Errorf("%s: the answer is %q", tt.name, p.lines(got))
			continue
		}
		h := got[0].h
		if tt.in {
			if h.Flags != tcp.SYN|tcp.ACK || !(iss + 2).LessThan(h.Seq) {
				t.Errorf("%s: the answer is %v with sequence number %d above the old one's", tt.name, h.Flags, int32(h.Seq-iss))
			}
			records(p, 0)
		} else {
			if h.Flags != tcp.ACK || h.Seq != iss+2 || h.Ack != isn+2 {
				t.Errorf("%s: the answer is %q", tt.name, p.lines(got))
			}
			records(p, 1)
		}
	}
}

// The urgent pointer, wherever it points, takes nothing out of the stream: RFC 6093, Section 5.
func TestCase_T35(t *testing.T) {
	p := newPeer(t, nil).open()
	at := 1
	for _, urgent := range []uint16{0, 1, 50, 99, 100, 101, 1000, 65535} {
		p.say("PU. "+strconv.Itoa(at)+":"+strconv.Itoa(at+100)+"(100) ack 1", withUrgent(urgent))
		if n := p.read(tcp.Seq(at)); n != 100 {
			t.Fatalf("urgent pointer %d: %d bytes arrived, want 100", urgent, n)
		}
		at += 100
		// Urgent, and nothing that would be.
		p.say("U. "+strconv.Itoa(at)+":"+strconv.Itoa(at)+"(0) ack 1", withUrgent(urgent))
		if n := p.conn.Readable(); n != 0 {
			t.Fatalf("urgent pointer %d alone brought %d bytes", urgent, n)
		}
	}
	// A pointer without the flag is none.
	p.say("P. "+strconv.Itoa(at)+":"+strconv.Itoa(at+10)+"(10) ack 1", withUrgent(5))
	if n := p.read(tcp.Seq(at)); n != 10 {
		t.Errorf("a pointer without the flag: %d bytes, want 10", n)
	}
	p.wantState(tcp.StateEstablished)
	p.alive()
}

// Peers that vanish while a connection closes do not keep its memory: RFC 9293, Section 3.3.2; RFC 1122, Section
// 4.2.2.20.
func TestCase_T41(t *testing.T) {
	per := 64000 / 3
	if testing.Short() {
		per /= 20
	}
	for _, way := range []tcp.State{tcp.StateFinWait2, tcp.StateClosing, tcp.StateLastAck} {
		l := newLab(t).meet()
		for i := range per {
			p := l.peer(uint16(1024+i), nil).open()
			switch way {
			case tcp.StateFinWait2:
				p.conn.Close(p.now)
				p.want(p.hear(), "F. 1:1(0) ack 1")
				p.want(p.say(". 1:1(0) ack 2"))
			case tcp.StateClosing:
				p.conn.Close(p.now)
				p.want(p.hear(), "F. 1:1(0) ack 1")
				p.want(p.say("F. 1:1(0) ack 1"), ". 2:2(0) ack 2")
			case tcp.StateLastAck:
				p.want(p.say("F. 1:1(0) ack 1"), ". 1:1(0) ack 2")
				p.conn.Close(p.now)
				p.want(p.hear(), "F. 1:1(0) ack 2")
			}
			p.wantState(way)
			if t.Failed() {
				return
			}
		}
		if st := l.s.Stats(); st.Conns > per || st.Buffered != 0 {
			t.Errorf("%v: %d connections, %d bytes", way, st.Conns, st.Buffered)
		}
		l.advance(16 * time.Minute)
		if st := l.s.Stats(); st.Conns != 0 || st.TimeWait != 0 || st.Buffered != 0 {
			t.Errorf("%v: %d connections, %d records, %d bytes remain", way, st.Conns, st.TimeWait, st.Buffered)
		}
		l.alive()
	}
}

// A segment belongs to the connection of its very addresses and ports, then to TIME-WAIT, then to the listener
// (RFC 9293, Section 3.9; RFC 6191); a port can be listened on again while old connections last.
func TestCase_T42(t *testing.T) {
	l := newLab(t).meet()
	done := l.peer(40000, nil).timeWait()
	p := l.peer(40001, nil).open()
	p.want(p.say("S 100:100(0)"), ". 1:1(0) ack 1") // the connection's, not a new one's
	p.say("P. 1:11(10) ack 1")
	if n := p.read(1); n != 10 {
		t.Errorf("%d bytes arrived, want 10", n)
	}
	done.want(done.say("P. 1:11(10) ack 2"), ". 2:2(0) ack 2") // TIME-WAIT's, not the listener's
	if n := l.s.Stats().TimeWait; n != 1 {
		t.Errorf("%d records, want 1", n)
	}
	other := l.peer(40002, nil)
	other.want(other.say(". 1:1(0) ack 1"), "R 1:1(0)") // the listener's, who refuses it

	p.listener.Close(l.now)
	p.want(p.say("P. 11:21(10) ack 1", noTS))
	if n := p.read(11); n != 10 {
		t.Errorf("after the listener's end %d bytes arrived, want 10", n)
	}
	again, err := l.s.ListenTCP(netip.AddrPortFrom(netip.IPv6Unspecified(), peerPort), 0, nil, nil)
	if err != nil {
		t.Fatalf("the port cannot be listened on again: %v", err)
	}
	other.listener = again
	other.open()
	p.say("P. 21:31(10) ack 1")
	if n := p.read(21); n != 10 {
		t.Errorf("beside a new listener %d bytes arrived, want 10", n)
	}
	l.alive()
}
