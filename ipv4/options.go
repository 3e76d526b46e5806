package ipv4

// Options is what a host wants to know of a header's options.
type Options struct {
	// SourceRoute tells of a loose or strict source route. Such packets are dropped by default.
	// "[...] the default [for handling] LSRR and SSRR options [is to] discard" RFC 7126, Sections 4.3 and 4.4.
	SourceRoute bool
	RouterAlert bool // RFC 2113
}

// CheckOptions examines the options of a header. If they are malformed it returns the offset, from
// the beginning of the IPv4 header, of the octet at fault: where an ICMP Parameter Problem points.
func CheckOptions(opts []byte) (o Options, pointer int, ok bool) { panic("TODO") }
