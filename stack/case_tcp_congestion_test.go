package stack

import (
	"strconv"
	"testing"
	"time"

	"github.com/ztstack/ztstack/tcp"
)

// ECN changes nothing unless both ends have agreed to it, and then takes one reduction a round trip, however many marks there
// are (RFC 3168, Section 6.1). AccECN's bit in a SYN (RFC 9768) leads to what any other SYN with the other two does.
func TestCase_T37(t *testing.T) {
	big := tcp.Config{Congestion: "reno"}
	off := big
	off.NoECN = true
	for _, tt := range []struct {
		name, syn, answer string
		cfg               tcp.Config
		agreed            bool
	}{
		{"not asked for", "S 0:0(0)", "S. 0:0(0) ack 1", big, false},
		{"one bit", "SE 0:0(0)", "S. 0:0(0) ack 1", big, false},
		{"refused", "SEW 0:0(0)", "S. 0:0(0) ack 1", off, false},
		{"agreed", "SEW 0:0(0)", "SE. 0:0(0) ack 1", big, true},
	} {
		for _, v6 := range []bool{false, true} {
			p := newPeer(t, &tt.cfg)
			if v6 {
				p.overIPv6()
			}
			p.ecn = 3 // CE on a SYN means nothing
			p.want(p.say(tt.syn, withMSS(1000)), tt.answer)
			p.want(p.say(". 1:1(0) ack 1"))
			p.accept()
			p.ecn = 0
			before := p.info()
			p.write(10000)
			ect := uint8(0)
			if tt.agreed {
				ect = 2
			}
			for i, tos := range p.tos {
				if tos != ect {
					t.Fatalf("%s: segment %d has codepoint %d, want %d", tt.name, i, tos, ect)
				}
			}
			// A flood of ECE: ten ACKs of one window, each with it.
			for at := 1001; at <= 10001; at += 1000 {
				p.say("E. 1:1(0) ack " + strconv.Itoa(at))
			}
			reductions := uint32(0)
			if tt.agreed {
				reductions = 1
			}
			in := p.info()
			if in.Stats.ECNReductions != reductions || in.ECN != tt.agreed || tt.agreed && in.CWND > before.CWND*3/4 {
				t.Errorf("%s: %d reductions, want %d; window %d, before %d", tt.name, in.Stats.ECNReductions, reductions, in.CWND, before.CWND)
			}
			// The first new data says so, once, and a new window may be reduced again.
			for i, r := range p.write(2000) {
				if got := r.h.Flags&tcp.CWR != 0; got != (tt.agreed && i == 0) {
					t.Errorf("%s: segment %d has CWR %v", tt.name, i, got)
				}
			}
			p.say("E. 1:1(0) ack 12001")
			if n := p.info().Stats.ECNReductions; n != 2*reductions {
				t.Errorf("%s: %d reductions in the next window, want %d", tt.name, n, 2*reductions)
			}
			// Marks on the way in are echoed until the peer has reduced its window.
			p.ecn = 3
			echoed := p.say("P. 1:101(100) ack 12001")
			p.ecn = 2
			echoed = append(echoed, p.say("P. 101:201(100) ack 12001")...)
			echoed = append(echoed, p.wait(time.Second)...)
			for _, r := range echoed {
				if got := r.h.Flags&tcp.ECE != 0; got != tt.agreed {
					t.Errorf("%s: %q, want ECE %v", tt.name, p.line(r), tt.agreed)
				}
			}
			p.say("PW. 201:301(100) ack 12001")
			for _, r := range p.wait(time.Second) {
				if r.h.Flags&tcp.ECE != 0 || r.n != 0 {
					t.Errorf("%s: %q after CWR", tt.name, p.line(r))
				}
			}
			if n := p.read(1); n != 300 {
				t.Errorf("%s: %d bytes arrived, want 300", tt.name, n)
			}
		}
	}
	p := newPeer(t, &big)
	f := p.frame("SEW 0:0(0)")
	f[14+20+12] |= 1 // AE, beside the data offset
	reseal(f[14+20:])
	p.want(p.replies(p.ask(f)), "SE. 0:0(0) ack 1")
}

// However ACKs are cut, the window grows by what they acknowledge, and by no more than two segments for one (RFC
// 5681, Sections 3.1 and 5; RFC 3465, Section 2); what was never sent cannot be acknowledged.
func TestCase_T36(t *testing.T) {
	for _, name := range tcp.CongestionNames() {
		// One ACK for each byte.
		p := newPeer(t, &tcp.Config{Congestion: name}).open(withMSS(1000))
		p.write(10000)
		before := p.info().CWND
		for at := 2; at <= 10001; at++ {
			p.say(". 1:1(0) ack " + strconv.Itoa(at))
		}
		if grown := p.info().CWND - before; grown > 10000 {
			t.Errorf("%s: 10000 ACKs of a byte each let the window grow by %d", name, grown)
		}
		// An ACK of everything.
		p = newPeer(t, &tcp.Config{Congestion: name}).open(withMSS(1000))
		p.write(10000)
		before = p.info().CWND
		p.say(". 1:1(0) ack 10001")
		if grown := p.info().CWND - before; grown > 10000 {
			t.Errorf("%s: one ACK of 10000 bytes lets the window grow by %d", name, grown)
		}
		// Optimism.
		p = newPeer(t, &tcp.Config{Congestion: name}).open(withMSS(1000))
		p.write(20000)
		before = p.info().CWND
		for at := 10002; at < 20001; at += 100 {
			p.say(". 1:1(0) ack " + strconv.Itoa(at))
		}
		if in := p.info(); in.CWND != before || in.SndUNA != p.iss+1 {
			t.Errorf("%s: ACKs of unsent data: window %d, before %d; SND.UNA %d", name, in.CWND, before, in.SndUNA-p.iss)
		}
		// Duplicates without loss, and without SACK.
		p = newPeer(t, &tcp.Config{Congestion: name}).open(withMSS(1000))
		p.write(100000)
		for range 1000 {
			p.say(". 1:1(0) ack 1")
		}
		if in := p.info(); in.Flight > 22000 || in.Stats.Retransmits > 20 {
			t.Errorf("%s: 1000 duplicate ACKs: %d bytes in flight, %d retransmissions", name, in.Flight, in.Stats.Retransmits)
		}
		p.wait(time.Second)
		p.alive()
	}
}
