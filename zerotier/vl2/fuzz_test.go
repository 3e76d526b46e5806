package vl2

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// fuzzCredential checks that whatever parses is coded again as something that parses to the same.
func fuzzCredential[T any, P interface {
	*T
	credential
}](f *testing.F, kind string) {
	var captured map[string][]struct{ Raw string }
	readJSON(f, "credentials_captured.json", &captured)
	for _, e := range captured[kind][:1] {
		f.Add(unhex(f, e.Raw))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var v, w T
		n := P(&v).Parse(b)
		if n < 0 {
			return
		}
		if n > len(b) {
			t.Fatalf("took %d of %d bytes", n, len(b))
		}
		once := P(&v).Append(nil)
		if m := P(&w).Parse(once); m != len(once) {
			t.Fatalf("coded again: parsed %d of %d bytes", m, len(once))
		}
		if twice := P(&w).Append(nil); !bytes.Equal(once, twice) {
			t.Fatalf("coded %x, then %x", once, twice)
		}
	})
}

func FuzzCOM(f *testing.F)        { fuzzCredential[COM](f, "coms") }
func FuzzTag(f *testing.F)        { fuzzCredential[Tag](f, "tags") }
func FuzzCapability(f *testing.F) { fuzzCredential[Capability](f, "caps") }
func FuzzOwnership(f *testing.F)  { fuzzCredential[Ownership](f, "coos") }
func FuzzRevocation(f *testing.F) { fuzzCredential[Revocation](f, "revocations") }

func FuzzNetworkConfig(f *testing.F) {
	var list []struct {
		Raw string `json:"dictionaryRawHex"`
	}
	readJSON(f, "netconf.json", &list)
	f.Add(unhex(f, list[0].Raw))
	f.Add(unhex(f, list[4].Raw))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, ok := ParseNetworkConfig(b)
		if !ok {
			return
		}
		once := c.AppendDict(nil)
		d, ok := ParseNetworkConfig(once)
		if !ok {
			t.Fatalf("coded again as %q, which does not parse", once)
		}
		if twice := d.AppendDict(nil); !bytes.Equal(once, twice) {
			t.Fatalf("coded %q, then %q", once, twice)
		}
	})
}

// FuzzFilter runs arbitrary rules over arbitrary frames, both ways.
func FuzzFilter(f *testing.F) {
	var file struct{ Binary string }
	readJSON(f, "rules.json", &file)
	f.Add(unhex(f, file.Binary), uint16(etherIPv4), []byte("E\x00\x00\x28\x00\x00\x40\x00\x40\x06\x00\x00\x0a\x01\x02\x03\x0a\x01\x03\x04\x03\xe8\x00\x35\x00\x00\x00\x00\x00\x00\x00\x00\x50\x02\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, coded []byte, etherType uint16, frame []byte) {
		rules, ok := ParseRules(coded, MaxRules)
		if !ok {
			return
		}
		for _, inbound := range []bool{false, true} {
			s := scene{cfg: &NetworkConfig{Rules: rules}, theirs: &noCredentials, self: 1, src: 1, dst: 2, etherType: etherType, frame: frame, inbound: inbound}
			s.random = rand.New(rand.NewPCG(1, 2))
			v, _, _ := s.judge(nil)
			var trace Trace
			again := s
			again.random = rand.New(rand.NewPCG(1, 2))
			if w, _, _ := again.judge(&trace); v != w {
				t.Fatalf("verdict %d, traced %d", v, w)
			}
		}
	})
}
