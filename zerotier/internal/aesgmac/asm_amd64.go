package aesgmac

//lint:file-ignore U1000 the assembly uses the fields of asmKey

import "golang.org/x/sys/cpu"

// best returns the fastest implementation that this machine can run.
func best() Implementation {
	x := &cpu.X86
	switch {
	case !x.HasAES || !x.HasPCLMULQDQ || !x.HasAVX:
		return Generic
	case x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL &&
		x.HasAVX512VAES && x.HasAVX512VPCLMULQDQ && x.HasBMI2:
		return VAES
	}
	return AESNI
}

// scheduleLen is the length of an expanded AES-256 key: 15 round keys.
const scheduleLen = 15 * 16

// asmKey is what the assembly keeps of a key. It knows the layout.
type asmKey struct {
	enc0 [scheduleLen]byte // encryption under k0
	enc1 [scheduleLen]byte // encryption under k1
	dec1 [scheduleLen]byte // decryption under k1

	// powers holds the powers of the hash key, H^33 down to H^1 (32 blocks and the length), each in the form that saves the multiplication a
	// shift: bits reversed and multiplied by x, as in RFC 8452, appendix A. The zeros after H^1 are read, together with
	// zeros in the message.
	powers [36 * 16]byte
}

func (k *asmKey) init(k0, k1 *[32]byte) { expand(k, k0, k1) }

func (k *asmKey) seal(impl Implementation, msg []byte, iv *[8]byte, tag *[TagLen]byte) {
	if impl == VAES {
		sealVAES(k, &msg[0], len(msg), iv, tag)
		return
	}
	sealAESNI(k, &msg[0], len(msg), iv, tag)
}

func (k *asmKey) open(impl Implementation, msg []byte, tag *[TagLen]byte) bool {
	if impl == VAES {
		return openVAES(k, &msg[0], len(msg), tag) == 0
	}
	return openAESNI(k, &msg[0], len(msg), tag) == 0
}

// expand makes the key schedules and the powers of the hash key. It needs AES-NI, PCLMULQDQ and AVX.
//
//go:noescape
func expand(k *asmKey, k0, k1 *[32]byte)

// sealVAES seals the n bytes at msg, of which the first 16 are not encrypted.
//
//go:noescape
func sealVAES(k *asmKey, msg *byte, n int, iv *[8]byte, tag *[16]byte)

// openVAES is the reverse. It returns zero when the tag is right.
//
//go:noescape
func openVAES(k *asmKey, msg *byte, n int, tag *[16]byte) uint64

// sealAESNI is sealVAES for processors without 512-bit vectors.
//
//go:noescape
func sealAESNI(k *asmKey, msg *byte, n int, iv *[8]byte, tag *[16]byte)

// openAESNI is openVAES for processors without 512-bit vectors.
//
//go:noescape
func openAESNI(k *asmKey, msg *byte, n int, tag *[16]byte) uint64
