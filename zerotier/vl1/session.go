package vl1

import (
	"net/netip"
	"sync/atomic"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// A Session is what the data path needs to know of one peer. Its keys never change; the rest is
// atomic. It is safe for concurrent use. A Session outlives its peer harmlessly: Route then fails.
type Session struct {
	addr  identity.Address
	keys  *packet.Keys
	route atomic.Pointer[route]

	cipher  atomic.Uint32 // packet.Cipher for Seal, by the version that the peer announced
	trusted atomic.Int64  // clock.Time of the last trusted packet
	heard   atomic.Int64  // clock.Time of the last packet that the fast path opened
	opened  atomic.Uint64
	sealed  atomic.Uint64
}

// A route is an immutable statement of where packets to a peer go now.
type route struct {
	path   *path
	mtu    int
	direct bool
}

// Peer returns the address of the peer.
func (s *Session) Peer() identity.Address { return s.addr }

// Open authenticates and decrypts a whole packet in place by its own cipher, 0, 1 or 3. It does not
// look at addresses: the caller found the Session by the packet's source and has made sure that the
// destination is this node.
func (s *Session) Open(p []byte) bool {
	if !s.keys.Open(p) {
		return false
	}
	s.opened.Add(1)
	return true
}

// Seal encrypts a whole packet in place with the best cipher that the peer understands. iv is a
// random number that no other packet of this peer has used. The caller has filled in the header and
// set the fragmented flag when the packet is longer than the route's MTU.
func (s *Session) Seal(p []byte, iv uint64) {
	s.keys.Seal(p, packet.Cipher(s.cipher.Load()), iv)
	s.sealed.Add(1)
}

// Cipher returns the cipher that Seal uses.
func (s *Session) Cipher() packet.Cipher { return packet.Cipher(s.cipher.Load()) }

// Route returns where packets to the peer go now: the socket, the address and the largest datagram.
// direct is false when that is the way to an upstream, which relays. ok is false when there is no
// way at all; Switch.Send then queues.
func (s *Session) Route() (local int, to netip.AddrPort, mtu int, direct, ok bool) {
	r := s.route.Load()
	if r == nil {
		return 0, netip.AddrPort{}, 0, false, false
	}
	return r.path.local, r.path.remote, r.mtu, r.direct, true
}

// Heard notes that a packet of the peer, opened with Open, came in over the given path. It returns
// false when the Switch has to see the packet, because it was relayed or came over a path that is
// not the peer's best: the caller then passes it to Switch.ReceiveOpened.
func (s *Session) Heard(now clock.Time, local int, from netip.AddrPort, hops int) bool {
	r := s.route.Load()
	if hops != 0 || r == nil || !r.direct || r.path.local != local || r.path.remote != from {
		return false
	}
	r.path.heard.Store(int64(now))
	s.heard.Store(int64(now))
	return true
}

// Sent notes that a packet went out over the current route. Once per batch is enough.
func (s *Session) Sent(now clock.Time) {
	if r := s.route.Load(); r != nil {
		r.path.sent.Store(int64(now))
	}
}

// Trust notes that the packet just opened passed a network's gate (PROTOCOL 14.4). Once per batch is
// enough.
func (s *Session) Trust(now clock.Time) { s.trusted.Store(int64(now)) }
