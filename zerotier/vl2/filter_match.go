package vl2

import (
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/zerotier/identity"
)

// match is the outcome of a test.
type match uint8

const (
	unmatched match = iota
	matched
	hardNo  // false even when negated: the test does not apply
	hardYes // true even when negated, and the next DROP is skipped: the other side will know better
)

func matchIf(b bool) match {
	if b {
		return matched
	}
	return unmatched
}

// EtherTypes that rules look into.
const (
	etherIPv4 = 0x0800
	etherARP  = 0x0806
	etherIPv6 = 0x86dd
)

// match tests the scene (PROTOCOL 20.3).
func (s *scene) match(r *Rule) match {
	f := r.field[:]
	switch r.Type {
	case MatchSourceZT:
		return matchIf(identity.AddressFrom(f) == s.src)
	case MatchDestZT:
		return matchIf(identity.AddressFrom(f) == s.dst)
	case MatchVLANID: // VLAN tags are not carried, so all of it is zero
		return matchIf(be.Uint16(f) == 0)
	case MatchVLANPCP, MatchVLANDEI:
		return matchIf(f[0] == 0)
	case MatchSourceMAC:
		return matchIf(ethernet.Addr(f[:6]) == s.srcMAC)
	case MatchDestMAC:
		return matchIf(ethernet.Addr(f[:6]) == s.dstMAC)
	case MatchEtherType:
		return matchIf(be.Uint16(f) == s.etherType)
	case MatchFrameSize:
		return matchIf(between(len(s.frame), f))
	case MatchRandom:
		return matchIf(s.random != nil && s.random.Uint32() <= be.Uint32(f))
	case MatchTagsDifference, MatchTagsAnd, MatchTagsOr, MatchTagsXor, MatchTagsEqual:
		return s.matchTags(r)
	case MatchTagSender, MatchTagReceiver:
		return s.matchTag(r)
	case MatchIntegerRange:
		return s.matchInteger(r)
	}
	if !r.Type.Known() {
		return matchIf(s.cfg.Flags&FlagUnsupportedOK != 0)
	}
	return s.matchIP(r)
}

// between reports whether v lies in the inclusive range coded at the start of f.
func between(v int, f []byte) bool { return int(be.Uint16(f)) <= v && v <= int(be.Uint16(f[2:])) }

// matchTags compares a tag of ours with the same tag of the other side.
func (s *scene) matchTags(r *Rule) match {
	id, value := be.Uint32(r.field[:]), be.Uint32(r.field[4:])
	ours, ok := s.cfg.tag(id)
	if !ok {
		return hardNo
	}
	theirs, ok := findTag(s.theirs.tags, id)
	if !ok {
		// Outbound the tag may merely not have reached us; the receiver, who has it, will decide.
		if s.inbound {
			return hardNo
		}
		return hardYes
	}
	switch r.Type {
	case MatchTagsDifference:
		return matchIf(max(ours, theirs)-min(ours, theirs) <= value)
	case MatchTagsAnd:
		return matchIf(ours&theirs == value)
	case MatchTagsOr:
		return matchIf(ours|theirs == value)
	case MatchTagsXor:
		return matchIf(ours^theirs == value)
	}
	return matchIf(ours == value && theirs == value)
}

// matchTag tests the tag of one side.
func (s *scene) matchTag(r *Rule) match {
	id, value := be.Uint32(r.field[:]), be.Uint32(r.field[4:])
	if s.inbound == (r.Type == MatchTagReceiver) { // that side is us
		v, ok := s.cfg.tag(id)
		if !ok {
			return hardNo
		}
		return matchIf(v == value)
	}
	v, ok := findTag(s.theirs.tags, id)
	switch {
	case ok:
		return matchIf(v == value)
	case s.inbound:
		return hardNo
	}
	return hardYes
}

// matchInteger tests an integer somewhere in the frame. The upper bound is kept in 32 bits above the lower one, as in the
// reference.
func (s *scene) matchInteger(r *Rule) match {
	from, to := be.Uint64(r.field[:]), be.Uint64(r.field[8:])
	offset, format := int(be.Uint16(r.field[16:])), r.field[18]
	bits := int(format&63) + 1
	bytes := (bits + 7) / 8
	little := format&0x80 != 0
	if !little {
		offset += 8 - bytes
	}
	var x uint64
	if offset+bytes <= len(s.frame) {
		for i := range bytes {
			if little {
				x |= uint64(s.frame[offset+i]) << (8 * i)
			} else {
				x = x<<8 | uint64(s.frame[offset+i])
			}
		}
	}
	if little {
		x >>= 8*bytes - bits // the reference keeps the upper bits here, and the lower ones below
	} else {
		x &= ^uint64(0) >> (64 - bits)
	}
	return matchIf(x >= from && x <= from+uint64(uint32(to-from)))
}
