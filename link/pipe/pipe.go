// Package pipe is a link of two ends in memory.
//
// Send on one end calls Deliver on the other end's receiver, on the caller's goroutine and with the
// sender's bytes: nothing is copied or queued, and nothing is ever lost but what is sent to an end
// that is closed or has no receiver yet.
package pipe

import (
	"sync"

	"github.com/ztstack/ztstack/link"
)

// New returns the two ends of a link described by info. On Ethernet links the second end's station address is
// info.Addr with the last bit flipped, so that the two differ.
func New(info link.Info) (a, b link.Device) {
	x, y := &end{info: info}, &end{info: info}
	if info.Medium == link.Ethernet {
		y.info.Addr[5] ^= 1
	}
	x.peer, y.peer = y, x
	x.idle.L, y.idle.L = &x.mu, &y.mu
	return x, y
}

type end struct {
	info link.Info
	peer *end

	mu       sync.Mutex
	idle     sync.Cond     // signalled when delivering reaches 0
	receiver link.Receiver // guarded by mu
	closed   bool          // guarded by mu
	delivers int           // calls of receiver.Deliver under way; guarded by mu
	dropped  uint64        // frames that met no receiver; guarded by mu
}

// Info implements link.Device.
func (e *end) Info() link.Info { return e.info }

// Attach implements link.Device.
func (e *end) Attach(r link.Receiver) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.receiver = r
}

// Send implements link.Device. Deliver may in turn Send on the other end: no lock is held across it.
func (e *end) Send(s *link.Super) {
	p := e.peer
	p.mu.Lock()
	r := p.receiver
	if r == nil || p.closed {
		p.dropped += uint64(s.Len())
		p.mu.Unlock()
		return
	}
	p.delivers++
	p.mu.Unlock()

	r.Deliver(s.Frames())

	p.mu.Lock()
	p.delivers--
	if p.delivers == 0 && p.closed {
		p.idle.Broadcast()
	}
	p.mu.Unlock()
}

// Dropped returns the number of frames that were sent to this end and met no receiver.
func (e *end) Dropped() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.dropped
}

// Close implements link.Device. It must not be called from within Deliver.
func (e *end) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	for e.delivers > 0 {
		e.idle.Wait()
	}
	return nil
}
