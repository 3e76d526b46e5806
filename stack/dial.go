package stack

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ipv4"
	"github.com/ztstack/ztstack/ipv6"
	"github.com/ztstack/ztstack/tcp"
)

// DialTCP starts a connection to remote. A zero local address or port is chosen: the address by route
// (RFC 6724), the port by RFC 6056. A nil cfg means the Stack's template. The Connected or Closed event
// tells the outcome; Err says why it failed.
func (s *Stack) DialTCP(now clock.Time, local, remote netip.AddrPort, cfg *tcp.Config, owner any) (*TCP, error) {
	src, dst, p, err := s.endpoints(now, local, remote)
	if err != nil {
		return nil, err
	}
	if remote.Port() == 0 || dst.IsMulticast() || dst.Is4() && s.isBroadcast(dst) {
		return nil, ErrInvalid // RFC 9293, Section 3.9.2.3 (MUST-57) has it so for what is received.
	}
	if s.numConns >= s.cfg.MaxConns {
		return nil, ErrLimit
	}
	t := makeTuple(netip.AddrPortFrom(src, local.Port()), netip.AddrPortFrom(dst, remote.Port()), p.ifc.id)
	var old *timeWait
	if t.localPort == 0 {
		var ok bool
		if old, ok = s.dialPort(now, src, dst, &t); !ok {
			return nil, ErrNoPorts
		}
	} else if f := s.getFlow(&t); f != nil {
		if old = f.wait; old == nil || !old.rec.Yields(now) {
			return nil, ErrInUse
		}
	}
	c := s.newTCP(t)
	c.accepted = true
	c.sig.owner = owner
	full := s.tcpConfig(cfg, p, t.is4)
	c.noSum = full.NoSum
	c.conn.Open(&full, now, t.localPort, t.remotePort, s.isn(now, &t))
	if old != nil {
		s.succeed(c, old)
	}
	c.route(now, p)
	s.stats.TCPActiveOpens++
	s.touched(now, c)
	return c, nil
}

// endpoints returns the addresses, without zones, and the path of what is to be sent from local to remote. What they
// leave open is chosen, but for the ports.
func (s *Stack) endpoints(now clock.Time, local, remote netip.AddrPort) (src, dst netip.Addr, p path, err error) {
	dst = remote.Addr().Unmap()
	if !dst.IsValid() {
		return src, dst, p, ErrInvalid
	}
	if dst.IsUnspecified() { // As everywhere, the unspecified address stands for this host.
		dst = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		if remote.Addr().Is6() && !remote.Addr().Is4In6() {
			dst = netip.IPv6Loopback()
		}
	}
	src = local.Addr().Unmap()
	zone := s.zone(dst)
	if zone == 0 && src.IsValid() {
		zone = s.zone(src)
	}
	if zone == 0 && isLinkLocal(dst) {
		zone = s.onlyEthernet()
	}
	s.freshPMTU(now, dst.WithZone(""))
	p, ok := s.lookup(dst, zone)
	if !ok {
		return src, dst, p, ErrNoRoute
	}
	dst, src = dst.WithZone(""), src.WithZone("")
	if !src.IsValid() || src.IsUnspecified() {
		if src.IsValid() && src.Is4() != dst.Is4() && src.Is4() {
			return src, dst, p, ErrInvalid
		}
		if src, ok = s.source(p, dst); !ok {
			return src, dst, p, ErrNotAvailable
		}
	} else {
		if src.Is4() != dst.Is4() {
			return src, dst, p, ErrInvalid
		}
		if _, ok := s.local(src); !ok {
			return src, dst, p, ErrNotAvailable
		}
	}
	return src, dst, p, nil
}

// onlyEthernet returns the interface that a link-local address without zone is on if there is only
// one that it could be.
func (s *Stack) onlyEthernet() (found Interface) {
	for _, ifc := range s.ifaces[1:] {
		if ifc == nil {
			continue
		}
		if found != 0 {
			return 0
		}
		found = ifc.id
	}
	return found
}

// isBroadcast reports whether an IPv4 address is a broadcast address of any interface.
func (s *Stack) isBroadcast(a netip.Addr) bool {
	for _, ifc := range s.ifaces {
		if ifc != nil && ifc.isBroadcast4(a.As4()) {
			return true
		}
	}
	return false
}

// newTCP makes a connection and puts it into the table, in the place of a TIME-WAIT record if there is one.
func (s *Stack) newTCP(t tuple) *TCP {
	c := &TCP{s: s, flow: flow{tuple: t}, conn: s.conns.get()}
	c.flow.conn = c
	c.timer.Owner, c.timer.Kind = c, timerConn
	s.putFlow(&c.flow)
	s.numConns++
	return c
}

// tcpConfig completes a connection's Config for a path.
func (s *Stack) tcpConfig(cfg *tcp.Config, p path, is4 bool) tcp.Config {
	full := s.cfg.TCP
	if cfg != nil {
		full = *cfg
	}
	full.Pool, full.ISNKey = s.pool, s.isnKey
	full.MSS = mssOf(p.mtu, is4)
	full.DefaultMSS = 536
	if !is4 {
		full.DefaultMSS = 1220
	}
	full.NoSum = p.ifc.info.NoSum
	return full
}

// mssOf returns the MSS, options included, that packets of mtu bytes carry.
func mssOf(mtu int, is4 bool) int {
	if is4 {
		return mtu - ipv4.HeaderLen - tcp.HeaderLen
	}
	return mtu - ipv6.HeaderLen - tcp.HeaderLen
}
