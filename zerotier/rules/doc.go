// Package rules compiles ZeroTier's rules language, in which the operator of a network writes who may send what, and turns
// rule sets back into it. It also reads and writes the JSON form that the controller's API and its files have.
//
//	p, err := rules.Compile(source)      // err is an *rules.Error with line and column
//	network.Rules = p.Rules              // what members evaluate (PROTOCOL 20)
//	text, err := rules.Decompile(p)      // the same program as text
//	json := rules.AppendJSON(nil, p.Rules)
//
// # The language
//
// White space separates words, # begins a comment that ends with the line, upper and lower case are the same. A source is
// a sequence of blocks, each of which ends with a semicolon, and of includes:
//
//	<action> [<arguments>] [<match> ...] ;
//	tag <name> id <number> [default <value>] [enum <number> <name>]... [flag <bit> <name>]... ;
//	cap <name> id <number> [default] [<action> ... ;]... [include ...]... ;
//	macro <name>[($<parameter>,...)] [<action> ... ;]... [include ...]... ;
//	include <macro>[(<value>,...)]
//
// # Rules
//
// A rule is an action with the matches that it depends on; without matches it is always taken. Rules are looked at in their
// order. Matches are joined by "and", which may be left out, or by "or", strictly from left to right, as there are no
// parentheses: "a or b and c" asks for c, and "a and b or c" is content with c. "not" before a match negates it, and comes
// after "and" or "or". A match that makes no sense for a frame, such as dport for ARP, is false with "not" and without.
//
//	accept                       let the frame pass
//	drop                         drop it, whatever capabilities say; in a capability, the same as break
//	break                        end these rules; capabilities may still accept
//	tee <length> <address>       send a copy of the first bytes, -1 or 0 for all, to a node, and go on
//	watch <length> <address>     the same; the receiver may insist on it
//	redirect <address>           send the frame to a node instead
//	priority                     accept (the bucket of a priority does not travel, so it has no argument)
//
// Rules are followed by an implicit break: what nothing accepts is dropped.
//
// # Matches
//
//	ztsrc, ztdest <address>      node that sends, receives: 10 hexadecimal digits
//	macsrc, macdest <address>    Ethernet address: 12 hexadecimal digits, with or without colons or hyphens
//	ipsrc, ipdest <prefix>       IPv4 or IPv6 address with the length of its prefix: 10.1.0.0/16, fd00::1/128
//	ethertype <type>             number, or ipv4 arp wol rarp ipv6 atalk aarp ipx_a ipx_b
//	ipprotocol <protocol>        number, or icmp (also icmp4, icmpv4) igmp ipip tcp egp igp udp rdp esp ah icmp6 (icmpv6)
//	                             l2tp sctp udplite
//	iptos <mask> <range>         type of service or traffic class, and-ed with the mask
//	icmp <type> <code>           ICMP or ICMPv6; -1 is any code
//	sport, dport <range>         ports of TCP, UDP, SCTP and UDPLite: 22 or 6000-6010
//	framesize <range>            length of the Ethernet payload
//	vlan, vlanpcp, vlandei <n>   VLAN ID, priority, drop eligibility
//	chr <name>[,<name>...]       any of these characteristics: inbound multicast broadcast ipauth macauth tcp_fin tcp_syn
//	                             tcp_rst tcp_psh tcp_ack tcp_urg tcp_ece tcp_cwr tcp_ns tcp_rs2 tcp_rs1 tcp_rs0, or a bit 0..63
//	random <probability>         0 (never) to 1 (always)
//	tdiff <tag> <value>          the sender's and the receiver's tag differ by no more than the value
//	tand, tor, txor <tag> <v>    both tags, joined bit by bit, are the value
//	teq <tag> <value>            both tags are the value
//	tseq, treq <tag> <value>     the tag of the sender, of the receiver, is the value
//	intrange <offset> <bits> <big|little> <range>
//	                             an integer in the frame's payload; big-endian ones end 8 bytes after the offset
//
// Numbers are decimal, or hexadecimal with 0x in front; ranges are n or n-m, both ends included. A tag is the name of one
// that the source defines, before or after, or its number; a value is a number, or one of the names that the tag gives to
// numbers (enum) and bits (flag). "flag" takes the number of a bit, or an earlier flag's name to give it another name.
//
// # Capabilities, tags, macros
//
// A capability is a small set of rules that is issued to single members and applies to what they send, in addition to the rules
// of the network. "default" gives it to every new member. A tag is a number that is issued to each member; "default" is what
// members have that were given none, and members without a tag match no comparison with it. A macro is a list of rules that
// include inserts where it stands, with the parameters replaced by values; it may include other macros, but not itself. As in a
// capability the semicolon after an include ends the block around it, one is only ignored outside of blocks.
//
// # Limits
//
// As in the protocol (PROTOCOL 28): 1024 entries, where each action and each match is one; 128 capabilities of 64 entries
// each; 128 tags, with names for 1024 values each. A source has at most MaxSource bytes, and expands at most 4096 includes, 64
// deep; a macro has at most 64 parameters.
//
// # Differences from the compiler of ZeroTier Central
//
// What that compiler makes of a source that both accept is the same rules, with two exceptions. There, an action that has its
// semicolon attached and nothing else, such as "accept;", swallows what follows up to the next semicolon, and a bare
// "accept ;" everything; here it ends where it ends. And there, chr with several names of which one is inbound and another one
// of multicast, broadcast, ipauth and macauth has a wrong mask. More is accepted here: any case, "ipprotocol icmp", spaces around the
// parentheses and commas of macros, parameters as arguments of actions and of includes, intrange and priority. Less is accepted,
// because it does not mean what it seems to: numbers out of range or followed by something else, addresses with a digit too
// many, prefixes that are longer than the address, a dangling "and", "or" or "not", "not not", blocks that the end of the
// source cuts off, too many values for a macro, tags that share a number, macros with unknown parameters even if unused.
//
// # Not supported
//
// Priorities with a bucket, and the flags of a tee, watch or redirect, have no place in the language. Decompile refuses what
// the language cannot say instead of leaving it out.
package rules
