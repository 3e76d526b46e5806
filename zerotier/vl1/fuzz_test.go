package vl1

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// fuzzNode is a leaf that knows its root and one other leaf, each over a path.
type fuzzNode struct {
	s     *Switch
	now   clock.Time
	peers [2]*peer
	froms [3]netip.AddrPort
}

func newFuzzNode(t testing.TB) *fuzzNode {
	ids := testIdentities()
	f := &fuzzNode{now: clock.Time(time.Second), froms: [3]netip.AddrPort{
		netip.MustParseAddrPort("10.0.0.1:9993"), netip.MustParseAddrPort("10.0.1.2:9993"), attacker,
	}}
	w := NewPlanet(77, 1000, &ids[0], []Root{{ids[0], f.froms[:1]}})
	s, err := New(Config{
		Identity: ids[1], Planet: w, Rand: rand.New(rand.NewPCG(1, 2)), ClockBase: testEpoch,
		IdentityBurstAll: 1, // validations are slow
	}, f.now)
	if err != nil {
		t.Fatal(err)
	}
	s.Learn(f.now, ids[2])
	f.s = s
	for i, id := range []identity.Identity{ids[0], ids[2]} {
		f.peers[i] = s.peers[id.Address]
		f.peers[i].setVersion(12, 1, 14, 1)
		s.learnPath(f.now, f.peers[i], PathID{0, f.froms[i]})
	}
	s.expect.add(0x1234567800000000)
	outputs(s, f.now)
	return f
}

// feed gives the node one datagram. mode says who it pretends to be from: bits 0 and 1 choose the
// physical source and, with bit 2, the peer whose keys seal it; with bit 3 the payload gets the prefix
// of an OK to something that was asked; the upper bits are the cipher.
func (f *fuzzNode) feed(mode byte, b []byte) (m Message, ok bool) {
	from := f.froms[int(mode&3)%len(f.froms)]
	if mode&4 == 0 {
		return f.s.Receive(f.now, 0, from, b)
	}
	if len(b) == 0 {
		return
	}
	p := f.peers[mode&1]
	d := make([]byte, packet.HeaderLen, packet.HeaderLen+16+len(b))
	packet.PutHeader(d, 0, f.s.self.Address, p.id.Address, packet.Verb(b[0]))
	d[27] = b[0] // with the compressed bit
	if mode&8 != 0 {
		var prefix [9]byte
		prefix[0] = b[0]
		be.PutUint64(prefix[1:], 0x1234567800000000)
		d[27] = byte(packet.VerbOK)
		d = append(d, prefix[:]...)
	}
	d = append(d, b[1:]...)
	if len(d) > packet.MaxLen {
		return
	}
	ciphers := [4]packet.Cipher{packet.CipherAES, packet.CipherSalsa2012, packet.CipherPoly1305, packet.CipherAES}
	p.session.keys.Seal(d, ciphers[mode>>4&3], uint64(len(b))<<8|uint64(mode))
	return f.s.Receive(f.now, 0, from, d)
}

// FuzzReceive feeds datagrams: each begins with its length, 2 bytes, and a mode, 1 byte; see feed.
func FuzzReceive(f *testing.F) {
	for _, seed := range fuzzSeeds(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		n := newFuzzNode(t)
		in, out, steps := 0, 0, 0
		for len(script) >= 3 && steps < 64 {
			size := min(int(be.Uint16(script)), len(script)-3)
			mode := script[2]
			b := bytes.Clone(script[3 : 3+size])
			script = script[3+size:]
			in += size + packet.HeaderLen
			if m, ok := n.feed(mode, b); ok {
				if m.From == 0 || len(m.Packet) < packet.HeaderLen || len(m.Payload) > len(m.Packet) {
					t.Fatalf("message %+v", m)
				}
				if steps%2 == 0 {
					n.s.Retry(n.now, &m)
				}
			}
			for range 100 {
				if _, ok := n.s.Next(n.now); !ok {
					break
				}
			}
			for _, d := range outputs(n.s, n.now) {
				out += len(d.Data)
			}
			n.now = n.now.Add(10 * time.Millisecond)
			steps++
		}
		// Whatever came, what goes out is of the order of what came in and the HELLOs that
		// timers and limits allow.
		if limit := 16*in + 64*1024; out > limit {
			t.Errorf("%d bytes made it send %d", in, out)
		}
		for range 20 {
			next := n.s.Poll(n.now)
			if next == clock.Never {
				t.Fatal("a node with upstreams has no deadline")
			}
			outputs(n.s, n.now)
			n.now = max(n.now, next)
		}
		if len(n.s.order) > 2+steps || len(n.s.lookups) > maxLookups || len(n.s.strangers.entries) > maxWaiting ||
			len(n.s.retries.entries) > maxWaiting || len(n.s.surfaces) > maxSurfaces {
			t.Error("a table grew beyond its bound")
		}
		for _, p := range n.s.order {
			if len(p.paths) > maxPaths || len(p.candidates) > maxCandidates {
				t.Error("a peer's table grew beyond its bound")
			}
		}
	})
}

func step(mode byte, b []byte) []byte {
	return append([]byte{byte(len(b) >> 8), byte(len(b)), mode}, b...)
}

// fuzzSeeds returns one script per verb, and captured packets.
func fuzzSeeds(t testing.TB) (seeds [][]byte) {
	ids := testIdentities()
	hello := helloPayload(ids[2])
	okHello := packet.OKHello{Timestamp: 1, Protocol: 12, SentFrom: attacker, Worlds: NewPlanet(77, 2000, &ids[0], nil).Append(nil)}
	okWhois := packet.OKWhois{Identities: []identity.Identity{ids[5]}}
	whois := packet.Whois{Addresses: []identity.Address{ids[0].Address, ids[5].Address}}
	rendezvous := packet.Rendezvous{Peer: ids[2].Address, Endpoint: attacker}
	paths := packet.PushDirectPaths{Paths: []packet.DirectPath{{Addr: attacker}, {Flags: 2, Addr: netip.MustParseAddrPort("[2a00::1]:5")}}}
	collision := packet.Error{InRe: packet.VerbHello, InReID: 1, Code: packet.ErrorIdentityCollision}
	verb := func(v packet.Verb, payload []byte) []byte { return append([]byte{byte(v)}, payload...) }
	seeds = [][]byte{
		step(4|1|0x20, verb(packet.VerbHello, hello)),
		step(4|8, verb(packet.VerbHello, okHello.Append(nil))),
		step(4|8, verb(packet.VerbWhois, okWhois.Append(nil))),
		step(4|8, verb(packet.VerbEcho, []byte("echo"))),
		step(4, verb(packet.VerbWhois, whois.Append(nil))),
		step(4, verb(packet.VerbRendezvous, rendezvous.Append(nil))),
		step(4|1, verb(packet.VerbPushDirectPaths, paths.Append(nil))),
		step(4, verb(packet.VerbError, collision.Append(nil))),
		step(4|1|2, verb(packet.VerbEcho, []byte("from elsewhere"))),
		step(4|1, verb(packet.VerbNetworkCredentials|0x80, []byte("not LZ4 at all"))),
	}
	for v := packet.Verb(0); v < packet.MaxVerb; v++ {
		seeds = append(seeds, step(4|byte(v&1)|0x10, verb(v, make([]byte, 40))))
	}
	b, err := os.ReadFile("testdata/identities.txt")
	if err != nil || len(b) == 0 {
		t.Fatal(err)
	}
	raw := sealed(&ids[20], &ids[1], packet.VerbHello, packet.CipherPoly1305, helloPayload(ids[20]))
	seeds = append(seeds, step(2, raw), append(step(2, raw), step(2, raw)...))
	fragment := make([]byte, 100)
	packet.PutFragmentHeader(fragment, 7, ids[1].Address, 2, 1)
	return append(seeds, step(1, fragment))
}

// FuzzWorld parses arbitrary bytes: what parses is written back as it was.
func FuzzWorld(f *testing.F) {
	ids := testIdentities()
	roots := []Root{{ids[0], []netip.AddrPort{attacker, netip.MustParseAddrPort("[2a00::1]:5")}}}
	f.Add(NewPlanet(1, 2, &ids[1], roots).Append(nil))
	f.Add(NewMoon(1, 2, &ids[1], append(roots, roots...)).Append(nil))
	f.Add(NewPlanet(1, 2, &ids[1], nil).Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		w, n := ParseWorld(b)
		if n < 0 {
			return
		}
		if n > len(b) {
			t.Fatalf("took %d of %d bytes", n, len(b))
		}
		again, m := ParseWorld(w.Append(nil))
		if m < 0 || !bytes.Equal(again.Append(nil), w.Append(nil)) {
			t.Fatalf("%s does not come back", hex.EncodeToString(b))
		}
		w.Verify(&w.SignedBy)
	})
}
