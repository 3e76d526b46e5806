// Package ipv6 implements the IPv6 header, extension headers, fragments and address scopes.
//
// Implemented: the fixed header (RFC 8200 Section 3); the walk over extension headers with the verdict
// on each (RFC 8200 Section 4, RFC 5095, RFC 2711) within limits as RFC 8504 Section 5.3 allows them;
// fragmentation and reassembly (RFC 8200 Section 4.5) with overlapping fragments (RFC 5722), atomic
// fragments (RFC 6946) and incomplete header chains (RFC 7112); scopes of addresses and the addresses
// that must not come from a wire (RFC 4291).
//
// A packet comes in by Header.Parse and Walk, whose Verdict says whether to deliver, to drop, to report
// a Parameter Problem, or to call Reassembler.Receive. It goes out by Header.Put, or by Fragment when
// it is too long.
//
// Not supported: jumbograms (RFC 2675; their option is unrecognised and reported as such), routing
// headers of any type with segments left, IPsec (AH and ESP count as unknown protocols), sending
// extension headers other than Fragment and Router Alert, and flow labels' and identifications' choice,
// which is the stack's.
package ipv6
