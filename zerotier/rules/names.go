package rules

import (
	"slices"
	"strings"

	"github.com/ztstack/ztstack/zerotier/vl2"
)

// symbol is a name for a number.
type symbol struct {
	name  string
	value uint64
}

// lookup returns the value of a name.
func lookup(list []symbol, name string) (uint64, bool) {
	for i := range list {
		if list[i].name == name {
			return list[i].value, true
		}
	}
	return 0, false
}

// nameOf returns the first name of a value, or "".
func nameOf(list []symbol, value uint64) string {
	for i := range list {
		if list[i].value == value {
			return list[i].name
		}
	}
	return ""
}

// symbolNames returns the names.
func symbolNames(list []symbol) []string {
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].name
	}
	return names
}

// listNames returns the names, separated by spaces.
func listNames(list []symbol) string { return strings.Join(symbolNames(list), " ") }

// etherTypes are the names of IEEE 802 numbers.
var etherTypes = []symbol{
	{"ipv4", 0x0800}, {"arp", 0x0806}, {"wol", 0x0842}, {"rarp", 0x8035}, {"ipv6", 0x86dd}, {"atalk", 0x809b}, {"aarp", 0x80f3},
	{"ipx_a", 0x8137}, {"ipx_b", 0x8138},
}

// ipProtocols are the names of IANA's protocol numbers.
var ipProtocols = []symbol{
	{"icmp", 1}, {"icmp4", 1}, {"icmpv4", 1}, {"igmp", 2}, {"ipip", 4}, {"tcp", 6}, {"egp", 8}, {"igp", 9}, {"udp", 17}, {"rdp", 27}, {"esp", 50},
	{"ah", 51}, {"icmp6", 58}, {"icmpv6", 58}, {"l2tp", 115}, {"sctp", 132}, {"udplite", 136},
}

// characteristics are the names of bits (PROTOCOL 20.3).
var characteristics = []symbol{
	{"inbound", 63}, {"multicast", 62}, {"broadcast", 61}, {"ipauth", 60}, {"macauth", 59},
	{"tcp_fin", 0}, {"tcp_syn", 1}, {"tcp_rst", 2}, {"tcp_psh", 3}, {"tcp_ack", 4}, {"tcp_urg", 5}, {"tcp_ece", 6}, {"tcp_cwr", 7}, {"tcp_ns", 8},
	{"tcp_rs2", 9}, {"tcp_rs1", 10}, {"tcp_rs0", 11},
}

// keyword is the name of an action or a match with the rule type that it stands for and what follows it.
type keyword struct {
	name string
	typ  vl2.RuleType
	args []argument
}

var actions = []keyword{
	{"accept", vl2.ActionAccept, nil},
	{"drop", vl2.ActionDrop, nil},
	{"break", vl2.ActionBreak, nil},
	{"tee", vl2.ActionTee, []argument{argLength, argAddress}},
	{"watch", vl2.ActionWatch, []argument{argLength, argAddress}},
	{"redirect", vl2.ActionRedirect, []argument{argAddress}},
	{"priority", vl2.ActionPriority, nil},
}

// matches has the IPv4 type where a match stands for IPv4 and IPv6.
var matches = []keyword{
	{"ztsrc", vl2.MatchSourceZT, []argument{argAddress}},
	{"ztdest", vl2.MatchDestZT, []argument{argAddress}},
	{"vlan", vl2.MatchVLANID, []argument{argNumber16}},
	{"vlanpcp", vl2.MatchVLANPCP, []argument{argNumber8}},
	{"vlandei", vl2.MatchVLANDEI, []argument{argNumber8}},
	{"macsrc", vl2.MatchSourceMAC, []argument{argMAC}},
	{"macdest", vl2.MatchDestMAC, []argument{argMAC}},
	{"ipsrc", vl2.MatchSourceIPv4, []argument{argPrefix}},
	{"ipdest", vl2.MatchDestIPv4, []argument{argPrefix}},
	{"iptos", vl2.MatchTOS, []argument{argNumber8, argRange8}},
	{"ipprotocol", vl2.MatchIPProtocol, []argument{argProtocol}},
	{"ethertype", vl2.MatchEtherType, []argument{argEtherType}},
	{"icmp", vl2.MatchICMP, []argument{argNumber8, argICMPCode}},
	{"sport", vl2.MatchSourcePort, []argument{argRange16}},
	{"dport", vl2.MatchDestPort, []argument{argRange16}},
	{"chr", vl2.MatchCharacteristics, []argument{argCharacteristics}},
	{"framesize", vl2.MatchFrameSize, []argument{argRange16}},
	{"random", vl2.MatchRandom, []argument{argProbability}},
	{"tdiff", vl2.MatchTagsDifference, []argument{argTag, argTagValue}},
	{"tand", vl2.MatchTagsAnd, []argument{argTag, argTagValue}},
	{"tor", vl2.MatchTagsOr, []argument{argTag, argTagValue}},
	{"txor", vl2.MatchTagsXor, []argument{argTag, argTagValue}},
	{"teq", vl2.MatchTagsEqual, []argument{argTag, argTagValue}},
	{"tseq", vl2.MatchTagSender, []argument{argTag, argTagValue}},
	{"treq", vl2.MatchTagReceiver, []argument{argTag, argTagValue}},
	{"intrange", vl2.MatchIntegerRange, []argument{argNumber16, argBits, argEndian, argRange64}},
}

// directives begin blocks, or stand for them.
var directives = []string{"tag", "cap", "macro", "include"}

// find returns the keyword with a name, or nil.
func find(list []keyword, name string) *keyword {
	for i := range list {
		if list[i].name == name {
			return &list[i]
		}
	}
	return nil
}

// named returns the keyword that stands for a type, or nil.
func named(list []keyword, t vl2.RuleType) *keyword {
	for i := range list {
		if list[i].typ == t {
			return &list[i]
		}
	}
	return nil
}

// keywordNames returns the names of keywords.
func keywordNames(list []keyword) []string {
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].name
	}
	return names
}

// isReserved reports whether a word cannot be the name of a macro, tag, capability, enum or flag.
func isReserved(word string) bool {
	switch word {
	case "and", "or", "not", "enum", "flag", "default":
		return true
	}
	return find(actions, word) != nil || find(matches, word) != nil || slices.Contains(directives, word)
}

// isName reports whether a word has the form of a name.
func isName(word string) bool {
	for i := range len(word) {
		c := word[i]
		if c != '_' && (c < 'a' || c > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return word != ""
}

// suggest returns "; did you mean x?" if one of the words is close to what was written.
func suggest(word string, words ...string) string {
	best, least := "", 3
	for _, w := range words {
		if d := editDistance(word, w, least); d < least && d < len(word) {
			best, least = w, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// editDistance returns how many characters have to be inserted, removed or replaced to turn a into b, or limit if that
// many or more.
func editDistance(a, b string, limit int) int {
	const longest = 32
	if len(a) > longest || len(b) > longest {
		return limit
	}
	var row [longest + 1]int
	for j := range len(b) + 1 {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := diagonal
			if a[i] != b[j] {
				d++
			}
			diagonal = row[j+1]
			row[j+1] = min(d, row[j]+1, row[j+1]+1)
		}
	}
	return min(row[len(b)], limit)
}
