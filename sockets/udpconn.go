package sockets

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/stack"
	"github.com/ztstack/ztstack/tcp"
)

// A UDPConn is a UDP socket on a Host. It implements net.PacketConn and, for connected sockets, net.Conn, with the methods
// of net.UDPConn that have a meaning here.
type UDPConn struct {
	host          *Host
	local, remote netip.AddrPort
	member        member

	// Guarded by host.shard.mu:

	udp    *stack.UDP // nil once closed
	rd, wr half
}

var (
	_ net.Conn       = (*UDPConn)(nil)
	_ net.PacketConn = (*UDPConn)(nil)
)

// ListenPacket announces on a local UDP address, as net.ListenPacket does. An empty host means every address, with udp4 and
// udp6 of that family.
func (h *Host) ListenPacket(network, address string) (net.PacketConn, error) {
	kind, family, err := splitNetwork(network)
	if err == nil && kind != "udp" {
		err = net.UnknownNetworkError(network)
	}
	if err != nil {
		return nil, opError("listen", network, nil, nil, err)
	}
	local, err := h.resolveLocal(family, kind, address)
	if err != nil {
		return nil, opError("listen", network, nil, nil, err)
	}
	c, err := h.listenUDP(local, bindFlags(family)...)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// ListenUDP opens a socket on local. The unspecified IPv6 address means both families.
func (h *Host) ListenUDP(local netip.AddrPort) (*UDPConn, error) { return h.listenUDP(local) }

func (h *Host) listenUDP(local netip.AddrPort, flags ...stack.BindFlag) (*UDPConn, error) {
	c := &UDPConn{host: h}
	if err := h.bindUDP(c, local, flags...); err != nil {
		return nil, opError("listen", "udp", nil, net.UDPAddrFromAddrPort(local), err)
	}
	return c, nil
}

// DialUDP opens a socket connected to remote: it receives from there only, and reports ICMP errors.
func (h *Host) DialUDP(local, remote netip.AddrPort) (*UDPConn, error) {
	c := &UDPConn{host: h, remote: remote}
	if !local.IsValid() {
		local = netip.AddrPortFrom(unspecified(remote.Addr()), 0)
	}
	if err := h.bindUDP(c, local); err != nil {
		return nil, opError("dial", "udp", nil, net.UDPAddrFromAddrPort(remote), err)
	}
	return c, nil
}

func unspecified(a netip.Addr) netip.Addr {
	if a.Is4() {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

func (h *Host) bindUDP(c *UDPConn, local netip.AddrPort, flags ...stack.BindFlag) error {
	return h.do(func(st *stack.Stack, now clock.Time) error {
		u, err := st.BindUDP(local, c, flags...)
		if err != nil {
			return err
		}
		if c.remote.IsValid() {
			if err := u.Connect(now, c.remote); err != nil {
				u.Close()
				return err
			}
		}
		c.udp, c.local = u, u.Local()
		h.members.add(&c.member, c)
		return nil
	})
}

// ready implements socket.
func (c *UDPConn) ready(w *wakeList) {
	if c.udp == nil {
		return
	}
	ev := c.udp.Events()
	if ev&(tcp.Readable|tcp.Closed) != 0 {
		c.rd.signal(w)
	}
	if ev&(tcp.Writable|tcp.Closed) != 0 {
		c.wr.signal(w)
	}
}

// ReadFromUDPAddrPort waits for a datagram and copies it into b. What does not fit is lost.
func (c *UDPConn) ReadFromUDPAddrPort(b []byte) (n int, from netip.AddrPort, err error) {
	n, from, _, err = c.read(b)
	return n, from, err
}

// ReadMsgUDPAddrPort is ReadFromUDPAddrPort which tells in flags whether the datagram was cut: MsgTrunc. There is no
// out-of-band data.
func (c *UDPConn) ReadMsgUDPAddrPort(b, _ []byte) (n, oobn, flags int, from netip.AddrPort, err error) {
	n, from, size, err := c.read(b)
	if size > n {
		flags = MsgTrunc
	}
	return n, 0, flags, from, err
}

// MsgTrunc is the flag that ReadMsgUDPAddrPort reports for a datagram that was longer than the buffer.
const MsgTrunc = 0x20

func (c *UDPConn) read(b []byte) (n int, from netip.AddrPort, size int, err error) {
	s := &c.host.shard
	now := s.enter()
	for {
		switch {
		case c.udp == nil:
			err = net.ErrClosed
		case c.rd.past:
			err = c.rd.err()
		default:
			n, from, size, err = c.udp.ReadFrom(b)
		}
		if !errors.Is(err, stack.ErrWouldBlock) {
			s.leave(now)
			return n, from, size, c.opError("read", netip.AddrPort{}, err)
		}
		now = s.wait(&c.rd, now)
	}
}

// WriteToUDPAddrPort sends a datagram to an address.
func (c *UDPConn) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if c.remote.IsValid() {
		return 0, c.opError("write", to, net.ErrWriteToConnected)
	}
	return c.write(b, to)
}

func (c *UDPConn) write(b []byte, to netip.AddrPort) (n int, err error) {
	s := &c.host.shard
	now := s.enter()
	for {
		switch {
		case c.udp == nil:
			err = net.ErrClosed
		case c.wr.past:
			err = c.wr.err()
		default:
			n, err = c.udp.WriteTo(now, b, to)
		}
		if !errors.Is(err, stack.ErrWouldBlock) {
			s.leave(now)
			return n, c.opError("write", to, err)
		}
		now = s.wait(&c.wr, now)
	}
}

// Read implements net.Conn.
func (c *UDPConn) Read(b []byte) (int, error) {
	n, _, _, err := c.read(b)
	return n, err
}

// Write implements net.Conn: it sends to the address that the socket is connected to.
func (c *UDPConn) Write(b []byte) (int, error) { return c.write(b, netip.AddrPort{}) }

// ReadFrom implements net.PacketConn.
func (c *UDPConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, _, err := c.read(b)
	if err != nil {
		return n, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// WriteTo implements net.PacketConn. addr is a *net.UDPAddr.
func (c *UDPConn) WriteTo(b []byte, addr net.Addr) (int, error) {
	a, ok := addr.(*net.UDPAddr)
	if !ok {
		return 0, c.opError("write", netip.AddrPort{}, &net.AddrError{Err: "not a UDP address", Addr: addrString(addr)})
	}
	ap := a.AddrPort()
	return c.WriteToUDPAddrPort(b, netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()))
}

func addrString(a net.Addr) string {
	if a == nil {
		return "<nil>"
	}
	return a.String()
}

// with runs fn under the lock unless the socket is closed.
func (c *UDPConn) with(op string, fn func(now clock.Time) error) error {
	s := &c.host.shard
	now := s.enter()
	err := net.ErrClosed
	if c.udp != nil {
		err = fn(now)
	}
	s.leave(now)
	return c.opError(op, netip.AddrPort{}, err)
}

// JoinGroup receives what is sent to a multicast group on l; nil chooses the link by route.
func (c *UDPConn) JoinGroup(l *Link, group netip.Addr) error {
	return c.with("set", func(now clock.Time) error { return c.udp.JoinGroup(now, l.number(), group) })
}

// LeaveGroup undoes JoinGroup.
func (c *UDPConn) LeaveGroup(l *Link, group netip.Addr) error {
	return c.with("set", func(now clock.Time) error { return c.udp.LeaveGroup(now, l.number(), group) })
}

func (l *Link) number() stack.Interface {
	if l == nil {
		return 0
	}
	return l.ifc
}

// SetReadBuffer sets how many bytes of datagrams may wait to be read; further ones are dropped and counted.
func (c *UDPConn) SetReadBuffer(bytes int) error {
	return c.with("set", func(clock.Time) error { c.udp.SetBuffer(bytes); return nil })
}

// Close implements net.Conn.
func (c *UDPConn) Close() error {
	return c.with("close", func(now clock.Time) error { c.abandon(now); return nil })
}

// abandon implements abandoner.
func (c *UDPConn) abandon(clock.Time) {
	s := &c.host.shard
	c.udp.Close()
	c.udp = nil
	for _, h := range []*half{&c.rd, &c.wr} {
		h.disarm(s)
		h.signal(&s.wakes)
	}
	c.host.members.remove(&c.member)
}

// SetDeadline implements net.Conn.
func (c *UDPConn) SetDeadline(t time.Time) error { return c.setDeadline(t, &c.rd, &c.wr) }

// SetReadDeadline implements net.Conn.
func (c *UDPConn) SetReadDeadline(t time.Time) error { return c.setDeadline(t, &c.rd) }

// SetWriteDeadline implements net.Conn.
func (c *UDPConn) SetWriteDeadline(t time.Time) error { return c.setDeadline(t, &c.wr) }

func (c *UDPConn) setDeadline(t time.Time, halves ...*half) error {
	return c.with("set", func(now clock.Time) error {
		for _, h := range halves {
			h.setDeadline(&c.host.shard, now, t)
		}
		return nil
	})
}

// LocalAddr implements net.Conn.
func (c *UDPConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.local) }

// RemoteAddr implements net.Conn. It is nil unless the socket is connected.
func (c *UDPConn) RemoteAddr() net.Addr {
	if !c.remote.IsValid() {
		return nil
	}
	return net.UDPAddrFromAddrPort(c.remote)
}

func (c *UDPConn) opError(op string, to netip.AddrPort, err error) error {
	if err == nil {
		return nil
	}
	addr := c.RemoteAddr()
	if to.IsValid() {
		addr = net.UDPAddrFromAddrPort(to)
	}
	return opError(op, "udp", c.LocalAddr(), addr, err)
}
