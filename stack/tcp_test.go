package stack

import (
	"net/netip"
	"testing"
	"time"

	"github.com/ztstack/ztstack/link"
)

var (
	ethernetLink = link.Info{Medium: link.Ethernet, MTU: 1500}
	ipLink       = link.Info{Medium: link.IP, MTU: 1500}
)

// TestTransfer moves a megabyte over every kind of link and both families.
func TestTransfer(t *testing.T) {
	for _, tt := range []struct {
		name string
		info link.Info
		to   netip.Addr
	}{
		{"ethernet/v4", ethernetLink, b4},
		{"ethernet/v6", ethernetLink, b6},
		{"ip/v4", ipLink, b4},
		{"ip/v6", ipLink, b6},
		{"jumbo/v4", link.Info{MTU: 9000}, b4},
		{"nosum/v6", link.Info{MTU: 1500, NoSum: true}, b6},
		{"supersegments/v4", link.Info{MTU: 1500, MaxSegs: 40}, b4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPair(t, tt.info)
			c, d := p.connect(netip.AddrPortFrom(tt.to, 80), nil)
			data := pattern(1 << 20)
			wantBytes(t, p.transfer(c, d, data, time.Minute), data)
			wantNoDrops(t, p)
		})
	}
}

// wantNoDrops fails if a host has dropped anything.
func wantNoDrops(t *testing.T, p *pair) {
	t.Helper()
	wantNoDropsBut(t, p, DropGroup)
}

func wantNoDropsBut(t *testing.T, p *pair, but Drop) {
	t.Helper()
	for name, s := range map[string]*Stack{"a": p.a, "b": p.b} {
		st := s.Stats()
		for why, n := range st.Drops {
			if n != 0 && Drop(why) != DropGroup && Drop(why) != but {
				t.Errorf("host %s dropped %d packets: %v", name, n, Drop(why))
			}
		}
	}
}
