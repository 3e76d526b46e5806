package vl1

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// A Switch is one node's VL1.
type Switch struct{}

// New makes a Switch.
func New(cfg Config, now clock.Time) (*Switch, error) { panic("TODO") }

// Receive processes one datagram, decrypting pkt in place. local is the socket it came to.
func (s *Switch) Receive(now clock.Time, local int, from netip.AddrPort, pkt []byte) (m Message, ok bool) {
	panic("TODO")
}

// ReceiveOpened is Receive for a whole packet that a Session has opened already.
func (s *Switch) ReceiveOpened(now clock.Time, local int, from netip.AddrPort, pkt []byte) (m Message, ok bool) {
	panic("TODO")
}

// Next returns a message that had to wait and is ready now. Call it until it returns false after Receive and Poll.
func (s *Switch) Next(now clock.Time) (m Message, ok bool) { panic("TODO") }

// Retry keeps a copy of m, which the layer above could not use yet, and offers it again through Next
// when something from the same peer may have changed that, and every half second, until it is 5 s old.
func (s *Switch) Retry(now clock.Time, m *Message) { panic("TODO") }

// Send queues a packet for a peer. to is zero for the best upstream. The result is the packet ID that a reply will
// quote, or zero when the packet has to wait for the peer's identity or for a path, which it does for 5 s.
func (s *Switch) Send(now clock.Time, to identity.Address, v packet.Verb, payload []byte) (id uint64) {
	panic("TODO")
}

// SendOK answers m with an OK; body follows the prefix. inRe is normally m.Verb.
func (s *Switch) SendOK(now clock.Time, to identity.Address, inRe packet.Verb, inReID uint64, body []byte) {
	panic("TODO")
}

// SendError answers with an ERROR; body follows the prefix.
func (s *Switch) SendError(now clock.Time, to identity.Address, inRe packet.Verb, inReID uint64, code packet.ErrorCode, body []byte) {
	panic("TODO")
}

// Trust notes that traffic of peer passed a network's gate (PROTOCOL 14.4).
func (s *Switch) Trust(now clock.Time, peer identity.Address) { panic("TODO") }

// Poll runs the timers that have expired and returns the next deadline.
func (s *Switch) Poll(now clock.Time) (next clock.Time) { panic("TODO") }

// Output copies the next datagram to be sent into dst, which has room for PhysicalMTU bytes.
func (s *Switch) Output(now clock.Time, dst []byte) (d Datagram, ok bool) { panic("TODO") }

// Event returns the next event.
func (s *Switch) Event() (e Event, ok bool) { panic("TODO") }

// Address returns this node's address.
func (s *Switch) Address() identity.Address { panic("TODO") }

// Peer describes a peer.
func (s *Switch) Peer(addr identity.Address) (PeerInfo, bool) { panic("TODO") }

// Peers describes all peers, in the order in which they were met.
func (s *Switch) Peers() []PeerInfo { panic("TODO") }

// Upstreams returns the addresses of all roots but this node itself.
func (s *Switch) Upstreams() []identity.Address { panic("TODO") }

// Upstream returns the best upstream.
func (s *Switch) Upstream(now clock.Time) (identity.Address, bool) { panic("TODO") }

// IsUpstream reports whether addr is an upstream of this node.
func (s *Switch) IsUpstream(addr identity.Address) bool { panic("TODO") }

// IsRoot reports whether this node is a root of its planet or of a moon.
func (s *Switch) IsRoot() bool { panic("TODO") }

// IdentityOf returns an identity. When it is not known, upstreams are asked, and EventIdentity follows when one answers.
// Read only; valid for good.
func (s *Switch) IdentityOf(now clock.Time, addr identity.Address) (*identity.Identity, bool) {
	panic("TODO")
}

// Learn adds a peer whose identity is known to be valid, for instance from a file.
func (s *Switch) Learn(now clock.Time, id identity.Identity) bool { panic("TODO") }

// TryPath makes the Switch try an address at which addr may be reached.
func (s *Switch) TryPath(now clock.Time, addr identity.Address, local int, at netip.AddrPort) {
	panic("TODO")
}

// Online reports whether an upstream has been heard in the last 500 s or this node is one.
func (s *Switch) Online(now clock.Time) bool { panic("TODO") }

// Session returns the session of a peer, or nil when it is not known.
func (s *Switch) Session(addr identity.Address) *Session { panic("TODO") }

// Surfaces returns our own addresses as seen by upstreams and peers.
func (s *Switch) Surfaces() []netip.AddrPort { panic("TODO") }

// SetLocalAddrs replaces Config.LocalAddrs.
func (s *Switch) SetLocalAddrs(addrs []netip.AddrPort) { panic("TODO") }

// SetWorld offers a planet or moon, for instance one from a file.
func (s *Switch) SetWorld(now clock.Time, w *World) error { panic("TODO") }

// Planet returns the current planet, or nil. Read only.
func (s *Switch) Planet() *World { panic("TODO") }

// Moons returns the current moons. Read only.
func (s *Switch) Moons() []*World { panic("TODO") }

// Stats returns the counters.
func (s *Switch) Stats() Stats { panic("TODO") }

// WorldType tells a planet from a moon.
type WorldType uint8

// World types (PROTOCOL 12).
const (
	Planet WorldType = 1
	Moon   WorldType = 127
)

// A World names roots.
type World struct {
	Type      WorldType
	ID        uint64
	Timestamp uint64   // milliseconds; the revision
	SignedBy  [64]byte // public keys that must sign the next update
	Signature [identity.SignatureLen]byte
	Roots     []Root
}

// A Root is one root of a World.
type Root struct {
	Identity  identity.Identity
	Endpoints []netip.AddrPort
}

// ParseWorld parses a world at the start of b and returns its length, or -1.
func ParseWorld(b []byte) (w *World, n int) { panic("TODO") }

// Append appends the world's binary form.
func (w *World) Append(dst []byte) []byte { panic("TODO") }

// Sign makes w's signature with key, which is the secret half of the previous version's SignedBy.
func (w *World) Sign(key *identity.Identity) { panic("TODO") }

// Verify reports whether w was signed by the keys public.
func (w *World) Verify(public *[64]byte) bool { panic("TODO") }

// Updates reports whether w may replace old.
func (w *World) Updates(old *World) bool { panic("TODO") }

// NewPlanet makes and signs a planet. key signs this and the next version; it may be any identity with its secret.
func NewPlanet(id, timestamp uint64, key *identity.Identity, roots []Root) *World { panic("TODO") }

// NewMoon makes and signs a moon; its ID is usually the address of its first root.
func NewMoon(id, timestamp uint64, key *identity.Identity, roots []Root) *World { panic("TODO") }
