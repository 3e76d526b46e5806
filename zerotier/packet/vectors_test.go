package packet

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
)

// hexBytes is a byte slice that JSON holds in hexadecimal.
type hexBytes []byte

func (h *hexBytes) UnmarshalText(b []byte) error {
	*h = make([]byte, hex.DecodedLen(len(b)))
	_, err := hex.Decode(*h, b)
	return err
}

// readVectors reads testdata/name into into.
func readVectors(t testing.TB, name string, into any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// capturedPacket is an entry of packets.json or fragments.json.
type capturedPacket struct {
	Verb                  string
	Cipher                Cipher
	Hops                  int
	Compressed            bool
	Key48                 hexBytes
	AESInnerIV            hexBytes
	Wire, Plaintext       hexBytes
	PlaintextUncompressed hexBytes
	Datagrams             []hexBytes
	Parsed                json.RawMessage
}

func (c *capturedPacket) keys() *Keys { return NewKeys((*[48]byte)(c.Key48)) }

// payload returns the payload in the clear, a copy.
func (c *capturedPacket) payload() []byte {
	if c.PlaintextUncompressed != nil {
		return bytes.Clone(c.PlaintextUncompressed[HeaderLen:])
	}
	return bytes.Clone(c.Plaintext[HeaderLen:])
}

func capturedPackets(t testing.TB) []capturedPacket {
	var v []capturedPacket
	readVectors(t, "packets.json", &v)
	if len(v) < 70 {
		t.Fatalf("%d packets, want 70 or more", len(v))
	}
	return v
}

type armorVector struct {
	Cipher          Cipher
	Fragmented      bool
	IV              hexBytes
	Key48           hexBytes
	PlaintextPacket hexBytes
	Wire            hexBytes
}

func armorVectors(t testing.TB) []armorVector {
	var v []armorVector
	readVectors(t, "armor.json", &v)
	if len(v) != 63 {
		t.Fatalf("%d armoured packets, want 63", len(v))
	}
	return v
}
