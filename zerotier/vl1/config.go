package vl1

import (
	"math/rand/v2"
	"net/netip"

	"github.com/ztstack/ztstack/zerotier/identity"
)

// Version numbers announced in HELLO when Config leaves them zero.
const (
	ProtocolVersion    = 12 // PROTOCOL 1
	minProtocolVersion = 4
	aesProtocolVersion = 12
)

// Version is a node's software version.
type Version struct {
	Major, Minor uint8
	Revision     uint16
}

// Config is what a Switch is made from.
type Config struct {
	// Identity is this node's identity; its secret is required.
	Identity identity.Identity

	// Planet names the roots. Nil means none: the node then learns peers only from HELLOs.
	Planet *World

	// Moons are further worlds whose roots serve as upstreams.
	Moons []*World

	// Rand supplies packet IDs, which are nonces, and jitter. Seed it with 32 random bytes
	// (rand.NewChaCha8) outside of tests. Required.
	Rand *rand.Rand

	// ClockBase is Unix time in milliseconds at clock reading zero. World updates and HELLO
	// carry Unix time.
	ClockBase int64

	// Version is announced in HELLO. Zero means 1.14.1.
	Version Version

	// AllowLoopback permits paths over loopback addresses, which stock nodes never use.
	AllowLoopback bool

	// PhysicalMTU is the largest UDP payload sent, in bytes. Zero means 1432; at least 1280,
	// at most 10024.
	PhysicalMTU int

	// LocalAddrs are the addresses at which our sockets can be reached locally. They are pushed to
	// trusted peers. SetLocalAddrs changes them later.
	LocalAddrs []netip.AddrPort

	// MaxPeers bounds the number of peers kept. Zero means 65536.
	MaxPeers int

	// ValidateWhois makes the Switch run the memory-hard validation on identities that an upstream
	// vouches for, too. The reference does not; each costs some 14 ms inside Receive.
	ValidateWhois bool

	// IdentityBurst and IdentityRate are the token bucket for unknown identities of one source:
	// the burst, and validations per second after it. Zero means 64 and 2.
	IdentityBurst, IdentityRate int

	// IdentityBurstAll and IdentityRateAll are the same for all sources together. Zero means 128 and 16.
	IdentityBurstAll, IdentityRateAll int
}
