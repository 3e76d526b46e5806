package sockets

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/link"
	"github.com/ztstack/ztstack/stack"
)

// A shard is one lock domain: a stack.Stack, the mutex around it, and the links that feed it.
//
// Whoever has work takes the lock, runs the machine and leaves: an application inside Read or
// Write, a device's goroutine inside Deliver, the timer. Nobody waits to hand over a frame: a
// device that finds the lock taken pushes to its link's ring and goes, because leave looks at the
// rings again after it has unlocked. Output is filled under the lock and sent outside it by
// whoever holds the link's drain token, so that frames leave in the order in which they were made.
type shard struct {
	mu sync.Mutex

	st     *stack.Stack   // guarded by mu
	timer  *time.Timer    // guarded by mu
	armed  clock.Time     // when timer fires; guarded by mu
	wakes  wakeList       // whom to wake after unlocking; guarded by mu
	closed bool           // guarded by mu
	idle   sync.WaitGroup // running calls of timerFired

	links atomic.Pointer[[]*Link] // replaced under mu, read without it
	now   func() clock.Time
}

func (s *shard) init(st *stack.Stack, now func() clock.Time) {
	s.st = st
	s.now = now
	s.links.Store(new([]*Link))
}

// enter begins a hold: it takes the lock and reads the clock. leave ends it.
func (s *shard) enter() clock.Time {
	s.mu.Lock()
	return s.now()
}

// leave ends a hold. It runs what has become due, unlocks, wakes those whose sockets have events
// and sends what there is to send. The caller holds s.mu and has lost it when leave returns.
//
// Whoever holds something answers for what others could not do because of it. So after every unlock
// leave looks whether a ring holds frames, or a link's output waits that nobody is sending, and goes round
// again if it gets the lock. If it does not, the lock's holder will look in turn.
func (s *shard) leave(now clock.Time) {
	for {
		s.settle(now)
		l := s.fill(now)
		s.arm(now)
		wakes := s.wakes.take()
		regroup := s.regroup()
		s.mu.Unlock()
		wakes.wake()
		if regroup.link != nil {
			regroup.tell()
		}
		if l != nil {
			l.send()
		}
		if !s.received() && !s.unsent() || !s.mu.TryLock() {
			return
		}
		now = s.now()
	}
}

// settle drains the rings, runs the timers and collects whom to wake. The caller holds s.mu.
func (s *shard) settle(now clock.Time) {
	for _, l := range *s.links.Load() {
		l.drain(now)
	}
	s.run(now)
}

// run runs the timers, collects whom to wake and returns the next deadline. The caller holds s.mu.
func (s *shard) run(now clock.Time) (next clock.Time) {
	next = s.st.Poll(now)
	for t := s.st.ExpiredTimer(); t != nil; t = s.st.ExpiredTimer() {
		t.Owner.(*half).expire(&s.wakes)
	}
	for o := s.st.Ready(); o != nil; o = s.st.Ready() {
		o.(socket).ready(&s.wakes)
	}
	return next
}

// arm makes the timer fire when the stack next has something to do. It comes after fill, because sending starts
// timers. The caller holds s.mu.
func (s *shard) arm(now clock.Time) {
	next := s.run(now)
	for _, l := range *s.links.Load() {
		if s.st.Pending(l.ifc) {
			// A connection that fill has asked had a deadline that has passed: leave goes round again.
			l.pending.Store(true)
		}
	}
	if next != clock.Never && (s.armed == clock.Never || next < s.armed) && !s.closed {
		s.armed = next
		d := next.Sub(now)
		if s.timer == nil {
			s.timer = time.AfterFunc(d, s.timerFired)
		} else {
			s.timer.Reset(d)
		}
	}
}

// fill takes the drain token of a link with output and fills its super. It returns that link, or nil
// when there is nothing to send or others are already sending. The caller holds s.mu.
func (s *shard) fill(now clock.Time) *Link {
	for _, l := range *s.links.Load() {
		if !s.st.Pending(l.ifc) {
			continue
		}
		// Pending is set before the token is tried: either the token's holder sees it after giving the
		// token up, or we find the token free after giving the lock up.
		l.pending.Store(true)
		if !l.token.TryLock() {
			continue
		}
		for !l.super.Full() && s.st.Output(now, l.ifc, l.super.Next()) {
			l.super.Commit()
		}
		l.pending.Store(s.st.Pending(l.ifc))
		if l.super.Len() > 0 {
			return l
		}
		l.token.Unlock()
	}
	return nil
}

// received reports whether a ring holds frames.
func (s *shard) received() bool {
	for _, l := range *s.links.Load() {
		if !l.rx.Empty() {
			return true
		}
	}
	return false
}

// unsent reports whether a link has output that nobody is sending. When somebody is, which may be a caller
// further up this very stack, that is for them to look at: they have not given the token up yet.
func (s *shard) unsent() bool {
	for _, l := range *s.links.Load() {
		if l.pending.Load() && l.token.TryLock() {
			l.token.Unlock()
			return true
		}
	}
	return false
}

// timerFired runs the shard for the sake of its timers.
func (s *shard) timerFired() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.idle.Add(1)
	defer s.idle.Done()
	s.armed = clock.Never
	s.leave(s.now())
}

// A socket is the owner that package stack knows for each of its sockets.
type socket interface {
	// ready takes the socket's events and adds whom they concern to w. The shard's lock is held.
	ready(w *wakeList)
}

// A Link is a device attached to a Host.
type Link struct {
	host *Host
	dev  link.Device
	ifc  stack.Interface
	name string

	rx ringReceiver

	groups  groupFilter
	token   sync.Mutex  // the drain token: its holder fills and sends super
	pending atomic.Bool // output waits and may have found the token taken
	super   *link.Super // guarded by token
}

// Name returns the name that the link was attached with. It is the zone of its link-local addresses.
func (l *Link) Name() string { return l.name }

// send hands the filled super to the device and gives the token up.
func (l *Link) send() {
	l.dev.Send(l.super)
	l.super.Reset()
	l.token.Unlock()
}

// Deliver takes a batch of frames from the device: straight into the stack when the lock is free,
// into the ring when it is not. It implements link.Receiver and never waits.
func (l *Link) Deliver(frames []link.Buf) {
	s := &l.host.shard
	if !s.mu.TryLock() {
		l.rx.push(frames)
		if !s.mu.TryLock() {
			return // the holder looks at the ring after it unlocks
		}
		frames = nil
	}
	if s.closed {
		s.mu.Unlock()
		return
	}
	now := s.now()
	l.drain(now) // what came earlier goes first
	for i := range frames {
		s.st.Receive(now, l.ifc, &frames[i])
	}
	s.leave(now)
}

// drain feeds the ring's frames to the stack. The caller holds the shard's lock.
func (l *Link) drain(now clock.Time) {
	if l.rx.Empty() {
		return
	}
	l.rx.each(func(b *link.Buf) { l.host.shard.st.Receive(now, l.ifc, b) })
}

// LinkChanged tells the stack that the device's MTU, address or state has changed. It implements link.Receiver.
func (l *Link) LinkChanged(up bool) {
	s := &l.host.shard
	now := s.enter()
	info := l.dev.Info()
	if !s.closed {
		// The stack refuses an MTU outside its limits; the interface then keeps what it had.
		_ = s.st.SetInterface(now, l.ifc, info, up)
	}
	s.leave(now)
	l.token.Lock()
	l.super = link.NewSuper(info)
	l.token.Unlock()
	if l.pending.Load() {
		s.leave(s.enter())
	}
}
