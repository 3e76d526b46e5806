package stack

import (
	"github.com/ztstack/ztstack/ipv4"
	"github.com/ztstack/ztstack/ipv6"
)

// A Drop names why a packet was dropped.
type Drop uint8

// The reasons, in the order in which a packet meets them.
const (
	DropNoInterface      Drop = iota // the interface does not exist or is down
	DropShortFrame                   // shorter than its link header
	DropOtherHost                    // unicast frame to somebody else's station address
	DropVLAN                         // tagged for a VLAN that the interface is not in
	DropEtherType                    // EtherType that nobody speaks
	DropARP                          // malformed ARP packet, or from an impossible sender
	DropARPConflict                  // ARP packet whose sender claims our own address
	DropIPHeader                     // malformed IP header, wrong version, length or header checksum
	DropIPOptions                    // malformed IPv4 options
	DropSourceRoute                  // source-routed IPv4 packet
	DropMartianSource                // source address that no packet may come from
	DropMartianDst                   // destination address that no packet may be sent to from a wire
	DropNotLocal                     // destination address that is not ours
	DropGroup                        // destination group that we do not listen to
	DropExtension                    // IPv6 extension headers that must not or need not be processed
	DropFragment                     // fragment that was invalid, or is waiting for others (see Reassembly)
	DropProtocol                     // transport protocol that nobody speaks
	DropTCPHeader                    // malformed TCP header
	DropTCPChecksum                  // wrong TCP checksum
	DropTCPGroup                     // TCP segment sent to a group or by link-layer broadcast
	DropTCPNoListener                // segment for a port without listener (mostly answered by RST)
	DropTCPBacklog                   // SYN for a listener whose queue is full
	DropTCPHalfOpen                  // connection in SYN-RECEIVED that gave way to a newer one
	DropTCPLimit                     // SYN beyond MaxConns
	DropTimeWaitLimit                // TIME-WAIT record that gave way to a newer one
	DropUDPHeader                    // malformed UDP header or destination port 0
	DropUDPChecksum                  // wrong UDP checksum
	DropUDPNoSocket                  // datagram for a port without socket
	DropUDPFull                      // datagram for a socket whose queue is full
	DropICMP                         // malformed ICMP message or wrong checksum
	DropICMPType                     // ICMP message of a type that means nothing to a host
	DropICMPQuote                    // ICMP error that quotes nothing of ours
	DropNDP                          // Neighbour Discovery or MLD message that fails validation
	DropICMPRate                     // ICMP error not sent for the rate limit
	DropEchoGroup                    // echo request to a group, which is not answered
	DropPingNoSocket                 // echo reply that no ping socket waits for
	DropPingFull                     // echo reply for a ping socket whose queue is full
	DropQueueFull                    // outgoing frame that met a full interface queue
	DropNeighborQueue                // outgoing packet that gave way to a newer one while a neighbour was being resolved
	DropNeighborFailed               // outgoing packet to a neighbour that does not answer
	DropNeighborLimit                // outgoing packet whose neighbour entry gave way to another
	DropNoRoute                      // outgoing packet without a route
	DropTooBig                       // outgoing packet that exceeds what the interface can carry
	DropDuplicateAddress             // address not used because another host has it
	NumDrops
)

var dropNames = [NumDrops]string{
	"no-interface", "short-frame", "other-host", "vlan", "ethertype", "arp", "arp-conflict", "ip-header",
	"ip-options", "source-route", "martian-source", "martian-destination", "not-local", "group", "extension-header",
	"fragment", "protocol", "tcp-header", "tcp-checksum", "tcp-group", "tcp-no-listener", "tcp-backlog",
	"tcp-half-open", "tcp-limit", "time-wait-limit", "udp-header", "udp-checksum", "udp-no-socket", "udp-full",
	"icmp", "icmp-type", "icmp-quote", "ndp", "icmp-rate", "echo-group", "ping-no-socket", "ping-full",
	"queue-full", "neighbor-queue", "neighbor-failed", "neighbor-limit", "no-route", "too-big",
	"duplicate-address",
}

// String returns the reason's name as it appears in metrics.
func (d Drop) String() string {
	if d < NumDrops {
		return dropNames[d]
	}
	return "invalid"
}

// Stats are the counters of a Stack since New.
type Stats struct {
	FramesIn, FramesOut uint64
	BytesIn, BytesOut   uint64 // of frames, link headers included

	TCPSegmentsIn, TCPSegmentsOut uint64
	TCPResetsOut                  uint64 // for segments without a connection
	TCPActiveOpens                uint64
	TCPPassiveOpens               uint64
	TCPCookiesOut, TCPCookiesIn   uint64 // SYN cookies sent, and connections made of those that came back
	UDPIn, UDPOut                 uint64 // datagrams
	ICMPIn, ICMPOut               uint64 // messages of either family
	ICMPErrorsOut                 uint64
	ARPIn, ARPOut                 uint64

	Drops [NumDrops]uint64

	Conns     int // TCP connections now, half-open ones included
	HalfOpen  int // of those, in SYN-RECEIVED
	Resting   int // of those, idle and packed
	TimeWait  int // TIME-WAIT records now
	UDPs      int // UDP sockets now
	Neighbors int // neighbour entries now
	Buffered  int // bytes of stream buffers in use now

	Reassembly4 ipv4.ReassemblyStats
	Reassembly6 ipv6.ReassemblyStats
}

// Stats returns a copy of the counters.
func (s *Stack) Stats() Stats {
	st := s.stats
	st.Conns, st.HalfOpen, st.TimeWait = s.numConns, s.halfOpen.n, s.timeWaits.n
	st.Resting, st.UDPs = s.numResting, s.numUDPs
	for _, ifc := range s.ifaces {
		if ifc != nil {
			st.Neighbors += ifc.neighbors.entries.Len()
		}
	}
	st.Buffered = s.pool.InUse()
	st.Reassembly4, st.Reassembly6 = s.frag4.Stats(), s.frag6.Stats()
	return st
}

// drop counts a packet that goes no further.
func (s *Stack) drop(why Drop) { s.stats.Drops[why]++ }
