package stack

import (
	"net/netip"
	"strconv"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/link"
)

// An Interface names one network interface of a Stack. Numbers begin with 1 and are not used again;
// 0 is the loopback interface that every Stack has, and "any" where an interface is optional.
type Interface int32

// InterfaceConfig describes an interface to be added.
type InterfaceConfig struct {
	Name string    // used as the zone of link-local addresses; must be unique; "" means a number
	Info link.Info // medium, MTU and address of the link

	// NoDAD omits duplicate address detection, for links whose addresses are managed: an address is then
	// usable at once.
	NoDAD bool
	// NoLinkLocal omits the IPv6 link-local address that an Ethernet interface otherwise derives from
	// its MAC address (RFC 4291, Appendix A).
	NoLinkLocal bool
}

// An iface is an interface with everything that is its own.
type iface struct {
	id       Interface
	name     string
	info     link.Info
	up       bool
	loopback bool
	noDAD    bool
	linkLen  int // bytes of link header: 14, or 0 on IP-only links

	addrs     []*ifaceAddr
	groups    []group
	neighbors neighborCache

	queue   frameQueue // frames ready to be sent
	inTurn  int        // frames taken from queue since a connection was last asked
	conns   connQueue  // connections that may have something to send
	blocked []*UDP     // sockets that met a full queue

	groupsChanged bool
}

// headerRoom is how many bytes a frame buffer leaves for the link header.
const headerRoom = 16

// AddInterface adds an interface that is up.
func (s *Stack) AddInterface(now clock.Time, cfg InterfaceConfig) (Interface, error) {
	if err := checkMTU(cfg.Info.MTU); err != nil {
		return 0, err
	}
	i := Interface(len(s.ifaces))
	if cfg.Name == "" {
		cfg.Name = strconv.Itoa(int(i))
	}
	if s.ifaceByName(cfg.Name) != nil {
		return 0, ErrInUse
	}
	ifc := &iface{id: i, name: cfg.Name, info: cfg.Info, up: true, noDAD: cfg.NoDAD}
	if cfg.Info.Medium == link.Ethernet {
		ifc.linkLen = 14
	}
	ifc.neighbors.init(s.randomKey())
	s.ifaces = append(s.ifaces, ifc)
	s.joinAllNodes(ifc)
	if ifc.linkLen != 0 && !cfg.NoLinkLocal && cfg.Info.MTU >= minMTU6 && cfg.Info.Addr.IsUnicast() {
		if err := s.AddAddress(now, i, linkLocalPrefix(cfg.Info.Addr)); err != nil {
			return 0, err
		}
	}
	s.changed()
	return i, nil
}

func (s *Stack) addLoopback() {
	lo := &iface{name: "lo", up: true, loopback: true, noDAD: true, info: link.Info{Medium: link.IP, MTU: 65535, NoSum: true}}
	lo.neighbors.init(s.randomKey())
	s.ifaces = append(s.ifaces, lo)
	for _, a := range []netip.Prefix{
		netip.PrefixFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 8),
		netip.PrefixFrom(netip.IPv6Loopback(), 128),
	} {
		lo.addrs = append(lo.addrs, newIfaceAddr(lo, a))
	}
	s.listAddrs()
}

// checkMTU reports whether packets of the protocol's least MTU pass: 68 bytes for IPv4 (RFC 791). IPv6
// needs 1280 and is refused at AddAddress below that.
func checkMTU(mtu int) error {
	if mtu < 68 || mtu > 65535 {
		return ErrInterfaceMTU
	}
	return nil
}

// SetInterface changes what lies under interface i: MTU, MAC address, up or down. A change of MAC
// address or a return to up forgets the interface's neighbours. Addresses and routes stay.
func (s *Stack) SetInterface(now clock.Time, i Interface, info link.Info, up bool) error {
	ifc := s.iface(i)
	if ifc == nil || ifc.loopback {
		return ErrNoInterface
	}
	if err := checkMTU(info.MTU); err != nil {
		return err
	}
	if info.Addr != ifc.info.Addr || up && !ifc.up {
		s.forgetNeighbors(now, ifc)
	}
	medium := ifc.info.Medium
	ifc.info, ifc.up = info, up
	ifc.info.Medium = medium
	if !up {
		s.discardQueue(ifc)
	}
	s.changed()
	s.kickAll(now)
	return nil
}

// RemoveInterface removes interface i with its addresses and routes. Connections over it stay, without
// a route, until they time out or another route appears.
func (s *Stack) RemoveInterface(now clock.Time, i Interface) error {
	ifc := s.iface(i)
	if ifc == nil || ifc.loopback {
		return ErrNoInterface
	}
	for len(ifc.addrs) > 0 {
		a := ifc.addrs[len(ifc.addrs)-1]
		if err := s.RemoveAddress(now, i, netip.PrefixFrom(a.addr, a.bits)); err != nil {
			return err
		}
	}
	s.deleteRoutesOf(i)
	s.forgetNeighbors(now, ifc)
	s.discardQueue(ifc)
	// Connections that wait to be asked look for another route; without one their timers end them.
	ifc.up = false
	s.changed()
	for c := ifc.conns.pop(); c != nil; c = ifc.conns.pop() {
		c.ifc = nil
		s.want(c)
	}
	s.ifaces[i] = nil
	return nil
}

// discardQueue drops the frames that wait on ifc and lets the sockets that wait for room go on.
func (s *Stack) discardQueue(ifc *iface) {
	for f := ifc.queue.pop(); f != nil; f = ifc.queue.pop() {
		s.drop(DropNoInterface)
		s.frames.put(f)
	}
	s.unblock(ifc)
}

// changed tells sockets that the paths they remember may be wrong.
func (s *Stack) changed() { s.generation++ }

// iface returns interface i, or nil.
func (s *Stack) iface(i Interface) *iface {
	if i < 0 || int(i) >= len(s.ifaces) {
		return nil
	}
	return s.ifaces[i]
}

func (s *Stack) ifaceByName(name string) *iface {
	for _, ifc := range s.ifaces {
		if ifc != nil && ifc.name == name {
			return ifc
		}
	}
	return nil
}

// MTU returns the MTU of interface i, or 0 if there is none.
func (s *Stack) MTU(i Interface) int {
	if ifc := s.iface(i); ifc != nil {
		return ifc.info.MTU
	}
	return 0
}

// pending reports whether output might find something.
func (ifc *iface) pending() bool { return ifc.queue.n > 0 || ifc.conns.head != nil }
