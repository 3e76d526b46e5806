package vl2

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/zerotier/identity"
)

// jsonRule is a rule as the controller's API has it.
type jsonRule struct {
	Type                                                         string
	Not, Or                                                      bool
	Address, ZT, MAC, IP, Mask                                   string
	Flags, ID, Value, Probability                                uint32
	Length, EtherType, VLANID, VLANPCP, VLANDEI, IPProtocol, Idx uint16
	ICMPType                                                     uint8
	ICMPCode                                                     *uint8
	Start, End                                                   uint16
	Bits                                                         uint8
}

// rule makes the rule through NewRule alone, without looking at the coded form.
func (j *jsonRule) rule(t *testing.T) Rule {
	t.Helper()
	u16, u32, u64 := binary.BigEndian.AppendUint16, binary.BigEndian.AppendUint32, binary.BigEndian.AppendUint64
	var kind RuleType
	for k := range RuleType(64) {
		if k.String() == j.Type {
			kind = k
		}
	}
	if kind.String() != j.Type {
		// The reference's API calls two of them differently from its header.
		kind = map[string]RuleType{"MATCH_MAC_SOURCE": MatchSourceMAC, "MATCH_MAC_DEST": MatchDestMAC}[j.Type]
	}
	var f []byte
	switch kind {
	case ActionTee, ActionWatch, ActionRedirect:
		a, _ := identity.ParseAddress(j.Address)
		f = u16(u32(u64(nil, uint64(a)), j.Flags), j.Length)
	case MatchSourceZT, MatchDestZT:
		a, _ := identity.ParseAddress(j.ZT)
		f = a.Append(nil)
	case MatchVLANID:
		f = u16(nil, j.VLANID)
	case MatchVLANPCP:
		f = []byte{byte(j.VLANPCP)}
	case MatchVLANDEI:
		f = []byte{byte(j.VLANDEI)}
	case MatchSourceMAC, MatchDestMAC:
		m, _ := ethernet.ParseAddr(j.MAC)
		f = m[:]
	case MatchSourceIPv4, MatchDestIPv4, MatchSourceIPv6, MatchDestIPv6:
		p := netip.MustParsePrefix(j.IP)
		f = append(p.Addr().AsSlice(), byte(p.Bits()))
	case MatchTOS:
		mask, _ := strconv.Atoi(j.Mask)
		f = []byte{byte(mask), byte(j.Start), byte(j.End)}
	case MatchIPProtocol:
		f = []byte{byte(j.IPProtocol)}
	case MatchEtherType:
		f = u16(nil, j.EtherType)
	case MatchICMP:
		f = []byte{j.ICMPType, 0, 0}
		if j.ICMPCode != nil {
			f[1], f[2] = *j.ICMPCode, 1
		}
	case MatchSourcePort, MatchDestPort, MatchFrameSize:
		f = u16(u16(nil, j.Start), j.End)
	case MatchCharacteristics:
		v, _ := strconv.ParseUint(j.Mask, 16, 64)
		f = u64(nil, v)
	case MatchRandom:
		f = u32(nil, j.Probability)
	case MatchTagsDifference, MatchTagsAnd, MatchTagsOr, MatchTagsXor, MatchTagsEqual, MatchTagSender, MatchTagReceiver:
		f = u32(u32(nil, j.ID), j.Value)
	}
	r := NewRule(kind, f...)
	r.Not, r.Or = j.Not, j.Or
	return r
}

func TestRuleVectors(t *testing.T) {
	var f struct {
		Binary string
		Rules  []struct {
			JSON json.RawMessage
			T    uint8
		}
	}
	readJSON(t, "rules.json", &f)
	raw := unhex(t, f.Binary)
	parsed, ok := ParseRules(raw, MaxRules)
	if !ok || len(parsed) != len(f.Rules) || len(parsed) != 35 {
		t.Fatalf("parsed %d rules, ok %v", len(parsed), ok)
	}
	if got := AppendRules(nil, parsed); !bytes.Equal(got, raw) {
		t.Errorf("coded again\n%x, want\n%x", got, raw)
	}
	for i, e := range f.Rules {
		var j jsonRule
		// A mask is a number in one rule and text in another.
		text := strings.Replace(string(e.JSON), `"mask": 252`, `"mask": "252"`, 1)
		if err := json.Unmarshal([]byte(text), &j); err != nil {
			t.Fatalf("rule %d: %v", i, err)
		}
		if got := j.rule(t); got != parsed[i] {
			t.Errorf("rule %d, %s: made %+v, parsed %+v", i, j.Type, got, parsed[i])
		}
		if got := AppendRules(nil, parsed[i:i+1])[0]; got != e.T {
			t.Errorf("rule %d: type byte %d, want %d", i, got, e.T)
		}
	}
	for i := range raw {
		if rules, ok := ParseRules(raw[:i], MaxRules); ok && len(AppendRules(nil, rules)) != i {
			t.Errorf("rules cut at %d were parsed as something else", i)
		}
	}
	if _, ok := ParseRules(raw, 34); ok {
		t.Error("more rules than the limit were accepted")
	}
}

func TestUnknownRuleIsSkipped(t *testing.T) {
	rules, ok := ParseRules([]byte{60, 3, 1, 2, 3, 1, 0}, 2)
	if !ok || len(rules) != 2 || rules[0].Type != 60 || rules[1].Type != ActionAccept {
		t.Errorf("rules = %+v, %v", rules, ok)
	}
	if rules[0].Type.String() != "UNKNOWN" || rules[1].Type.String() != "ACTION_ACCEPT" {
		t.Errorf("names %s, %s", rules[0].Type, rules[1].Type)
	}
	if _, ok := ParseRules([]byte{36, 0}, 2); ok {
		t.Error("a rule with a field that is too short was accepted")
	}
}
