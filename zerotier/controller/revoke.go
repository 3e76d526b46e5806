package controller

import (
	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/packet"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// maxRevocations bounds the revocations that are kept for members that were offline.
const maxRevocations = 1024

// issued is a revocation with the time it was issued and a number that counts up.
type issued struct {
	revocation vl2.Revocation
	at         clock.Time
	number     uint64
}

// revoke voids all certificates that a member has: every online member is told, and it itself is denied (PROTOCOL 24).
func (c *Controller) revoke(now clock.Time, nw *network, mem *member) {
	c.now = now
	nw.revokedUpTo = max(nw.revokedUpTo, c.unix(now))
	v := vl2.Revocation{
		ID: c.cfg.Rand.Uint32(), Network: nw.rec.ID, Threshold: nw.revokedUpTo, Flags: vl2.RevocationFastPropagate,
		Target: mem.rec.Address, Type: vl2.CredentialCOM,
	}
	v.Sign(c.cfg.Identity)
	nw.prune(now)
	nw.revocations = append(nw.revocations, issued{v, now, nw.nextRevocation})
	nw.nextRevocation++
	for _, a := range nw.order {
		if m := nw.members[a]; m != mem && m.rec.Authorized && m.online(now) {
			c.tell(nw, m)
		}
	}
	if mem.online(now) {
		// The reference leaves it to the next request; saying it now ends the membership on that side too.
		c.sendError(mem.rec.Address, mem.requestID, packet.ErrorAccessDenied, nw.rec.ID)
	}
}

// prune forgets revocations that only void certificates which are too old anyway.
func (nw *network) prune(now clock.Time) {
	old := 0
	for old < len(nw.revocations) && (now.Sub(nw.revocations[old].at).Milliseconds() > 2*nw.rec.maxDelta() || len(nw.revocations)-old >= maxRevocations) {
		old++
	}
	nw.revocations = nw.revocations[old:]
}

// tell sends a member the revocations that it was not sent yet. So whoever was offline learns of them when it comes back.
func (c *Controller) tell(nw *network, mem *member) {
	var p packet.Credentials
	size := 0
	flush := func() {
		if size > 0 {
			c.out = append(c.out, vl2.Send{To: mem.rec.Address, Verb: packet.VerbNetworkCredentials, Payload: p.Append(nil)})
			p, size = packet.Credentials{}, 0
		}
	}
	for i := range nw.revocations {
		r := &nw.revocations[i]
		if r.number < mem.told || r.revocation.Target == mem.rec.Address {
			continue
		}
		b := r.revocation.Append(nil)
		if size += len(b); size > 9000 {
			size -= len(b)
			flush()
			size = len(b)
		}
		p.Revocations = append(p.Revocations, b)
	}
	flush()
	mem.told = nw.nextRevocation
}
