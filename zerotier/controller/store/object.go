package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"github.com/ztstack/ztstack/zerotier/identity"
)

// object is a JSON object whose fields are not looked at until they are asked for.
type object map[string]json.RawMessage

// parseObject parses a JSON object.
func parseObject(b []byte) (object, error) {
	var o object
	if err := json.Unmarshal(b, &o); err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", err)
	}
	if o == nil {
		return nil, fmt.Errorf("not a JSON object but null")
	}
	return o, nil
}

// append appends o with its fields in alphabetical order and without white space, as stock controllers write it.
func (o object) append(b []byte) []byte { return append(b, encode(o)...) }

// encode returns the JSON of a value of ours.
func encode(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("BUG: store: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// merge sets the fields that the controller knows to those of now. A field that means the same as before stays as it was
// written, and so do fields that are not known.
func (o object) merge(known map[string]bool, before, now object) {
	for name := range known {
		value, ok := now[name]
		switch _, had := o[name]; {
		case !ok:
			delete(o, name)
		case !had || !bytes.Equal(before[name], value):
			o[name] = value
		}
	}
}

// defaults sets fields that are not there.
func (o object) defaults(values map[string]string) {
	for name, value := range values {
		if _, ok := o[name]; !ok {
			o[name] = json.RawMessage(value)
		}
	}
}

// milliseconds returns a time as records have it.
func milliseconds(t time.Time) json.RawMessage { return strconv.AppendInt(nil, t.UnixMilli(), 10) }

// reader reads the fields of an object and keeps the first error. Like stock controllers it takes numbers and booleans in
// quotes, and the default for null.
type reader struct {
	o   object
	err error
}

// fail keeps an error about a field.
func (r *reader) fail(name, expected string) {
	if r.err != nil {
		return
	}
	raw := r.o[name]
	const most = 80
	if len(raw) > most {
		raw = append(bytes.Clone(raw[:most]), "..."...)
	}
	r.err = fmt.Errorf("%q: expected %s, found %s", name, expected, raw)
}

func (r *reader) has(name string) bool { return !isNull(r.o[name]) }

// text returns a string.
func (r *reader) text(name string) (s string) {
	if r.has(name) && json.Unmarshal(r.o[name], &s) != nil {
		r.fail(name, "a string")
	}
	return s
}

// plain returns a string without its quotes, or the text of anything else.
func (r *reader) plain(name string) string {
	var s string
	if json.Unmarshal(r.o[name], &s) == nil {
		return s
	}
	return string(r.o[name])
}

func (r *reader) boolean(name string, absent bool) bool {
	if !r.has(name) {
		return absent
	}
	switch r.plain(name) {
	case "true", "1":
		return true
	case "false", "0":
	default:
		r.fail(name, "true or false")
	}
	return false
}

func (r *reader) number(name string, limit, absent uint64) uint64 {
	if !r.has(name) {
		return absent
	}
	v, err := strconv.ParseUint(r.plain(name), 10, 64)
	if err != nil || v > limit {
		r.fail(name, "a number from 0 to "+strconv.FormatUint(limit, 10))
		return absent
	}
	return v
}

// list returns the elements of an array of at most limit; anything else is an empty one, as stock controllers have it.
func (r *reader) list(name string, limit int) (list []json.RawMessage) {
	if raw := r.o[name]; len(raw) > 0 && raw[0] == '[' && json.Unmarshal(raw, &list) == nil && len(list) > limit {
		r.fail(name, "at most "+strconv.Itoa(limit)+" elements")
		return nil
	}
	return list
}

// object returns a field that is an object, or nil.
func (r *reader) object(name string) (o object) {
	if raw := r.o[name]; len(raw) > 0 && raw[0] == '{' && json.Unmarshal(raw, &o) != nil {
		r.fail(name, "an object")
	}
	return o
}

// address returns a ZeroTier address, or 0.
func (r *reader) address(name string) identity.Address {
	s := r.text(name)
	if s == "" {
		return 0
	}
	a, err := identity.ParseAddress(s)
	if err != nil {
		r.fail(name, "a ZeroTier address of 10 hexadecimal digits")
	}
	return a
}

// ip returns an IP address without its prefix length.
func (r *reader) ip(name string) netip.Addr {
	a, ok := parseIP(r.text(name))
	if !ok {
		r.fail(name, "an IP address")
	}
	return a
}

// parseIP parses an address, with or without the length of a prefix.
func parseIP(s string) (netip.Addr, bool) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Addr().Unmap(), true
	}
	a, err := netip.ParseAddr(s)
	return a.Unmap(), err == nil && a.Zone() == ""
}
