package driver

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"

	"github.com/ztstack/ztstack/link"
)

const (
	// defaultPort is the port that ZeroTier nodes listen on (PROTOCOL 1).
	defaultPort = 9993
	// socketBuffer is the receive buffer asked for, in bytes. More than some 66 packets of it are not counted on.
	socketBuffer = 4 << 20
	// maxSegments is the most datagrams of one UDP_SEGMENT call that every kernel that knows it accepts.
	maxSegments = 64
	// maxRun is the most bytes of one such call.
	maxRun = link.SuperSize
)

// A socket is one UDP socket. Any goroutine sends through it; its reader alone receives.
type socket struct {
	conn  *net.UDPConn
	index int
	is4   bool
	addr  netip.AddrPort // bound to
	gso   atomic.Bool    // the kernel cuts runs of datagrams (UDP_SEGMENT)
	gro   bool           // the kernel may hand over runs of datagrams (UDP_GRO)

	calls    atomic.Uint64 // calls to send
	grams    atomic.Uint64 // datagrams sent
	refused  atomic.Uint64 // datagrams that the kernel refused
	fellBack atomic.Uint64 // runs that had to be sent one by one after all
}

// listen opens the sockets.
func (d *Driver) listen(addrs []netip.AddrPort) error {
	if len(addrs) > 0 {
		for _, a := range addrs {
			if err := d.open(a); err != nil {
				d.closeSockets()
				return fmt.Errorf("driver: cannot listen on UDP address %s: %w; choose another port (0 takes any free one) or an address of this machine", a, err)
			}
		}
		return nil
	}
	var last error
	for _, ip := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
		err := d.open(netip.AddrPortFrom(ip, defaultPort))
		if err != nil {
			err = d.open(netip.AddrPortFrom(ip, 0))
		}
		if err != nil {
			last = err
		}
	}
	if len(d.socks) == 0 {
		return fmt.Errorf("driver: cannot open any UDP socket, neither on port %d nor on another: %w", defaultPort, last)
	}
	return nil
}

// open opens one socket.
func (d *Driver) open(a netip.AddrPort) error {
	network := "udp6" // excludes IPv4, which has a socket of its own
	if a.Addr().Unmap().Is4() {
		network = "udp4"
	}
	conn, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(a))
	if err != nil {
		return err
	}
	s := &socket{conn: conn, index: len(d.socks), is4: network == "udp4"}
	local := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	s.addr = netip.AddrPortFrom(local.Addr().Unmap(), local.Port())
	got := s.setup()
	d.log.Info("listening", "address", s.addr, "receiveBuffer", got, "gso", s.gso.Load(), "gro", s.gro)
	d.socks = append(d.socks, s)
	return nil
}

func (d *Driver) closeSockets() {
	for _, s := range d.socks {
		s.conn.Close()
	}
}

// reachable returns the addresses at which the sockets may be reached, to be told to peers: those of the
// machine's interfaces where a socket is bound to no address in particular.
func (d *Driver) reachable(loopback bool) []netip.AddrPort {
	var out []netip.AddrPort
	for _, s := range d.socks {
		if ip := s.addr.Addr(); !ip.IsUnspecified() {
			if loopback || !ip.IsLoopback() {
				out = append(out, s.addr)
			}
			continue
		}
		for _, ip := range interfaceAddrs(loopback) {
			if ip.Is4() == s.is4 {
				out = append(out, netip.AddrPortFrom(ip, s.addr.Port()))
			}
		}
	}
	return out
}

// interfaceAddrs returns the addresses of the machine that may be paths (PROTOCOL 11, 26).
func interfaceAddrs(loopback bool) []netip.Addr {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var out []netip.Addr
	for i := range interfaces {
		if interfaces[i].Flags&net.FlagUp == 0 || virtual(interfaces[i].Name) {
			continue
		}
		addrs, err := interfaces[i].Addrs()
		if err != nil {
			continue
		}
		for _, a := range addrs {
			p, ok := a.(*net.IPNet)
			if !ok {
				continue
			}
			ip, ok := netip.AddrFromSlice(p.IP)
			ip = ip.Unmap()
			if !ok || ip.IsLinkLocalUnicast() || ip.IsMulticast() || (ip.IsLoopback() && !loopback) {
				continue
			}
			out = append(out, ip)
		}
	}
	return out
}

// virtual reports whether an interface of that name belongs to a virtual network, over which nodes do not tunnel.
func virtual(name string) bool {
	for _, prefix := range []string{"zt", "tun", "tap", "utun"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// A writer is the scratch memory of one goroutine that sends.
type writer struct {
	oob [oobLen]byte
}

// transmit sends datagrams of seg bytes, the last one perhaps shorter, that lie one after another in data. They are at most
// maxSegments and maxRun bytes. What the kernel refuses is lost and counted, as on any network.
func (d *Driver) transmit(s *socket, w *writer, data []byte, seg int, to netip.AddrPort, ttl int) {
	if d.impair != nil {
		d.impair.send(s, w, data, seg, to, ttl)
		return
	}
	s.send(w, data, seg, to, ttl)
}

// send is transmit past the impairment.
func (s *socket) send(w *writer, data []byte, seg int, to netip.AddrPort, ttl int) {
	n := (len(data) + seg - 1) / seg
	s.grams.Add(uint64(n))
	if n > 1 && s.gso.Load() {
		s.calls.Add(1)
		_, _, err := s.conn.WriteMsgUDPAddrPort(data, w.control(s, seg, ttl), to)
		if err == nil {
			return
		}
		if !s.refusesRuns(err) {
			s.refuse(n, err)
			return
		}
		s.fellBack.Add(1)
	}
	for len(data) > 0 {
		part := data[:min(seg, len(data))]
		data = data[len(part):]
		s.calls.Add(1)
		if _, _, err := s.conn.WriteMsgUDPAddrPort(part, w.control(s, 0, ttl), to); err != nil {
			s.refuse(1, err)
			if errors.Is(err, net.ErrClosed) {
				return
			}
		}
	}
}

func (s *socket) refuse(n int, err error) {
	if !errors.Is(err, net.ErrClosed) {
		s.refused.Add(uint64(n))
	}
}
