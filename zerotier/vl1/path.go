package vl1

import (
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// A path is one way to a peer that has been confirmed by a round trip. It belongs to one peer; the
// fast path shares its atomic fields.
type path struct {
	PathID
	scope Scope

	heard, sent atomic.Int64 // clock.Time of the last packet in and out
	suspect     atomic.Bool  // probes went unanswered: not used while there is another way

	latency  time.Duration // running mean of round trips, -1 when unknown
	priority int           // 1, or more when the peer asked for this path (PROTOCOL 10.14)
	helloAt  clock.Time    // last full HELLO sent
	echoed   bucket        // ECHOs answered

	// A probe is a HELLO or ECHO that has to be answered.
	probes  int        // sent since the last answer
	probeAt clock.Time // when the first of these went out
	retryAt clock.Time // when the next is due

	learned clock.Time // when the path was confirmed
	early   int        // early heartbeats sent: see earlyHeartbeat
}

func newPath(now clock.Time, id PathID) *path {
	p := &path{PathID: id, scope: ScopeOf(id.Remote.Addr()), latency: -1, priority: 1, learned: now}
	p.heard.Store(int64(now))
	return p
}

func (p *path) lastHeard() clock.Time { return clock.Time(p.heard.Load()) }
func (p *path) lastSent() clock.Time  { return clock.Time(p.sent.Load()) }

func (p *path) alive(now clock.Time) bool   { return now.Sub(p.lastHeard()) < pathAlive }
func (p *path) expired(now clock.Time) bool { return now.Sub(p.lastHeard()) >= pathExpiry }

// usable reports whether data may take p as long as there is one such path.
func (p *path) usable(now clock.Time) bool { return !p.expired(now) && !p.suspect.Load() }

// quality is what path choice minimises (PROTOCOL 14.2).
func (p *path) quality(now clock.Time) int64 {
	ms := int64(unknownLatency)
	if p.latency >= 0 {
		// In microseconds rather than the reference's milliseconds, so that paths on one
		// machine can be told apart.
		ms = int64(p.latency / time.Microsecond)
	}
	if age := now.Sub(p.lastHeard()); age >= pathAlive {
		ms += unknownLatency + int64(age/time.Microsecond)
	}
	return (ms + 1) * int64(numScopes-p.scope) / int64(p.priority)
}

// unknownLatency stands for a latency that has not been measured, in microseconds.
const unknownLatency = 65535 * 1000

// measure takes a round trip into the running mean.
func (p *path) measure(rtt time.Duration) {
	if rtt < 0 || rtt > time.Minute {
		return
	}
	if p.latency < 0 {
		p.latency = rtt
	} else {
		p.latency = (p.latency + rtt) / 2
	}
}

// A candidate is an address at which a peer may be reached. It becomes a path when it answers.
type candidate struct {
	PathID
	made int        // attempts made
	left int        // attempts left
	next clock.Time // when the next is due
	last clock.Time // when the latest was made
}

// maxCandidates bounds the addresses tried for one peer at a time.
const maxCandidates = 24

// findPath returns the path of p with the given ID, or nil.
func (p *peer) findPath(id PathID) *path {
	for _, t := range p.paths {
		if t.Remote == id.Remote && t.Local == id.Local {
			return t
		}
	}
	return nil
}

// bestPath returns the path to use among those that are usable, or nil.
func (p *peer) bestPath(now clock.Time) *path {
	var best *path
	var least int64
	for _, t := range p.paths {
		if !t.usable(now) {
			continue
		}
		if q := t.quality(now); best == nil || q < least {
			best, least = t, q
		}
	}
	return best
}

// anyPath returns the path heard last, usable or not.
func (p *peer) anyPath() *path {
	var best *path
	for _, t := range p.paths {
		if best == nil || t.lastHeard() > best.lastHeard() {
			best = t
		}
	}
	return best
}

// bestIn returns the best usable path of a scope and address family, for introductions.
func (p *peer) bestIn(now clock.Time, scope Scope, v6 bool) *path {
	var best *path
	for _, t := range p.paths {
		if t.scope != scope || t.Remote.Addr().Is6() != v6 || !t.usable(now) {
			continue
		}
		if best == nil || t.quality(now) < best.quality(now) {
			best = t
		}
	}
	return best
}

// publishPaths makes the list of paths known to the fast path.
func (p *peer) publishPaths() {
	known := append([]*path(nil), p.paths...)
	p.session.known.Store(&known)
}

// learnPath adds a path that a round trip has confirmed (PROTOCOL 9.2).
func (s *Switch) learnPath(now clock.Time, p *peer, id PathID) *path {
	if !s.mayPath(p, id.Remote) {
		s.drop(DropBadAddress)
		return nil
	}
	at := -1
	for i, t := range p.paths {
		// The reference does not learn a path that differs from a live one in the port only
		// (PROTOCOL 14.5).
		// Deviation: it is enough here that the old path has been silent for a few seconds,
		// so that a peer whose NAT mapping or process is new is not lost for 19 s.
		if t.Local == id.Local && t.Remote.Addr() == id.Remote.Addr() {
			if now.Sub(t.lastHeard()) < samePathSilence && !t.suspect.Load() {
				return nil
			}
			at = i
		}
	}
	if at < 0 && len(p.paths) >= maxPaths {
		s.drop(DropPathLimit)
		return nil
	}
	t := newPath(now, id)
	if at >= 0 {
		s.event(Event{Kind: EventPathDown, Peer: p.id.Address, Path: p.paths[at].PathID})
		p.paths[at] = t
	} else {
		p.paths = append(p.paths, t)
	}
	p.publishPaths()
	p.dropCandidate(id)
	s.event(Event{Kind: EventPathUp, Peer: p.id.Address, Path: id})
	s.reroute(now, p)
	s.wake(now, p)
	return t
}

// mayPath reports whether a may become a path to p.
func (s *Switch) mayPath(p *peer, a netip.AddrPort) bool {
	if !pathAllowed(a, s.cfg.AllowLoopback) {
		return false
	}
	if len(p.endpoints) == 0 {
		return true
	}
	// "for a root with listed endpoints only those IPs (port free) are accepted" PROTOCOL 13.1.
	for _, e := range p.endpoints {
		if e.Addr() == a.Addr() {
			return true
		}
	}
	return false
}

// removePath drops path number i of p.
func (s *Switch) removePath(p *peer, i int) {
	s.event(Event{Kind: EventPathDown, Peer: p.id.Address, Path: p.paths[i].PathID})
	p.paths = append(p.paths[:i], p.paths[i+1:]...)
	p.publishPaths()
}

func (p *peer) dropCandidate(id PathID) {
	for i := range p.candidates {
		c := &p.candidates[i]
		if c.Remote == id.Remote && (c.Local == id.Local || c.Local == AllSockets) {
			c.left = 0
		}
	}
}

// try sends a probe to an address that is not a path yet, and attempts-1 more until it answers; at
// most one a second (PROTOCOL 9.2, 14).
func (s *Switch) try(now clock.Time, p *peer, id PathID, attempts int) {
	if !s.mayPath(p, id.Remote) {
		s.drop(DropBadAddress)
		return
	}
	slot := -1
	for i := range p.candidates {
		c := &p.candidates[i]
		if c.PathID == id {
			if now.Sub(c.last) < confirmInterval {
				c.left = max(c.left, attempts-1)
				return
			}
			slot = i
			break
		}
		if slot < 0 || c.last < p.candidates[slot].last {
			slot = i
		}
	}
	if len(p.candidates) < maxCandidates && (slot < 0 || p.candidates[slot].PathID != id) {
		p.candidates = append(p.candidates, candidate{})
		slot = len(p.candidates) - 1
	}
	p.candidates[slot] = candidate{PathID: id, left: attempts}
	s.attempt(now, p, &p.candidates[slot])
	s.wake(now, p)
}

// attempt makes one attempt at c. The last of several is a HELLO, in case the peer has forgotten us.
func (s *Switch) attempt(now clock.Time, p *peer, c *candidate) {
	c.left--
	c.last, c.next = now, now.Add(confirmInterval)
	last := c.left == 0 && c.made > 0
	c.made++
	if p.protocol >= echoProtocol && !last {
		s.sendEcho(now, p, c.PathID)
	} else {
		s.sendHello(now, p, c.PathID)
	}
}

// A sentProbe is a HELLO or ECHO whose answer tells the round-trip time.
type sentProbe struct {
	id uint64
	at clock.Time
}

// noteProbe remembers when a HELLO or ECHO went out.
func (p *peer) noteProbe(now clock.Time, id uint64) {
	p.sentProbes[p.nextProbe] = sentProbe{id, now}
	p.nextProbe = (p.nextProbe + 1) % len(p.sentProbes)
}

// probeSent returns when the HELLO or ECHO with the given packet ID went out.
func (p *peer) probeSent(id uint64) (at clock.Time, ok bool) {
	for i := range p.sentProbes {
		if p.sentProbes[i].id == id && p.sentProbes[i].at != clock.Never {
			return p.sentProbes[i].at, true
		}
	}
	return clock.Never, false
}

// probe sends an ECHO or HELLO over a path and notes that an answer is due.
func (s *Switch) probe(now clock.Time, p *peer, t *path, hello bool) {
	if hello || p.protocol < echoProtocol {
		s.sendHello(now, p, t.PathID)
		t.helloAt = now
	} else {
		s.sendEcho(now, p, t.PathID)
	}
	t.sent.Store(int64(now))
	if t.probes == 0 {
		t.probeAt = now
	}
	t.probes++
	t.retryAt = now.Add(probeInterval)
	if t.probes > maxProbes {
		t.retryAt = now.Add(deadPathInterval)
	}
}

// echoProtocol is the least protocol version of a peer that knows ECHO.
const echoProtocol = 5

func (s *Switch) sendEcho(now clock.Time, p *peer, to PathID) {
	b := s.begin(p.id.Address, packet.VerbEcho)
	p.noteProbe(now, s.finishOn(now, p, b, to))
}
