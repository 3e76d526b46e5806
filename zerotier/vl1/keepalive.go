package vl1

import (
	"net/netip"
	"time"

	"github.com/ztstack/ztstack/clock"
)

// wake makes pollPeer run for p at the next Poll.
func (s *Switch) wake(now clock.Time, p *peer) { s.arm(now, p, now) }

// arm sets p's timer, at the earliest to the next tick, and never later than it is already.
func (s *Switch) arm(now clock.Time, p *peer, at clock.Time) {
	if p.wakeAt != clock.Never && p.wakeAt <= at {
		return
	}
	p.wakeAt = at
	s.wheel.Arm(&p.timer, max(at, 1))
}

// pollPeer does what is due for p: probes, heartbeats, expiry.
func (s *Switch) pollPeer(now clock.Time, p *peer) {
	p.wakeAt = clock.Never
	next := s.pollCandidates(now, p)
	wanted := s.wanted(now, p)
	changed := false
	for i := 0; i < len(p.paths); {
		t := p.paths[i]
		if t.expired(now) {
			s.removePath(p, i)
			changed = true
			continue
		}
		if wanted {
			was := t.suspect.Load()
			next = clock.Min(next, s.keepPath(now, p, t))
			changed = changed || was != t.suspect.Load()
		}
		next = clock.Min(next, t.lastHeard().Add(pathExpiry))
		i++
	}
	if changed {
		s.reroute(now, p)
	}
	if p.isUpstream() {
		next = clock.Min(next, s.contact(now, p))
	} else {
		if gone := max(p.lastHeard(), p.born, p.lastActive()).Add(peerExpiry); gone <= now {
			s.forget(p)
			return
		}
		next = clock.Min(next, now.Add(idleCheck))
	}
	if p.silent && now.Sub(p.lastHeard()) < unreachable {
		s.answersAgain(p)
	}
	if wanted {
		next = clock.Min(next, clock.Min(s.checkSilence(now, p), s.greet(now, p)))
	}
	if h := p.lastHeard(); h != clock.Never && now.Sub(h) < pingCheck {
		s.pushPaths(now, p) // the fast path does not
	}
	if t := p.lastTrust(); t != clock.Never && now.Sub(t) < idleCheck {
		s.noteCarrier(now, p)
	}
	if next <= now {
		next = now.Add(time.Millisecond)
	}
	s.arm(now, p, next)
}

// wanted reports whether p's paths are kept open: upstreams, and peers with which the layer above
// had to do lately.
func (s *Switch) wanted(now clock.Time, p *peer) bool {
	if p.isUpstream() {
		return true
	}
	t := p.lastActive()
	return t != clock.Never && now.Sub(t) < peerActive
}

// touch notes that the layer above has something from or for p.
func (s *Switch) touch(now clock.Time, p *peer) {
	if !s.wanted(now, p) {
		s.wake(now, p) // its paths are looked after from now on
	}
	p.active = now
}

// keepPath probes a path when it has been quiet and returns when to look again.
//
// Deviation: the reference sends a heartbeat only after 14 s in which it sent nothing, says nothing
// to an upstream for up to 224 s (PROTOCOL 14.1), and uses a dead path until it expires after 243 s.
// Here every wanted path gets heartbeats, so NAT mappings towards upstreams stay open; one over which
// we send but hear nothing is probed after 3 s; and after three unanswered probes a path is not used
// while there is another way.
func (s *Switch) keepPath(now clock.Time, p *peer, t *path) (next clock.Time) {
	heard, sent := t.lastHeard(), t.lastSent()
	if t.probes > 0 && heard >= t.probeAt {
		s.revive(t)
	}
	if t.probes > 0 {
		if t.retryAt.Expired(now) {
			if t.probes >= maxProbes {
				t.suspect.Store(true)
			}
			s.probe(now, p, t, true)
			s.relayDue = s.relayDue || p.isUpstream()
		}
		return t.retryAt
	}
	hello := time.Duration(helloInterval)
	if p.isUpstream() {
		hello = upstreamHello
	}
	switch {
	case t.helloAt == clock.Never || now.Sub(t.helloAt) >= hello:
		s.probe(now, p, t, true)
		return t.retryAt
	case now.Sub(heard) >= pathHeartbeat,
		sent > heard && now.Sub(heard) >= unanswered:
		s.probe(now, p, t, false)
		return t.retryAt
	case p.isUpstream() && t.earlyDue(now):
		t.early++
		s.probe(now, p, t, false)
		return t.retryAt
	}
	next = min(now.Add(pingCheck), t.helloAt.Add(hello), heard.Add(pathHeartbeat))
	if sent > heard {
		next = clock.Min(next, heard.Add(unanswered))
	}
	if p.isUpstream() && t.early < earlyHeartbeats {
		next = clock.Min(next, t.earlyAt())
	}
	return next
}

// An upstream learns our path from the OK to the HELLO that it sends us (PROTOCOL 9.2). If that OK is lost we are online
// while the upstream cannot relay to us, and neither side notices before the next heartbeat. So the first few
// come early: the upstream sees a packet on a path that it does not know and tries to confirm it again, which
// it does at most once a second.
const (
	earlyHeartbeat  = 1100 * time.Millisecond
	earlyHeartbeats = 3
)

// earlyAt returns when the next early heartbeat is due: 1.1, 2.2 and 4.4 s after the path was learned.
func (t *path) earlyAt() clock.Time { return t.learned.Add(earlyHeartbeat << t.early) }

func (t *path) earlyDue(now clock.Time) bool {
	return t.early < earlyHeartbeats && t.earlyAt().Expired(now)
}

// greet sends a HELLO to a peer whose version is not known, through whoever relays to it: it would get
// Salsa20/12 for good otherwise. It returns when to do so again.
func (s *Switch) greet(now clock.Time, p *peer) (next clock.Time) {
	r := p.session.route.Load()
	if p.protocol != 0 || r == nil || r.direct {
		return clock.Never
	}
	if p.greetAt == clock.Never {
		p.greetAt = now.Add(greetDelay) // RENDEZVOUS may make it unnecessary
	} else if p.greetAt.Expired(now) {
		s.sendHelloVia(now, p, r.path.PathID, netip.AddrPort{})
		p.greetAt = now.Add(deadPathInterval)
	}
	return p.greetAt
}

// checkSilence reports a peer that does not answer, once, and returns when to look again.
func (s *Switch) checkSilence(now clock.Time, p *peer) (next clock.Time) {
	heard := p.lastHeard()
	sent := max(p.sentAt, clock.Time(p.session.sent.Load()))
	for _, t := range p.paths {
		if t.probes > 0 {
			sent = max(sent, t.probeAt)
		}
	}
	switch {
	case sent <= heard:
		return clock.Never // nothing is unanswered
	case p.silent:
		return clock.Never
	case heard == clock.Never:
		heard = p.born
	}
	if at := heard.Add(unreachable); at > now {
		return at
	}
	p.silent = true
	s.event(Event{Kind: EventUnreachable, Peer: p.id.Address})
	return clock.Never
}

// answersAgain takes back what checkSilence reported.
func (s *Switch) answersAgain(p *peer) {
	p.silent = false
	if r := p.session.route.Load(); r != nil && r.direct {
		s.event(Event{Kind: EventDirect, Peer: p.id.Address, Path: r.path.PathID})
	} else {
		s.event(Event{Kind: EventRelayed, Peer: p.id.Address})
	}
}

// revive notes that a path answers.
func (s *Switch) revive(t *path) {
	t.probes = 0
	t.suspect.Store(false)
}

// pollCandidates makes the attempts that are due and returns when the next one is.
func (s *Switch) pollCandidates(now clock.Time, p *peer) (next clock.Time) {
	for i := range p.candidates {
		c := &p.candidates[i]
		if c.left <= 0 {
			continue
		}
		if c.next.Expired(now) {
			s.attempt(now, p, c)
		}
		if c.left > 0 {
			next = clock.Min(next, c.next)
		}
	}
	return next
}

// contact sends HELLO to all endpoints of an upstream while there is no usable path to it, at first
// after a quarter of a second, then less and less often down to every 5 s (PROTOCOL 14).
func (s *Switch) contact(now clock.Time, p *peer) (next clock.Time) {
	if t := p.bestPath(now); t != nil && t.alive(now) {
		p.contacts, p.contactAt = 0, clock.Never
		return now.Add(pingCheck)
	}
	if p.contactAt != clock.Never && p.contactAt > now {
		return p.contactAt
	}
	for _, e := range p.endpoints {
		if pathAllowed(e, s.cfg.AllowLoopback) {
			s.sendHello(now, p, PathID{AllSockets, e})
		}
	}
	// An upstream that is not reached directly may be through another one.
	if r := p.session.route.Load(); r != nil && !r.direct {
		s.sendHelloVia(now, p, r.path.PathID, netip.AddrPort{})
	}
	gap := min(contactFirst<<min(p.contacts, 8), pingCheck)
	p.contacts++
	p.contactAt = now.Add(gap)
	return p.contactAt
}
