package rules

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/ztstack/ztstack/zerotier/vl2"
)

// Compile compiles a source. An error is an *Error.
func Compile(src string) (*Program, error) {
	if len(src) > MaxSource {
		return nil, errorAt(Position{1, 1}, "the source has %d bytes: expected at most %d", len(src), MaxSource)
	}
	parsed, err := parse(src)
	if err != nil {
		return nil, err
	}
	c := compiler{src: parsed}
	if err := c.compile(); err != nil {
		return nil, err
	}
	return &c.out, nil
}

// compiler turns a parsed source into a program.
type compiler struct {
	src      *source
	out      Program
	includes int // expanded so far
}

// frame is the macro that is being expanded.
type frame struct {
	up     *frame
	macro  *macro
	at     token   // the include
	values []token // of the parameters
}

// depth returns how many macros are being expanded.
func (f *frame) depth() (n int) {
	for ; f != nil; f = f.up {
		n++
	}
	return n
}

// resolve returns the value that a token stands for.
func (f *frame) resolve(t token) token {
	if f == nil {
		return t
	}
	for i, name := range f.macro.parameters {
		if name == t.text {
			return f.values[i]
		}
	}
	return t
}

// errorAt returns an error in what f expands.
func (f *frame) errorAt(pos Position, format string, args ...any) *Error {
	err := errorAt(pos, format, args...)
	for ; f != nil; f = f.up {
		err.Text += fmt.Sprintf(" (in macro %s, included in line %d)", f.macro.name.raw, f.at.pos.Line)
		if len(err.Text) > 1000 {
			break
		}
	}
	return err
}

func (c *compiler) compile() *Error {
	if len(c.src.tags) > MaxTags {
		return errorAt(c.src.tags[MaxTags].name.pos, "more than %d tags", MaxTags)
	}
	if len(c.src.caps) > MaxCapabilities {
		return errorAt(c.src.caps[MaxCapabilities].name.pos, "more than %d capabilities", MaxCapabilities)
	}
	for i := range c.src.tags {
		if err := c.tag(&c.src.tags[i]); err != nil {
			return err
		}
	}
	for i := range c.src.caps {
		if err := c.capability(&c.src.caps[i]); err != nil {
			return err
		}
	}
	e := emitter{compiler: c, limit: MaxRules, what: "the rules of a network"}
	if err := e.statements(nil, c.src.statements); err != nil {
		return err
	}
	c.out.Rules = e.rules
	return nil
}

func (c *compiler) warn(pos Position, format string, args ...any) {
	c.out.Warnings = append(c.out.Warnings, Warning{pos, fmt.Sprintf(format, args...)})
}

// id parses the number of a tag or a capability.
func (c *compiler) id(t token) (uint32, *Error) {
	v, ok := number(t.text, math.MaxUint32)
	if !ok {
		return 0, errorAt(t.pos, "expected a number from 0 to 4294967295 as id, found %v", t)
	}
	return uint32(v), nil
}

func (c *compiler) tag(b *tagBlock) *Error {
	t := Tag{Name: b.name.text}
	var err *Error
	if t.ID, err = c.id(b.id); err != nil {
		return err
	}
	for i := range c.out.Tags {
		switch o := &c.out.Tags[i]; {
		case o.Name == t.Name:
			return errorAt(b.name.pos, "second tag with the name %s: the first one is in line %d", b.name.raw, c.src.tags[i].name.pos.Line)
		case o.ID == t.ID:
			return errorAt(b.id.pos, "tag %s has the id of tag %s: expected another number than %d", b.name.raw, o.Name, t.ID)
		}
	}
	if len(b.enums)+len(b.flags) > maxNames {
		return errorAt(b.name.pos, "tag %s gives names to more than %d values", b.name.raw, maxNames)
	}
	for _, p := range b.enums {
		v, ok := number(p.value.text, math.MaxUint32)
		if !ok {
			return errorAt(p.value.pos, "expected a number from 0 to 4294967295 as value, found %v", p.value)
		}
		if err := t.give(&t.Enums, p.name, v); err != nil {
			return err
		}
	}
	for _, p := range b.flags {
		v, ok := number(p.value.text, 31)
		if ok {
			v = 1 << v
		} else if v, ok = t.flag(p.value.text); !ok {
			return errorAt(p.value.pos, "expected the number of a bit from 0 to 31, or the name of an earlier flag, found %v", p.value)
		}
		if err := t.give(&t.Flags, p.name, v); err != nil {
			return err
		}
	}
	if b.def.isEnd() {
		c.warn(b.name.pos, "tag %s has no default: members that were given no value match nothing that compares it, and are not matched by it", b.name.raw)
	} else if t.Default, t.HasDefault = t.parse(b.def.text); !t.HasDefault {
		return errorAt(b.def.pos, "expected a number from 0 to 4294967295 or a name that tag %s gives to a value, found %v", b.name.raw, b.def)
	}
	c.out.Tags = append(c.out.Tags, t)
	return nil
}

// give gives a name to a value.
func (t *Tag) give(list *[]Named, name token, v uint64) *Error {
	if _, taken := t.value(name.text); taken {
		return errorAt(name.pos, "tag %s gives the name %s to two values", t.Name, name.raw)
	}
	*list = append(*list, Named{name.text, uint32(v)})
	return nil
}

// flag returns the value of a flag.
func (t *Tag) flag(name string) (uint64, bool) {
	for i := range t.Flags {
		if t.Flags[i].Name == name {
			return uint64(t.Flags[i].Value), true
		}
	}
	return 0, false
}

// parse returns the value of a number or a name.
func (t *Tag) parse(s string) (uint32, bool) {
	if v, ok := number(s, math.MaxUint32); ok {
		return uint32(v), true
	}
	return t.value(s)
}

func (c *compiler) capability(b *capBlock) *Error {
	out := Capability{Name: b.name.text, Default: b.byDefault}
	var err *Error
	if out.ID, err = c.id(b.id); err != nil {
		return err
	}
	for i := range c.out.Capabilities {
		switch o := &c.out.Capabilities[i]; {
		case o.Name == out.Name:
			return errorAt(b.name.pos, "second cap with the name %s: the first one is in line %d", b.name.raw, c.src.caps[i].name.pos.Line)
		case o.ID == out.ID:
			return errorAt(b.id.pos, "cap %s has the id of cap %s: expected another number than %d", b.name.raw, o.Name, out.ID)
		}
	}
	e := emitter{compiler: c, limit: vl2.MaxCapabilityRules, what: "cap " + b.name.raw}
	if err := e.statements(nil, b.statements); err != nil {
		return err
	}
	out.Rules = e.rules
	c.out.Capabilities = append(c.out.Capabilities, out)
	return nil
}

// emitter collects the rules of a network or of a capability.
type emitter struct {
	*compiler
	rules []vl2.Rule
	limit int
	what  string
	ended token // the action that ends these rules always
	told  bool  // of what follows it
}

func (e *emitter) statements(f *frame, list []statement) *Error {
	for i := range list {
		s := &list[i]
		var err *Error
		if s.action == nil {
			err = e.include(f, s)
		} else {
			err = e.rule(f, s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// include expands a macro.
func (e *emitter) include(f *frame, s *statement) *Error {
	m := e.src.macros[s.macro.text]
	switch {
	case m == nil:
		names := slices.Sorted(maps.Keys(e.src.macros))
		return f.errorAt(s.macro.pos, "there is no macro %s%s", s.macro.raw, suggest(s.macro.text, names...))
	case m.open:
		return f.errorAt(s.macro.pos, "macro %s includes itself", s.macro.raw)
	case len(s.args) != len(m.parameters):
		return f.errorAt(s.macro.pos, "macro %s has %d parameters: expected as many values, found %d", s.macro.raw, len(m.parameters), len(s.args))
	case f.depth() >= maxDepth:
		return f.errorAt(s.macro.pos, "more than %d macros include one another", maxDepth)
	case e.includes >= maxIncludes:
		return f.errorAt(s.macro.pos, "more than %d includes to expand", maxIncludes)
	}
	e.includes++
	in := &frame{up: f, macro: m, at: s.word}
	for _, a := range s.args {
		in.values = append(in.values, f.resolve(a[0]))
	}
	m.open = true
	defer func() { m.open = false }()
	return e.statements(in, m.statements)
}

// rule appends a rule.
func (e *emitter) rule(f *frame, s *statement) *Error {
	if len(e.rules)+len(s.matches)+1 > e.limit {
		return f.errorAt(s.word.pos, "more than %d entries in %s, counting each action and each match", e.limit, e.what)
	}
	if !e.ended.isEnd() && !e.told {
		e.told = true
		e.warn(s.word.pos, "nothing comes this far: %v in line %d always ends these rules", e.ended, e.ended.pos.Line)
	}
	for i := range s.matches {
		m := &s.matches[i]
		r, err := e.match(f, m)
		if err != nil {
			return err
		}
		if m.or && i == 0 {
			e.warn(m.word.pos, "or before the first match makes it match every frame")
		}
		r.Not, r.Or = m.not, m.or
		e.rules = append(e.rules, r)
	}
	field, err := e.field(f, s.word, s.action, s.args)
	if err != nil {
		return err
	}
	switch s.action.typ {
	case vl2.ActionTee, vl2.ActionWatch:
		field = forward(field[2:7], field[:2])
	case vl2.ActionRedirect:
		field = forward(field, []byte{0, 0})
	}
	e.rules = append(e.rules, vl2.NewRule(s.action.typ, field...))
	if ends := field == nil; ends && len(s.matches) == 0 {
		e.ended = s.word
	}
	return nil
}

// forward returns the field of a rule that sends frames elsewhere: 64 bits of address, flags, length.
func forward(address, length []byte) []byte {
	return append(append(append(make([]byte, 3, 14), address...), 0, 0, 0, 0), length...)
}

// match returns the rule that stands for a match.
func (e *emitter) match(f *frame, m *condition) (vl2.Rule, *Error) {
	field, err := e.field(f, m.word, m.match, m.args)
	if err != nil {
		return vl2.Rule{}, err
	}
	t := m.match.typ
	const coded6 = 16 + 1 // address, length of the prefix
	switch {
	case t == vl2.MatchSourceIPv4 && len(field) == coded6:
		t = vl2.MatchSourceIPv6
	case t == vl2.MatchDestIPv4 && len(field) == coded6:
		t = vl2.MatchDestIPv6
	case t == vl2.MatchIntegerRange: // offset[2] bits[1] endian[1] from[8] to[8] become from to offset format
		field = append(bytes.Clone(field[4:]), field[0], field[1], field[2]|field[3])
	}
	return vl2.NewRule(t, field...), nil
}

// field returns the coded arguments of a keyword in their order.
func (e *emitter) field(f *frame, word token, k *keyword, args [][]token) (field []byte, err *Error) {
	var tag *Tag
	for i, a := range k.args {
		var coded []byte
		switch a {
		case argTag:
			coded, tag, err = e.tagArgument(f, args[i][0])
		case argTagValue:
			coded, err = e.tagValue(f, tag, args[i][0])
		case argCharacteristics:
			coded, err = e.bits(f, word, args[i])
		default:
			t := f.resolve(args[i][0])
			var ok bool
			if coded, ok = a.value(t.text); !ok {
				err = f.errorAt(t.pos, "%s", a.mismatch(word, t))
			}
		}
		if err != nil {
			return nil, err
		}
		field = append(field, coded...)
	}
	return field, nil
}

// bits returns the mask of some characteristics.
func (e *emitter) bits(f *frame, word token, names []token) ([]byte, *Error) {
	mask := make([]byte, 8)
	for _, t := range names {
		t = f.resolve(t)
		bit, ok := argCharacteristics.value(t.text)
		if !ok {
			return nil, f.errorAt(t.pos, "%s", argCharacteristics.mismatch(word, t))
		}
		for i := range mask {
			mask[i] |= bit[i]
		}
	}
	return mask, nil
}

// tagArgument returns the number of a tag, and the tag if the source defines it.
func (e *emitter) tagArgument(f *frame, t token) ([]byte, *Tag, *Error) {
	t = f.resolve(t)
	id, isNumber := number(t.text, math.MaxUint32)
	var names []string
	for i := range e.out.Tags {
		o := &e.out.Tags[i]
		if o.Name == t.text || isNumber && uint64(o.ID) == id {
			return bigEndian(nil, uint64(o.ID), 4), o, nil
		}
		names = append(names, o.Name)
	}
	if !isNumber {
		return nil, nil, f.errorAt(t.pos, "there is no tag %s: expected %v%s", t.raw, argTag, suggest(t.text, names...))
	}
	return bigEndian(nil, id, 4), nil, nil
}

// tagValue returns a value of a tag; without a tag it has to be a number.
func (e *emitter) tagValue(f *frame, tag *Tag, t token) ([]byte, *Error) {
	t = f.resolve(t)
	if tag == nil {
		tag = &Tag{}
	}
	v, ok := tag.parse(t.text)
	if !ok {
		var names []string
		for _, n := range append(append([]Named(nil), tag.Enums...), tag.Flags...) {
			names = append(names, n.Name)
		}
		return nil, f.errorAt(t.pos, "expected %v, found %v%s", argTagValue, t, suggest(t.text, names...))
	}
	return bigEndian(nil, uint64(v), 4), nil
}
