package vl1

import (
	"net/netip"
	"testing"
	"time"

	"github.com/ztstack/ztstack/zerotier/packet"
)

// A RENDEZVOUS that came over IPv6 may name an IPv4 address, and the reverse: sockets of the address's family are what
// reaches it. Of the same family, it is the socket that the upstream sees.
func TestRendezvousOfEitherFamily(t *testing.T) {
	at4, at6 := netip.MustParseAddrPort("10.0.9.9:9993"), netip.MustParseAddrPort("[fd00::9]:9993")
	from4, from6 := netip.MustParseAddrPort("10.0.0.1:9993"), netip.MustParseAddrPort("[fd00::1]:9993")
	const socket4, socket6 = 0, 1
	for _, test := range []struct {
		name     string
		local    int
		from, at netip.AddrPort
		known    bool // the peer that it is about
		want     int
	}{
		{"IPv4 over IPv4", socket4, from4, at4, true, socket4},
		{"IPv6 over IPv6", socket6, from6, at6, true, socket6},
		{"IPv4 over IPv6", socket6, from6, at4, true, AllSockets},
		{"IPv6 over IPv4", socket4, from4, at6, true, AllSockets},
		{"IPv4 over mapped IPv4", socket4, netip.MustParseAddrPort("[::ffff:10.0.0.1]:9993"), at4, true, socket4},
		{"IPv4 over IPv6, of a stranger", socket6, from6, at4, false, AllSockets},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := newNetwork(t, 2)
			a, b, root := n.node("a"), n.node("b"), n.node("root")
			n.talkToRoot()
			if test.known {
				a.Learn(n.now, b.id)
			}
			n.now = n.now.Add(2 * time.Second)
			outputs(a.Switch, n.now)
			r := packet.Rendezvous{Peer: b.id.Address, Endpoint: test.at}
			p := sealed(&root.id, &a.id, packet.VerbRendezvous, packet.CipherAES, r.Append(nil))
			a.Receive(n.now, test.local, test.from, p)
			if !test.known {
				a.Learn(n.now, b.id)
			}
			found := 0
			for _, d := range outputs(a.Switch, n.now) {
				if d.To != test.at {
					continue
				}
				found++
				if d.Local != test.want {
					t.Errorf("%d bytes leave from socket %d, want %d", len(d.Data), d.Local, test.want)
				}
			}
			if want := map[bool]int{true: 2, false: 1}[test.at.Addr().Is4()]; found != want { // with junk for the NAT
				t.Errorf("%d datagrams went there, want %d: %s", found, want, a.drops())
			}
		})
	}
}
