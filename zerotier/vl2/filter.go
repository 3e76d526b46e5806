package vl2

import (
	"math/rand/v2"

	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/zerotier/identity"
)

// verdict is how the evaluation of a rule set ended.
type verdict uint8

const (
	verdictNone verdict = iota // no match
	verdictDrop
	verdictAccept
	verdictSuper    // accepted, and we are the target of a TEE, WATCH or REDIRECT: addresses need not be checked
	verdictRedirect // accepted, for somebody else
)

// credentials are a member's tags, capabilities and certificates of ownership that count at present. They are never
// changed once made, so Gates share them with other goroutines.
type credentials struct {
	tags         []Tag
	capabilities []Capability // ascending IDs
	ownership    []Ownership
}

var noCredentials credentials

// scene is what rules look at: a frame on its way between two members.
type scene struct {
	cfg            *NetworkConfig
	theirs         *credentials // of the other member
	self           identity.Address
	src, dst       identity.Address // dst is 0 for multicast and bridged frames on their way out
	srcMAC, dstMAC ethernet.Addr
	etherType      uint16
	frame          []byte     // Ethernet payload
	random         *rand.Rand // nil where no rule set that needs it is evaluated
	inbound        bool

	parsed bool
	ip     ipView
}

// effect is what a rule set wants beside its verdict.
type effect struct {
	copyTo identity.Address // TEE or WATCH target, or 0
	length int              // of the payload to copy; 0: all
	watch  bool
	target identity.Address // of verdictRedirect
}

// evaluate runs rules over the scene (PROTOCOL 20.2). t may be nil.
func (s *scene) evaluate(rules []Rule, e *effect, t *Trace) verdict {
	super := false
	state := true // of the current set of matches
	skipDrop := false
	for i := range rules {
		r := &rules[i]
		if !r.Type.IsAction() {
			if !state && !r.Or {
				continue // "a non-OR match is skipped while S is false"
			}
			state = s.step(r, state, &skipDrop)
			t.step(i, r, state)
			continue
		}
		t.step(i, r, state)
		if !state {
			// Whoever is the target of an action that did not apply is still meant to see what it accepts.
			if s.inbound && r.forwards() && r.Target() == s.self {
				super = true
			}
			state = true
			continue
		}
		switch r.Type {
		case ActionDrop:
			if !skipDrop {
				return verdictDrop
			}
			skipDrop = false
		case ActionAccept:
			if super {
				return verdictSuper
			}
			return verdictAccept
		case ActionPriority:
			return verdictAccept // the bucket is not serialized, so there is nothing to choose
		case ActionBreak:
			return verdictNone
		case ActionTee, ActionWatch, ActionRedirect:
			if v, done := s.forward(r, e); done {
				return v
			}
		}
	}
	return verdictNone
}

// step evaluates one match and returns the new state of its set.
func (s *scene) step(r *Rule, state bool, skipDrop *bool) bool {
	var result bool
	switch m := s.match(r); m {
	case hardNo:
		result = false
	case hardYes:
		result = true
		*skipDrop = true
	default:
		result = (m == matched) != r.Not
	}
	if r.Or {
		return state || result
	}
	return state && result
}

// forwards reports whether r is a TEE, WATCH or REDIRECT.
func (r *Rule) forwards() bool {
	return r.Type == ActionTee || r.Type == ActionWatch || r.Type == ActionRedirect
}

// forward carries out a TEE, WATCH or REDIRECT whose set matched.
func (s *scene) forward(r *Rule, e *effect) (v verdict, done bool) {
	target := r.Target()
	switch {
	case target == s.src, target == s.self && !s.inbound:
		return 0, false
	case target == s.self:
		return verdictSuper, true
	case target == s.dst:
		return 0, false
	case r.Type == ActionRedirect:
		e.target = target
		return verdictRedirect, true
	}
	e.copyTo, e.watch = target, r.Type == ActionWatch
	e.length = int(r.field[12])<<8 | int(r.field[13])
	return 0, false
}

// judge evaluates the network's rules and then, when they do not decide, the capabilities of the sending side: our
// own outbound, the sender's inbound (PROTOCOL 20.2). A capability's copies are made in addition to those of the rules.
func (s *scene) judge(t *Trace) (v verdict, rules, capability effect) {
	v = s.evaluate(s.cfg.Rules, &rules, t)
	if v != verdictNone {
		return v, rules, capability
	}
	caps := s.cfg.Capabilities
	if s.inbound {
		caps = s.theirs.capabilities
	}
	for i := range caps {
		capability = effect{}
		t.enter(caps[i].ID)
		// A DROP in a capability only ends that capability.
		if v = s.evaluate(caps[i].Rules, &capability, t); v >= verdictAccept {
			return v, rules, capability
		}
	}
	return verdictDrop, rules, effect{}
}

// acceptsAll reports whether rules accept every frame without looking at it.
func acceptsAll(rules []Rule) bool {
	return len(rules) > 0 && (rules[0].Type == ActionAccept || rules[0].Type == ActionPriority)
}

// needsOwner reports whether evaluating rules may send something or draw a random number, which only the owner of Networks may.
func needsOwner(rules []Rule) bool {
	for i := range rules {
		if rules[i].forwards() || rules[i].Type == MatchRandom {
			return true
		}
	}
	return false
}

func capabilitiesNeedOwner(caps []Capability) bool {
	for i := range caps {
		if needsOwner(caps[i].Rules) {
			return true
		}
	}
	return false
}
