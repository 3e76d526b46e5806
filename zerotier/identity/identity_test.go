package identity

import (
	"bytes"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

type vectorIdentity struct {
	Name, Address, Public, Secret  string
	BinaryPublic, BinaryWithSecret string
	MemoryHardDigest               string
	PublicKeyHashSha384            string
}

func readVectors(t testing.TB, name string, into any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

func identities(t testing.TB) map[string]Identity {
	var v struct{ Identities []vectorIdentity }
	readVectors(t, "identities.json", &v)
	m := make(map[string]Identity)
	for _, i := range v.Identities {
		id, err := Parse(i.Secret)
		if err != nil {
			t.Fatalf("%s: %v", i.Name, err)
		}
		m[i.Name] = id
	}
	if len(m) != 5 {
		t.Fatalf("%d identities, want 5", len(m))
	}
	return m
}

func TestVectors(t *testing.T) {
	var v struct{ Identities []vectorIdentity }
	readVectors(t, "identities.json", &v)
	var scratch Scratch
	for _, i := range v.Identities {
		id, err := Parse(i.Secret)
		if err != nil {
			t.Fatalf("%s: Parse: %v", i.Name, err)
		}
		if got := id.SecretString(); got != i.Secret {
			t.Errorf("%s: SecretString = %s", i.Name, got)
		}
		if got := id.PublicString(); got != i.Public {
			t.Errorf("%s: PublicString = %s, want %s", i.Name, got, i.Public)
		}
		if got := id.Address.String(); got != i.Address {
			t.Errorf("%s: address %s, want %s", i.Name, got, i.Address)
		}
		if got := hex.EncodeToString(id.AppendBinary(nil)); got != i.BinaryPublic {
			t.Errorf("%s: AppendBinary = %s", i.Name, got)
		}
		digest := scratch.hash(&id.Public)
		if got := hex.EncodeToString(digest[:]); got != i.MemoryHardDigest {
			t.Errorf("%s: digest %s, want %s", i.Name, got, i.MemoryHardDigest)
		}
		if !id.ValidateWith(&scratch) {
			t.Errorf("%s: does not validate", i.Name)
		}
		hash := id.PublicKeyHash()
		if got := hex.EncodeToString(hash[:]); got != i.PublicKeyHashSha384 {
			t.Errorf("%s: PublicKeyHash = %s, want %s", i.Name, got, i.PublicKeyHashSha384)
		}
		for _, binary := range []string{i.BinaryPublic, i.BinaryWithSecret} {
			b, _ := hex.DecodeString(binary)
			want := id
			if len(b) == BinaryLen {
				want = id.WithoutSecret()
			}
			if got, n := ParseBinary(append(b, 1, 2, 3)); n != len(b) || got != want {
				t.Errorf("%s: ParseBinary = %v, %d", i.Name, got, n)
			}
			for n := range b {
				if _, got := ParseBinary(b[:n]); got != -1 {
					t.Errorf("%s: ParseBinary of %d of %d bytes = %d, want -1", i.Name, n, len(b), got)
				}
			}
		}
	}
}

func TestInvalidVectors(t *testing.T) {
	var v struct {
		Invalid []struct{ Why, Public string }
	}
	readVectors(t, "identities.json", &v)
	if len(v.Invalid) != 5 {
		t.Fatalf("%d invalid identities, want 5", len(v.Invalid))
	}
	for _, i := range v.Invalid {
		if id, err := Parse(i.Public); err == nil && id.Validate() {
			t.Errorf("%s: valid", i.Why)
		}
	}
}

func TestAgreement(t *testing.T) {
	var v []struct{ A, B, Key48 string }
	readVectors(t, "agreement.json", &v)
	ids := identities(t)
	for _, pair := range v {
		for _, p := range [][2]string{{pair.A, pair.B}, {pair.B, pair.A}} {
			a, b := ids[p[0]], ids[p[1]].WithoutSecret()
			key, ok := a.Agree(&b)
			if got := hex.EncodeToString(key[:]); !ok || got != pair.Key48 {
				t.Errorf("%s with %s: %s, %v, want %s", p[0], p[1], got, ok, pair.Key48)
			}
			if _, ok := b.Agree(&a); ok {
				t.Errorf("%s agrees without a secret", p[1])
			}
		}
	}
}

// A public key of small order leads to the same key for everybody who knows nothing.
func TestAgreementRefusesSmallOrder(t *testing.T) {
	a := identities(t)["a"]
	for _, low := range []byte{0, 1} {
		peer := Identity{Address: 1}
		peer.Public[0] = low
		if key, ok := a.Agree(&peer); ok {
			t.Errorf("agreed on %x with the point %d", key, low)
		}
	}
}

func TestSignatures(t *testing.T) {
	var v []struct{ Signer, Message, Signature string }
	readVectors(t, "signatures.json", &v)
	ids := identities(t)
	for _, s := range v {
		id := ids[s.Signer]
		sig := id.Sign([]byte(s.Message))
		if got := hex.EncodeToString(sig[:]); got != s.Signature {
			t.Errorf("%s signs %q: %s, want %s", s.Signer, s.Message, got, s.Signature)
		}
		public := id.WithoutSecret()
		if !public.Verify([]byte(s.Message), sig[:]) {
			t.Errorf("%s: %q does not verify", s.Signer, s.Message)
		}
		if public.Verify([]byte(s.Message+"x"), sig[:]) {
			t.Errorf("%s: another message verifies", s.Signer)
		}
		for i := range sig {
			bad := sig
			bad[i] ^= 1
			if public.Verify([]byte(s.Message), bad[:]) {
				t.Errorf("%s: verifies with byte %d changed", s.Signer, i)
			}
			if public.Verify([]byte(s.Message), sig[:i]) {
				t.Errorf("%s: verifies cut to %d bytes", s.Signer, i)
			}
		}
	}
}

func TestParseErrors(t *testing.T) {
	id := identities(t)["a"]
	public, secret := id.PublicString(), id.SecretString()
	for _, tt := range []struct {
		name, text string
		want       error
	}{
		{"empty", "", ErrText},
		{"address alone", "08c349852a", ErrText},
		{"no public key", "08c349852a:0", ErrText},
		{"short public key", public[:len(public)-2], ErrText},
		{"odd public key", public[:len(public)-1], ErrText},
		{"not hexadecimal", public[:len(public)-1] + "g", ErrText},
		{"short address", public[1:], ErrAddress},
		{"address zero", "0000000000" + public[10:], ErrAddress},
		{"address ff", "ff00000001" + public[10:], ErrAddress},
		{"type 1", strings.Replace(public, ":0:", ":1:", 1), ErrType},
		{"type 00", strings.Replace(public, ":0:", ":00:", 1), ErrType},
		{"short secret", secret[:len(secret)-2], ErrText},
		{"long secret", secret + "00", ErrText},
		{"one more part", secret + ":", ErrText},
		{"another X25519 secret", flip(secret, len(secret)-100), ErrSecret},
		{"another Ed25519 secret", flip(secret, len(secret)-1), ErrSecret},
	} {
		if got, err := Parse(tt.text); err != tt.want {
			t.Errorf("%s: %v, %v, want %v", tt.name, got, err, tt.want)
		}
	}
	if got, err := Parse(" " + secret + "\r\n"); err != nil || got != id {
		t.Errorf("white space around the text: %v", err)
	}
	if got, err := Parse(strings.ToUpper(public)); err != nil || got != id.WithoutSecret() {
		t.Errorf("upper case: %v", err)
	}
}

// flip changes the hexadecimal digit at i by one bit.
func flip(s string, i int) string {
	v, _ := nibble(s[i])
	return s[:i] + string(hexDigits[v^2]) + s[i+1:]
}

func TestStringShowsNoSecret(t *testing.T) {
	id := identities(t)["a"]
	if s := id.String(); strings.Count(s, ":") != 2 {
		t.Errorf("String = %s", s)
	}
	if p := id.WithoutSecret(); p.HasSecret() || p == id {
		t.Error("WithoutSecret keeps the secret")
	}
}

func TestGenerate(t *testing.T) {
	if testing.Short() {
		t.Skip("the memory-hard function takes a while")
	}
	rand := rand.NewChaCha8([32]byte{7})
	id, err := Generate(rand)
	if err != nil {
		t.Fatal(err)
	}
	if !id.Validate() || !id.HasSecret() || !id.secretMatches() {
		t.Fatalf("%v is not valid", id)
	}
	again, err := Parse(id.SecretString())
	if err != nil || again != id {
		t.Errorf("Parse(SecretString) = %v, %v", again, err)
	}
	other := id
	other.Address++
	if other.Validate() {
		t.Error("another address is valid")
	}
	if _, err := Generate(bytes.NewReader(make([]byte, 40))); err == nil {
		t.Error("randomness ended, and Generate did not say so")
	}
}

func TestAddress(t *testing.T) {
	a, err := ParseAddress("08C349852a")
	if err != nil || a != 0x08c349852a || a.String() != "08c349852a" {
		t.Errorf("ParseAddress = %v, %v", a, err)
	}
	var b [AddressLen]byte
	a.Put(b[:])
	if AddressFrom(b[:]) != a || !bytes.Equal(a.Append(nil), b[:]) {
		t.Errorf("Put = %x, Append = %x", b, a.Append(nil))
	}
	for _, s := range []string{"", "08c349852", "08c349852a0", "08c349852x", "0x08c34985"} {
		if _, err := ParseAddress(s); err == nil {
			t.Errorf("ParseAddress(%q) succeeds", s)
		}
	}
	for a, want := range map[Address]bool{0: true, 0xff00000001: true, 0xfeffffffff: false, 1: false} {
		if a.IsReserved() != want {
			t.Errorf("%v: IsReserved = %v", a, !want)
		}
	}
}

// The function with nothing clever about it: one block of keystream at a time, raw bytes, as the text of PROTOCOL 2.2.
func TestHashAgainstNaive(t *testing.T) {
	rand := rand.New(rand.NewPCG(1, 2))
	var scratch Scratch
	for range 2 {
		var public [64]byte
		for i := range public {
			public[i] = byte(rand.Uint32())
		}
		if got, want := scratch.hash(&public), naiveHash(&public); got != want {
			t.Errorf("hash(%x) = %x, want %x", public, got, want)
		}
	}
}

func BenchmarkValidate(b *testing.B) {
	id := identities(b)["a"]
	var scratch Scratch
	b.ReportAllocs()
	for b.Loop() {
		id.ValidateWith(&scratch)
	}
}

func BenchmarkAgree(b *testing.B) {
	ids := identities(b)
	x, y := ids["a"], ids["b"]
	b.ReportAllocs()
	for b.Loop() {
		x.Agree(&y)
	}
}

func FuzzParse(f *testing.F) {
	ids := identities(f)
	for _, id := range ids {
		f.Add(id.SecretString(), id.AppendBinary(nil))
		f.Add(id.PublicString(), id.AppendBinary(nil)[:70])
	}
	f.Add("ff00000001:0::", append(make([]byte, 70), 64))
	f.Fuzz(func(t *testing.T, text string, binary []byte) {
		if id, err := Parse(text); err == nil {
			if again, err := Parse(id.PublicString()); err != nil || again != id.WithoutSecret() {
				t.Errorf("%q: %v, %v", text, again, err)
			}
		}
		if id, n := ParseBinary(binary); n > 0 {
			if got := id.AppendBinary(nil); !bytes.Equal(got[:70], binary[:70]) {
				t.Errorf("%x parses to %x", binary[:n], got)
			}
		} else if n != -1 {
			t.Errorf("ParseBinary = %d", n)
		}
	})
}

func naiveHash(public *[64]byte) [64]byte {
	d := sha512.Sum512(public[:])
	xor := newNaiveCipher(d[:32], d[32:40])
	m := make([]byte, 2<<20)
	for i := 0; i < len(m); i += 64 {
		if i > 0 {
			copy(m[i:], m[i-64:i])
		}
		xor(m[i : i+64])
	}
	for i := 0; i < len(m); i += 16 {
		i1 := int(m[i+7]) % 8 * 8
		i2 := (int(m[i+15]) | int(m[i+14])<<8 | int(m[i+13])<<16) % 262144 * 8
		var t [8]byte
		copy(t[:], d[i1:])
		copy(d[i1:i1+8], m[i2:])
		copy(m[i2:], t[:])
		xor(d[:])
	}
	return d
}
