// Package tcp implements the Transmission Control Protocol (RFC 9293, https://www.rfc-editor.org/rfc/rfc9293):
// the wire format and one connection. It does no I/O, reads no clock and starts no goroutine.
//
// # How to use it
//
// A Conn is opened with Open, or with Accept from a SYN that ListenSegment has let pass. From then on its owner
//
//   - gives it every segment that arrives: Receive,
//   - calls Poll when the deadline that Deadline returns has passed,
//   - asks Output for segments after a batch of calls to anything, until it returns 0,
//   - and then asks Events what an application that waits would want to know.
//
// Output has to be asked after every Receive, Read, Write, Poll and setter, not only when there is an event: an
// acknowledgement or a window update raises none. A Conn in TIME-WAIT is replaced by its TimeWaitRecord. Segments
// without a connection are answered by Reset. Addresses are the owner's business: checksums go out and come in as sums
// that lack the pseudo-header.
//
// # How to read it
//
// header, options, seq: the wire format. conn: the type, its beginning and its end. receive: RFC 9293, Section
// 3.10.7.4, in its order; receive_open: SYN-SENT and SYN-RECEIVED; reassembly: text and FIN. output: what is due, the
// only place that decides to send; segment: how it is written. timers: what time does. window: both windows. rtt (RFC
// 6298), sent and sack (the scoreboard of RFC 6675), recovery (RFC 6675, 6582), rack (RFC 8985), prr (RFC 6937), congestion
// and control with reno (RFC 5681), cubic and hystart; bbr, rate, pacer and paced (draft-ietf-ccwg-bbr). challenge (RFC 5961), isn (RFC 6528), ecn (RFC 3168), eifel (RFC 3522),
// syncookie (RFC 4987), autotune, blackhole (RFC 8899), timewait, listen, reset, icmp (RFC 5927). user: what an application calls.
//
// # What is implemented
//
// RFC 9293 with simultaneous open and close and half-close; MSS, window scale, timestamps with PAWS (RFC 7323), SACK
// both ways with DSACK (RFC 2018, 2883); NewReno with SACK-based recovery, limited transmit (RFC 3042), RACK-TLP,
// proportional rate reduction (RFC 6937), CUBIC with HyStart++ (RFC 9438, 9406), NewReno or BBR on request, an initial window of ten
// segments (RFC 6928), byte counting (RFC 3465); zero-window probes, silly window avoidance at both ends, Nagle, delayed
// ACKs, keep-alive, user timeout, linger; ECN (RFC 3168), on request and granted to who asks; Eifel detection of spurious
// retransmissions (RFC 3522, 4015); SYN cookies (RFC 4987); black hole detection (RFC 4821, 8899); buffers that grow with the bandwidth-delay product; RFC 5961
// challenge ACKs limited per connection, RFC 6528, RFC 1337, RFC 6191.
//
// # What is not
//
// Fast Open, urgent pointers (urgent data stays in line, RFC 6093), path MTU search above what the route
// says, pacing of anything but BBR. What deviates from an RFC on purpose says "Deviation:" where
// it does.
package tcp
