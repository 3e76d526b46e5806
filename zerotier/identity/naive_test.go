package identity

import (
	//lint:ignore SA1019 the bare cipher, counter and all, is what an independent twin needs
	"golang.org/x/crypto/salsa20/salsa"
)

// newNaiveCipher returns a function that encrypts 64 bytes with the next block of Salsa20.
func newNaiveCipher(key, iv []byte) func(b []byte) {
	k := [32]byte(key)
	var counter [16]byte
	copy(counter[:], iv)
	return func(b []byte) {
		salsa.XORKeyStream(b, b, &counter, &k)
		for i := 8; i < 16; i++ {
			if counter[i]++; counter[i] != 0 {
				break
			}
		}
	}
}
