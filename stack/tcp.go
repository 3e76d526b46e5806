package stack

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/tcp"
)

// Event is what has happened to a socket since its events were last taken.
type Event = tcp.Event

// A TCP is one TCP connection of a Stack.
type TCP struct {
	conn tcp.Conn
}

// DialTCP starts a connection to remote. A zero local address or port is chosen: the address by route
// (RFC 6724), the port by RFC 6056. A nil cfg means the Stack's template. The Connected or Closed event
// tells the outcome; Err says why it failed.
func (s *Stack) DialTCP(now clock.Time, local, remote netip.AddrPort, cfg *tcp.Config, owner any) (*TCP, error) {
	panic("TODO")
}

// Read takes received bytes. It returns ErrWouldBlock (of package tcp) when there are none yet, and
// io.EOF after the peer's FIN.
func (t *TCP) Read(now clock.Time, b []byte) (int, error) { panic("TODO") }

// Write queues bytes to be sent. It takes what fits and returns tcp.ErrWouldBlock if that is nothing.
func (t *TCP) Write(now clock.Time, b []byte) (int, error) { panic("TODO") }

// CloseRead discards what has been and will be received.
func (t *TCP) CloseRead(now clock.Time) { panic("TODO") }

// CloseWrite sends a FIN after the bytes queued so far.
func (t *TCP) CloseWrite(now clock.Time) { panic("TODO") }

// Close gives the connection up: the Stack sends what is queued, finishes the close handshake and then
// frees it. The owner hears no more of it; t must not be used afterwards. Closing with unread data resets.
func (t *TCP) Close(now clock.Time) { panic("TODO") }

// Abort resets the connection. The owner hears no more of it; t must not be used afterwards.
func (t *TCP) Abort(now clock.Time) { panic("TODO") }

// Events returns and clears the connection's events.
func (t *TCP) Events() Event { panic("TODO") }

// Readable returns the number of bytes that Read can take now.
func (t *TCP) Readable() int { panic("TODO") }

// Writable returns the number of bytes that Write can take now.
func (t *TCP) Writable() int { panic("TODO") }

// Err returns why the connection ended, or nil.
func (t *TCP) Err() error { panic("TODO") }

// Conn gives access to the state machine for options and Info. After changing an option that may cause
// something to be sent, call Kick.
func (t *TCP) Conn() *tcp.Conn { return &t.conn }

// Kick makes Output ask the connection again.
func (t *TCP) Kick() { panic("TODO") }

// Local returns the local address and port.
func (t *TCP) Local() netip.AddrPort { panic("TODO") }

// Remote returns the peer's address and port.
func (t *TCP) Remote() netip.AddrPort { panic("TODO") }

// SetOwner sets what Ready returns for this connection. Events that are pending are announced to it.
func (t *TCP) SetOwner(owner any) { panic("TODO") }
