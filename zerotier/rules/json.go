package rules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// ruleJSON is a rule as the controller's API has it (PROTOCOL 25). Fields are in the alphabetical order that the reference
// writes them in.
type ruleJSON struct {
	Address     json.RawMessage `json:"address,omitempty"`
	Bits        json.RawMessage `json:"bits,omitempty"`
	End         json.RawMessage `json:"end,omitempty"`
	EtherType   json.RawMessage `json:"etherType,omitempty"`
	Flags       json.RawMessage `json:"flags,omitempty"`
	ICMPCode    json.RawMessage `json:"icmpCode,omitempty"`
	ICMPType    json.RawMessage `json:"icmpType,omitempty"`
	ID          json.RawMessage `json:"id,omitempty"`
	Idx         json.RawMessage `json:"idx,omitempty"`
	IP          json.RawMessage `json:"ip,omitempty"`
	IPProtocol  json.RawMessage `json:"ipProtocol,omitempty"`
	Length      json.RawMessage `json:"length,omitempty"`
	Little      json.RawMessage `json:"little,omitempty"`
	MAC         json.RawMessage `json:"mac,omitempty"`
	Mask        json.RawMessage `json:"mask,omitempty"`
	Not         json.RawMessage `json:"not,omitempty"`
	Or          json.RawMessage `json:"or,omitempty"`
	Probability json.RawMessage `json:"probability,omitempty"`
	Start       json.RawMessage `json:"start,omitempty"`
	Type        string          `json:"type"`
	Value       json.RawMessage `json:"value,omitempty"`
	VLANDEI     json.RawMessage `json:"vlanDei,omitempty"`
	VLANID      json.RawMessage `json:"vlanId,omitempty"`
	VLANPCP     json.RawMessage `json:"vlanPcp,omitempty"`
	ZT          json.RawMessage `json:"zt,omitempty"`
}

// The reference leaves out the prefix of this one.
const integerRange = "INTEGER_RANGE"

// ParseJSON parses an array of rules, at most limit of them. A rule that is not understood is an error, not left out.
func ParseJSON(b []byte, limit int) ([]vl2.Rule, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, fmt.Errorf("rules: expected an array of rules: %w", err)
	}
	if len(list) > limit {
		return nil, fmt.Errorf("rules: %d entries: expected at most %d", len(list), limit)
	}
	out := make([]vl2.Rule, len(list))
	for i, raw := range list {
		var j ruleJSON
		err := json.Unmarshal(raw, &j)
		if err == nil {
			out[i], err = j.rule()
		}
		if err != nil {
			return nil, fmt.Errorf("rules: entry %d: %w", i, err)
		}
	}
	return out, nil
}

// jsonTypes maps the names of types to types.
var jsonTypes = func() map[string]vl2.RuleType {
	types := make(map[string]vl2.RuleType)
	for t := range vl2.RuleType(64) {
		if t.Known() {
			types[t.String()] = t
		}
	}
	types[integerRange] = vl2.MatchIntegerRange
	return types
}()

// rule returns the rule that j stands for.
func (j *ruleJSON) rule() (r vl2.Rule, err error) {
	t, ok := jsonTypes[j.Type]
	if !ok {
		return r, fmt.Errorf("unknown type %q: expected one like MATCH_ETHERTYPE or ACTION_ACCEPT", j.Type)
	}
	p := fields{typ: j.Type}
	field := p.coded(t, j)
	not, or := p.flag("not", j.Not), p.flag("or", j.Or)
	if p.err != nil {
		return r, p.err
	}
	r = vl2.NewRule(t, field...)
	if !t.IsAction() {
		r.Not, r.Or = not, or
	}
	return r, nil
}

// fields reads fields of a rule and keeps the first error.
type fields struct {
	typ string
	err error
}

// coded returns the coded field of a rule (PROTOCOL 20.1).
func (p *fields) coded(t vl2.RuleType, j *ruleJSON) []byte {
	switch t {
	case vl2.ActionTee, vl2.ActionWatch, vl2.ActionRedirect:
		b := bigEndian(p.address("address", j.Address), p.optional("flags", j.Flags, 1<<32-1, 0), 4)
		if string(j.Length) == "-1" {
			j.Length = json.RawMessage("65535")
		}
		length := p.optional("length", j.Length, everyLength, 0)
		if t == vl2.ActionRedirect {
			length = 0
		}
		return bigEndian(append(make([]byte, 3), b...), length, 2)
	case vl2.MatchSourceZT, vl2.MatchDestZT:
		return p.address("zt", j.ZT)
	case vl2.MatchVLANID:
		return p.number("vlanId", j.VLANID, 2)
	case vl2.MatchVLANPCP:
		return p.number("vlanPcp", j.VLANPCP, 1)
	case vl2.MatchVLANDEI:
		return p.number("vlanDei", j.VLANDEI, 1)
	case vl2.MatchSourceMAC, vl2.MatchDestMAC:
		return p.text("mac", j.MAC, argMAC)
	case vl2.MatchSourceIPv4, vl2.MatchDestIPv4, vl2.MatchSourceIPv6, vl2.MatchDestIPv6:
		return p.prefix(t, j.IP)
	case vl2.MatchTOS:
		return append(p.number("mask", j.Mask, 1), p.pair(j, 1)...)
	case vl2.MatchIPProtocol:
		return p.number("ipProtocol", j.IPProtocol, 1)
	case vl2.MatchEtherType:
		return p.number("etherType", j.EtherType, 2)
	case vl2.MatchICMP:
		b := p.number("icmpType", j.ICMPType, 1)
		if isNull(j.ICMPCode) {
			return append(b, 0, 0)
		}
		return append(append(b, p.number("icmpCode", j.ICMPCode, 1)...), 1)
	case vl2.MatchSourcePort, vl2.MatchDestPort, vl2.MatchFrameSize:
		return p.pair(j, 2)
	case vl2.MatchCharacteristics:
		return bigEndian(nil, p.hex("mask", j.Mask), 8)
	case vl2.MatchRandom:
		return p.number("probability", j.Probability, 4)
	case vl2.MatchTagsDifference, vl2.MatchTagsAnd, vl2.MatchTagsOr, vl2.MatchTagsXor, vl2.MatchTagsEqual, vl2.MatchTagSender, vl2.MatchTagReceiver:
		return append(p.number("id", j.ID, 4), p.number("value", j.Value, 4)...)
	case vl2.MatchIntegerRange:
		from := p.hex("start", j.Start)
		to := p.hex("end", j.End)
		format := byte(p.optional("bits", j.Bits, 64, 1)-1) & 63
		if p.flag("little", j.Little) {
			format |= 0x80
		}
		return append(bigEndian(bigEndian(bigEndian(nil, from, 8), to, 8), p.optional("idx", j.Idx, 1<<16-1, 0), 2), format)
	}
	return nil
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// fail keeps an error.
func (p *fields) fail(name string, raw json.RawMessage, expected string) {
	if p.err != nil {
		return
	}
	if isNull(raw) {
		p.err = fmt.Errorf("%s has no %q: expected %s", p.typ, name, expected)
		return
	}
	const most = 60
	if len(raw) > most {
		raw = append(bytes.Clone(raw[:most]), "..."...)
	}
	p.err = fmt.Errorf("%s: %q: expected %s, found %s", p.typ, name, expected, raw)
}

// unquote returns the content of a string, or the text of anything else. The reference takes numbers in quotes too.
func unquote(raw json.RawMessage) string {
	var s string
	if len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// number returns a number that has to be there, coded in that many bytes.
func (p *fields) number(name string, raw json.RawMessage, size int) []byte {
	limit := uint64(1)<<(8*size) - 1
	v, err := strconv.ParseUint(unquote(raw), 10, 64)
	if err != nil || v > limit {
		p.fail(name, raw, "a number from 0 to "+strconv.FormatUint(limit, 10))
	}
	return bigEndian(nil, v, size)
}

// optional returns a number that need not be there.
func (p *fields) optional(name string, raw json.RawMessage, limit, absent uint64) uint64 {
	if isNull(raw) {
		return absent
	}
	v, err := strconv.ParseUint(unquote(raw), 10, 64)
	if err != nil || v > limit {
		p.fail(name, raw, "a number from 0 to "+strconv.FormatUint(limit, 10))
	}
	return v
}

// pair returns start and end; without an end, it is the start.
func (p *fields) pair(j *ruleJSON, size int) []byte {
	b := p.number("start", j.Start, size)
	return bigEndian(b, p.optional("end", j.End, 1<<(8*size)-1, load(b)), size)
}

// hex returns a number in hexadecimal digits, or a JSON number.
func (p *fields) hex(name string, raw json.RawMessage) uint64 {
	base := 10
	if len(raw) > 0 && raw[0] == '"' {
		base = 16
	}
	v, err := strconv.ParseUint(unquote(raw), base, 64)
	if err != nil {
		p.fail(name, raw, "up to 16 hexadecimal digits in quotes")
	}
	return v
}

// flag returns a boolean; none is false.
func (p *fields) flag(name string, raw json.RawMessage) bool {
	switch unquote(raw) {
	case "true", "1":
		return true
	case "false", "0", "", "null":
	default:
		p.fail(name, raw, "true or false")
	}
	return false
}

// text returns a coded argument.
func (p *fields) text(name string, raw json.RawMessage, a argument) []byte {
	b, ok := a.value(strings.ToLower(unquote(raw)))
	if !ok {
		p.fail(name, raw, a.String())
	}
	return b
}

func (p *fields) address(name string, raw json.RawMessage) []byte {
	return p.text(name, raw, argAddress)
}

// prefix returns a coded prefix of the family that the type asks for.
func (p *fields) prefix(t vl2.RuleType, raw json.RawMessage) []byte {
	b := p.text("ip", raw, argPrefix)
	if v4 := t == vl2.MatchSourceIPv4 || t == vl2.MatchDestIPv4; p.err == nil && v4 != (len(b) == 5) {
		p.fail("ip", raw, "a prefix of the type's family")
	}
	return b
}

// AppendJSON appends an array of rules in the form that a stock controller gives them: compact, with fields in alphabetical
// order. Rules of unknown type are left out, as there is nothing that the form could say about them.
func AppendJSON(b []byte, list []vl2.Rule) []byte {
	b = append(b, '[')
	first := true
	for i := range list {
		if !list[i].Type.Known() {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		j := newRuleJSON(&list[i])
		text, err := json.Marshal(j)
		if err != nil {
			panic("BUG: rules: " + err.Error())
		}
		b = append(b, text...)
	}
	return append(b, ']')
}

// quote returns a JSON string.
func quote(s string) json.RawMessage { return strconv.AppendQuote(nil, s) }

// decimal returns a JSON number.
func decimal(b []byte) json.RawMessage { return strconv.AppendUint(nil, load(b), 10) }

// hexadecimal returns a JSON string of 16 digits.
func hexadecimal(v uint64) json.RawMessage { return quote(fmt.Sprintf("%016x", v)) }

// newRuleJSON returns the JSON form of a rule.
func newRuleJSON(r *vl2.Rule) (j *ruleJSON) {
	f := r.Field()
	j = &ruleJSON{Type: r.Type.String()}
	if !r.Type.IsAction() {
		j.Not, j.Or = strconv.AppendBool(nil, r.Not), strconv.AppendBool(nil, r.Or)
	}
	switch r.Type {
	case vl2.ActionTee, vl2.ActionWatch:
		j.Address, j.Flags, j.Length = quote(r.Target().String()), decimal(f[8:12]), decimal(f[12:])
	case vl2.ActionRedirect:
		j.Address, j.Flags = quote(r.Target().String()), decimal(f[8:12])
	case vl2.MatchSourceZT, vl2.MatchDestZT:
		j.ZT = quote(identity.AddressFrom(f).String())
	case vl2.MatchVLANID:
		j.VLANID = decimal(f)
	case vl2.MatchVLANPCP:
		j.VLANPCP = decimal(f)
	case vl2.MatchVLANDEI:
		j.VLANDEI = decimal(f)
	case vl2.MatchSourceMAC, vl2.MatchDestMAC:
		j.MAC = quote(ethernet.Addr(f).String())
	case vl2.MatchSourceIPv4, vl2.MatchDestIPv4, vl2.MatchSourceIPv6, vl2.MatchDestIPv6:
		a, _ := netip.AddrFromSlice(f[:len(f)-1])
		j.IP = quote(a.String() + "/" + strconv.Itoa(int(f[len(f)-1])))
	case vl2.MatchTOS:
		j.Mask, j.Start, j.End = decimal(f[:1]), decimal(f[1:2]), decimal(f[2:])
	case vl2.MatchIPProtocol:
		j.IPProtocol = decimal(f)
	case vl2.MatchEtherType:
		j.EtherType = decimal(f)
	case vl2.MatchICMP:
		j.ICMPType, j.ICMPCode = decimal(f[:1]), json.RawMessage("null")
		if f[2]&1 != 0 {
			j.ICMPCode = decimal(f[1:2])
		}
	case vl2.MatchSourcePort, vl2.MatchDestPort, vl2.MatchFrameSize:
		j.Start, j.End = decimal(f[:2]), decimal(f[2:])
	case vl2.MatchCharacteristics:
		j.Mask = hexadecimal(load(f))
	case vl2.MatchRandom:
		j.Probability = decimal(f)
	case vl2.MatchTagsDifference, vl2.MatchTagsAnd, vl2.MatchTagsOr, vl2.MatchTagsXor, vl2.MatchTagsEqual, vl2.MatchTagSender, vl2.MatchTagReceiver:
		j.ID, j.Value = decimal(f[:4]), decimal(f[4:])
	case vl2.MatchIntegerRange:
		j.Type = integerRange
		j.Start, j.End, j.Idx = hexadecimal(load(f[:8])), hexadecimal(load(f[8:16])), decimal(f[16:18])
		j.Little, j.Bits = strconv.AppendBool(nil, f[18]&0x80 != 0), decimal([]byte{f[18]&63 + 1})
	}
	return j
}
