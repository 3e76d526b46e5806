package sockets

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/link"
	"github.com/ztstack/ztstack/stack"
	"github.com/ztstack/ztstack/tcp"
)

// HostConfig configures a Host. The zero HostConfig is a good one.
type HostConfig struct {
	// Seed is the source of every random choice: ISNs, ports, IDs. Zero means 32 bytes of crypto/rand.
	Seed [32]byte

	// TCP is the template for connections. Zero fields mean the defaults of package tcp, and NoDelay is
	// set, as package net sets it, unless Nagle is.
	TCP   tcp.Config
	Nagle bool

	MaxConns    int // most TCP connections; 0 means 65536
	MaxHalfOpen int // most connections in SYN-RECEIVED; 0 means 1024
	BufferLimit int // bytes of stream data queued by all connections together; 0 means no limit

	// DNS are the servers that names are looked up with, through this host. None means that only literal addresses and
	// "localhost" can be dialled.
	DNS []netip.AddrPort

	// Tap, if not nil, is shown every frame. It is called under the host's lock: it must be quick, keep no reference and not
	// call the host.
	Tap func(out bool, frame []byte)

	// Now reads the clock: nanoseconds that never go back, above zero. Nil means the system's monotonic clock.
	Now func() clock.Time
}

// A Host is one TCP/IP host: addresses, routes and sockets over any number of link.Devices. Its methods may be called by
// any goroutine. It has no goroutine of its own.
type Host struct {
	shard   shard
	dns     []netip.AddrPort
	members members // open sockets; guarded by shard.mu
}

// NewHost returns a host with a loopback interface and nothing else.
func NewHost(cfg HostConfig) (*Host, error) {
	if cfg.Seed == [32]byte{} {
		if _, err := rand.Read(cfg.Seed[:]); err != nil {
			return nil, fmt.Errorf("sockets: seeding a host: %w", err)
		}
	}
	if cfg.Now == nil {
		start := time.Now()
		cfg.Now = func() clock.Time { return clock.Time(time.Since(start)) + 1 }
	}
	sc := stack.Config{
		Seed:        cfg.Seed,
		TCP:         cfg.TCP,
		MaxConns:    cfg.MaxConns,
		MaxHalfOpen: cfg.MaxHalfOpen,
		BufferLimit: cfg.BufferLimit,
	}
	sc.TCP.NoDelay = sc.TCP.NoDelay || !cfg.Nagle
	if tap := cfg.Tap; tap != nil {
		sc.Tap = func(_ clock.Time, _ stack.Interface, out bool, frame []byte) { tap(out, frame) }
	}
	st, err := stack.New(sc, cfg.Now())
	if err != nil {
		return nil, fmt.Errorf("sockets: %w", err)
	}
	h := &Host{dns: cfg.DNS}
	h.shard.init(st, cfg.Now)
	return h, nil
}

// LinkConfig says what a host is on a link.
type LinkConfig struct {
	// Name is the link's name, used as the zone of link-local addresses; "" means a number.
	Name string
	// Addrs are the host's addresses, each with the prefix that is on-link.
	Addrs []netip.Prefix
	// Gateways are default routers, at most one of each family.
	Gateways []netip.Addr
	// NoDAD omits duplicate address detection: addresses work at once. For links with managed addresses.
	NoDAD bool
	// NoLinkLocal omits the IPv6 link-local address.
	NoLinkLocal bool
}

// Attach puts the host on dev. The host closes dev when it is closed.
func (h *Host) Attach(dev link.Device, cfg LinkConfig) (*Link, error) {
	s := &h.shard
	info := dev.Info()
	l := &Link{host: h, dev: dev, name: cfg.Name, rx: newRing(info), super: link.NewSuper(info)}
	now := s.enter()
	err := h.attach(l, now, info, cfg)
	s.leave(now)
	if err != nil {
		return nil, fmt.Errorf("sockets: attaching link %q: %w", cfg.Name, err)
	}
	dev.Attach(l)
	return l, nil
}

// attach adds the interface of l. The caller holds the shard's lock.
func (h *Host) attach(l *Link, now clock.Time, info link.Info, cfg LinkConfig) error {
	s := &h.shard
	if s.closed {
		return net.ErrClosed
	}
	var err error
	l.ifc, err = s.st.AddInterface(now, stack.InterfaceConfig{
		Name: cfg.Name, Info: info, NoDAD: cfg.NoDAD, NoLinkLocal: cfg.NoLinkLocal,
	})
	if err != nil {
		return err
	}
	for _, p := range cfg.Addrs {
		if err = s.st.AddAddress(now, l.ifc, p); err != nil {
			err = fmt.Errorf("address %v: %w", p, err)
			break
		}
	}
	for _, gw := range cfg.Gateways {
		if err != nil {
			break
		}
		if err = s.st.AddRoute(defaultRoute(gw, l.ifc)); err != nil {
			err = fmt.Errorf("gateway %v: %w", gw, err)
		}
	}
	if err != nil {
		_ = s.st.RemoveInterface(now, l.ifc) // it exists: it was added above
		return err
	}
	links := append(append([]*Link(nil), *s.links.Load()...), l)
	s.links.Store(&links)
	return nil
}

func defaultRoute(gw netip.Addr, i stack.Interface) stack.Route {
	any4 := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	any6 := netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	if gw.Is4() {
		return stack.Route{Dst: any4, Via: gw, If: i}
	}
	return stack.Route{Dst: any6, Via: gw, If: i}
}

// Detach takes the host off l and closes l's device.
func (h *Host) Detach(l *Link) error {
	s := &h.shard
	now := s.enter()
	links := make([]*Link, 0, 4)
	found := false
	for _, o := range *s.links.Load() {
		if o == l {
			found = true
			continue
		}
		links = append(links, o)
	}
	if found {
		s.links.Store(&links)
		_ = s.st.RemoveInterface(now, l.ifc) // it exists: it was among the links
	}
	s.leave(now)
	if !found {
		return net.ErrClosed
	}
	return l.close()
}

// close closes the device once nobody sends through it. The link is no longer among the shard's, so nobody begins to.
func (l *Link) close() error {
	l.token.Lock()
	//lint:ignore SA2001 this waits for the token's last holder; Close itself waits for LinkChanged, which takes the token
	l.token.Unlock()
	return l.dev.Close()
}

// do runs fn on the stack under the lock.
func (h *Host) do(fn func(st *stack.Stack, now clock.Time) error) error {
	s := &h.shard
	now := s.enter()
	err := net.ErrClosed
	if !s.closed {
		err = fn(s.st, now)
	}
	s.leave(now)
	return err
}

// AddAddress gives the host an address on l, with the prefix that is on-link.
func (h *Host) AddAddress(l *Link, p netip.Prefix) error {
	return h.do(func(st *stack.Stack, now clock.Time) error { return st.AddAddress(now, l.ifc, p) })
}

// RemoveAddress takes an address away. Connections from it are aborted.
func (h *Host) RemoveAddress(l *Link, p netip.Prefix) error {
	return h.do(func(st *stack.Stack, now clock.Time) error { return st.RemoveAddress(now, l.ifc, p) })
}

// AddRoute sends packets for dst out of l, through the router via, or straight to their destination if via is the zero Addr.
func (h *Host) AddRoute(l *Link, dst netip.Prefix, via netip.Addr, metric int) error {
	return h.do(func(st *stack.Stack, _ clock.Time) error {
		return st.AddRoute(stack.Route{Dst: dst, Via: via, If: l.ifc, Metric: metric})
	})
}

// RemoveRoute undoes AddRoute.
func (h *Host) RemoveRoute(l *Link, dst netip.Prefix, via netip.Addr) error {
	return h.do(func(st *stack.Stack, _ clock.Time) error {
		return st.RemoveRoute(stack.Route{Dst: dst, Via: via, If: l.ifc})
	})
}

// Addresses returns the host's addresses on l.
func (h *Host) Addresses(l *Link) []netip.Prefix {
	s := &h.shard
	now := s.enter()
	defer s.leave(now)
	return s.st.Addresses(l.ifc)
}

// Stats returns a copy of the host's counters.
func (h *Host) Stats() stack.Stats {
	s := &h.shard
	now := s.enter()
	defer s.leave(now)
	return s.st.Stats()
}

// busy reports whether TCP connections are open.
func (h *Host) busy() bool {
	now := h.shard.enter()
	defer h.shard.leave(now)
	for m := h.members.first(); m != nil; m = m.next {
		if _, ok := m.owner.(*TCPConn); ok {
			return true
		}
	}
	return false
}

// Close aborts every connection, closes every socket and every link's device, and returns when nothing of the host runs any
// more. It is idempotent.
func (h *Host) Close() error {
	s := &h.shard
	now := s.enter()
	if s.closed {
		s.mu.Unlock()
		s.idle.Wait()
		return nil
	}
	for m := h.members.first(); m != nil; m = h.members.first() {
		m.owner.abandon(now)
	}
	s.leave(now) // resets go out, and everybody who waits is woken
	s.mu.Lock()
	s.closed = true
	links := *s.links.Load()
	s.links.Store(new([]*Link))
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Unlock()
	var first error
	for _, l := range links {
		if err := l.close(); err != nil && first == nil {
			first = err
		}
	}
	s.idle.Wait()
	return first
}
