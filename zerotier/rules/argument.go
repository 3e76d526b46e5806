package rules

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"

	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/zerotier/identity"
)

// argument is what may follow a keyword.
type argument uint8

const (
	argAddress argument = iota
	argMAC
	argPrefix
	argNumber8
	argNumber16
	argRange8
	argRange16
	argRange64
	argProtocol
	argEtherType
	argICMPCode
	argLength
	argCharacteristics
	argProbability
	argTag
	argTagValue
	argBits
	argEndian
)

// String says what is expected.
func (a argument) String() string {
	switch a {
	case argAddress:
		return "a ZeroTier address of 10 hexadecimal digits"
	case argMAC:
		return "an Ethernet address of 12 hexadecimal digits, such as 02:00:5e:10:00:01"
	case argPrefix:
		return "an IP address with the length of its prefix, such as 10.1.0.0/16 or fd00::1/128"
	case argNumber8:
		return "a number from 0 to 255"
	case argNumber16:
		return "a number from 0 to 65535"
	case argRange8:
		return "a number from 0 to 255 or a range n-m of them"
	case argRange16:
		return "a number from 0 to 65535 or a range n-m of them"
	case argRange64:
		return "a number or a range n-m that spans less than 2^32"
	case argProtocol:
		return "a number from 0 to 255 or one of " + listNames(ipProtocols)
	case argEtherType:
		return "a number from 0 to 65535 or one of " + listNames(etherTypes)
	case argICMPCode:
		return "a number from 0 to 255, or -1 for any code"
	case argLength:
		return "a length from 0 to 65534, or -1 for all"
	case argCharacteristics:
		return "a bit from 0 to 63 or one of " + listNames(characteristics)
	case argProbability:
		return "a probability from 0 to 1"
	case argTag:
		return "the name or the number of a tag"
	case argTagValue:
		return "a number from 0 to 4294967295 or one of the names that the tag gives to values"
	case argBits:
		return "a number of bits from 1 to 64"
	case argEndian:
		return "big or little"
	}
	return "nothing"
}

// mismatch says that t, which follows word, is not what is expected.
func (a argument) mismatch(word, t token) string {
	var names []symbol
	switch a {
	case argProtocol:
		names = ipProtocols
	case argEtherType:
		names = etherTypes
	case argCharacteristics:
		names = characteristics
	}
	return fmt.Sprintf("expected %v after %v, found %v%s", a, word, t, suggest(t.text, symbolNames(names)...))
}

// number parses a decimal number, or a hexadecimal one after 0x, up to a limit.
func number(s string, limit uint64) (uint64, bool) {
	base := 10
	if h, ok := strings.CutPrefix(s, "0x"); ok {
		s, base = h, 16
	}
	if s == "" || s[0] == '+' {
		return 0, false
	}
	v, err := strconv.ParseUint(s, base, 64)
	return v, err == nil && v <= limit
}

// numberRange parses n or n-m.
func numberRange(s string, limit uint64) (from, to uint64, ok bool) {
	first, last, two := strings.Cut(s, "-")
	if from, ok = number(first, limit); !ok || !two {
		return from, from, ok
	}
	to, ok = number(last, limit)
	return from, to, ok && from <= to
}

// everyLength is the length of a copy that means all; stock controllers read the -1 of the language as it.
const everyLength = 0xffff

// value codes an argument that needs no context, as in the field of a rule (PROTOCOL 20.1).
func (a argument) value(s string) (field []byte, ok bool) {
	switch a {
	case argAddress:
		v, err := identity.ParseAddress(s)
		return v.Append(nil), err == nil
	case argMAC:
		if len(s) == 12 {
			s = s[:2] + ":" + s[2:4] + ":" + s[4:6] + ":" + s[6:8] + ":" + s[8:10] + ":" + s[10:]
		}
		v, err := ethernet.ParseAddr(strings.ReplaceAll(s, "-", ":"))
		return v[:], err == nil
	case argPrefix:
		v, err := netip.ParsePrefix(s)
		return append(v.Addr().AsSlice(), byte(v.Bits())), err == nil
	case argNumber8:
		return coded(s, math.MaxUint8, 1)
	case argNumber16:
		return coded(s, math.MaxUint16, 2)
	case argRange8:
		from, to, ok := numberRange(s, math.MaxUint8)
		return []byte{byte(from), byte(to)}, ok
	case argRange16:
		from, to, ok := numberRange(s, math.MaxUint16)
		return bigEndian(bigEndian(nil, from, 2), to, 2), ok
	case argRange64:
		from, to, ok := numberRange(s, math.MaxUint64)
		return bigEndian(bigEndian(nil, from, 8), to, 8), ok && to-from <= math.MaxUint32
	case argProtocol:
		if v, ok := lookup(ipProtocols, s); ok {
			return []byte{byte(v)}, true
		}
		return coded(s, math.MaxUint8, 1)
	case argEtherType:
		if v, ok := lookup(etherTypes, s); ok {
			return bigEndian(nil, v, 2), true
		}
		return coded(s, math.MaxUint16, 2)
	case argICMPCode:
		if s == "-1" {
			return []byte{0, 0}, true
		}
		field, ok = coded(s, math.MaxUint8, 1)
		return append(field, 1), ok
	case argLength:
		if s == "-1" {
			return bigEndian(nil, everyLength, 2), true
		}
		return coded(s, everyLength-1, 2)
	case argCharacteristics:
		v, ok := lookup(characteristics, s)
		if !ok {
			v, ok = number(s, 63)
		}
		return bigEndian(nil, 1<<(v&63), 8), ok
	case argProbability:
		return probability(s)
	case argBits:
		v, ok := number(s, 64)
		return []byte{byte(v - 1)}, ok && v > 0
	case argEndian:
		if s == "little" {
			return []byte{0x80}, true
		}
		return []byte{0}, s == "big"
	}
	return nil, false
}

// coded returns a number as big-endian bytes.
func coded(s string, limit uint64, size int) ([]byte, bool) {
	v, ok := number(s, limit)
	return bigEndian(nil, v, size), ok
}

// bigEndian appends the lower bytes of v.
func bigEndian(b []byte, v uint64, size int) []byte {
	for i := size - 1; i >= 0; i-- {
		b = append(b, byte(v>>(8*i)))
	}
	return b
}

// load is the inverse of bigEndian.
func load(b []byte) (v uint64) {
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return v
}

// probability returns the largest 32-bit random number that matches.
func probability(s string) ([]byte, bool) {
	// Only plain decimal notation: ParseFloat also knows inf, nan and hexadecimal.
	if strings.Trim(s, "0123456789.") != "" {
		return nil, false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f < 0 || f > 1 {
		return nil, false
	}
	return bigEndian(nil, uint64(math.Floor(math.MaxUint32*f)), 4), true
}
