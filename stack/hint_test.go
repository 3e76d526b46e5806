package stack

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/ztstack/ztstack/tcp"
)

// solicits counts the ARP requests and Neighbour Solicitations that leave a.
func (p *pair) solicits() *int {
	n := new(int)
	p.drop = func(fromA bool, frame []byte) bool {
		if fromA && (etherType(frame) == 0x0806 || len(frame) > 54 && etherType(frame) == 0x86dd && frame[20] == 58 && frame[54] == 135) {
			*n++
		}
		return false
	}
	return n
}

// While a connection makes progress, its neighbour is not asked whether it is there: RFC 4861, Section 7.3.1. That goes for either direction and for connections that are short.
func TestProgressIsAHint(t *testing.T) {
	for _, to := range []netip.Addr{b4, b6} {
		for name, talk := range map[string]func(p *pair, c, d *TCP){
			"sending":   func(p *pair, c, d *TCP) { p.say(c, d, "hello") },
			"receiving": func(p *pair, c, d *TCP) { p.say(d, c, "hello") },
			"short": func(p *pair, _, _ *TCP) {
				c, d := p.connect(netip.AddrPortFrom(to, 81), nil)
				c.Close(p.now)
				p.run()
				d.Close(p.now)
				p.run()
			},
		} {
			p := newPair(t, ethernetLink)
			c, d := p.connect(netip.AddrPortFrom(to, 80), nil)
			n := p.solicits()
			for range 600 {
				talk(p, c, d)
				p.advance(time.Second)
			}
			if *n != 0 {
				t.Errorf("%v, %s: %d probes in ten minutes", to, name, *n)
			}
			if name == "short" {
				continue
			}
			// A neighbour that does not answer any more is found out all the same.
			p.drop = func(bool, []byte) bool { return true }
			c.Write(p.now, []byte("hello?"))
			p.advance(time.Minute)
			if nb := p.a.ifaces[p.ia].neighbors.get(to); nb != nil && nb.resolved() {
				t.Errorf("%v, %s: a neighbour that has gone is in state %d", to, name, nb.state)
			}
		}
	}
}

// An idle connection is no hint, nor is one that is not answered.
func TestNoProgressIsNoHint(t *testing.T) {
	p := newPair(t, ethernetLink)
	c, _ := p.connect(netip.AddrPortFrom(b4, 80), &tcp.Config{UserTimeout: time.Hour})
	u, err := p.a.BindUDP(netip.AddrPort{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	n := p.solicits()
	for range 120 {
		if _, err := u.WriteTo(p.now, []byte("x"), netip.AddrPortFrom(b4, 9)); err != nil && !errors.Is(err, ErrRefused) {
			t.Fatal(err)
		}
		p.advance(time.Second)
	}
	if *n < 2 || *n > 8 {
		t.Errorf("%d probes in two minutes of datagrams beside an idle connection, want one every 20 to 50 s", *n)
	}
	if c.State() != tcp.StateEstablished {
		t.Errorf("the connection is %v", c.State())
	}
}
