package vl2

// DropReason says why a message or frame was not processed.
type DropReason uint8

// The reasons. Each is counted in Stats.Drops.
const (
	DropMalformed         DropReason = iota // does not parse, or breaks a limit
	DropUnknownNetwork                      // for a network that is not joined
	DropNoConfig                            // the network has no configuration (yet, or any more)
	DropNotMember                           // the sender does not pass the membership gate
	DropNotController                       // says what only the controller may say
	DropForgedConfig                        // configuration with a bad signature
	DropForeignConfig                       // configuration for somebody else
	DropForgedCredential                    // bad signature, or signed by the wrong one
	DropRevokedCredential                   // credential that was revoked, or a frame for a revoked member
	DropOldCredential                       // credential older than the one we have
	DropRateLimited                         // sent more often than allowed
	DropRules                               // the rules forbid it
	DropRedirected                          // the rules sent it elsewhere
	DropBadSource                           // source MAC address that the sender may not use
	DropBadDestination                      // destination MAC address that is not ours
	DropBroadcastOff                        // the network has no broadcast
	DropMulticastOff                        // the network has no multicast
	DropTooBig                              // longer than the network's MTU
	DropNoBridge                            // nobody is there for the destination MAC address
	DropQueueFull                           // a queue was full
	DropTableFull                           // a table was full
	numDropReasons
)

// String returns the name under which the reason is reported.
func (r DropReason) String() string {
	names := [...]string{
		"malformed", "unknown-network", "no-config", "not-member", "not-controller", "forged-config", "foreign-config",
		"forged-credential", "revoked-credential", "old-credential", "rate-limited", "rules", "redirected", "bad-source",
		"bad-destination", "broadcast-off", "multicast-off", "too-big", "no-bridge", "queue-full", "table-full",
	}
	if int(r) < len(names) {
		return names[r]
	}
	return "unknown"
}

// Stats are counters since New.
type Stats struct {
	FramesIn      uint64 // unicast, delivered; those of a Gate are not counted here
	FramesOut     uint64 // unicast
	MulticastsIn  uint64
	MulticastsOut uint64 // frames of the host, each counted once
	Copies        uint64 // recipients of those
	Configs       uint64 // configurations adopted
	Pushes        uint64 // credentials pushed
	Gathers       uint64 // sent
	Drops         [numDropReasons]uint64
}

// Stats returns the counters.
func (n *Networks) Stats() Stats { return n.stats }

// drop counts a reason.
func (n *Networks) drop(r DropReason) Verdict {
	n.stats.Drops[r]++
	return Drop
}
