package vl1

import (
	"net/netip"

	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// WorldType tells a planet from a moon.
type WorldType uint8

// World types (PROTOCOL 12).
const (
	Planet WorldType = 1
	Moon   WorldType = 127
)

// Limits of a World (PROTOCOL 28).
const (
	MaxRoots     = 4
	MaxEndpoints = 32
)

// A World names roots: the planet, which every node has, or a moon, which it may have besides
// (PROTOCOL 12). It is a value that nothing changes once it has been parsed or signed.
type World struct {
	Type      WorldType
	ID        uint64
	Timestamp uint64   // milliseconds; doubles as the revision
	SignedBy  [64]byte // public keys that must sign the next update
	Signature [identity.SignatureLen]byte
	Roots     []Root
}

// A Root is one root of a World.
type Root struct {
	Identity  identity.Identity
	Endpoints []netip.AddrPort
}

// NewPlanet makes and signs a planet. key signs this version and the next; any identity that has its
// secret will do, and its address plays no part. The ID should not be Earth's, 149604618.
func NewPlanet(id, timestamp uint64, key *identity.Identity, roots []Root) *World {
	return newWorld(Planet, id, timestamp, key, roots)
}

// NewMoon makes and signs a moon, whose ID is usually the address of its first root.
func NewMoon(id, timestamp uint64, key *identity.Identity, roots []Root) *World {
	return newWorld(Moon, id, timestamp, key, roots)
}

func newWorld(t WorldType, id, timestamp uint64, key *identity.Identity, roots []Root) *World {
	w := &World{Type: t, ID: id, Timestamp: timestamp, SignedBy: key.Public}
	for _, r := range roots {
		w.Roots = append(w.Roots, Root{r.Identity.WithoutSecret(), append([]netip.AddrPort(nil), r.Endpoints...)})
	}
	w.Sign(key)
	return w
}

// worldFixedLen is the length of a world before its roots.
const worldFixedLen = 1 + 8 + 8 + 64 + identity.SignatureLen + 1

// ParseWorld parses a world at the start of b and returns its length, or -1. It does not check the
// signature: see Verify.
func ParseWorld(b []byte) (w *World, n int) {
	if len(b) < worldFixedLen {
		return nil, -1
	}
	w = &World{Type: WorldType(b[0]), ID: be.Uint64(b[1:]), Timestamp: be.Uint64(b[9:])}
	copy(w.SignedBy[:], b[17:])
	copy(w.Signature[:], b[81:])
	roots := int(b[177])
	if (w.Type != Planet && w.Type != Moon) || roots > MaxRoots {
		return nil, -1
	}
	n = worldFixedLen
	for range roots {
		r, m := parseRoot(b[n:])
		if m < 0 {
			return nil, -1
		}
		w.Roots = append(w.Roots, r)
		n += m
	}
	if w.Type == Moon {
		if len(b) < n+2 || len(b)-n-2 < int(be.Uint16(b[n:])) {
			return nil, -1
		}
		if be.Uint16(b[n:]) != 0 {
			return nil, -1 // the signature covers a dictionary that no release writes
		}
		n += 2
	}
	return w, n
}

func parseRoot(b []byte) (r Root, n int) {
	id, n := identity.ParseBinary(b)
	if n < 0 || len(b) < n+1 || int(b[n]) > MaxEndpoints {
		return Root{}, -1
	}
	r.Identity = id.WithoutSecret()
	endpoints := int(b[n])
	n++
	for range endpoints {
		a, m := packet.ParseInetAddress(b[n:])
		if m < 0 {
			return Root{}, -1
		}
		r.Endpoints = append(r.Endpoints, a)
		n += m
	}
	return r, n
}

// Append appends the world's binary form, as in a file named planet or in an update.
func (w *World) Append(dst []byte) []byte { return w.append(dst, true) }

func (w *World) append(dst []byte, signature bool) []byte {
	var fixed [17]byte
	fixed[0] = byte(w.Type)
	be.PutUint64(fixed[1:], w.ID)
	be.PutUint64(fixed[9:], w.Timestamp)
	dst = append(dst, fixed[:]...)
	dst = append(dst, w.SignedBy[:]...)
	if signature {
		dst = append(dst, w.Signature[:]...)
	}
	dst = append(dst, byte(len(w.Roots)))
	for i := range w.Roots {
		r := &w.Roots[i]
		dst = r.Identity.AppendBinary(dst)
		dst = append(dst, byte(len(r.Endpoints)))
		for _, e := range r.Endpoints {
			dst = packet.AppendInetAddress(dst, e)
		}
	}
	if w.Type == Moon {
		dst = append(dst, 0, 0)
	}
	return dst
}

// signed returns the bytes that the signature covers: all but itself, between two guards that differ.
func (w *World) signed() []byte {
	b := make([]byte, 0, 1024)
	for range 8 {
		b = append(b, 0x7f)
	}
	b = w.append(b, false)
	for range 8 {
		b = append(b, 0xf7)
	}
	return b
}

// Sign makes w's signature with key, whose public keys are those that the version before w names in
// SignedBy.
func (w *World) Sign(key *identity.Identity) { w.Signature = key.Sign(w.signed()) }

// Verify reports whether w was signed with the secret half of public.
func (w *World) Verify(public *[64]byte) bool {
	signer := identity.Identity{Public: *public}
	return signer.Verify(w.signed(), w.Signature[:])
}

// Updates reports whether w may replace old: the same world, newer, and signed as old demands.
func (w *World) Updates(old *World) bool {
	return w.Type == old.Type && w.ID == old.ID && w.Timestamp > old.Timestamp && w.Verify(&old.SignedBy)
}

// hasRoot reports whether addr is one of w's roots.
func (w *World) hasRoot(addr identity.Address) bool {
	for i := range w.Roots {
		if w.Roots[i].Identity.Address == addr {
			return true
		}
	}
	return false
}
