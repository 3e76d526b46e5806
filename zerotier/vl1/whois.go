package vl1

import (
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// A lookup asks upstreams for an identity, every half second (PROTOCOL 10.4).
type lookup struct {
	addr   identity.Address
	next   clock.Time
	left   int // attempts left
	tries  int
	notify bool // IdentityOf or Send wants it
}

const (
	maxLookups       = 256
	lookupAttempts   = int(queueTimeout / whoisInterval)
	strangerAttempts = 3  // for the sake of a packet that may be forged
	maxWhois         = 32 // identities in one answer
)

func (s *Switch) findLookup(addr identity.Address) *lookup {
	for i := range s.lookups {
		if s.lookups[i].addr == addr {
			return &s.lookups[i]
		}
	}
	return nil
}

// ask starts to ask for an identity, or goes on doing so, for so many attempts.
func (s *Switch) ask(now clock.Time, addr identity.Address, attempts int) *lookup {
	l := s.findLookup(addr)
	if l != nil {
		l.left = max(l.left, attempts)
		return l
	}
	if len(s.lookups) >= maxLookups {
		s.lookups = append(s.lookups[:0], s.lookups[1:]...)
	}
	s.lookups = append(s.lookups, lookup{addr: addr, left: attempts, next: now})
	l = &s.lookups[len(s.lookups)-1]
	s.askOnce(now, l)
	return l
}

// askOnce sends a WHOIS to the best upstream, or when it did not answer to each of the others in turn.
func (s *Switch) askOnce(now clock.Time, l *lookup) {
	l.next = now.Add(whoisInterval)
	l.left--
	up := s.bestUpstream(now, nil)
	if up == nil {
		return
	}
	if l.tries > 0 {
		// It may be down, or have lost its state so that it cannot open what we send.
		if t := up.bestPath(now); t != nil && t.probes == 0 && now.Sub(t.lastHeard()) > whoisInterval {
			s.probe(now, up, t, true)
			s.wake(now, up)
		}
		if u := s.upstreams[l.tries%len(s.upstreams)]; len(u.paths) > 0 {
			up = u
		}
	}
	l.tries++
	w := packet.Whois{Addresses: []identity.Address{l.addr}}
	var payload [identity.AddressLen]byte
	s.sendNow(now, up, packet.VerbWhois, w.Append(payload[:0]))
}

// askWaiting asks what could not be asked so far because no upstream could be reached.
func (s *Switch) askWaiting(now clock.Time) {
	for i := range s.lookups {
		if s.lookups[i].tries == 0 {
			s.askOnce(now, &s.lookups[i])
		}
	}
}

// pollLookups repeats the questions that are due and gives up on those without hope.
func (s *Switch) pollLookups(now clock.Time) {
	keep := s.lookups[:0]
	for _, l := range s.lookups {
		if l.next.Expired(now) {
			if l.left <= 0 {
				continue
			}
			s.askOnce(now, &l)
		}
		keep = append(keep, l)
	}
	s.lookups = keep
}

// identified does what waited for p's identity to be known.
func (s *Switch) identified(now clock.Time, p *peer) {
	for i := range s.lookups {
		if s.lookups[i].addr != p.id.Address {
			continue
		}
		if s.lookups[i].notify {
			s.event(Event{Kind: EventIdentity, Peer: p.id.Address, Identity: &p.id})
		}
		s.lookups = append(s.lookups[:i], s.lookups[i+1:]...)
		break
	}
	s.strangers.ready(now, p.id.Address)
	s.flushDue = true
	s.resumeRendezvous(now, p)
}

// answerWhois answers a WHOIS (PROTOCOL 10.4). A root answers many, a leaf one per 100 ms and peer.
func (s *Switch) answerWhois(now clock.Time, p *peer, m *Message) {
	interval, burst := time.Duration(leafWhoisGap), 1
	if s.isRoot {
		interval, burst = time.Second/50, 256
	}
	if !p.whois.allow(now, interval, burst) {
		s.drop(DropRateLimited)
		return
	}
	var w packet.Whois
	if !w.Parse(m.Payload) {
		s.drop(DropTruncated)
		return
	}
	var known packet.OKWhois
	for i, a := range w.Addresses {
		if i == maxWhois {
			break
		}
		if id, ok := s.knownIdentity(a); ok {
			known.Identities = append(known.Identities, *id)
		} else if !a.IsReserved() && s.bestUpstream(now, p) != nil && s.newcomers.allowWhois(now) {
			s.ask(now, a, strangerAttempts)
		}
	}
	if len(known.Identities) > 0 {
		s.SendOK(now, p.id.Address, packet.VerbWhois, m.ID, known.Append(nil))
	}
}

func (s *Switch) knownIdentity(a identity.Address) (*identity.Identity, bool) {
	if a == s.self.Address {
		id := s.self.WithoutSecret()
		return &id, true
	}
	if p := s.peers[a]; p != nil {
		return &p.id, true
	}
	return nil, false
}

// okWhois takes the answer to a WHOIS. Only an upstream is believed.
func (s *Switch) okWhois(now clock.Time, p *peer, m *Message) {
	if !p.isUpstream() {
		s.drop(DropNotUpstream)
		return
	}
	var o packet.OKWhois
	if !o.Parse(m.Payload) {
		s.drop(DropTruncated)
		return
	}
	for i := range o.Identities {
		id := &o.Identities[i]
		if s.findLookup(id.Address) == nil || s.peers[id.Address] != nil {
			continue // not asked for, or known in the meantime
		}
		if s.cfg.ValidateWhois {
			if i > 0 {
				break // one validation per call
			}
			if !s.validate(now, id) {
				s.drop(DropInvalidIdentity)
				continue
			}
		}
		s.addPeer(now, *id, nil)
	}
}

// validate runs the memory-hard function.
func (s *Switch) validate(now clock.Time, id *identity.Identity) bool {
	s.stats.Validations++
	s.validateAt = now
	return id.ValidateWith(&s.validation)
}

// IdentityOf returns an identity, which nobody may change and which stays valid. When it is not known,
// upstreams are asked for 5 s, and EventIdentity follows if one answers.
func (s *Switch) IdentityOf(now clock.Time, addr identity.Address) (*identity.Identity, bool) {
	if id, ok := s.knownIdentity(addr); ok {
		return id, true
	}
	if !addr.IsReserved() {
		s.ask(now, addr, lookupAttempts).notify = true
	}
	return nil, false
}
