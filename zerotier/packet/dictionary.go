package packet

import "github.com/ztstack/ztstack/zerotier/identity"

// A Dict is a dictionary in its coded form (PROTOCOL 16): lines key=value with escapes, ended by a NUL or
// the length. Reading takes the first entry of a key, writing appends: the zero Dict is empty and ready.
type Dict []byte

// Get returns the unescaped value of key, appended to dst, and whether there is one.
func (d Dict) Get(dst []byte, key string) (value []byte, ok bool) {
	coded, ok := d.find(key)
	if !ok {
		return dst, false
	}
	return Unescape(dst, coded), true
}

// Has reports whether there is an entry for key.
func (d Dict) Has(key string) bool {
	_, ok := d.find(key)
	return ok
}

// Text returns the value of key as a string, or "".
func (d Dict) Text(key string) string {
	value, _ := d.Get(nil, key)
	return string(value)
}

// Uint returns the value of key as a hexadecimal integer, or otherwise when there is none. Digits end at the
// first byte that is not one, and a number too large is the largest.
func (d Dict) Uint(key string, otherwise uint64) uint64 {
	coded, _ := d.find(key)
	v, ok := hexUint(coded)
	if !ok {
		return otherwise
	}
	return v
}

// Int returns the value of key as a hexadecimal integer that may have a minus sign, or otherwise.
func (d Dict) Int(key string, otherwise int64) int64 {
	coded, _ := d.find(key)
	negative := len(coded) > 0 && coded[0] == '-'
	if negative {
		coded = coded[1:]
	}
	v, ok := hexUint(coded)
	switch {
	case !ok:
		return otherwise
	case negative:
		return -int64(v)
	}
	return int64(v)
}

// Bool returns the value of key as a truth value, or otherwise. Values that begin with 1, t or T are true.
func (d Dict) Bool(key string, otherwise bool) bool {
	coded, _ := d.find(key)
	if len(coded) == 0 {
		return otherwise
	}
	return coded[0] == '1' || coded[0] == 't' || coded[0] == 'T'
}

// At returns the entry at offset off, in coded form, and the offset of the next, or ok false at the end. It is how
// to list a dictionary: start with offset 0. A line without '=' has no value.
func (d Dict) At(off int) (key, coded []byte, next int, ok bool) {
	if off < 0 || off >= len(d) || d[off] == 0 {
		return nil, nil, off, false
	}
	end, equals := off, -1
	for ; end < len(d) && !endsLine(d[end]); end++ {
		if equals < 0 && d[end] == '=' {
			equals = end
		}
	}
	next = end
	if next < len(d) && d[next] != 0 {
		next++
	}
	if equals < 0 {
		return d[off:end], nil, next, true
	}
	return d[off:equals], d[equals+1 : end], next, true
}

// endsLine reports whether c ends a line. The reference writes LF but reads CR too.
func endsLine(c byte) bool { return c == '\n' || c == '\r' || c == 0 }

// find returns the coded value of the first entry for key.
func (d Dict) find(key string) (coded []byte, ok bool) {
	for off := 0; ; {
		k, v, next, ok := d.At(off)
		if !ok {
			return nil, false
		}
		if string(k) == key && v != nil {
			return v, true
		}
		off = next
	}
}

// Put appends an entry with any bytes as its value. Keys are not escaped: they are letters and digits.
func (d *Dict) Put(key string, value []byte) {
	b := d.begin(key)
	for _, c := range value {
		b = escape(b, c)
	}
	*d = b
}

// PutText appends an entry with a string as its value.
func (d *Dict) PutText(key, value string) {
	b := d.begin(key)
	for i := range len(value) {
		b = escape(b, value[i])
	}
	*d = b
}

// PutUint appends an entry with 16 hexadecimal digits.
func (d *Dict) PutUint(key string, v uint64) { *d = appendHex16(d.begin(key), v) }

// PutInt appends an entry with 16 hexadecimal digits, after a minus sign when v is negative.
//
// Deviation: the reference writes no sign (Dictionary.hpp, add) but reads one.
func (d *Dict) PutInt(key string, v int64) {
	if v >= 0 {
		d.PutUint(key, uint64(v))
		return
	}
	*d = appendHex16(append(d.begin(key), '-'), -uint64(v))
}

// PutBool appends an entry "1" or "0".
func (d *Dict) PutBool(key string, v bool) {
	c := byte('0')
	if v {
		c = '1'
	}
	*d = append(d.begin(key), c)
}

// PutAddress appends an entry with the ten digits of an address.
func (d *Dict) PutAddress(key string, a identity.Address) {
	*d = append(d.begin(key), a.String()...)
}

func (d *Dict) begin(key string) []byte {
	b := []byte(*d)
	if len(b) > 0 {
		b = append(b, '\n')
	}
	return append(append(b, key...), '=')
}

// Unescape appends to dst the bytes that a coded value stands for. A backslash before any other byte stands for that
// byte, one at the end for nothing.
func Unescape(dst, coded []byte) []byte {
	for i := 0; i < len(coded); i++ {
		c := coded[i]
		if c == '\\' {
			if i++; i == len(coded) {
				break
			}
			switch c = coded[i]; c {
			case '0':
				c = 0
			case 'r':
				c = '\r'
			case 'n':
				c = '\n'
			case 'e':
				c = '='
			}
		}
		dst = append(dst, c)
	}
	return dst
}

func escape(dst []byte, c byte) []byte {
	switch c {
	case 0:
		return append(dst, '\\', '0')
	case '\r':
		return append(dst, '\\', 'r')
	case '\n':
		return append(dst, '\\', 'n')
	case '\\':
		return append(dst, '\\', '\\')
	case '=':
		return append(dst, '\\', 'e')
	}
	return append(dst, c)
}

func appendHex16(dst []byte, v uint64) []byte {
	for shift := 60; shift >= 0; shift -= 4 {
		dst = append(dst, "0123456789abcdef"[v>>shift&15])
	}
	return dst
}

func hexUint(b []byte) (v uint64, ok bool) {
	for _, c := range b {
		var digit byte
		switch {
		case '0' <= c && c <= '9':
			digit = c - '0'
		case 'a' <= c && c <= 'f':
			digit = c - 'a' + 10
		case 'A' <= c && c <= 'F':
			digit = c - 'A' + 10
		default:
			return v, ok
		}
		if v>>60 != 0 {
			return ^uint64(0), true
		}
		v, ok = v<<4|uint64(digit), true
	}
	return v, ok
}
