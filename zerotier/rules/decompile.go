package rules

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// Decompile writes a program in the language, so that Compile makes the same of it. Tags and capabilities that have no name,
// or one that cannot be used, are named for their number. What the language cannot say, such as a rule of unknown type or
// matches without an action, is an error; "not" and "or" of an action mean nothing and are left out.
func Decompile(p *Program) (string, error) {
	d := decompiler{program: p, taken: make(map[string]bool)}
	for i := range p.Tags {
		d.tag(&p.Tags[i])
	}
	clear(d.taken)
	for i := range p.Capabilities {
		c := &p.Capabilities[i]
		name := d.name("cap", c.Name, c.ID)
		fmt.Fprintf(&d.out, "cap %s\n  id %d\n", name, c.ID)
		if c.Default {
			d.out.WriteString("  default\n")
		}
		if err := d.rules(c.Rules, "  "); err != nil {
			return "", fmt.Errorf("rules: cap %s: %w", name, err)
		}
		d.out.WriteString(";\n\n")
	}
	if err := d.rules(p.Rules, ""); err != nil {
		return "", fmt.Errorf("rules: %w", err)
	}
	return d.out.String(), nil
}

type decompiler struct {
	program *Program
	names   []string // of the tags
	taken   map[string]bool
	out     strings.Builder
}

// name returns a name that Compile takes and that is not taken.
func (d *decompiler) name(what, name string, id uint32) string {
	if !isName(name) || isReserved(name) || d.taken[name] {
		name = what + strconv.FormatUint(uint64(id), 10)
		for d.taken[name] {
			name += "_"
		}
	}
	d.taken[name] = true
	return name
}

func (d *decompiler) tag(t *Tag) {
	name := d.name("tag", t.Name, t.ID)
	d.names = append(d.names, name)
	fmt.Fprintf(&d.out, "tag %s\n  id %d\n", name, t.ID)
	if t.HasDefault {
		fmt.Fprintf(&d.out, "  default %s\n", t.text(t.Default))
	}
	for _, n := range t.Enums {
		if t.usable(n) {
			fmt.Fprintf(&d.out, "  enum %d %s\n", n.Value, n.Name)
		}
	}
	for _, n := range t.Flags {
		if t.usable(n) && n.Value != 0 && n.Value&(n.Value-1) == 0 {
			fmt.Fprintf(&d.out, "  flag %d %s\n", log2(n.Value), n.Name)
		}
	}
	d.out.WriteString(";\n\n")
}

// log2 returns the number of the only bit in v.
func log2(v uint32) (bit int) {
	for ; v > 1; v >>= 1 {
		bit++
	}
	return bit
}

// usable reports whether Compile takes the name of a value: it has the right form, and no other value has it.
func (t *Tag) usable(n Named) bool {
	if !isName(n.Name) || isReserved(n.Name) {
		return false
	}
	count := 0
	for _, o := range slices.Concat(t.Enums, t.Flags) {
		if o.Name == n.Name {
			count++
		}
	}
	return count == 1
}

// text returns the name of a value that an enum gives it, or its digits.
func (t *Tag) text(v uint32) string {
	for _, n := range t.Enums {
		if n.Value == v && t.usable(n) {
			return n.Name
		}
	}
	for _, n := range t.Flags {
		if n.Value == v && t.usable(n) && v != 0 && v&(v-1) == 0 {
			return n.Name
		}
	}
	return strconv.FormatUint(uint64(v), 10)
}

// rules writes a rule set, one block for each action.
func (d *decompiler) rules(list []vl2.Rule, indent string) error {
	start := 0
	for i := range list {
		r := &list[i]
		if !r.Type.Known() {
			return fmt.Errorf("entry %d: type %d is unknown", i, r.Type)
		}
		if !r.Type.IsAction() {
			continue
		}
		action, err := actionText(r)
		if err != nil {
			return fmt.Errorf("entry %d: %w", i, err)
		}
		d.out.WriteString(indent + action)
		for j := start; j < i; j++ {
			match, err := d.match(&list[j], j == start)
			if err != nil {
				return fmt.Errorf("entry %d: %w", j, err)
			}
			if i-start == 1 {
				d.out.WriteString(" " + match)
			} else {
				d.out.WriteString("\n" + indent + "  " + match)
			}
		}
		if i-start > 1 {
			d.out.WriteString("\n" + indent)
		}
		d.out.WriteString(";\n")
		start = i + 1
	}
	if start < len(list) {
		return fmt.Errorf("entry %d: matches at the end have no action", start)
	}
	return nil
}

// actionText returns an action with its arguments.
func actionText(r *vl2.Rule) (string, error) {
	k := named(actions, r.Type)
	if k == nil {
		return "", fmt.Errorf("the language has no word for %v", r.Type)
	}
	if len(k.args) == 0 {
		return k.name, nil
	}
	f := r.Field()
	if load(f[:3]) != 0 || load(f[8:12]) != 0 || r.Type == vl2.ActionRedirect && load(f[12:]) != 0 {
		return "", fmt.Errorf("%v has flags: the language has no word for them", r.Type)
	}
	if r.Type == vl2.ActionRedirect {
		return k.name + " " + r.Target().String(), nil
	}
	length := strconv.FormatUint(load(f[12:]), 10)
	if load(f[12:]) == everyLength {
		length = "-1"
	}
	return k.name + " " + length + " " + r.Target().String(), nil
}

// match returns a match with what joins it to the one before.
func (d *decompiler) match(r *vl2.Rule, first bool) (string, error) {
	t := r.Type
	switch t {
	case vl2.MatchSourceIPv6:
		t = vl2.MatchSourceIPv4
	case vl2.MatchDestIPv6:
		t = vl2.MatchDestIPv4
	}
	k := named(matches, t)
	if k == nil {
		return "", fmt.Errorf("the language has no word for %v", r.Type)
	}
	args, ok := d.arguments(k, r)
	if !ok {
		return "", fmt.Errorf("%v: the language cannot say the field %x", r.Type, r.Field())
	}
	text := k.name + " " + args
	if r.Not {
		text = "not " + text
	}
	switch {
	case r.Or:
		text = "or " + text
	case !first:
		text = "and " + text
	}
	return text, nil
}

// arguments returns the arguments of a match, and whether Compile makes the same of them.
func (d *decompiler) arguments(k *keyword, r *vl2.Rule) (string, bool) {
	f := r.Field()
	switch k.args[0] {
	case argAddress:
		return identity.AddressFrom(f).String(), true
	case argMAC:
		return ethernet.Addr(f).String(), true
	case argPrefix:
		n := len(f) - 1
		a, _ := netip.AddrFromSlice(f[:n])
		return a.String() + "/" + strconv.Itoa(int(f[n])), int(f[n]) <= 8*n
	case argProtocol, argEtherType:
		names := ipProtocols
		if k.args[0] == argEtherType {
			names = etherTypes
		}
		if name := nameOf(names, load(f)); name != "" {
			return name, true
		}
		if k.args[0] == argEtherType {
			return fmt.Sprintf("0x%04x", load(f)), true
		}
		return strconv.FormatUint(load(f), 10), true
	case argRange16:
		return rangeText(load(f[:2]), load(f[2:]))
	case argCharacteristics:
		return characteristicsText(load(f))
	case argProbability:
		return probabilityText(load(f)), true
	case argTag:
		return d.tagText(uint32(load(f[:4])), uint32(load(f[4:]))), true
	}
	switch r.Type {
	case vl2.MatchTOS:
		text, ok := rangeText(load(f[1:2]), load(f[2:]))
		return fmt.Sprintf("0x%02x %s", f[0], text), ok
	case vl2.MatchICMP:
		if f[2] == 1 {
			return fmt.Sprintf("%d %d", f[0], f[1]), true
		}
		return fmt.Sprintf("%d -1", f[0]), f[1] == 0 && f[2] == 0
	case vl2.MatchIntegerRange:
		endian := "big"
		if f[18]&0x80 != 0 {
			endian = "little"
		}
		from, to := load(f[:8]), load(f[8:16])
		text, ok := rangeText(from, to)
		return fmt.Sprintf("%d %d %s %s", load(f[16:18]), f[18]&63+1, endian, text), ok && to-from <= math.MaxUint32 && f[18]&0x40 == 0
	}
	return strconv.FormatUint(load(f), 10), true
}

// rangeText returns n or n-m.
func rangeText(from, to uint64) (string, bool) {
	if from == to {
		return strconv.FormatUint(from, 10), true
	}
	return strconv.FormatUint(from, 10) + "-" + strconv.FormatUint(to, 10), from < to
}

// characteristicsText returns the names of bits.
func characteristicsText(mask uint64) (string, bool) {
	var names []string
	for bit := range uint64(64) {
		if mask>>bit&1 == 0 {
			continue
		}
		name := nameOf(characteristics, bit)
		if name == "" {
			name = strconv.FormatUint(bit, 10)
		}
		names = append(names, name)
	}
	return strings.Join(names, ","), mask != 0
}

// probabilityText returns the shortest decimal number that stands for v.
func probabilityText(v uint64) string {
	f := float64(v) / math.MaxUint32
	for digits := range 24 {
		for _, x := range [...]float64{f, math.Nextafter(f, 2)} {
			text := strconv.FormatFloat(x, 'f', digits, 64)
			if b, ok := probability(text); ok && load(b) == v {
				return text
			}
		}
	}
	panic("BUG: rules: no decimal for a probability")
}

// tagText returns a tag and a value of it.
func (d *decompiler) tagText(id, value uint32) string {
	for i := range d.program.Tags {
		if t := &d.program.Tags[i]; t.ID == id {
			return d.names[i] + " " + t.text(value)
		}
	}
	return fmt.Sprintf("%d %d", id, value)
}
