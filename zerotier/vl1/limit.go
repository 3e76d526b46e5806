package vl1

import (
	"net/netip"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/zerotier/identity"
)

// A bucket is a token bucket held as one instant: the time at which it would be full again. The zero
// bucket is full.
type bucket clock.Time

// allow takes a token, of which there are burst and one more every interval.
func (b *bucket) allow(now clock.Time, interval time.Duration, burst int) bool {
	full := clock.Time(*b)
	if full < now {
		full = now
	}
	if full.Sub(now) > interval*time.Duration(burst-1) {
		return false
	}
	*b = bucket(full.Add(interval))
	return true
}

// newcomerBuckets is the number of buckets that sources share. Two sources that meet in one share
// its allowance, so an attacker needs as many addresses to shut out others.
const newcomerBuckets = 1024

// newcomers limits the work that strangers cause (PROTOCOL 9.4).
//
// Deviation: the reference allows one unknown identity per source and 2 s. Nodes behind one
// address that start together would then need minutes; here a source has a burst.
type newcomers struct {
	seed            [2]uint64
	interval, all   time.Duration
	burst, burstAll int
	bySource        [newcomerBuckets]bucket
	total           bucket
	whois           bucket

	invalid [64]identity.Identity // failed the validation lately, so that a replay costs nothing
	oldest  int
}

func (n *newcomers) init(cfg *Config) {
	n.seed = [2]uint64{cfg.Rand.Uint64(), cfg.Rand.Uint64()}
	n.burst, n.interval = cfg.IdentityBurst, time.Second/time.Duration(cfg.IdentityRate)
	n.burstAll, n.all = cfg.IdentityBurstAll, time.Second/time.Duration(cfg.IdentityRateAll)
}

// allowSource reports whether a stranger at from may make us agree on a key.
func (n *newcomers) allowSource(now clock.Time, from netip.Addr) bool {
	return n.bySource[n.slot(from)].allow(now, n.interval, n.burst)
}

// allowValidation reports whether the memory-hard function may run once more.
func (n *newcomers) allowValidation(now clock.Time) bool {
	return n.total.allow(now, n.all, n.burstAll)
}

// Limits on WHOIS that packets from unknown senders cause.
const (
	strangerWhoisInterval = time.Second / 16
	strangerWhoisBurst    = 64
)

// allowWhois reports whether a packet from an unknown sender may cause a WHOIS.
func (n *newcomers) allowWhois(now clock.Time) bool {
	return n.whois.allow(now, strangerWhoisInterval, strangerWhoisBurst)
}

// slot maps an IPv4 address or an IPv6 /64 to a bucket. The seed keeps others from choosing it.
func (n *newcomers) slot(a netip.Addr) int {
	b := a.As16()
	x := be.Uint64(b[:8])
	if a.Is4() || a.Is4In6() {
		x = be.Uint64(b[8:])
	}
	x = (x ^ n.seed[0]) * 0x9e3779b97f4a7c15
	x = (x ^ x>>32 ^ n.seed[1]) * 0xd6e8feb86659fd93
	return int(x >> 54)
}

func (n *newcomers) isInvalid(id *identity.Identity) bool {
	for i := range n.invalid {
		if n.invalid[i] == *id {
			return true
		}
	}
	return false
}

func (n *newcomers) addInvalid(id *identity.Identity) {
	n.invalid[n.oldest] = *id
	n.oldest = (n.oldest + 1) % len(n.invalid)
}
