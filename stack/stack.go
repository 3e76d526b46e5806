package stack

import (
	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/wheel"
	"github.com/ztstack/ztstack/link"
	"github.com/ztstack/ztstack/tcp"
)

// Config configures a Stack. Only Seed should always be set.
type Config struct {
	// Seed is the source of every random choice: ISNs, ephemeral ports, hash keys, IDs.
	// Two Stacks must not share one outside tests.
	Seed [32]byte

	// TCP is the template for connections whose Dial or Listen is given no Config of their own.
	// Pool, ISNKey and MSS are filled in by the Stack.
	TCP tcp.Config

	MaxConns    int // most TCP connections, half-open ones included; 0 means 65536
	MaxHalfOpen int // most connections in SYN-RECEIVED; the oldest gives way; 0 means 1024
	BufferLimit int // bytes of all stream data queued in both directions; 0 means no limit

	HopLimit uint8 // initial TTL and hop limit; 0 means 64
	Forward  bool  // forward packets between interfaces; reserved

	// Tap, if not nil, is shown every frame received (out false) and sent (out true). It must not
	// keep the frame nor call into the Stack.
	Tap func(now clock.Time, i Interface, out bool, frame []byte)
}

// A Stack is one host. It does no I/O, reads no clock, and is not safe for concurrent use.
type Stack struct {
}

// New returns a Stack with a loopback interface and nothing else.
func New(cfg Config, now clock.Time) (*Stack, error) { panic("TODO") }

// Receive takes one frame that arrived on interface i. It may overwrite the frame and keeps no
// reference to it. Bad frames are counted in Stats, never reported.
func (s *Stack) Receive(now clock.Time, i Interface, b *link.Buf) { panic("TODO") }

// Poll runs the timers that are due and returns the next deadline, or clock.Never for none. Calling it
// early or twice is harmless. The deadline may be earlier than needed.
func (s *Stack) Poll(now clock.Time) (next clock.Time) { panic("TODO") }

// Pending reports whether Output(i) might have a frame to write. It is cheap.
func (s *Stack) Pending(i Interface) bool { panic("TODO") }

// Output writes the next frame for interface i into b, whose B and Off the caller has set with room for
// a frame of the interface's MTU, and sets b.Len, b.GSO and b.SumOK. It returns false when the interface
// has nothing to send now.
func (s *Stack) Output(now clock.Time, i Interface, b *link.Buf) bool { panic("TODO") }

// Ready returns the owner of the next socket with events, or nil. A socket is returned at most once
// until its Events have been taken. Sockets without owner are skipped.
func (s *Stack) Ready() (owner any) { panic("TODO") }

// Arm sets a deadline of the caller's, or disarms it if at is clock.Never. Such timers come out of
// ExpiredTimer after a Poll. t.Kind must not be negative: those belong to the Stack.
func (s *Stack) Arm(t *wheel.Timer, at clock.Time) { panic("TODO") }

// ExpiredTimer returns the next of the caller's timers that has expired, or nil.
func (s *Stack) ExpiredTimer() *wheel.Timer { panic("TODO") }

// Stats returns a copy of the counters.
func (s *Stack) Stats() Stats { panic("TODO") }
