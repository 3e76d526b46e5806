package vl2

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/zerotier/identity"
)

func readJSON(t testing.TB, name string, v any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("%s: %v", name, err)
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

// ident returns a named identity of the vectors, with its secret.
func ident(t testing.TB, name string) *identity.Identity {
	t.Helper()
	var file struct {
		Identities []struct{ Name, Secret string }
	}
	readJSON(t, "identities.json", &file)
	for _, e := range file.Identities {
		if e.Name == name {
			id, err := identity.Parse(e.Secret)
			if err != nil {
				t.Fatal(err)
			}
			return &id
		}
	}
	t.Fatalf("no identity %q", name)
	return nil
}

func TestAddressing(t *testing.T) {
	var list []struct{ Address, NWID, MAC, MACToAddress, SixPlane, RFC4193 string }
	readJSON(t, "addressing.json", &list)
	if len(list) < 35 {
		t.Fatalf("only %d vectors", len(list))
	}
	for _, e := range list {
		a, err := identity.ParseAddress(e.Address)
		if err != nil {
			t.Fatal(err)
		}
		n, err := ParseNetworkID(e.NWID)
		if err != nil {
			t.Fatal(err)
		}
		if n.String() != e.NWID {
			t.Errorf("String() = %s, want %s", n, e.NWID)
		}
		mac := MAC(a, n)
		if mac.String() != e.MAC {
			t.Errorf("MAC(%s, %s) = %s, want %s", a, n, mac, e.MAC)
		}
		if got := AddressOf(mac, n); got.String() != e.MACToAddress {
			t.Errorf("AddressOf(%s, %s) = %s, want %s", mac, n, got, e.MACToAddress)
		}
		if got := SixPlane(n, a).String(); got != e.SixPlane {
			t.Errorf("SixPlane(%s, %s) = %s, want %s", n, a, got, e.SixPlane)
		}
		if got := RFC4193(n, a).String(); got != e.RFC4193 {
			t.Errorf("RFC4193(%s, %s) = %s, want %s", n, a, got, e.RFC4193)
		}
		mac[0] ^= 4
		if got := AddressOf(mac, n); got != 0 {
			t.Errorf("AddressOf of a foreign MAC = %s, want 0", got)
		}
	}
	for _, s := range []string{"", "71bfb6ed7600000", "71bfb6ed760000011", "71bfb6ed7600000g"} {
		if _, err := ParseNetworkID(s); err == nil {
			t.Errorf("ParseNetworkID(%q) succeeded", s)
		}
	}
}

// credential is what all five kinds have in common.
type credential interface {
	Parse([]byte) int
	Append([]byte) []byte
}

func checkCredential(t *testing.T, raw []byte, c credential) {
	t.Helper()
	if n := c.Parse(raw); n != len(raw) {
		t.Fatalf("%T: parsed %d of %d bytes", c, n, len(raw))
	}
	if got := c.Append(nil); !bytes.Equal(got, raw) {
		t.Errorf("%T: coded\n%x, want\n%x", c, got, raw)
	}
	for i := range raw {
		if n := c.Parse(raw[:i:i]); n >= 0 {
			t.Errorf("%T: parsed a certificate cut to %d bytes", c, i)
		}
	}
	c.Parse(raw)
}

func TestCapturedCredentials(t *testing.T) {
	var f struct{ Coms, Caps, Tags, Revocations, Coos []struct{ Raw string } }
	readJSON(t, "credentials_captured.json", &f)
	root := ident(t, "root")
	other := ident(t, "b")
	for _, e := range f.Coms {
		var c COM
		checkCredential(t, unhex(t, e.Raw), &c)
		if !c.Verify(root) || c.Verify(other) {
			t.Error("COM: signature")
		}
		again := c
		again.Sign(root)
		if again != c {
			t.Error("COM: signing does not give the same signature")
		}
		again.Qualifiers[0].Value++
		if again.Verify(root) {
			t.Error("COM: verified after a change")
		}
	}
	for _, e := range f.Tags {
		var c Tag
		checkCredential(t, unhex(t, e.Raw), &c)
		if !c.Verify(root) || c.Verify(other) {
			t.Error("tag: signature")
		}
		if c.Value++; c.Verify(root) {
			t.Error("tag: verified after a change")
		}
	}
	for _, e := range f.Caps {
		var c Capability
		checkCredential(t, unhex(t, e.Raw), &c)
		if !c.Verify(lookup(root)) || c.Verify(lookup(other)) {
			t.Error("capability: signature")
		}
		if c.Rules[0].Not = !c.Rules[0].Not; c.Verify(lookup(root)) {
			t.Error("capability: verified after a change")
		}
	}
	for _, e := range f.Revocations {
		var c Revocation
		checkCredential(t, unhex(t, e.Raw), &c)
		if !c.Verify(root) || c.Verify(other) {
			t.Error("revocation: signature")
		}
		if c.Threshold++; c.Verify(root) {
			t.Error("revocation: verified after a change")
		}
	}
	for _, e := range f.Coos {
		var c Ownership
		checkCredential(t, unhex(t, e.Raw), &c)
		if !c.Verify(root) || c.Verify(other) {
			t.Error("ownership: signature")
		}
		if c.Things[0].Value[3]++; c.Verify(root) {
			t.Error("ownership: verified after a change")
		}
	}
	if len(f.Coms) == 0 || len(f.Caps) == 0 || len(f.Tags) == 0 || len(f.Revocations) == 0 || len(f.Coos) == 0 {
		t.Error("a kind of credential is missing from the vectors")
	}
}

// lookup returns a function that knows the given identities.
func lookup(ids ...*identity.Identity) func(identity.Address) *identity.Identity {
	return func(a identity.Address) *identity.Identity {
		for _, id := range ids {
			if id.Address == a {
				return id
			}
		}
		return nil
	}
}

// TestMadeCredentials issues what the reference issued, byte for byte.
func TestMadeCredentials(t *testing.T) {
	var list []struct{ Type, Raw string }
	readJSON(t, "credentials_made.json", &list)
	raw := make(map[string][]byte)
	for _, e := range list {
		raw[e.Type] = unhex(t, e.Raw)
	}
	root, a, b := ident(t, "root"), ident(t, "a"), ident(t, "b")
	const (
		id = NetworkID(0x71bfb6ed76000001)
		ts = 1700000000123
	)
	want := func(kind string, got []byte) {
		t.Helper()
		if !bytes.Equal(got, raw[kind]) {
			t.Errorf("%s: issued\n%x, want\n%x", kind, got, raw[kind])
		}
	}
	tag := Tag{Network: id, Timestamp: ts, ID: 1000, Value: 42, IssuedTo: a.Address}
	tag.Sign(root)
	want("tag", tag.Append(nil))

	var revocation Revocation
	checkCredential(t, raw["revocation"], &revocation)
	again := Revocation{ID: 77, Network: id, Threshold: ts, Flags: 1, Target: a.Address, Type: CredentialCOM}
	again.Sign(root)
	want("revocation", again.Append(nil))

	coo := Ownership{Network: id, Timestamp: ts, ID: 1, IssuedTo: a.Address, Things: []Thing{
		{Type: ThingIPv4, Value: [16]byte{10, 147, 20, 11}}, {Type: ThingIPv6, Value: [16]byte{0xfd, 15: 1}}, ThingOfMAC(MAC(a.Address, id)),
	}}
	coo.Sign(root)
	want("coo", coo.Append(nil))

	com := NewCOM(ts, 1800000, id, a)
	com.Sign(root)
	want("com", com.Append(nil))

	notPorts := NewRule(MatchDestPort, 0, 80, 1, 0xbb)
	notPorts.Not = true
	capability := Capability{Network: id, Timestamp: ts, ID: 7, MaxCustody: 2, Rules: []Rule{
		NewRule(MatchIPProtocol, 6), notPorts, NewRule(ActionAccept),
	}}
	capability.Sign(root, a.Address)
	capability.Sign(a, b.Address)
	want("capability", capability.Append(nil))
	if !capability.Verify(lookup(root, a)) {
		t.Error("chain of custody of two steps was refused")
	}
	if capability.Verify(lookup(root)) {
		t.Error("chain of custody was accepted without the identity of its second signer")
	}
	broken := capability
	broken.Custody = []Custody{capability.Custody[1]}
	if broken.Verify(lookup(root, a)) {
		t.Error("chain of custody that does not begin with the controller was accepted")
	}
	broken.Custody = append(append([]Custody(nil), capability.Custody...), Custody{To: a.Address, From: b.Address, Signature: b.Sign(capability.appendSigned(nil))})
	if broken.Verify(lookup(root, a, b)) {
		t.Error("chain of custody that is too long was accepted")
	}
}

func TestCertificatesAgree(t *testing.T) {
	const id, ts = NetworkID(0x71bfb6ed76000001), 1700000000123
	a, b := ident(t, "a"), ident(t, "b")
	ours := NewCOM(ts, 1800000, id, a)
	for _, tt := range []struct {
		name string
		com  COM
		peer *identity.Identity
		want bool
	}{
		{"at the edge", NewCOM(ts+1800000, 1800000, id, b), b, true},
		{"at the other edge", NewCOM(ts-1800000, 1800000, id, b), b, true},
		{"too new", NewCOM(ts+1800001, 1800000, id, b), b, false},
		{"too old", NewCOM(ts-1800001, 1800000, id, b), b, false},
		{"somebody else's", NewCOM(ts, 1800000, id, b), a, false},
		{"other network", NewCOM(ts, 1800000, id+1, b), b, false},
		{"none", COM{}, b, false},
	} {
		if got := ours.AgreesWith(&tt.com, tt.peer); got != tt.want {
			t.Errorf("%s: agrees = %v", tt.name, got)
		}
	}
	// The same address with other keys.
	imposter := *b
	imposter.Public[0] ^= 1
	theirs := NewCOM(ts, 1800000, id, b)
	if ours.AgreesWith(&theirs, &imposter) {
		t.Error("a certificate agreed for an identity that is not the one it was issued to")
	}
	if none := (COM{}); none.AgreesWith(&theirs, b) {
		t.Error("no certificate agreed with one")
	}
}

func TestCapturedConfigs(t *testing.T) {
	var list []struct {
		To     string
		Raw    string `json:"dictionaryRawHex"`
		Parsed struct{ I []string }
	}
	readJSON(t, "netconf.json", &list)
	root := ident(t, "root")
	for i, e := range list {
		raw := unhex(t, e.Raw)
		c, ok := ParseNetworkConfig(raw)
		if !ok {
			t.Fatalf("config %d does not parse", i)
		}
		if got := c.AppendDict(nil); !bytes.Equal(got, raw) {
			t.Errorf("config %d: written\n%q, want\n%q", i, got, raw)
		}
		if c.ID != 0x71bfb6ed76000001 || c.IssuedTo != ident(t, e.To).Address || c.MulticastMax != 32 || c.MTU != 2800 || c.Public || c.Name != "ztone" {
			t.Errorf("config %d: %+v", i, c)
		}
		for j, p := range c.Addresses {
			if p.String() != e.Parsed.I[j] {
				t.Errorf("config %d: address %s, want %s", i, p, e.Parsed.I[j])
			}
		}
		if !c.COM.Verify(root) || c.COM.IssuedTo() != c.IssuedTo {
			t.Errorf("config %d: certificate of membership", i)
		}
		for j := range c.Tags {
			if !c.Tags[j].Verify(root) {
				t.Errorf("config %d: tag %d", i, j)
			}
		}
		for j := range c.Capabilities {
			if !c.Capabilities[j].Verify(lookup(root)) {
				t.Errorf("config %d: capability %d", i, j)
			}
		}
		for j := range c.Ownership {
			if !c.Ownership[j].Verify(root) {
				t.Errorf("config %d: ownership %d", i, j)
			}
		}
	}
}

func TestSameSettings(t *testing.T) {
	var list []struct {
		Raw string `json:"dictionaryRawHex"`
	}
	readJSON(t, "netconf.json", &list)
	c, _ := ParseNetworkConfig(unhex(t, list[0].Raw))
	d, _ := ParseNetworkConfig(unhex(t, list[1].Raw))
	if c.Timestamp == d.Timestamp || !c.sameSettings(d) {
		t.Error("two configurations that differ in time stamps alone are not the same")
	}
	d.MTU++
	if c.sameSettings(d) {
		t.Error("another MTU is the same")
	}
	tagged, _ := ParseNetworkConfig(unhex(t, list[2].Raw))
	changed, _ := ParseNetworkConfig(unhex(t, list[2].Raw))
	changed.Tags[0].Value++
	if tagged.sameSettings(changed) {
		t.Error("another tag value is the same")
	}
}

func TestMulticastPrefixOfMAC(t *testing.T) {
	for n := range NetworkID(256) {
		if m := (ethernet.Addr{macPrefix(n)}); m.IsMulticast() || m[0]&2 == 0 || m[0] == 0x52 {
			t.Errorf("network %s: first byte %#x", n, m[0])
		}
	}
}
