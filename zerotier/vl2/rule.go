package vl2

import "github.com/ztstack/ztstack/zerotier/identity"

// RuleType says what a rule does or looks at (PROTOCOL 20.1).
type RuleType uint8

// The types of rules. Those up to 15 are actions, the others matches.
const (
	ActionDrop     RuleType = 0
	ActionAccept   RuleType = 1
	ActionTee      RuleType = 2
	ActionWatch    RuleType = 3
	ActionRedirect RuleType = 4
	ActionBreak    RuleType = 5
	ActionPriority RuleType = 6

	MatchSourceZT        RuleType = 24
	MatchDestZT          RuleType = 25
	MatchVLANID          RuleType = 26
	MatchVLANPCP         RuleType = 27
	MatchVLANDEI         RuleType = 28
	MatchSourceMAC       RuleType = 29
	MatchDestMAC         RuleType = 30
	MatchSourceIPv4      RuleType = 31
	MatchDestIPv4        RuleType = 32
	MatchSourceIPv6      RuleType = 33
	MatchDestIPv6        RuleType = 34
	MatchTOS             RuleType = 35
	MatchIPProtocol      RuleType = 36
	MatchEtherType       RuleType = 37
	MatchICMP            RuleType = 38
	MatchSourcePort      RuleType = 39
	MatchDestPort        RuleType = 40
	MatchCharacteristics RuleType = 41
	MatchFrameSize       RuleType = 42
	MatchRandom          RuleType = 43
	MatchTagsDifference  RuleType = 44
	MatchTagsAnd         RuleType = 45
	MatchTagsOr          RuleType = 46
	MatchTagsXor         RuleType = 47
	MatchTagsEqual       RuleType = 48
	MatchTagSender       RuleType = 49
	MatchTagReceiver     RuleType = 50
	MatchIntegerRange    RuleType = 51

	maxAction RuleType = 15
)

// ruleTypes has the name and field length of each known type.
var ruleTypes = [64]struct {
	name string
	len  uint8
}{
	ActionDrop:           {"DROP", 0},
	ActionAccept:         {"ACCEPT", 0},
	ActionTee:            {"TEE", 14},
	ActionWatch:          {"WATCH", 14},
	ActionRedirect:       {"REDIRECT", 14},
	ActionBreak:          {"BREAK", 0},
	ActionPriority:       {"PRIORITY", 0},
	MatchSourceZT:        {"SOURCE_ZEROTIER_ADDRESS", 5},
	MatchDestZT:          {"DEST_ZEROTIER_ADDRESS", 5},
	MatchVLANID:          {"VLAN_ID", 2},
	MatchVLANPCP:         {"VLAN_PCP", 1},
	MatchVLANDEI:         {"VLAN_DEI", 1},
	MatchSourceMAC:       {"MAC_SOURCE", 6},
	MatchDestMAC:         {"MAC_DEST", 6},
	MatchSourceIPv4:      {"IPV4_SOURCE", 5},
	MatchDestIPv4:        {"IPV4_DEST", 5},
	MatchSourceIPv6:      {"IPV6_SOURCE", 17},
	MatchDestIPv6:        {"IPV6_DEST", 17},
	MatchTOS:             {"IP_TOS", 3},
	MatchIPProtocol:      {"IP_PROTOCOL", 1},
	MatchEtherType:       {"ETHERTYPE", 2},
	MatchICMP:            {"ICMP", 3},
	MatchSourcePort:      {"IP_SOURCE_PORT_RANGE", 4},
	MatchDestPort:        {"IP_DEST_PORT_RANGE", 4},
	MatchCharacteristics: {"CHARACTERISTICS", 8},
	MatchFrameSize:       {"FRAME_SIZE_RANGE", 4},
	MatchRandom:          {"RANDOM", 4},
	MatchTagsDifference:  {"TAGS_DIFFERENCE", 8},
	MatchTagsAnd:         {"TAGS_BITWISE_AND", 8},
	MatchTagsOr:          {"TAGS_BITWISE_OR", 8},
	MatchTagsXor:         {"TAGS_BITWISE_XOR", 8},
	MatchTagsEqual:       {"TAGS_EQUAL", 8},
	MatchTagSender:       {"TAG_SENDER", 8},
	MatchTagReceiver:     {"TAG_RECEIVER", 8},
	MatchIntegerRange:    {"INTEGER_RANGE", 19},
}

// Known reports whether this implementation knows t.
func (t RuleType) Known() bool { return t < 64 && ruleTypes[t].name != "" }

// IsAction reports whether t ends a set of matches rather than being one.
func (t RuleType) IsAction() bool { return t <= maxAction }

// String returns the name as the reference's rules have it, with ACTION_ or MATCH_ in front.
func (t RuleType) String() string {
	switch {
	case !t.Known():
		return "UNKNOWN"
	case t.IsAction():
		return "ACTION_" + ruleTypes[t].name
	}
	return "MATCH_" + ruleTypes[t].name
}

// maxField is the length of the longest field, that of MATCH_INTEGER_RANGE.
const maxField = 19

// Limits on rules (PROTOCOL 28).
const (
	MaxRules           = 1024
	MaxCapabilityRules = 64
)

// Rule is one entry of a rule set. It is a comparable value. Its field is kept as coded, so that what was read is
// what is written; the field of an unknown type is empty.
type Rule struct {
	Type  RuleType
	Not   bool // the match is negated
	Or    bool // the match is or-ed with those before it, instead of and-ed
	field [maxField]byte
}

// NewRule returns a rule of a known type with a coded field of that type's length (PROTOCOL 20.1). Any other length is a bug of
// the caller.
func NewRule(t RuleType, field ...byte) Rule {
	if !t.Known() || len(field) != int(ruleTypes[t].len) {
		panic("BUG: vl2: rule field length")
	}
	r := Rule{Type: t}
	copy(r.field[:], field)
	return r
}

// Field returns the coded field.
func (r *Rule) Field() []byte {
	if !r.Type.Known() {
		return nil
	}
	return r.field[:ruleTypes[r.Type].len]
}

// Target returns the address that a TEE, WATCH or REDIRECT names.
func (r *Rule) Target() identity.Address { return identity.AddressFrom(r.field[3:8]) }

// flags of the type byte.
const (
	ruleNot = 0x80
	ruleOr  = 0x40
)

// AppendRules appends the coded form of rules.
func AppendRules(b []byte, rules []Rule) []byte {
	for i := range rules {
		r := &rules[i]
		t := byte(r.Type) & 0x3f
		if r.Not {
			t |= ruleNot
		}
		if r.Or {
			t |= ruleOr
		}
		f := r.Field()
		b = append(b, t, byte(len(f)))
		b = append(b, f...)
	}
	return b
}

// ParseRules parses all of b as rules, at most limit of them. The field of a rule of unknown type is skipped; a known type
// with a field that is too short makes the whole set invalid, and bytes beyond the known length are ignored.
func ParseRules(b []byte, limit int) ([]Rule, bool) {
	var rules []Rule
	for len(b) > 0 {
		r, n := parseRule(b)
		if n < 0 || len(rules) == limit {
			return nil, false
		}
		rules = append(rules, r)
		b = b[n:]
	}
	return rules, true
}

// parseRules parses count rules at the start of b and returns the length they took, or -1.
func parseRules(b []byte, count int) ([]Rule, int) {
	if count > len(b)/2 {
		return nil, -1
	}
	rules := make([]Rule, count)
	off := 0
	for i := range rules {
		r, n := parseRule(b[off:])
		if n < 0 {
			return nil, -1
		}
		rules[i] = r
		off += n
	}
	return rules, off
}

func parseRule(b []byte) (Rule, int) {
	if len(b) < 2 || len(b) < 2+int(b[1]) {
		return Rule{}, -1
	}
	n := 2 + int(b[1])
	r := Rule{Type: RuleType(b[0] & 0x3f), Not: b[0]&ruleNot != 0, Or: b[0]&ruleOr != 0}
	if r.Type.Known() {
		want := int(ruleTypes[r.Type].len)
		if n-2 < want {
			return Rule{}, -1
		}
		copy(r.field[:want], b[2:])
	}
	return r, n
}
