package vl2

import (
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// When our credentials are pushed to a peer (PROTOCOL 14).
const (
	pushPeriod   = 500 * time.Second
	pushInterval = time.Second // at least, on request
)

// maxCredentialPayload keeps a packet of credentials within the longest packet.
const maxCredentialPayload = packet.MaxLen - packet.HeaderLen - 64

// credentialPayloads codes our own credentials as payloads of NETWORK_CREDENTIALS: one, unless they are very many. The certificate of
// membership leads each.
func credentialPayloads(c *NetworkConfig) [][]byte {
	if c.COM.IsZero() && len(c.Capabilities) == 0 && len(c.Tags) == 0 && len(c.Ownership) == 0 {
		return nil
	}
	var list [][]byte
	var p packet.Credentials
	size := 0
	start := func() {
		p, size = packet.Credentials{}, 0
		if !c.COM.IsZero() {
			b := c.COM.Append(nil)
			p.COMs, size = [][]byte{b}, len(b)
		}
	}
	add := func(section *[][]byte, b []byte) {
		if size+len(b) > maxCredentialPayload {
			list = append(list, p.Append(nil))
			start()
		}
		*section = append(*section, b)
		size += len(b)
	}
	start()
	for i := range c.Capabilities {
		add(&p.Capabilities, c.Capabilities[i].Append(nil))
	}
	for i := range c.Tags {
		add(&p.Tags, c.Tags[i].Append(nil))
	}
	for i := range c.Ownership {
		add(&p.Ownerships, c.Ownership[i].Append(nil))
	}
	return append(list, p.Append(nil))
}

// pushDue reports whether our credentials are to be sent to m before the next frame: those of the present
// configuration were not, or it was long ago.
func (nw *network) pushDue(now clock.Time, m *member) bool {
	return len(nw.credentials) > 0 && (m.pushed != nw.cfg || now.Sub(m.pushedAt) >= pushPeriod)
}

// push sends our credentials to m.
func (n *Networks) push(now clock.Time, nw *network, m *member) {
	m.pushed, m.pushedAt = nw.cfg, now
	for _, p := range nw.credentials {
		n.out.commit(append(n.out.begin(), p...))
		n.send(Send{To: m.addr, Verb: packet.VerbNetworkCredentials})
	}
	n.stats.Pushes++
}

// pushIfDue sends our credentials to m when they are due.
func (n *Networks) pushIfDue(now clock.Time, nw *network, m *member) {
	if nw.pushDue(now, m) {
		n.push(now, nw, m)
	}
}

// pushWanted answers ERROR NEED_MEMBERSHIP_CERTIFICATE. Whoever asks learns our certificates, nothing else, but only those that we
// have dealt with may ask, so that nobody can make us talk.
func (n *Networks) pushWanted(now clock.Time, nw *network, to identity.Address) {
	if !nw.usable() {
		return
	}
	m, ok := nw.members.get(to)
	if !ok || m.pushedAt != clock.Never && now.Sub(m.pushedAt) < pushInterval {
		return
	}
	n.push(now, nw, m)
}
