package vl2

import (
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// Credentials of other members are processed at one packet per second, as by the reference, but a few may come at once: a
// node that joined several networks at the same time pushes one packet for each.
const (
	credentialBurst    = 5
	credentialInterval = time.Second
)

// receiveCredentials processes NETWORK_CREDENTIALS (PROTOCOL 10.10).
func (n *Networks) receiveCredentials(now clock.Time, m *Message) Verdict {
	var c packet.Credentials
	if !c.Parse(m.Payload) {
		return n.drop(DropMalformed)
	}
	if !n.signersKnown(now, &c) {
		return Retry
	}
	if !n.peerOf(now, m.From).credentials.take(now, credentialBurst, credentialInterval) {
		return n.drop(DropRateLimited)
	}
	trusted := false
	for _, b := range c.COMs {
		trusted = n.acceptCOM(now, b) || trusted
	}
	for _, b := range c.Capabilities {
		trusted = n.acceptCapability(now, b) || trusted
	}
	for _, b := range c.Tags {
		trusted = n.acceptTag(now, b) || trusted
	}
	for _, b := range c.Revocations {
		trusted = n.acceptRevocation(now, m, b) || trusted
	}
	for _, b := range c.Ownerships {
		trusted = n.acceptOwnership(now, b) || trusted
	}
	if !trusted {
		return Done
	}
	if p := n.peers.find(m.From); p != nil {
		p.heard = now
	}
	return DoneTrusted
}

// signersKnown reports whether the identities of those who should have signed are known; it asks for those that are not.
// Credentials for networks that are not joined need none.
func (n *Networks) signersKnown(now clock.Time, c *packet.Credentials) bool {
	known := true
	need := func(id NetworkID, signer identity.Address) {
		if n.byID[id] != nil && !id.IsAdHoc() && n.identityOf(now, signer) == nil {
			known = false
		}
	}
	for _, b := range c.COMs {
		var v COM
		if v.Parse(b) > 0 {
			need(v.Network(), v.Network().Controller())
		}
	}
	for _, b := range c.Capabilities {
		var v Capability
		if v.Parse(b) > 0 {
			for a := range v.signers {
				need(v.Network, a)
			}
		}
	}
	for _, list := range [][][]byte{c.Tags, c.Ownerships} {
		for _, b := range list { // both begin with the network
			if r := (reader{b: b}); len(b) > 8 {
				id := NetworkID(r.u64())
				need(id, id.Controller())
			}
		}
	}
	for _, b := range c.Revocations {
		var v Revocation
		if v.Parse(b) > 0 {
			need(v.Network, v.Network.Controller())
		}
	}
	return known
}

// holder returns the network and the member that a credential is for, or nil when it does not concern us.
func (n *Networks) holder(now clock.Time, id NetworkID, to identity.Address) (*network, *member) {
	nw := n.byID[id]
	if nw == nil || to == n.self || to.IsReserved() || id.IsAdHoc() {
		return nil, nil
	}
	return nw, n.memberOf(now, nw, to)
}

// acceptCOM takes a certificate of membership that is genuine, not revoked and not older than what we have. It reports whether the
// certificate proves that whoever sent it can be trusted.
func (n *Networks) acceptCOM(now clock.Time, b []byte) bool {
	var c COM
	if c.Parse(b) < 0 {
		n.drop(DropMalformed)
		return false
	}
	nw, m := n.holder(now, c.Network(), c.IssuedTo())
	if m == nil {
		return false
	}
	if m.com == c {
		return true
	}
	switch {
	case m.com.Timestamp() > c.Timestamp():
		n.drop(DropOldCredential)
		return false
	case m.isRevoked(CredentialCOM, 0, c.Timestamp()):
		n.drop(DropRevokedCredential)
		return false
	}
	id := n.identityOf(now, nw.id.Controller())
	if id == nil || !c.Verify(id) {
		n.drop(DropForgedCredential)
		return false
	}
	m.com, m.heard = c, now
	n.refreshMember(now, nw, m)
	n.membersChanged(now, nw, m)
	return true
}

// membersChanged tells a member that has just become one about our groups.
func (n *Networks) membersChanged(now clock.Time, nw *network, m *member) {
	if m.agrees && m.likedAt == clock.Never && nw.usable() {
		n.announceTo(now, nw, m)
	}
}

func (n *Networks) acceptTag(now clock.Time, b []byte) bool {
	var t Tag
	if t.Parse(b) < 0 {
		n.drop(DropMalformed)
		return false
	}
	nw, m := n.holder(now, t.Network, t.IssuedTo)
	if m == nil {
		return false
	}
	at := -1
	for i := range m.tags {
		if m.tags[i].ID == t.ID {
			at = i
		}
	}
	if at >= 0 && m.tags[at] == t {
		return true
	}
	if at >= 0 && m.tags[at].Timestamp > t.Timestamp {
		n.drop(DropOldCredential)
		return false
	}
	id := n.identityOf(now, nw.id.Controller())
	if !n.genuine(m, CredentialTag, t.ID, t.Timestamp, id != nil && t.Verify(id)) {
		return false
	}
	switch {
	case at >= 0:
		m.tags[at] = t
	case len(m.tags) < MaxTags:
		m.tags = append(m.tags, t)
	}
	n.refreshMember(now, nw, m)
	return true
}

func (n *Networks) acceptCapability(now clock.Time, b []byte) bool {
	var c Capability
	if c.Parse(b) < 0 {
		n.drop(DropMalformed)
		return false
	}
	nw, m := n.holder(now, c.Network, c.IssuedTo())
	if m == nil {
		return false
	}
	at := -1
	for i := range m.capabilities {
		if m.capabilities[i].ID == c.ID {
			at = i
		}
	}
	if at >= 0 {
		if string(m.capabilities[at].Append(nil)) == string(b) {
			return true
		}
		if m.capabilities[at].Timestamp > c.Timestamp {
			n.drop(DropOldCredential)
			return false
		}
	}
	genuine := c.Verify(func(a identity.Address) *identity.Identity { return n.identityOf(now, a) })
	if !n.genuine(m, CredentialCapability, c.ID, c.Timestamp, genuine) {
		return false
	}
	switch {
	case at >= 0:
		m.capabilities[at] = c
	case len(m.capabilities) < MaxCapabilities:
		m.capabilities = append(m.capabilities, c)
	}
	n.refreshMember(now, nw, m)
	return true
}

func (n *Networks) acceptOwnership(now clock.Time, b []byte) bool {
	var o Ownership
	if o.Parse(b) < 0 {
		n.drop(DropMalformed)
		return false
	}
	nw, m := n.holder(now, o.Network, o.IssuedTo)
	if m == nil {
		return false
	}
	at := -1
	for i := range m.ownership {
		if m.ownership[i].ID == o.ID {
			at = i
		}
	}
	if at >= 0 {
		if m.ownership[at].Signature == o.Signature && string(m.ownership[at].Append(nil)) == string(b) {
			return true
		}
		if m.ownership[at].Timestamp > o.Timestamp {
			n.drop(DropOldCredential)
			return false
		}
	}
	id := n.identityOf(now, nw.id.Controller())
	if !n.genuine(m, CredentialOwnership, o.ID, o.Timestamp, id != nil && o.Verify(id)) {
		return false
	}
	switch {
	case at >= 0:
		m.ownership[at] = o
	case len(m.ownership) < MaxOwnership:
		m.ownership = append(m.ownership, o)
	}
	n.refreshMember(now, nw, m)
	return true
}

// genuine counts why a credential is refused, if it is.
func (n *Networks) genuine(m *member, kind uint8, id uint32, timestamp int64, verified bool) bool {
	switch {
	case m.isRevoked(kind, id, timestamp):
		n.drop(DropRevokedCredential)
		return false
	case !verified:
		n.drop(DropForgedCredential)
		return false
	}
	return true
}

// acceptRevocation takes a revocation, and passes it on when it is new and asks for that (PROTOCOL 18.5).
func (n *Networks) acceptRevocation(now clock.Time, msg *Message, b []byte) bool {
	var v Revocation
	if v.Parse(b) < 0 {
		n.drop(DropMalformed)
		return false
	}
	nw, m := n.holder(now, v.Network, v.Target)
	if m == nil {
		return false
	}
	if m.isRevoked(v.Type, v.CredentialID, v.Threshold) {
		return true
	}
	id := n.identityOf(now, nw.id.Controller())
	if id == nil || !v.Verify(id) {
		n.drop(DropForgedCredential)
		return false
	}
	if !m.revoke(v.Type, v.CredentialID, v.Threshold) {
		return true
	}
	// The reference raises the threshold of the certificate of membership whatever is revoked.
	m.revoke(CredentialCOM, 0, v.Threshold)
	n.refreshMember(now, nw, m)
	// A controller also tells those it denies, who have no members to tell.
	if v.Flags&RevocationFastPropagate != 0 && nw.usable() {
		n.propagateRevocation(now, nw, msg, &v)
	}
	return true
}

func (n *Networks) propagateRevocation(now clock.Time, nw *network, msg *Message, v *Revocation) {
	c := packet.Credentials{Revocations: [][]byte{v.Append(nil)}}
	n.out.commit(c.Append(n.out.begin()))
	for i := range nw.members.len() {
		to := *nw.members.at(i)
		if to.addr != msg.From && to.addr != v.Target && to.addr != nw.id.Controller() && n.memberPasses(now, nw, to) {
			n.send(Send{To: to.addr, Verb: packet.VerbNetworkCredentials})
		}
	}
}
