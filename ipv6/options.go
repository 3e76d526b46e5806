package ipv6

import "github.com/ztstack/ztstack/internal/be"

// Option types (RFC 8200 Section 4.2, RFC 2711).
const (
	optPad1        uint8 = 0
	optPadN        uint8 = 1
	optRouterAlert uint8 = 5
)

// options examines h, a Hop-by-Hop or Destination Options header that begins at c.Off.
func (c *Chain) options(h []byte) Verdict {
	count, padding := 0, 0
	for i := 2; i < len(h); {
		n := 1
		if h[i] != optPad1 {
			if i+1 == len(h) || i+2+int(h[i+1]) > len(h) {
				return Verdict{Action: Drop, Reason: OptionOverrun}
			}
			n = 2 + int(h[i+1])
		}
		if h[i] <= optPadN {
			padding += n
			if padding > MaxPadding {
				return Verdict{Action: Drop, Reason: Padding}
			}
			i += n
			continue
		}
		padding = 0
		if count++; count > MaxOptions {
			return Verdict{Action: Drop, Reason: TooManyOptions}
		}
		if h[i] == optRouterAlert && c.Next == ProtoHopByHop {
			if n == 4 {
				c.RouterAlert, c.AlertValue = true, be.Uint16(h[i+2:])
			}
		} else if v := unknownOption(h[i], c.Off+i); v.Action != Deliver {
			return v
		}
		i += n
	}
	return Verdict{}
}

// unknownOption does as the two highest bits of an unrecognised option's type say, the option being
// at the offset at. RFC 8200 Section 4.2.
func unknownOption(typ uint8, at int) Verdict {
	v := Verdict{Action: ParamProblem, Reason: UnknownOption, Code: CodeOption, Pointer: uint32(at)}
	switch typ >> 6 {
	case 0:
		return Verdict{}
	case 1:
		return Verdict{Action: Drop, Reason: UnknownOption}
	case 2:
		v.EvenMulticast = true
	}
	return v
}

// RouterAlertLen is the length of the header that PutRouterAlert writes.
const RouterAlertLen = 8

// PutRouterAlert writes a Hop-by-Hop Options header with a Router Alert option of value 0, which MLD
// messages carry (RFC 3810 Section 5), into b and returns its length. next is what follows it.
func PutRouterAlert(b []byte, next uint8) (n int) {
	if len(b) < RouterAlertLen {
		panic("BUG: ipv6: no room for a Router Alert")
	}
	*(*[RouterAlertLen]byte)(b) = [RouterAlertLen]byte{next, 0, optRouterAlert, 2, 0, 0, optPadN, 0}
	return RouterAlertLen
}
