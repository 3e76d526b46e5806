package ipv4

// Option types (RFC 791 Section 3.1, RFC 2113), the copied flag included.
const (
	optEnd         uint8 = 0
	optNop         uint8 = 1
	optLooseRoute  uint8 = 131
	optStrictRoute uint8 = 137
	optRouterAlert uint8 = 148

	optCopied uint8 = 0x80 // set in options that go into every fragment
)

// Options is what a host wants to know of a header's options.
type Options struct {
	// SourceRoute tells of a loose or strict source route. A host drops such packets unless it was told
	// otherwise. RFC 7126 Sections 4.3 and 4.4.
	SourceRoute bool
	RouterAlert bool // RFC 2113
}

// CheckOptions examines the options of a header. If they are malformed it returns the offset, from
// the beginning of the IPv4 header, of the octet at fault: where an ICMP Parameter Problem points.
// Options that are well formed and unknown are ignored, as RFC 1122 Section 3.2.1.8 demands.
func CheckOptions(opts []byte) (o Options, pointer int, ok bool) {
	for i := 0; i < len(opts); {
		n, at := optionLen(opts, i)
		if n < 0 {
			return o, HeaderLen + at, false
		}
		switch opts[i] {
		case optEnd:
			return o, 0, true
		case optLooseRoute, optStrictRoute:
			o.SourceRoute = true
		case optRouterAlert:
			o.RouterAlert = n == 4
		}
		i += n
	}
	return o, 0, true
}

// optionLen returns the length of the option at opts[i], or -1 and the index of the octet at fault.
func optionLen(opts []byte, i int) (n, at int) {
	if opts[i] == optEnd || opts[i] == optNop {
		return 1, 0
	}
	if i+1 == len(opts) {
		return -1, i
	}
	n = int(opts[i+1])
	if n < 2 || i+n > len(opts) {
		return -1, i + 1
	}
	return n, 0
}

// copiedOptions copies the options that belong into every fragment to dst and returns their length.
func copiedOptions(dst *[MaxHeaderLen - HeaderLen]byte, opts []byte) (n int) {
	for i := 0; i < len(opts) && opts[i] != optEnd; {
		l, _ := optionLen(opts, i)
		if l < 0 {
			break
		}
		if opts[i]&optCopied != 0 {
			n += copy(dst[n:], opts[i:i+l])
		}
		i += l
	}
	return n
}
