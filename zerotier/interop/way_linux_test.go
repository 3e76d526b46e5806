package interop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ztstack/ztstack/icmp"
	"github.com/ztstack/ztstack/sockets"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// A way is a TCP/IP host: the kernel's, or ours on a network.
type way interface {
	dial(ctx context.Context, to netip.AddrPort) (net.Conn, error)
	listen(port uint16) (net.Listener, error)
	listenPacket(port uint16) (net.PacketConn, error)
	// listenGroup listens to what is sent to a group.
	listenGroup(g netip.Addr, port uint16) (net.PacketConn, error)
	// ping sends one echo request and waits for its reply.
	ping(to netip.Addr, size int, limit time.Duration) (time.Duration, error)
	// isLocal reports whether an address is this host's own.
	isLocal(ip netip.Addr) bool
}

// way returns the host on a network of our node, or the kernel's in a namespace without one.
func (a *Agent) way(id vl2.NetworkID) (way, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.node == nil {
		return kernel{}, nil
	}
	nw := a.networks[id]
	if nw == nil {
		return nil, fmt.Errorf("network %v is not joined", id)
	}
	return ourWay{nw}, nil
}

type ourWay struct{ nw *sockets.Network }

func (w ourWay) dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	return w.nw.DialContext(ctx, "tcp", to.String())
}

func (w ourWay) listen(port uint16) (net.Listener, error) {
	return w.nw.Listen("tcp", fmt.Sprintf(":%d", port))
}

func (w ourWay) listenPacket(port uint16) (net.PacketConn, error) {
	return w.nw.ListenPacket("udp", fmt.Sprintf(":%d", port))
}

func (w ourWay) listenGroup(g netip.Addr, port uint16) (net.PacketConn, error) {
	c, err := w.nw.Host().ListenUDP(netip.AddrPortFrom(g, port))
	if err != nil {
		return nil, err
	}
	return c, c.JoinGroup(w.nw.Link(), g)
}

func (w ourWay) ping(to netip.Addr, size int, limit time.Duration) (time.Duration, error) {
	p, err := w.nw.Host().NewPinger(to)
	if err != nil {
		return 0, err
	}
	defer p.Close()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return p.Ping(ctx, size)
}

func (w ourWay) isLocal(ip netip.Addr) bool {
	return slices.ContainsFunc(w.nw.Host().Addresses(w.nw.Link()), func(p netip.Prefix) bool { return p.Addr() == ip })
}

type kernel struct{}

func (kernel) dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", to.String())
}

func (kernel) listen(port uint16) (net.Listener, error) {
	return net.Listen("tcp", fmt.Sprintf(":%d", port))
}

func (kernel) listenPacket(port uint16) (net.PacketConn, error) {
	return net.ListenPacket("udp", fmt.Sprintf(":%d", port))
}

func (kernel) listenGroup(g netip.Addr, port uint16) (net.PacketConn, error) {
	c, err := net.ListenPacket("udp6", fmt.Sprintf(":%d", port))
	if err != nil {
		return nil, err
	}
	return c, joinGroup(c.(*net.UDPConn), g)
}

// joinGroup makes the kernel listen to a group on the interfaces of stock nodes.
func joinGroup(c *net.UDPConn, g netip.Addr) error {
	interfaces, err := net.Interfaces()
	if err != nil {
		return err
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	for i := range interfaces {
		if !strings.HasPrefix(interfaces[i].Name, "zt") {
			continue
		}
		m := unix.IPv6Mreq{Multiaddr: g.As16(), Interface: uint32(interfaces[i].Index)}
		control := raw.Control(func(fd uintptr) {
			err = unix.SetsockoptIPv6Mreq(int(fd), unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP, &m)
		})
		if err = errors.Join(control, err); err != nil {
			return fmt.Errorf("joining %v on %s: %w", g, interfaces[i].Name, err)
		}
	}
	return nil
}

func (k kernel) ping(to netip.Addr, size int, limit time.Duration) (time.Duration, error) {
	start := time.Now()
	froms, err := k.echo(to, size, limit, 1)
	if err == nil && len(froms) == 0 {
		err = os.ErrDeadlineExceeded
	}
	return time.Since(start), err
}

// echo sends one echo request, which may be to a group, and collects who answers, but for this host, until there are most.
func (k kernel) echo(to netip.Addr, size int, limit time.Duration, most int) (froms []netip.Addr, err error) {
	network, request, reply := "ip4:icmp", icmp.Type4Echo, icmp.Type4EchoReply
	if to.Is6() {
		network, request, reply = "ip6:ipv6-icmp", icmp.Type6Echo, icmp.Type6EchoReply
	}
	c, err := net.ListenPacket(network, "")
	if err != nil {
		return nil, err
	}
	defer c.Close()
	payload := bytes.Repeat([]byte{byte(time.Now().UnixNano())}, size)
	m := icmp.Echo4(false, uint16(os.Getpid()), 1, payload)
	m.Type = request
	b := make([]byte, m.Len())
	m.Put4(b) // the kernel puts the checksum of ICMPv6 in place itself
	c.SetDeadline(time.Now().Add(limit))
	if _, err := c.WriteTo(b, &net.IPAddr{IP: to.AsSlice(), Zone: to.Zone()}); err != nil {
		return nil, err
	}
	got := make([]byte, 65536)
	for len(froms) < most {
		n, from, err := c.ReadFrom(got)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return froms, nil
		}
		if err != nil {
			return froms, err
		}
		if n != len(b) || got[0] != reply || !bytes.Equal(got[4:n], b[4:]) {
			continue
		}
		ip, _ := netip.AddrFromSlice(from.(*net.IPAddr).IP)
		if !k.isLocal(ip) {
			froms = append(froms, ip)
		}
	}
	return froms, nil
}

func (kernel) isLocal(ip netip.Addr) bool {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, a := range addrs {
		if p, ok := a.(*net.IPNet); ok && p.IP.Equal(ip.AsSlice()) {
			return true
		}
	}
	return false
}
