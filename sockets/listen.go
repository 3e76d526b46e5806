package sockets

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/stack"
)

// A TCPListener accepts TCP connections. It implements net.Listener.
type TCPListener struct {
	host   *Host
	addr   netip.AddrPort
	member member

	// Guarded by host.shard.mu:

	l  *stack.Listener // nil once closed
	rd half
}

var _ net.Listener = (*TCPListener)(nil)

// Listen announces on a local address, as net.Listen does: network is tcp, tcp4 or tcp6; an empty host means every
// address of the host, with tcp4 and tcp6 of that family, port 0 any free port.
func (h *Host) Listen(network, address string) (net.Listener, error) {
	kind, family, err := splitNetwork(network)
	if err == nil && kind != "tcp" {
		err = net.UnknownNetworkError(network)
	}
	if err != nil {
		return nil, opError("listen", network, nil, nil, err)
	}
	local, err := h.resolveLocal(family, kind, address)
	if err != nil {
		return nil, opError("listen", network, nil, nil, err)
	}
	l, err := h.listenTCP(local, 0, bindFlags(family)...)
	if err != nil {
		return nil, err
	}
	return l, nil
}

// bindFlags returns what the stack is told of a network that is of one family: tcp6 and udp6 on [::] leave IPv4 to
// others, as package net has it.
func bindFlags(family int) []stack.BindFlag {
	if family == 6 {
		return []stack.BindFlag{stack.V6Only}
	}
	return nil
}

// resolveLocal turns host:port into a local address. No host means the unspecified address of the family.
func (h *Host) resolveLocal(family int, kind, address string) (netip.AddrPort, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if host != "" {
		addrs, err := h.resolve(context.Background(), family, kind, address)
		if err != nil {
			return netip.AddrPort{}, err
		}
		return addrs[0], nil
	}
	port, err := net.DefaultResolver.LookupPort(context.Background(), kind, service)
	if err != nil {
		return netip.AddrPort{}, err
	}
	ip := netip.IPv6Unspecified()
	if family == 4 {
		ip = netip.IPv4Unspecified()
	}
	return netip.AddrPortFrom(ip, uint16(port)), nil
}

// ListenTCP listens on local. The unspecified IPv6 address means both families. At most backlog connections wait for
// Accept; 0 means 128.
func (h *Host) ListenTCP(local netip.AddrPort, backlog int) (*TCPListener, error) {
	return h.listenTCP(local, backlog)
}

func (h *Host) listenTCP(local netip.AddrPort, backlog int, flags ...stack.BindFlag) (*TCPListener, error) {
	l := &TCPListener{host: h, addr: local}
	err := h.do(func(st *stack.Stack, _ clock.Time) (err error) {
		if l.l, err = st.ListenTCP(local, backlog, nil, l, flags...); err != nil {
			return err
		}
		l.addr = l.l.Local()
		h.members.add(&l.member, l)
		return nil
	})
	if err != nil {
		return nil, opError("listen", "tcp", nil, net.TCPAddrFromAddrPort(local), err)
	}
	return l, nil
}

// ready implements socket.
func (l *TCPListener) ready(w *wakeList) {
	if l.l != nil {
		l.l.Events()
		l.rd.signal(w)
	}
}

// Accept implements net.Listener.
func (l *TCPListener) Accept() (net.Conn, error) {
	c, err := l.AcceptTCP()
	if err != nil {
		return nil, err
	}
	return c, nil
}

// AcceptTCP waits for the next connection.
func (l *TCPListener) AcceptTCP() (*TCPConn, error) {
	s := &l.host.shard
	c := &TCPConn{host: l.host, finished: true}
	now := s.enter()
	for {
		err := l.tryAccept(c)
		if err != nil || c.tcp != nil {
			s.leave(now)
			if err != nil {
				return nil, l.opError("accept", err)
			}
			return c, nil
		}
		now = s.wait(&l.rd, now)
	}
}

// tryAccept gives c the next connection, if there is one. The caller holds the shard's lock.
func (l *TCPListener) tryAccept(c *TCPConn) error {
	if l.l == nil {
		return net.ErrClosed
	}
	if err := l.rd.err(); err != nil {
		return err
	}
	if t, ok := l.l.Accept(c); ok {
		c.tcp, c.local, c.remote = t, t.Local(), t.Remote()
		l.host.members.add(&c.member, c)
	}
	return nil
}

// Close stops listening. Connections that were not accepted are reset.
func (l *TCPListener) Close() error {
	s := &l.host.shard
	now := s.enter()
	err := net.ErrClosed
	if l.l != nil {
		l.abandon(now)
		err = nil
	}
	s.leave(now)
	if err != nil {
		return l.opError("close", err)
	}
	return nil
}

// abandon implements abandoner.
func (l *TCPListener) abandon(now clock.Time) {
	s := &l.host.shard
	l.l.Close(now)
	l.l = nil
	l.rd.disarm(s)
	l.rd.signal(&s.wakes)
	l.host.members.remove(&l.member)
}

// SetDeadline bounds the time that Accept waits.
func (l *TCPListener) SetDeadline(t time.Time) error {
	s := &l.host.shard
	now := s.enter()
	err := net.ErrClosed
	if l.l != nil {
		l.rd.setDeadline(s, now, t)
		err = nil
	}
	s.leave(now)
	if err != nil {
		return l.opError("set", err)
	}
	return nil
}

// Addr implements net.Listener.
func (l *TCPListener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.addr) }

func (l *TCPListener) opError(op string, err error) error {
	return opError(op, "tcp", nil, l.Addr(), err)
}
