package vl2

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// captured is a packet between stock nodes, opened; its index is that in packets.json.
type captured struct {
	from, to identity.Address
	verb     packet.Verb
	id       uint64
	payload  []byte
}

func capture(t *testing.T) []captured {
	t.Helper()
	b, err := os.ReadFile("../packet/testdata/packets.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []struct{ Plaintext, PlaintextUncompressed string }
	if err := json.Unmarshal(b, &list); err != nil {
		t.Fatal(err)
	}
	var out []captured
	for _, e := range list {
		p := unhex(t, e.Plaintext)
		if e.PlaintextUncompressed != "" {
			p = unhex(t, e.PlaintextUncompressed)
		}
		out = append(out, captured{packet.Src(p), packet.Dst(p), packet.VerbOf(p), packet.ID(unhex(t, e.Plaintext)), p[packet.HeaderLen:]})
	}
	return out
}

// replay is our node in the place of a stock one.
type replay struct {
	t   *testing.T
	n   *Networks
	ids []*identity.Identity
	now clock.Time
	out []Send // payloads cloned
}

// message makes a Message of a captured packet.
func (c *captured) message() Message {
	m := Message{From: c.from, Verb: c.verb, ID: c.id, Payload: c.payload}
	switch c.verb {
	case packet.VerbOK:
		m.InRe, m.Payload = packet.Verb(c.payload[0]), c.payload[9:]
	case packet.VerbError:
		m.InRe, m.Code, m.Payload = packet.Verb(c.payload[0]), packet.ErrorCode(c.payload[9]), c.payload[10:]
	}
	return m
}

func (r *replay) receive(c captured) (Frame, Verdict) {
	m := c.message()
	f, v := r.n.Receive(r.now, &m)
	if r.settle() && v == Retry {
		f, v = r.n.Receive(r.now, &m)
		r.settle()
	}
	return f, v
}

// settle pulls everything, and reports whether an identity was learned.
func (r *replay) settle() (learned bool) {
	for a, ok := r.n.NeedIdentity(); ok; a, ok = r.n.NeedIdentity() {
		if id := lookup(r.ids...)(a); id != nil {
			r.n.Learn(r.now, id)
			learned = true
		}
	}
	for s, ok := r.n.Output(); ok; s, ok = r.n.Output() {
		s.Payload = bytes.Clone(s.Payload)
		r.out = append(r.out, s)
	}
	return learned
}

// sent returns the payloads of a verb sent to a node since the last call, and forgets everything sent.
func (r *replay) sent(v packet.Verb, to identity.Address) [][]byte {
	var list [][]byte
	for _, s := range r.out {
		if s.Verb == v && s.To == to {
			list = append(list, s.Payload)
		}
	}
	r.out = nil
	return list
}

func (r *replay) want(what string, got [][]byte, want ...[]byte) {
	r.t.Helper()
	if len(got) != len(want) {
		r.t.Fatalf("%s: %d messages, want %d", what, len(got), len(want))
	}
	for i := range got {
		if !bytes.Equal(got[i], want[i]) {
			r.t.Errorf("%s: sent\n%x, the stock node sent\n%x", what, got[i], want[i])
		}
	}
}

// TestInPlaceOfAStockNode puts our node in the place of the stock node "a" of the capture: it gets what that got, and must send
// what that sent, byte for byte, wherever there is nothing random in it.
func TestInPlaceOfAStockNode(t *testing.T) {
	p := capture(t)
	root, a, b := ident(t, "root"), ident(t, "a"), ident(t, "b")
	const id = NetworkID(0x71bfb6ed76000001)
	r := &replay{t: t, ids: []*identity.Identity{root, b}, now: 1e9}
	r.n = New(Config{Self: a, Rand: rand.New(rand.NewPCG(1, 1)), Platform: "linux/x86_64", Major: 1, Minor: 14, Revision: 1}, r.now)
	r.n.SetUpstreams(r.now, []identity.Address{root.Address})

	r.n.Join(r.now, id, "")
	r.settle()
	r.want("request", r.sent(packet.VerbNetworkConfigRequest, root.Address), p[5].payload)
	if _, v := r.receive(p[8]); v != DoneTrusted {
		t.Fatalf("configuration: verdict %d", v)
	}
	if info, _ := r.n.Info(id); info.Status != StatusOK || info.Config.Name != "ztone" {
		t.Fatalf("status %s", info.Status)
	}
	r.receive(p[9])
	r.want("answer to a pushed configuration", r.sent(packet.VerbOK, root.Address), p[10].payload[9:])

	// Joining a group makes the host send IPv6 multicast listener reports, for which members are gathered.
	mac := MAC(a.Address, id)
	report := append([]byte{0x33, 0x33, 0, 0, 0, 0x16}, mac[:]...)
	r.n.SendFrame(r.now, id, append(append(report, 0x86, 0xdd), make([]byte, 76)...))
	r.settle()
	r.want("gather", r.sent(packet.VerbMulticastGather, 0), p[11].payload)

	var mf packet.MulticastFrame
	mf.Parse(p[18].payload)
	request := append(bytes.Repeat([]byte{0xff}, 6), mac[:]...)
	r.n.SendFrame(r.now, id, append(append(request, 0x08, 0x06), mf.Payload...))
	r.settle()
	r.sent(packet.VerbMulticastGather, 0)
	r.receive(p[14])
	out := r.out
	r.want("credentials before the first frame", r.sent(packet.VerbNetworkCredentials, b.Address), p[16].payload)
	if len(out) != 2 || out[0].Verb != packet.VerbNetworkCredentials || out[1].Verb != packet.VerbMulticastFrame {
		t.Fatalf("sent %+v, want the credentials, then the frame", out)
	}
	// The stock node knew nobody yet when it wrote its gather limit; ours counts the member that it just learned.
	mf.GatherLimit--
	r.want("ARP request", [][]byte{out[1].Payload}, mf.Append(nil))

	// b's answer, after its credentials.
	if _, v := r.receive(p[26]); v != Retry {
		t.Errorf("a frame before the credentials: verdict %d", v)
	}
	r.want("error", r.sent(packet.VerbError, b.Address), append64(nil, uint64(id)))
	if _, v := r.receive(p[25]); v != DoneTrusted {
		t.Errorf("credentials: verdict %d", v)
	}
	for _, i := range []int{26, 33, 29} {
		if f, v := r.receive(p[i]); v != HasFrame || f.Src != MAC(b.Address, id) {
			t.Errorf("packet %d: verdict %d, %+v", i, v, f)
		}
	}
	if v := r.n.receiveLike(r.now, &Message{From: b.Address, Payload: p[22].payload}); v != Done {
		t.Errorf("announcement: verdict %d", v)
	}

	// The network gets rules, tags and capabilities; a becomes a bridge.
	r.now = r.now.Add(10 * time.Second)
	r.receive(p[34])
	r.want("answer to a pushed configuration", r.sent(packet.VerbOK, root.Address), p[35].payload[9:])
	r.receive(p[36])
	r.receive(p[38])
	mem, _ := r.n.byID[id].members.get(b.Address)
	if len(mem.theirs.tags) != 1 || mem.theirs.tags[0].Value != 43 || len(mem.theirs.ownership) != 1 {
		t.Errorf("what counts of b's credentials: %+v", mem.theirs)
	}
	r.now = r.now.Add(10 * time.Second)
	r.receive(p[45])

	// b is deauthorised.
	if _, v := r.receive(p[46]); v != DoneTrusted {
		t.Errorf("revocation: verdict %d", v)
	}
	r.sent(packet.VerbError, b.Address)
	r.now = r.now.Add(10 * time.Second)
	if f, v := r.receive(p[26]); v == HasFrame {
		t.Errorf("a frame of the revoked member came through: %+v", f)
	}
	r.want("error", r.sent(packet.VerbError, b.Address), p[48].payload[10:])
}

// TestCredentialsAsStock codes a configuration's credentials as the stock node pushed them.
func TestCredentialsAsStock(t *testing.T) {
	var list []struct {
		Raw string `json:"dictionaryRawHex"`
	}
	readJSON(t, "netconf.json", &list)
	c, ok := ParseNetworkConfig(unhex(t, list[4].Raw))
	if !ok {
		t.Fatal("does not parse")
	}
	p := capture(t)
	if got := credentialPayloads(c); len(got) != 1 || !bytes.Equal(got[0], p[37].payload) {
		t.Errorf("coded\n%x, the stock node sent\n%x", got, p[37].payload)
	}
}

// TestDeniedAsStock takes a stock controller's denial.
func TestDeniedAsStock(t *testing.T) {
	p := capture(t)
	b := ident(t, "b")
	const id = NetworkID(0x71bfb6ed76000001)
	r := &replay{t: t, now: 1e9, n: New(Config{Self: b, Rand: rand.New(rand.NewPCG(1, 1))}, 1e9)}
	r.n.Join(r.now, id, "")
	r.receive(p[60])
	if info, _ := r.n.Info(id); info.Status != StatusDenied {
		t.Errorf("status %s", info.Status)
	}
	m := p[60].message()
	m.From = ident(t, "a").Address
	r.n.Join(r.now, id, "")
	r.n.byID[id].status = StatusRequesting
	r.n.Receive(r.now, &m)
	if info, _ := r.n.Info(id); info.Status != StatusRequesting {
		t.Error("somebody other than the controller was believed")
	}
}
