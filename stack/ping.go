package stack

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
)

// A Ping sends ICMP echo requests and receives the replies to them, as Linux's unprivileged ping sockets
// do. Its identifier is its port.
type Ping struct {
}

// BindPing opens a ping socket for local's family; an unspecified address chooses the source by route.
func (s *Stack) BindPing(local netip.Addr, owner any) (*Ping, error) { panic("TODO") }

// Send sends one echo request.
func (p *Ping) Send(now clock.Time, to netip.Addr, seq uint16, payload []byte) error {
	panic("TODO")
}

// Recv takes the oldest reply. ok is false when there is none.
func (p *Ping) Recv(b []byte) (n int, from netip.Addr, seq uint16, ok bool) { panic("TODO") }

// Err returns and clears the last ICMP error that quoted a request of this socket.
func (p *Ping) Err() error { panic("TODO") }

// Events returns and clears the socket's events.
func (p *Ping) Events() Event { panic("TODO") }

// ID returns the identifier that the requests carry.
func (p *Ping) ID() uint16 { panic("TODO") }

// SetOwner sets what Ready returns for this socket.
func (p *Ping) SetOwner(owner any) { panic("TODO") }

// Close frees the socket.
func (p *Ping) Close() { panic("TODO") }
