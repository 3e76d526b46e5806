package vl2

import (
	"cmp"
	"slices"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// maxMembers bounds the members remembered per network.
const maxMembers = 1 << 16

// member is what is known of another member of a network.
type member struct {
	addr  identity.Address
	com   COM // zero: none
	heard clock.Time

	// Credentials as accepted, whether they count at present or not.
	tags         []Tag
	capabilities []Capability
	ownership    []Ownership
	revocations  []revoked
	theirs       *credentials // those that count; replaced, never changed

	agrees bool // com agrees with ours, is not revoked, and the identity is known

	pushed    *NetworkConfig // configuration whose credentials were pushed last
	pushedAt  clock.Time
	likedAt   clock.Time // our groups were announced to it
	gate      *Gate
	gateDirty bool // GateChanged is to report it
}

// revoked is a threshold below which credentials are void.
type revoked struct {
	kind      uint8
	id        uint32
	threshold int64
}

// peer is what is known of a node apart from networks: how often it did what is limited.
type peer struct {
	heard       clock.Time
	credentials bucket
	gathers     bucket
	needs       bucket // certificates we asked it for
	likes       int    // new groups it announced since likesSince
	likesSince  clock.Time
}

// bucket limits how often something happens: up to burst at once, then one per interval.
type bucket struct {
	used int // tokens taken and not yet given back
	last clock.Time
}

// take takes a token if there is one.
func (b *bucket) take(now clock.Time, burst int, interval time.Duration) bool {
	if back := int(now.Sub(b.last) / interval); back > 0 || b.last == clock.Never {
		b.used = max(0, b.used-back)
		b.last = now
	}
	if b.used >= burst {
		return false
	}
	b.used++
	return true
}

// peerOf returns what is known of a node; the pointer is good until the next call.
func (n *Networks) peerOf(now clock.Time, a identity.Address) *peer {
	p := n.peers.find(a)
	if p == nil {
		if n.peers.len() >= maxMembers {
			n.peers.deleteAt(0)
		}
		n.peers.put(a, peer{})
		p = n.peers.find(a)
	}
	p.heard = now
	return p
}

// memberOf returns a member, making an entry for it if need be and possible.
func (n *Networks) memberOf(now clock.Time, nw *network, a identity.Address) *member {
	m, ok := nw.members.get(a)
	if !ok {
		if nw.members.len() >= maxMembers {
			n.drop(DropTableFull)
			return nil
		}
		m = &member{addr: a, heard: now, theirs: &noCredentials}
		nw.members.put(a, m)
	}
	return m
}

// passes is the membership gate (PROTOCOL 19): everybody on a public network, otherwise whoever's certificate agrees with ours.
func (n *Networks) passes(now clock.Time, nw *network, a identity.Address) bool {
	if !nw.usable() {
		return false
	}
	if nw.cfg.Public {
		return true
	}
	m, ok := nw.members.get(a)
	return ok && n.memberPasses(now, nw, m)
}

// memberPasses is passes for a member that was looked up already. Nobody passes while we are no member ourselves.
func (n *Networks) memberPasses(now clock.Time, nw *network, m *member) bool {
	if !nw.usable() {
		return false
	}
	if nw.cfg.Public || m.agrees {
		return true
	}
	if m.com.IsZero() || m.isRevoked(CredentialCOM, 0, m.com.Timestamp()) {
		return false
	}
	// The identity may have been unknown when the certificate came.
	if id := n.identityOf(now, m.addr); id != nil {
		m.agrees = nw.cfg.COM.AgreesWith(&m.com, id)
	}
	return m.agrees
}

// refuse handles a frame from somebody who does not pass the gate: ask for the certificate, and keep the frame until it
// has come (PROTOCOL 19).
func (n *Networks) refuse(now clock.Time, nw *network, m *Message) Verdict {
	if !nw.usable() {
		if nw.cfg == nil && nw.status == StatusRequesting {
			return Retry
		}
		return n.drop(DropNoConfig)
	}
	if mem, ok := nw.members.get(m.From); ok && !mem.com.IsZero() && mem.isRevoked(CredentialCOM, 0, mem.com.Timestamp()) {
		n.askForCertificate(now, nw, m)
		return n.drop(DropRevokedCredential)
	}
	n.askForCertificate(now, nw, m)
	n.stats.Drops[DropNotMember]++
	return Retry
}

// askForCertificate sends ERROR NEED_MEMBERSHIP_CERTIFICATE, a little limited: each retry of each frame would send one, and
// the other side answers one per second.
func (n *Networks) askForCertificate(now clock.Time, nw *network, m *Message) {
	if !n.peerOf(now, m.From).needs.take(now, 4, 250*time.Millisecond) {
		return
	}
	n.out.commit(append64(n.out.begin(), uint64(nw.id)))
	n.send(Send{To: m.From, Verb: packet.VerbError, InRe: m.Verb, InReID: m.ID, Code: packet.ErrorNeedCertificate})
}

// isRevoked reports whether a credential with this time stamp is void.
func (m *member) isRevoked(kind uint8, id uint32, timestamp int64) bool {
	for i := range m.revocations {
		r := &m.revocations[i]
		if r.kind == kind && (r.id == id || kind == CredentialCOM) && timestamp <= r.threshold {
			return true
		}
	}
	return false
}

// revoke notes a threshold and reports whether it is new.
func (m *member) revoke(kind uint8, id uint32, threshold int64) bool {
	if kind == CredentialCOM {
		id = 0
	}
	for i := range m.revocations {
		r := &m.revocations[i]
		if r.kind == kind && r.id == id {
			if threshold <= r.threshold {
				return false
			}
			r.threshold = threshold
			return true
		}
	}
	if len(m.revocations) >= 2*(MaxTags+MaxCapabilities) {
		return false
	}
	m.revocations = append(m.revocations, revoked{kind, id, threshold})
	return true
}

// refreshMember decides anew what a member may do after its certificate, its credentials, its identity or our configuration changed.
func (n *Networks) refreshMember(now clock.Time, nw *network, m *member) {
	m.agrees = false
	m.theirs = &noCredentials
	if nw.usable() {
		m.countCredentials(nw.cfg)
		n.memberPasses(now, nw, m)
	}
	if m.gate != nil {
		n.openGate(now, nw, m)
	}
}

// countCredentials finds the credentials that count: not revoked, and near our configuration in time.
func (m *member) countCredentials(c *NetworkConfig) {
	if len(m.tags) == 0 && len(m.capabilities) == 0 && len(m.ownership) == 0 {
		return
	}
	t := &credentials{}
	for i := range m.tags {
		if v := &m.tags[i]; c.current(v.Timestamp) && !m.isRevoked(CredentialTag, v.ID, v.Timestamp) {
			t.tags = append(t.tags, *v)
		}
	}
	for i := range m.capabilities {
		if v := &m.capabilities[i]; c.current(v.Timestamp) && !m.isRevoked(CredentialCapability, v.ID, v.Timestamp) {
			t.capabilities = append(t.capabilities, *v)
		}
	}
	for i := range m.ownership {
		if v := &m.ownership[i]; c.current(v.Timestamp) && !m.isRevoked(CredentialOwnership, v.ID, v.Timestamp) {
			t.ownership = append(t.ownership, *v)
		}
	}
	slices.SortFunc(t.capabilities, func(a, b Capability) int { return cmp.Compare(a.ID, b.ID) })
	m.theirs = t
}

// expireMembers forgets members that were not heard for long. Revocations are kept as long as the certificate that they void could
// still agree with ours.
func (n *Networks) expireMembers(now clock.Time, nw *network) {
	for i := nw.members.len() - 1; i >= 0; i-- {
		m := *nw.members.at(i)
		if now.Sub(m.heard) <= memberTimeout {
			continue
		}
		if m.keepRevocations(nw.cfg) {
			continue
		}
		n.closeGate(nw, m)
		nw.members.deleteAt(i)
	}
}

func (m *member) keepRevocations(c *NetworkConfig) bool {
	for i := range m.revocations {
		if c == nil || c.Timestamp-m.revocations[i].threshold <= 2*c.MaxDelta {
			return true
		}
	}
	return false
}
