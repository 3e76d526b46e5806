package vl1

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

func readJSON(t testing.TB, name string, v any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// slashAddr parses 10.99.0.1/9993.
func slashAddr(t testing.TB, s string) netip.AddrPort {
	t.Helper()
	ip, port, _ := strings.Cut(s, "/")
	p, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return netip.AddrPortFrom(netip.MustParseAddr(ip), uint16(p))
}

type capturedWorld struct {
	Hex, ID, Signature, SignedBytes string
	SigningKeyPublic                string
	SigningKeySecret                string
	Timestamp                       uint64
	Roots                           []struct{ Endpoints []string }
	JSON                            struct {
		SigningKey       string `json:"signingKey"`
		SigningKeySecret string `json:"signingKey_SECRET"`
	}
}

func TestCapturedWorlds(t *testing.T) {
	var v struct{ Planet, Moon capturedWorld }
	readJSON(t, "worlds.json", &v)
	for name, c := range map[string]capturedWorld{"planet": v.Planet, "moon": v.Moon} {
		b := unhex(t, c.Hex)
		w, n := ParseWorld(append(bytes.Clone(b), 1, 2, 3))
		if n != len(b) {
			t.Fatalf("%s: ParseWorld took %d of %d bytes", name, n, len(b))
		}
		if got := w.Append(nil); !bytes.Equal(got, b) {
			t.Errorf("%s: Append(ParseWorld(b)) differs", name)
		}
		if !bytes.Equal(w.signed(), unhex(t, c.SignedBytes)) || !w.Verify(&w.SignedBy) {
			t.Errorf("%s: the signature does not verify", name)
		}
		if fmt.Sprintf("%016x", w.ID) != c.ID || w.Timestamp != c.Timestamp || len(w.Roots) != len(c.Roots) {
			t.Errorf("%s: parsed as %+v", name, w)
		}
		for i, e := range c.Roots[0].Endpoints {
			if w.Roots[0].Endpoints[i] != slashAddr(t, e) {
				t.Errorf("%s: endpoint %v, want %s", name, w.Roots[0].Endpoints[i], e)
			}
		}
		for i := range b {
			if _, n := ParseWorld(b[:i]); n >= 0 {
				t.Errorf("%s: %d of %d bytes are a world", name, i, len(b))
			}
		}
		// Signatures are deterministic, so signing gives the captured one.
		public, secret := c.SigningKeyPublic, c.SigningKeySecret
		if public == "" {
			public, secret = c.JSON.SigningKey, c.JSON.SigningKeySecret
		}
		key, err := identity.Parse("0123456789:0:" + public + ":" + secret)
		if err != nil {
			t.Fatal(err)
		}
		again := newWorld(w.Type, w.ID, w.Timestamp, &key, w.Roots)
		if !bytes.Equal(again.Append(nil), b) {
			t.Errorf("%s: signed anew it differs", name)
		}
		for i := range b {
			bad := bytes.Clone(b)
			bad[i] ^= 1
			if w, n := ParseWorld(bad); n >= 0 && w.Verify(&again.SignedBy) {
				t.Errorf("%s: still signed with byte %d changed", name, i)
			}
		}
	}
}

type capturedPacket struct {
	From, Src, Dst, Verb  string
	Wire, Plaintext       string
	PlaintextUncompressed string
	Cipher, Hops          int
	Parsed                map[string]any
	Datagrams             []string
}

// captured makes a Switch with an identity of the rig that knows the others.
func captured(t testing.TB, name string, now clock.Time) *Switch {
	t.Helper()
	var secrets map[string]string
	readJSON(t, "captured_identities.json", &secrets)
	var worlds struct{ Planet capturedWorld }
	readJSON(t, "worlds.json", &worlds)
	planet, _ := ParseWorld(unhex(t, worlds.Planet.Hex))
	own, err := identity.Parse(secrets[name])
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{
		Identity: own, Planet: planet, Rand: rand.New(rand.NewPCG(1, 2)), ClockBase: 1795215322503,
	}, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{"root", "a", "b", "f", "g"} {
		id, err := identity.Parse(secrets[other])
		if err != nil {
			t.Fatal(err)
		}
		if id.Address != own.Address {
			s.Learn(now, id)
		}
	}
	return s
}

var verbNames = map[string]packet.Verb{
	"HELLO": packet.VerbHello, "ERROR": packet.VerbError, "OK": packet.VerbOK, "WHOIS": packet.VerbWhois,
	"RENDEZVOUS": packet.VerbRendezvous, "FRAME": packet.VerbFrame, "EXT_FRAME": packet.VerbExtFrame,
	"ECHO": packet.VerbEcho, "MULTICAST_LIKE": packet.VerbMulticastLike,
	"NETWORK_CREDENTIALS":    packet.VerbNetworkCredentials,
	"NETWORK_CONFIG_REQUEST": packet.VerbNetworkConfigRequest, "NETWORK_CONFIG": packet.VerbNetworkConfig,
	"MULTICAST_GATHER": packet.VerbMulticastGather, "MULTICAST_FRAME": packet.VerbMulticastFrame,
	"PUSH_DIRECT_PATHS": packet.VerbPushDirectPaths, "REMOTE_TRACE": packet.VerbRemoteTrace,
}

// outputs fetches what a Switch has to say, opened with the keys of its peers where it can be.
func outputs(s *Switch, now clock.Time) (all []Datagram) {
	var buf [MaxDatagram]byte
	for {
		d, ok := s.Output(now, buf[:])
		if !ok {
			return all
		}
		d.Data = bytes.Clone(d.Data)
		all = append(all, d)
	}
}

// Each packet captured from the reference is opened and handled as what it is.
func TestCapturedPackets(t *testing.T) {
	var all []capturedPacket
	readJSON(t, "packets.json", &all)
	for i, c := range all {
		now := clock.Time(time.Second)
		s := captured(t, c.Dst, now)
		outputs(s, now)
		from := slashAddr(t, c.From)
		plain := unhex(t, c.Plaintext)
		if c.PlaintextUncompressed != "" {
			plain = unhex(t, c.PlaintextUncompressed)
		}
		inRe := packet.Verb(0)
		if c.Verb == "OK" || c.Verb == "ERROR" {
			inRe = packet.Verb(plain[28])
			id, _ := strconv.ParseUint(c.Parsed["inRePacketId"].(string), 16, 64)
			s.expect.add(id)
			if want := verbNames[c.Parsed["inReVerb"].(string)]; inRe != want {
				t.Fatalf("packet %d is in re %v, not %v", i, inRe, want)
			}
		}
		m, ok := s.Receive(now, 0, from, unhex(t, c.Wire))
		name := fmt.Sprintf("packet %d, %s", i, c.Verb)
		if c.Cipher == 2 {
			if ok || s.Stats().Drops[DropCipher] != 1 {
				t.Errorf("%s: a trusted path is believed", name)
			}
			continue
		}
		if s.Stats().Packets != 1 {
			t.Errorf("%s: not authentic: %v", name, s.Stats().Drops)
			continue
		}
		verb := verbNames[c.Verb]
		above := verb != packet.VerbHello && verb != packet.VerbWhois && verb != packet.VerbRendezvous &&
			verb != packet.VerbEcho && verb != packet.VerbPushDirectPaths &&
			!(verb == packet.VerbOK && (inRe == packet.VerbHello || inRe == packet.VerbWhois || inRe == packet.VerbEcho))
		if ok != above {
			t.Errorf("%s: given to the layer above: %v, want %v", name, ok, above)
		}
		for reason, count := range s.Stats().Drops {
			if count != 0 {
				t.Errorf("%s: counted as %v", name, Drop(reason))
			}
		}
		if ok {
			skip := packet.HeaderLen
			switch verb {
			case packet.VerbOK:
				skip += 9
			case packet.VerbError:
				skip += 10
			}
			if m.Verb != verb || m.Hops != c.Hops || m.InRe != inRe || !bytes.Equal(m.Payload, plain[skip:]) {
				t.Errorf("%s: message %+v", name, m)
			}
		}
		checkEffect(t, name, s, now, from, &c, outputs(s, now))
	}
}

// checkEffect checks what the verbs of this layer make a node do.
func checkEffect(t *testing.T, name string, s *Switch, now clock.Time, from netip.AddrPort, c *capturedPacket, out []Datagram) {
	t.Helper()
	src := s.peers[packet.Src(unhex(t, c.Wire))]
	switch c.Verb {
	case "HELLO":
		if src.protocol != 12 || src.version != (Version{1, 14, 1}) || len(s.Surfaces()) != 1 ||
			s.Surfaces()[0] != slashAddr(t, c.Parsed["sentTo"].(string)) {
			t.Errorf("%s: learned version %d %v, surfaces %v", name, src.protocol, src.version, s.Surfaces())
		}
		if len(out) != 2 || out[0].To != from || !src.session.keys.Open(out[0].Data) {
			t.Fatalf("%s: answered with %d datagrams", name, len(out))
		}
		var o packet.OK
		var h packet.OKHello
		if !o.Parse(packet.Payload(out[0].Data)) || !h.Parse(o.Body) || o.InReID != packet.ID(unhex(t, c.Wire)) ||
			h.Timestamp != uint64(c.Parsed["timestamp"].(float64)) || h.SentFrom != from {
			t.Errorf("%s: answered %+v %+v", name, o, h)
		}
	case "OK":
		if c.Parsed["inReVerb"] == "HELLO" {
			if t0 := src.findPath(PathID{0, from}); t0 == nil || src.protocol != 12 {
				t.Errorf("%s: no path learned", name)
			}
			if len(s.Surfaces()) != 1 || s.Surfaces()[0] != slashAddr(t, c.Parsed["yourAddress"].(string)) {
				t.Errorf("%s: surfaces %v", name, s.Surfaces())
			}
		}
	case "RENDEZVOUS":
		ip := unhex(t, c.Parsed["addr"].(string))
		to := netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip)), uint16(c.Parsed["port"].(float64)))
		tried := 0
		for _, d := range out {
			if d.To == to {
				tried++
				if tried == 1 && (len(d.Data) != 4 || d.TTL != 2) {
					t.Errorf("%s: first datagram has %d bytes, TTL %d", name, len(d.Data), d.TTL)
				}
			}
		}
		if tried != 2 {
			t.Errorf("%s: sent %d datagrams to %v, want junk and a HELLO", name, tried, to)
		}
	case "PUSH_DIRECT_PATHS":
		b := unhex(t, c.Parsed["paths"].([]any)[0].(map[string]any)["addr"].(string))
		to := netip.AddrPortFrom(netip.AddrFrom4([4]byte(b)), uint16(b[4])<<8|uint16(b[5]))
		found := false
		for _, d := range out {
			found = found || d.To == to
		}
		if !found {
			t.Errorf("%s: %v was not tried", name, to)
		}
	case "ECHO":
		if len(out) == 0 || !src.session.keys.Open(out[len(out)-1].Data) || packet.VerbOf(out[len(out)-1].Data) != packet.VerbOK {
			t.Errorf("%s: not answered", name)
		}
	}
}

// Fragments captured from the reference, cut unequally as it does, are put together in any order.
func TestCapturedFragments(t *testing.T) {
	var all []capturedPacket
	readJSON(t, "fragments.json", &all)
	for i, c := range all {
		plain := unhex(t, c.Plaintext)
		for order := range 3 {
			now := clock.Time(time.Second)
			s := captured(t, c.Dst, now)
			list := append([]string(nil), c.Datagrams...)
			switch order {
			case 1:
				for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
					list[i], list[j] = list[j], list[i]
				}
			case 2:
				list = append(list[:1:1], list...) // the head twice
			}
			var m Message
			var ok bool
			for _, d := range list {
				if ok {
					t.Fatalf("fragments %d: complete too early", i)
				}
				m, ok = s.Receive(now, 0, slashAddr(t, c.From), unhex(t, d))
			}
			if c.Cipher == 2 {
				if s.Stats().Drops[DropCipher] != 1 {
					t.Errorf("fragments %d: trusted path not refused", i)
				}
				continue
			}
			if !ok || !bytes.Equal(m.Payload, plain[packet.HeaderLen:]) {
				t.Errorf("fragments %d in order %d: ok=%v, %v", i, order, ok, s.Stats().Drops)
			}
		}
	}
}
