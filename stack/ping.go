package stack

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/icmp"
	"github.com/ztstack/ztstack/ipv4"
	"github.com/ztstack/ztstack/ipv6"
	"github.com/ztstack/ztstack/tcp"
	"github.com/ztstack/ztstack/udp"
)

// A Ping sends ICMP echo requests and receives the replies to them, as Linux's unprivileged ping sockets
// do. Its identifier is its port.
type Ping struct {
	s      *Stack
	id     uint16
	addr   netip.Addr // to send from; the zero Addr for any
	queue  udp.Queue  // a reply's sequence number takes the place of the port
	sig    signal
	err    error
	closed bool
}

const (
	pingBuffer = 256 << 10
	pingQueue  = 256
)

// BindPing opens a ping socket for local's family; an unspecified address chooses the source by route. The
// zero Addr and :: serve both families.
func (s *Stack) BindPing(local netip.Addr, owner any) (*Ping, error) {
	a := bindAddr(local)
	if a.IsValid() && !a.IsUnspecified() {
		if _, ok := s.local(a); !ok {
			return nil, ErrNotAvailable
		}
	}
	id := uint16(s.rand.Uint32())
	for range 65536 {
		if s.pings[id] == nil {
			p := &Ping{s: s, id: id, addr: a}
			p.queue.Init(pingBuffer, pingQueue)
			p.sig.owner = owner
			s.pings[id] = p
			return p, nil
		}
		id++
	}
	return nil, ErrNoPorts
}

// Send sends one echo request.
func (p *Ping) Send(now clock.Time, to netip.Addr, seq uint16, payload []byte) error {
	if p.closed {
		return ErrClosed
	}
	s := p.s
	src, dst, way, err := s.endpoints(now, netip.AddrPortFrom(p.addr, 0), netip.AddrPortFrom(to, 0))
	if err != nil {
		return err
	}
	if s.failed(way) {
		return ErrUnreachable
	}
	k := packet{src: src, dst: dst, proto: ipv4.ProtoICMP}
	m := icmp.Echo4(false, p.id, seq, payload)
	if dst.Is6() {
		k.proto = ipv6.ProtoICMPv6
		m = icmp.Echo6(false, p.id, seq, payload)
	}
	if m.Len() > maxPayload(dst) {
		return ErrMessageTooLong
	}
	f, body := s.newPacket(dst, m.Len())
	if dst.Is4() {
		m.Put4(body)
	} else {
		m.Put6(body, src.As16(), dst.As16())
	}
	s.stats.ICMPOut++
	s.sendPacket(now, way, &k, f)
	return nil
}

// echoReply hands a reply to the socket whose identifier it carries.
func (s *Stack) echoReply(in *inbound, src, dst netip.Addr, m *icmp.Message) {
	p := s.pings[m.EchoID()]
	if p == nil || in.cast != castUnicast || p.addr.IsValid() && !covers(p.addr, dst) {
		s.drop(DropPingNoSocket)
		return
	}
	meta := udp.Meta{From: netip.AddrPortFrom(src, m.EchoSeq()), Local: dst, If: int32(in.ifc.id), TTL: in.ttl, TOS: in.tos}
	if !p.queue.Push(&meta, m.Body) {
		s.drop(DropPingFull)
		return
	}
	s.raise(&p.sig, tcp.Readable)
}

// Recv takes the oldest reply. ok is false when there is none.
func (p *Ping) Recv(b []byte) (n int, from netip.Addr, seq uint16, ok bool) {
	m, n, _, ok := p.queue.Pop(b)
	if !ok {
		return 0, from, 0, false
	}
	a := p.s.zoned(m.From, Interface(m.If))
	return n, a.Addr(), a.Port(), true
}

// Err returns and clears the last ICMP error that quoted a request of this socket.
func (p *Ping) Err() error {
	err := p.err
	p.err = nil
	return err
}

// Events returns and clears the socket's events.
func (p *Ping) Events() Event { return p.sig.take() }

// ID returns the identifier that the requests carry.
func (p *Ping) ID() uint16 { return p.id }

// SetOwner sets what Ready returns for this socket.
func (p *Ping) SetOwner(owner any) { p.s.setOwner(&p.sig, owner) }

// Close frees the socket.
func (p *Ping) Close() {
	if p.closed {
		return
	}
	p.closed = true
	p.sig.owner = nil
	p.queue.Reset()
	delete(p.s.pings, p.id)
}
