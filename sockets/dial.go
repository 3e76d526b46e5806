package sockets

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/tcp"
)

// Dial connects to an address, as net.Dial does: network is tcp, tcp4, tcp6, udp, udp4 or udp6, address is host:port.
func (h *Host) Dial(network, address string) (net.Conn, error) {
	return h.DialContext(context.Background(), network, address)
}

// DialTimeout is Dial with a time limit.
func (h *Host) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return h.DialContext(ctx, network, address)
}

// DialContext is Dial with a context: once the context is done, dialling is given up. A connection that was
// made is not affected by it.
func (h *Host) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	kind, want, err := splitNetwork(network)
	if err != nil {
		return nil, opError("dial", network, nil, nil, err)
	}
	addrs, err := h.resolve(ctx, want, kind, address)
	if err != nil {
		return nil, opError("dial", network, nil, nil, ctxError(err))
	}
	var first error
	for _, a := range addrs {
		var c net.Conn
		if kind == "tcp" {
			c, err = h.DialTCP(ctx, netip.AddrPort{}, a)
		} else {
			c, err = h.DialUDP(netip.AddrPort{}, a)
		}
		if err == nil {
			return c, nil
		}
		if first == nil {
			first = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, first
}

// DialTCP connects from local to remote. A zero local address or port is chosen: the address by route, the port at random.
func (h *Host) DialTCP(ctx context.Context, local, remote netip.AddrPort) (*TCPConn, error) {
	s := &h.shard
	c := &TCPConn{host: h, remote: remote}
	if ctx.Done() != nil {
		if err := ctx.Err(); err != nil {
			return nil, opError("dial", "tcp", nil, net.TCPAddrFromAddrPort(remote), ctxError(err))
		}
		stop := context.AfterFunc(ctx, func() {
			now := s.enter()
			c.wr.signal(&s.wakes)
			s.leave(now)
		})
		defer stop()
	}
	now := s.enter()
	err := h.startDial(c, now, local)
	if err == nil {
		now, err = c.handshake(ctx, now)
	}
	s.leave(now)
	if err != nil {
		var source net.Addr
		if c.local.IsValid() {
			source = c.LocalAddr()
		}
		return nil, opError("dial", "tcp", source, c.RemoteAddr(), err)
	}
	return c, nil
}

// startDial sends the SYN. The caller holds the shard's lock.
func (h *Host) startDial(c *TCPConn, now clock.Time, local netip.AddrPort) error {
	s := &h.shard
	if s.closed {
		return net.ErrClosed
	}
	t, err := s.st.DialTCP(now, local, c.remote, nil, c)
	if err != nil {
		return err
	}
	c.tcp, c.local, c.remote = t, t.Local(), t.Remote()
	h.members.add(&c.member, c)
	return nil
}

// handshake waits until the connection is made, refused or given up. The caller holds the shard's lock.
func (c *TCPConn) handshake(ctx context.Context, now clock.Time) (clock.Time, error) {
	for !c.finished && c.tcp != nil && ctx.Err() == nil {
		now = c.host.shard.wait(&c.wr, now)
	}
	switch {
	case c.tcp == nil:
		return now, net.ErrClosed
	case !c.finished:
		c.tcp.Abort(now)
		c.release()
		return now, ctxError(ctx.Err())
	}
	err := c.tcp.Err()
	if err == nil && c.tcp.Conn().State() == tcp.StateClosed {
		err = tcp.ErrReset
	}
	if err != nil {
		c.tcp.Close(now)
		c.release()
	}
	return now, err
}

// splitNetwork returns tcp or udp, and the family wanted: 4, 6 or 0.
func splitNetwork(network string) (kind string, family int, err error) {
	switch network {
	case "tcp", "udp":
		return network, 0, nil
	case "tcp4", "udp4":
		return network[:3], 4, nil
	case "tcp6", "udp6":
		return network[:3], 6, nil
	}
	return "", 0, net.UnknownNetworkError(network)
}

var errMissingAddress = errors.New("missing address")

// resolve turns host:port into addresses of the wanted family, in the order in which to try them.
func (h *Host) resolve(ctx context.Context, family int, kind, address string) ([]netip.AddrPort, error) {
	if address == "" {
		return nil, errMissingAddress
	}
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := net.DefaultResolver.LookupPort(ctx, kind, service)
	if err != nil {
		return nil, err
	}
	var ips []netip.Addr
	switch {
	case host == "" || host == "localhost":
		ips = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	default:
		if ip, err := netip.ParseAddr(host); err == nil {
			ips = []netip.Addr{ip}
			break
		}
		if ips, err = h.Resolver().LookupNetIP(ctx, "ip", host); err != nil {
			return nil, err
		}
	}
	var out []netip.AddrPort
	for _, ip := range ips {
		ip = ip.Unmap()
		if family == 0 || family == 4 == ip.Is4() {
			out = append(out, netip.AddrPortFrom(ip, uint16(port)))
		}
	}
	if len(out) == 0 {
		return nil, &net.AddrError{Err: "no suitable address found", Addr: host}
	}
	return out, nil
}

// Resolver returns a resolver that asks the host's DNS servers through the host. Without servers every
// look-up fails and says so.
func (h *Host) Resolver() *net.Resolver {
	return &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			if len(h.dns) == 0 {
				return nil, errNoDNS
			}
			return h.DialContext(ctx, network, h.dns[0].String())
		},
	}
}

var errNoDNS = errors.New("this host has no DNS server: dial an IP address, or set HostConfig.DNS")
