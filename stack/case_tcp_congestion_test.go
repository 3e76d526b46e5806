package stack

import (
	"strconv"
	"testing"
	"time"

	"github.com/ztstack/ztstack/tcp"
)

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
