package stack

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/tcp"
)

// A Listener accepts TCP connections on one local address and port.
type Listener struct {
}

// ListenTCP listens on local. An unspecified IPv6 address means both families, the unspecified IPv4
// address IPv4 only; port 0 is chosen. At most backlog connections wait for Accept; 0 means 128.
func (s *Stack) ListenTCP(local netip.AddrPort, backlog int, cfg *tcp.Config, owner any) (*Listener, error) {
	panic("TODO")
}

// Accept returns the connection that became established first, giving it an owner, or ok false.
func (l *Listener) Accept(owner any) (t *TCP, ok bool) { panic("TODO") }

// Events returns and clears the listener's events: Readable when Accept has something.
func (l *Listener) Events() Event { panic("TODO") }

// Local returns the address listened on, with the port that was chosen.
func (l *Listener) Local() netip.AddrPort { panic("TODO") }

// Close stops listening and aborts the connections that were not accepted.
func (l *Listener) Close(now clock.Time) { panic("TODO") }
