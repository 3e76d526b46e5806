package stack

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
)

// A UDP is one UDP socket.
type UDP struct {
}

// BindUDP opens a UDP socket on local. An unspecified IPv6 address means both families, the unspecified
// IPv4 address IPv4 only; port 0 is chosen (RFC 6056). The zero AddrPort means both families, any port.
func (s *Stack) BindUDP(local netip.AddrPort, owner any) (*UDP, error) { panic("TODO") }

// Connect fixes the remote end: only its datagrams are received, and ICMP errors from its direction
// are reported, each once, by the next call that can. An invalid remote dissolves the association.
func (u *UDP) Connect(now clock.Time, remote netip.AddrPort) error { panic("TODO") }

// WriteTo sends one datagram; an invalid to means the connected remote. It returns ErrWouldBlock when the
// interface's queue is full, and raises Writable when it no longer is.
func (u *UDP) WriteTo(now clock.Time, b []byte, to netip.AddrPort) (int, error) { panic("TODO") }

// ReadFrom takes the oldest datagram. size is its length, which exceeds n if b was too short for it; the
// rest is lost. It returns ErrWouldBlock when there is none, or an ICMP error of a connected socket.
func (u *UDP) ReadFrom(b []byte) (n int, from netip.AddrPort, size int, err error) { panic("TODO") }

// Events returns and clears the socket's events: Readable, Writable.
func (u *UDP) Events() Event { panic("TODO") }

// Err returns and clears the pending ICMP error.
func (u *UDP) Err() error { panic("TODO") }

// Readable reports the length of the oldest datagram, or -1 for none.
func (u *UDP) Readable() int { panic("TODO") }

// JoinGroup receives datagrams sent to a multicast group on interface i; 0 chooses by route.
func (u *UDP) JoinGroup(now clock.Time, i Interface, group netip.Addr) error { panic("TODO") }

// LeaveGroup undoes JoinGroup.
func (u *UDP) LeaveGroup(now clock.Time, i Interface, group netip.Addr) error { panic("TODO") }

// SetBuffer sets the most bytes of datagrams that wait to be read; 0 means 256 KiB.
func (u *UDP) SetBuffer(n int) { panic("TODO") }

// Local returns the bound address and port. A connected socket has a specified address.
func (u *UDP) Local() netip.AddrPort { panic("TODO") }

// Remote returns the connected remote, or the zero AddrPort.
func (u *UDP) Remote() netip.AddrPort { panic("TODO") }

// SetOwner sets what Ready returns for this socket.
func (u *UDP) SetOwner(owner any) { panic("TODO") }

// Close frees the socket and its port.
func (u *UDP) Close() { panic("TODO") }
