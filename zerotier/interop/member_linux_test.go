package interop

import (
	"fmt"
	"net/netip"
	"os"
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

// Stock nodes find each other through our root, and are members by our controller: nothing else of theirs is there.
func TestStockMembers(t *testing.T) {
	p := newPair(t, ours, stock, stock, network{MTU: 2800})
	p.a.isolate(true)
	p.b.isolate(true)
	p.joinBoth()
	p.waitRoute(false, time.Second)
	p.transfer("IPv4", 2e6)
	p.a.isolate(false)
	p.b.isolate(false)
	t.Logf("direct after %v", p.waitRoute(true, 60*time.Second))
	for _, family := range families {
		p.pings(family, 5, 56)
		p.transfer(family, 2e6)
	}
}

// Membership, paths and multicast groups are renewed in time: nothing is lost while they are. INTEROP_SOAK says how long to look, such as 5m.
func TestSoak(t *testing.T) {
	if os.Getenv("INTEROP_SOAK") == "" {
		t.Skip("takes minutes: set INTEROP_SOAK to a duration")
	}
	limit, err := time.ParseDuration(os.Getenv("INTEROP_SOAK"))
	if err != nil {
		t.Fatal(err)
	}
	for _, root := range []kind{stock, ours} {
		t.Run(root.String()+"Root", func(t *testing.T) {
			p := newPair(t, root, ours, stock, network{MTU: 2800})
			p.joinBoth()
			p.waitRoute(true, 60*time.Second)
			lost, sent := make(map[string]int), 0
			for start := time.Now(); time.Since(start) < limit; time.Sleep(time.Second) {
				sent++
				for _, x := range [][2]*node{{p.a, p.b}, {p.b, p.a}} {
					for _, family := range families {
						var r PingReply
						x[0].call("Ping", PingArgs{p.id, x[1].addr(p.id, family), 1, 56, time.Second}, &r)
						if r.Lost > 0 {
							key := fmt.Sprintf("%v to %v, %s", x[0].kind, x[1].kind, family)
							lost[key]++
							t.Logf("after %v, from %s: %s", time.Since(start), key, r.Err)
						}
					}
				}
			}
			if len(lost) > 0 {
				t.Errorf("of %d echoes each there were lost: %v", sent, lost)
			}
			p.transfer("IPv4", 20e6)
		})
	}
}
