package packet

// Keys are what two identities share: the keys of all ciphers, derived from the key that they agreed on.
// Keys are immutable and safe for concurrent use.
type Keys struct {
	salsa [32]byte
}

// NewKeys derives the keys of all ciphers from the agreed key (PROTOCOL 3).
func NewKeys(agreed *[48]byte) *Keys { panic("TODO") }

// Seal armours the whole packet p in place with cipher c: CipherPoly1305, CipherSalsa2012 or
// CipherAES. iv is random; with the first two it becomes the packet ID, with CipherAES the ID on the
// wire is what ID(p) returns afterwards. The fragmented flag is kept as it is, hops become zero.
// It panics on a packet shorter than its header and on any other cipher.
func (k *Keys) Seal(p []byte, c Cipher, iv uint64) { panic("TODO") }

// Open verifies and decrypts the whole packet p in place, by the cipher that it names, and reports
// whether it is authentic. When it is not, the payload is undefined. A packet that is too short, or armoured
// with CipherTrusted or an unknown cipher, is refused.
func (k *Keys) Open(p []byte) bool { panic("TODO") }

// HelloTail encrypts or decrypts the end of a HELLO, from offset from of the packet on, in place
// (PROTOCOL 10.1). The sender calls it with the packet ID in place, before Seal; the receiver after Open.
func (k *Keys) HelloTail(p []byte, from int) { panic("TODO") }
