package vl1

import (
	"net/netip"
	"sync/atomic"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// A Session is what the data path needs to know of one peer. Its keys never change; the rest is
// atomic. It is safe for concurrent use, and stays usable, to no effect, when the peer is forgotten.
//
// The fast path goes like this. In: find the Session by the packet's source, Open, and when Heard
// returns true and the verb is a frame that the layer above takes, be done; in every other case pass
// the opened packet to Switch.ReceiveOpened. Out: when Route succeeds and the membership gate is
// open, Seal, send, Sent; else Switch.Send.
type Session struct {
	addr identity.Address
	keys *packet.Keys

	cipher atomic.Uint32           // packet.Cipher for Seal, by the version that the peer announced
	route  atomic.Pointer[route]   // where packets go now; nil when there is no way
	known  atomic.Pointer[[]*path] // the peer's paths

	heard   atomic.Int64 // clock.Time of the last frame that the fast path opened
	sent    atomic.Int64 // clock.Time of the last frame that the fast path sealed
	trusted atomic.Int64 // clock.Time of the last packet that passed a network's gate
}

// A route is an immutable statement of where packets to a peer go now.
type route struct {
	path   *path
	mtu    int
	direct bool
}

func newSession(addr identity.Address, keys *packet.Keys) *Session {
	s := &Session{addr: addr, keys: keys}
	s.cipher.Store(uint32(packet.CipherSalsa2012))
	return s
}

// Peer returns the address of the peer.
func (s *Session) Peer() identity.Address { return s.addr }

// Cipher returns the cipher that Seal uses.
func (s *Session) Cipher() packet.Cipher { return packet.Cipher(s.cipher.Load()) }

// Open authenticates and decrypts a whole packet in place by its own cipher, 0, 1 or 3. It does not
// look at addresses: the caller found the Session by the packet's source and has made sure that the
// destination is this node.
func (s *Session) Open(p []byte) bool { return s.keys.Open(p) }

// Seal encrypts a whole packet in place with the best cipher that the peer understands. iv is a
// random number that no other packet of this peer has used. The caller has written the header and set
// the fragmented flag when the packet is longer than the route's MTU.
func (s *Session) Seal(p []byte, iv uint64) { s.keys.Seal(p, s.Cipher(), iv) }

// Route returns where packets to the peer go now: the socket, the address and the largest datagram.
// direct is false when that is the way to an upstream, which relays. ok is false when there is no
// way at all.
func (s *Session) Route() (local int, to netip.AddrPort, mtu int, direct, ok bool) {
	r := s.route.Load()
	if r == nil {
		return 0, netip.AddrPort{}, 0, false, false
	}
	return r.path.Local, r.path.Remote, r.mtu, r.direct, true
}

// Heard notes that a packet of the peer, opened with Open, came in over the given path. It returns
// false when the Switch has to see the packet too: it was relayed, or came over a path that is new or
// was thought dead.
func (s *Session) Heard(now clock.Time, local int, from netip.AddrPort, hops int) bool {
	known := s.known.Load()
	if hops != 0 || known == nil {
		return false
	}
	for _, p := range *known {
		if p.Remote == from && p.Local == local {
			if p.suspect.Load() {
				return false
			}
			p.heard.Store(int64(now))
			s.heard.Store(int64(now))
			return true
		}
	}
	return false
}

// Sent notes that packets went out over the current route. Once per batch is enough.
func (s *Session) Sent(now clock.Time) {
	if r := s.route.Load(); r != nil {
		r.path.sent.Store(int64(now))
	}
	s.sent.Store(int64(now))
}

// Trust notes that a packet just opened passed a network's gate (PROTOCOL 14.4). Once per batch is
// enough.
func (s *Session) Trust(now clock.Time) { s.trusted.Store(int64(now)) }

// active returns when data last went either way through the fast path.
func (s *Session) active() clock.Time {
	return clock.Time(max(s.heard.Load(), s.sent.Load()))
}
