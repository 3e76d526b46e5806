package stack

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/ztstack/ztstack/tcp"
)

// The unspecified addresses: [::] means both families, unless it is bound with V6Only; 0.0.0.0 means IPv4. Sockets of
// different families share a port; those that overlap do not.
func TestV6Only(t *testing.T) {
	at := func(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }
	type bound struct {
		addr string
		only bool
	}
	dual, only6, only4 := bound{"[::]:80", false}, bound{"[::]:80", true}, bound{"0.0.0.0:80", false}
	exact := bound{"[fd00::2]:80", true} // the flag means nothing for one address
	flags := func(b bound) []BindFlag {
		if b.only {
			return []BindFlag{V6Only}
		}
		return nil
	}
	for _, tt := range []struct {
		first, second bound
		clash         bool
	}{
		{dual, dual, true}, {dual, only6, true}, {dual, only4, true}, {only6, only6, true}, {only4, only4, true},
		{only6, only4, false}, {only4, only6, false}, {exact, only6, false}, {exact, dual, false},
	} {
		p := newPair(t, ethernetLink)
		for i, b := range []bound{tt.first, tt.second} {
			var want error
			if i == 1 && tt.clash {
				want = ErrInUse
			}
			if l, err := p.b.ListenTCP(at(b.addr), 0, nil, nil, flags(b)...); !errors.Is(err, want) {
				t.Errorf("ListenTCP(%v) beside %v: %v, want %v", b, tt.first, err, want)
			} else if err == nil && l.Local() != at(b.addr) {
				t.Errorf("%v listens on %v", b, l.Local())
			}
			if u, err := p.b.BindUDP(at(b.addr), nil, flags(b)...); !errors.Is(err, want) {
				t.Errorf("BindUDP(%v) beside %v: %v, want %v", b, tt.first, err, want)
			} else if err == nil && u.Local() != at(b.addr) {
				t.Errorf("%v is bound to %v", b, u.Local())
			}
		}
	}
	for _, tt := range []struct {
		bound
		v4, v6 bool
	}{{dual, true, true}, {only6, false, true}, {only4, true, false}} {
		p := newPair(t, ethernetLink)
		if _, err := p.b.ListenTCP(at(tt.addr), 0, nil, nil, flags(tt.bound)...); err != nil {
			t.Fatal(err)
		}
		u, err := p.b.BindUDP(at(tt.addr), nil, flags(tt.bound)...)
		if err != nil {
			t.Fatal(err)
		}
		from, err := p.a.BindUDP(netip.AddrPort{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for to, want := range map[netip.AddrPort]bool{netip.AddrPortFrom(b4, 80): tt.v4, netip.AddrPortFrom(b6, 80): tt.v6} {
			c, err := p.a.DialTCP(p.now, netip.AddrPort{}, to, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			from.WriteTo(p.now, []byte("x"), to)
			p.run()
			if got := c.State() == tcp.StateEstablished; got != want {
				t.Errorf("%v: a connection to %v: %v, %v", tt.bound, to, c.State(), c.Err())
			}
			n, peer, _, _ := u.ReadFrom(make([]byte, 9))
			if (n == 1) != want {
				t.Errorf("%v: %d bytes arrive of a datagram to %v", tt.bound, n, to)
			}
			if !want {
				peer = netip.AddrPortFrom(a4, 9)
				if to.Addr().Is6() {
					peer = netip.AddrPortFrom(a6, 9)
				}
			}
			if _, err := u.WriteTo(p.now, []byte("y"), peer); (err == nil) != want {
				t.Errorf("%v: a datagram to %v: %v", tt.bound, peer, err)
			}
			from.Err()
		}
	}
}
