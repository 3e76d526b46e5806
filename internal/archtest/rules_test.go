package archtest

// A rule says what a package, or every package below a directory, may import beside what all may.
type rule struct {
	// pkg is a package's path below the module's, or a directory's followed by "/...".
	pkg string
	// core packages are deterministic and sans I/O: see coreStd and checkCore.
	core bool
	// imports are packages of this module, or directories followed by "/..."; "core" is every core package
	// and "..." everything.
	imports []string
	// others are packages that a core package may import as an exception to coreStd, likewise.
	others []string
}

// internals prefixes the names of packages with "internal/".
func internals(names ...string) []string {
	for i := range names {
		names[i] = "internal/" + names[i]
	}
	return names
}

// all returns the concatenation of lists.
func all(lists ...[]string) (joined []string) {
	for _, l := range lists {
		joined = append(joined, l...)
	}
	return joined
}

var (
	protocols = []string{"arp", "icmp", "ipv4", "ipv6", "tcp", "udp"}

	// Ciphers, signatures and hashes have no state of their own and read no clock.
	cryptography = []string{"crypto/...", "golang.org/x/crypto/...", "golang.org/x/sys/cpu"}
)

// rules is the table. The first rule that matches a package is the one that holds for it; a package for
// which there is none is an error.
var rules = []rule{
	// Leaves.
	{pkg: "clock", core: true},
	{pkg: "internal/be", core: true},
	{pkg: "internal/cksum", core: true},
	{pkg: "internal/bytequeue", core: true},
	{pkg: "internal/rangeset", core: true},
	{pkg: "internal/siphash", core: true},
	{pkg: "internal/ring", core: true, others: []string{"sync/atomic"}},
	{pkg: "internal/wheel", core: true, imports: []string{"clock"}},
	{pkg: "internal/table", core: true, imports: internals("siphash")},
	{pkg: "internal/reassembly", core: true, imports: []string{"clock"}},

	// Frames, protocols, one host.
	{pkg: "ethernet", core: true, imports: internals("be")},
	{pkg: "link", core: true, imports: []string{"ethernet"}},
	{pkg: "pcap", core: true, imports: []string{"clock", "internal/be"}},
	{pkg: "arp", core: true, imports: []string{"ethernet", "internal/be"}},
	{pkg: "ipv4", core: true, imports: all([]string{"clock"}, internals("be", "cksum", "reassembly"))},
	{pkg: "ipv6", core: true, imports: all([]string{"clock"}, internals("be", "cksum", "reassembly"))},
	{pkg: "icmp", core: true, imports: all([]string{"clock", "ethernet"}, internals("be", "cksum"))},
	{pkg: "udp", core: true, imports: internals("be", "cksum")},
	{pkg: "tcp", core: true, imports: all([]string{"clock"}, internals("be", "cksum", "bytequeue", "rangeset", "siphash"))},
	{pkg: "stack", core: true, imports: all(protocols, []string{"clock", "ethernet", "link"},
		internals("be", "cksum", "bytequeue", "rangeset", "wheel", "table", "siphash", "reassembly"))},

	// ZeroTier.
	{pkg: "zerotier/internal/...", core: true, imports: internals("be"), others: cryptography},
	{pkg: "zerotier/identity", core: true, imports: []string{"internal/be", "zerotier/internal/..."}, others: cryptography},
	{pkg: "zerotier/packet", core: true, imports: []string{"internal/be", "ethernet", "zerotier/identity", "zerotier/internal/..."},
		others: all(cryptography, []string{"github.com/pierrec/lz4/v4"})},
	{pkg: "zerotier/vl1", core: true, imports: all([]string{"clock", "zerotier/identity", "zerotier/packet"}, internals("be", "wheel")),
		others: all(cryptography, []string{"sync/atomic"})},
	{pkg: "zerotier/vl2", core: true, imports: all([]string{"clock", "ethernet", "zerotier/identity", "zerotier/packet"}, internals("be", "wheel")),
		others: cryptography},
	{pkg: "zerotier/controller", core: true, imports: []string{"clock", "zerotier/identity", "zerotier/packet", "zerotier/vl2"}, others: cryptography},
	{pkg: "zerotier", core: true, imports: []string{"clock", "ethernet", "link", "internal/be",
		"zerotier/identity", "zerotier/packet", "zerotier/vl1", "zerotier/vl2"}, others: all(cryptography, []string{"sync/atomic"})},

	// Above the core: goroutines, locks, files, sockets.
	{pkg: "link/...", imports: []string{"clock", "ethernet", "link", "link/internal/...", "pcap", "internal/be", "internal/cksum"}},
	{pkg: "zerotier/rules", imports: []string{"ethernet", "zerotier/identity", "zerotier/vl2"}},
	{pkg: "zerotier/controller/store", imports: []string{"clock", "zerotier/identity", "zerotier/controller", "zerotier/vl2", "zerotier/rules"}},
	{pkg: "zerotier/driver", imports: []string{"clock", "ethernet", "link", "internal/be", "internal/ring", "zerotier/..."}},
	{pkg: "zerotier/interop", imports: nil}, // tests alone
	{pkg: "sockets", imports: all(protocols, []string{"clock", "ethernet", "link", "stack", "zerotier", "zerotier/identity", "zerotier/packet",
		"zerotier/vl2", "zerotier/controller", "zerotier/driver"}, internals("wheel", "ring"))},
	{pkg: "sockets/bsd", imports: []string{"sockets"}},
	{pkg: "intercept/...", imports: []string{"sockets", "sockets/bsd", "intercept/..."}},
	{pkg: "cmd/...", imports: []string{"..."}},
	{pkg: "examples/...", imports: []string{"..."}},

	// Beside the core: for tests. Nothing imports them.
	{pkg: "sim/...", imports: []string{"core", "sim/..."}},
	{pkg: "fuzz/...", imports: []string{"core", "sim/...", "fuzz/..."}},
	{pkg: "internal/archtest"},
	{pkg: "docs/tools/..."},
	{pkg: "internal/conformance"},
}

// coreStd is what core packages may import of the standard library. What is not in it is banned: sync,
// context, unsafe, fmt, reflect, os, net, log/slog, encoding/binary (which pulls in reflect) and so on.
var coreStd = []string{
	"bytes", "cmp", "errors", "io", "iter", "math", "math/bits", "math/rand/v2", "net/netip", "slices", "strconv", "strings", "time", "unicode/utf8",
}

// heavy packages must not be in what a core package links, however it comes by them. Packages that need
// cryptography are excepted: what is below crypto/... is the standard library's affair.
var heavy = []string{"context", "encoding/binary", "fmt", "log", "log/slog", "net", "os", "reflect"}

// assembly is where assembly may be; each package has a twin in Go that its tests compare it with.
var assembly = []string{"internal/cksum", "zerotier/internal/..."}

// Most lines of a Go file.
const (
	maxLines     = 600
	maxTestLines = 1000
)
