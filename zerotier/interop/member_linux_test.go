package interop

import (
	"net/netip"
	"testing"
	"time"
)

func addrPort(a netip.Addr) netip.AddrPort { return netip.AddrPortFrom(a, port) }

// Our node and a stock one are members of the same network. Whose root and controller they use makes no difference: packets go
// through the root first, and straight when nothing is in the way.
func TestMembers(t *testing.T) {
	for _, root := range []kind{stock, ours} {
		t.Run(root.String()+"Root", func(t *testing.T) {
			p := newPair(t, root, ours, stock, network{MTU: 2800})
			p.a.isolate(true)
			p.b.isolate(true)
			p.joinBoth()
			p.waitRoute(false, time.Second)
			for _, family := range families {
				p.pings(family, 5, 56)
				p.transfer(family, 2e6)
			}
			p.a.isolate(false)
			p.b.isolate(false)
			t.Logf("direct after %v", p.waitRoute(true, 60*time.Second))
			r, err := p.a.peer(p.b)
			if err != nil || r.Cipher != "AES-GMAC-SIV" {
				t.Errorf("our way to the stock node is %+v, %v; want AES-GMAC-SIV", r, err)
			}
			for i, family := range families {
				p.pings(family, 20, 56)
				p.transfer(family, []int64{100e6, 20e6, 20e6}[i])
			}
		})
	}
}
