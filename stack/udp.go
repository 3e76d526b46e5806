package stack

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/cksum"
	"github.com/ztstack/ztstack/ipv4"
	"github.com/ztstack/ztstack/ipv6"
	"github.com/ztstack/ztstack/tcp"
	"github.com/ztstack/ztstack/udp"
)

// A UDP is one UDP socket.
type UDP struct {
	s      *Stack
	queue  udp.Queue
	addr   netip.Addr // local address; the zero Addr for both families
	first  netip.Addr // addr as it was bound, before any Connect
	port   uint16
	remote netip.AddrPort // connected; else invalid
	via    Interface      // that a link-local remote is on
	next   *UDP           // on the same port
	sig    signal
	err    error // ICMP error to be reported
	closed bool

	// The path of the last datagram, good while destination and the Stack's generation are the same.
	lastTo     netip.Addr
	lastFrom   netip.Addr
	lastPath   path
	generation uint32

	groups  []membership
	blocked bool // in the list of its interface's blocked sockets
}

const (
	defaultUDPBuffer = 256 << 10
	maxUDPQueue      = 4096 // datagrams
)

// BindUDP opens a UDP socket on local. An unspecified IPv6 address means both families, or with V6Only IPv6 only; the
// unspecified IPv4 address means IPv4 only; port 0 is chosen (RFC 6056). The zero AddrPort means both families, any port.
// A group's address receives what is sent to that group.
func (s *Stack) BindUDP(local netip.AddrPort, owner any, flags ...BindFlag) (*UDP, error) {
	a := bindAddr(local.Addr(), flags...)
	if a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() {
		if _, ok := s.local(a); !ok {
			return nil, ErrNotAvailable
		}
	}
	port := local.Port()
	if port == 0 {
		var ok bool
		port, ok = s.ephemeral(netip.IPv6Unspecified(), netip.AddrPortFrom(netip.IPv6Unspecified(), uint16(s.rand.Uint32())), func(p uint16) bool {
			return s.udps[p] == nil
		})
		if !ok {
			return nil, ErrNoPorts
		}
	}
	for u := s.udps[port]; u != nil; u = u.next {
		if clash(u.addr, a) {
			return nil, ErrInUse
		}
	}
	u := &UDP{s: s, addr: a, first: a, port: port, next: s.udps[port]}
	u.queue.Init(defaultUDPBuffer, maxUDPQueue)
	u.sig.owner = owner
	s.udps[port] = u
	s.numUDPs++
	return u, nil
}

// Connect fixes the remote end: only its datagrams are received, and ICMP errors from its direction
// are reported, each once, by the next call that can. An invalid remote dissolves the association.
func (u *UDP) Connect(now clock.Time, remote netip.AddrPort) error {
	if u.closed {
		return ErrClosed
	}
	u.err = nil
	if !remote.IsValid() {
		u.addr, u.remote, u.via = u.first, netip.AddrPort{}, 0
		u.lastTo = netip.Addr{}
		return nil
	}
	src, dst, p, err := u.s.endpoints(now, netip.AddrPortFrom(u.first, u.port), remote)
	if err != nil {
		return err
	}
	if u.first.IsValid() && u.first.Is4() != dst.Is4() {
		return ErrInvalid
	}
	u.lastTo = netip.Addr{}
	// The source is fixed with it, as everywhere: datagrams to other addresses are not its business.
	u.addr, u.remote, u.via = src, netip.AddrPortFrom(dst, remote.Port()), p.ifc.id
	return nil
}

// WriteTo sends one datagram; an invalid to means the connected remote. It returns ErrWouldBlock when the
// interface's queue is full, and raises Writable when it no longer is.
func (u *UDP) WriteTo(now clock.Time, b []byte, to netip.AddrPort) (int, error) {
	if u.closed {
		return 0, ErrClosed
	}
	if u.err != nil {
		return 0, u.Err()
	}
	if !to.IsValid() {
		if !u.remote.IsValid() {
			return 0, ErrNotConnected
		}
		to = u.remote
	}
	if to.Port() == 0 {
		return 0, ErrInvalid
	}
	if err := u.findPath(now, to); err != nil {
		return 0, err
	}
	src, dst := u.lastFrom, u.lastTo.WithZone("")
	n := udp.HeaderLen + len(b)
	if n > maxPayload(dst) {
		return 0, ErrMessageTooLong
	}
	p := u.lastPath
	if !p.ifc.up {
		return 0, ErrNoRoute
	}
	if frames := (n + p.mtu) / (p.mtu - ipHeaderLen(dst) - 16); p.ifc.queue.n+frames >= u.s.cfg.QueueFrames && p.ifc.queue.n > 0 {
		u.block(p.ifc)
		return 0, ErrWouldBlock
	}
	if u.s.failed(p) {
		return 0, ErrUnreachable
	}
	f, body := u.s.newPacket(dst, n)
	var pseudo uint16
	if dst.Is4() {
		pseudo = cksum.Pseudo4(src.As4(), dst.As4(), ipv4.ProtoUDP, n)
	} else {
		pseudo = cksum.Pseudo6(src.As16(), dst.As16(), ipv6.ProtoUDP, n)
	}
	udp.PutDatagram(body, u.port, to.Port(), b, pseudo)
	u.s.stats.UDPOut++
	k := packet{src: src, dst: dst, proto: ipv4.ProtoUDP}
	if dst.IsMulticast() {
		k.ttl = 1 // RFC 1112, Section 6.1.
	}
	u.s.sendPacket(now, p, &k, f)
	return len(b), nil
}

// findPath makes lastPath, lastFrom and lastTo right for a datagram to to.
func (u *UDP) findPath(now clock.Time, to netip.AddrPort) error {
	if u.lastTo == to.Addr() && u.generation == u.s.generation && u.lastTo.IsValid() {
		return nil
	}
	src, dst, p, err := u.s.endpoints(now, netip.AddrPortFrom(u.bound(), u.port), to)
	if err != nil {
		return err
	}
	if u.addr.IsValid() && u.addr.Is4() != dst.Is4() {
		return ErrInvalid
	}
	u.lastTo, u.lastFrom, u.lastPath, u.generation = dst, src, p, u.s.generation
	if z := to.Addr().Zone(); z != "" {
		u.lastTo = to.Addr()
	}
	return nil
}

// bound returns the address to send from, if that is determined.
func (u *UDP) bound() netip.Addr {
	if u.addr.IsValid() && u.addr.IsMulticast() {
		return netip.Addr{}
	}
	return u.addr
}

// failed reports whether the neighbour that p leads to was found not to answer a moment ago.
func (s *Stack) failed(p path) bool {
	if p.ifc.linkLen == 0 {
		return false
	}
	n := p.ifc.neighbors.get(p.next)
	return n != nil && n.state == nudFailed
}

// block makes u wait for room in the queue of ifc.
func (u *UDP) block(ifc *iface) {
	if !u.blocked {
		u.blocked = true
		ifc.blocked = append(ifc.blocked, u)
	}
}

// unblock tells the sockets that wait for room in the queue of ifc that there is some.
func (s *Stack) unblock(ifc *iface) {
	for i, u := range ifc.blocked {
		u.blocked = false
		s.raise(&u.sig, tcp.Writable)
		ifc.blocked[i] = nil
	}
	ifc.blocked = ifc.blocked[:0]
}

// ReadFrom takes the oldest datagram. size is its length, which exceeds n if b was too short for it; the
// rest is lost. It returns ErrWouldBlock when there is none, or an ICMP error of a connected socket.
func (u *UDP) ReadFrom(b []byte) (n int, from netip.AddrPort, size int, err error) {
	if u.closed {
		return 0, from, 0, ErrClosed
	}
	if u.err != nil {
		return 0, from, 0, u.Err()
	}
	m, n, size, ok := u.queue.Pop(b)
	if !ok {
		return 0, from, 0, ErrWouldBlock
	}
	return n, u.s.zoned(m.From, Interface(m.If)), size, nil
}

// ReadMsg is ReadFrom with all that is known of the datagram.
func (u *UDP) ReadMsg(b []byte) (m udp.Meta, n, size int, err error) {
	if u.closed {
		return m, 0, 0, ErrClosed
	}
	if u.err != nil {
		return m, 0, 0, u.Err()
	}
	m, n, size, ok := u.queue.Pop(b)
	if !ok {
		return m, 0, 0, ErrWouldBlock
	}
	m.From = u.s.zoned(m.From, Interface(m.If))
	return m, n, size, nil
}

// Events returns and clears the socket's events: Readable, Writable.
func (u *UDP) Events() Event { return u.sig.take() }

// Err returns and clears the pending ICMP error.
func (u *UDP) Err() error {
	err := u.err
	u.err = nil
	return err
}

// Readable reports the length of the oldest datagram, or -1 for none.
func (u *UDP) Readable() int {
	if _, n, ok := u.queue.Next(); ok {
		return n
	}
	return -1
}

// Dropped returns the number of datagrams that met a full queue.
func (u *UDP) Dropped() uint64 { return u.queue.Dropped() }

// SetBuffer sets the most bytes of datagrams that wait to be read; 0 means 256 KiB. Datagrams that wait
// already are dropped.
func (u *UDP) SetBuffer(n int) {
	if n <= 0 {
		n = defaultUDPBuffer
	}
	u.queue.Reset()
	u.queue.Init(n, maxUDPQueue)
}

// Local returns the bound address and port. A connected socket has a specified address.
func (u *UDP) Local() netip.AddrPort {
	return u.s.zoned(netip.AddrPortFrom(shownAddr(u.addr), u.port), u.via)
}

// Remote returns the connected remote, or the zero AddrPort.
func (u *UDP) Remote() netip.AddrPort {
	if !u.remote.IsValid() {
		return u.remote
	}
	return u.s.zoned(u.remote, u.via)
}

// SetOwner sets what Ready returns for this socket.
func (u *UDP) SetOwner(owner any) { u.s.setOwner(&u.sig, owner) }

// Close frees the socket and its port.
func (u *UDP) Close() {
	if u.closed {
		return
	}
	s := u.s
	u.closed = true
	u.sig.owner = nil
	for len(u.groups) > 0 {
		g := u.groups[len(u.groups)-1]
		u.groups = u.groups[:len(u.groups)-1]
		if ifc := s.iface(g.ifc); ifc != nil {
			s.leaveGroup(clock.Never, ifc, g.group) // reports go to groups, for which time does not matter
		}
	}
	u.queue.Reset()
	s.numUDPs--
	if s.udps[u.port] == u {
		s.udps[u.port] = u.next
		if u.next == nil {
			delete(s.udps, u.port)
		}
		return
	}
	for x := s.udps[u.port]; x != nil; x = x.next {
		if x.next == u {
			x.next = u.next
			return
		}
	}
}
