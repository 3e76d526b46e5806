package sim

import (
	"fmt"
	"io"
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/cksum"
	"github.com/ztstack/ztstack/ipv4"
	"github.com/ztstack/ztstack/ipv6"
	"github.com/ztstack/ztstack/pcap"
	"github.com/ztstack/ztstack/udp"
)

// A Node is something that speaks in datagrams, as a ZeroTier node does. What it has on top of itself (a
// stack for each of its networks) it drives itself within the three verbs.
type Node interface {
	// Receive takes a datagram that was sent from from to to, one of the node's addresses. b is borrowed for
	// the call and may be overwritten.
	Receive(now clock.Time, from, to netip.AddrPort, b []byte)
	// Poll runs timers and returns the next deadline.
	Poll(now clock.Time) (next clock.Time)
	// Output writes the next datagram into dst, or reports false. from is one of the node's addresses.
	Output(now clock.Time, dst []byte) (n int, from, to netip.AddrPort, ok bool)
}

// An Internet carries datagrams between nodes by their addresses.
type Internet struct {
	w       *World
	members []*member

	capture   *pcap.Writer
	captureIf int
	packet    []byte
	lost      uint64
}

// A member is a node on an Internet.
type member struct {
	net     *Internet
	name    string
	node    Node
	addrs   []netip.AddrPort
	channel channel // from the node to the Internet
	mtu     int
	down    bool
	out     []byte
}

// AddInternet adds an Internet without nodes.
func (w *World) AddInternet() *Internet { return &Internet{w: w} }

// Attach adds a node that has the given addresses. Datagrams that it sends suffer the impairments, and are
// lost if they are longer than mtu, of the IP packet, allows; 0 means 65535.
func (n *Internet) Attach(name string, node Node, mtu int, i Impairments, addrs ...netip.AddrPort) {
	for _, a := range addrs {
		if n.find(a) != nil {
			panic(fmt.Sprintf("sim: attach %s: %v is taken", name, a))
		}
	}
	if mtu == 0 {
		mtu = 65535
	}
	m := &member{
		net: n, name: name, node: node, addrs: addrs, mtu: mtu,
		channel: channel{Impairments: i, rand: n.w.Rand()}, out: make([]byte, 65536),
	}
	n.members = append(n.members, m)
	n.w.add(m)
}

func (n *Internet) find(a netip.AddrPort) *member {
	for _, m := range n.members {
		for _, b := range m.addrs {
			if a == b {
				return m
			}
		}
	}
	return nil
}

// Impair changes what happens to what the node called name sends; "" means all nodes.
func (n *Internet) Impair(name string, i Impairments) {
	for _, m := range n.members {
		if name == "" || m.name == name {
			m.channel.Impairments = i
		}
	}
}

// Cut stops all datagrams from and to a node, or lets them pass again.
func (n *Internet) Cut(name string, cut bool) {
	for _, m := range n.members {
		if m.name == name {
			m.down = cut
		}
	}
}

// Counts returns what became of the datagrams of a node.
func (n *Internet) Counts(name string) Counts {
	for _, m := range n.members {
		if m.name == name {
			return m.channel.counts
		}
	}
	return Counts{}
}

// Lost returns the number of datagrams sent to an address that no node has, or too long for their link.
func (n *Internet) Lost() uint64 { return n.lost }

// Capture writes a capture of every datagram as it arrives, as an IP packet, to out.
func (n *Internet) Capture(out io.Writer) error {
	pw, err := pcap.NewWriter(out, pcap.Config{Application: "ztstack sim"})
	if err != nil {
		return err
	}
	n.captureIf, err = pw.AddInterface(pcap.Interface{Name: "internet", LinkType: pcap.Raw})
	if err != nil {
		return err
	}
	n.capture = pw
	return nil
}

// pump implements machine.
func (m *member) pump(now clock.Time) (busy bool) {
	for range maxBurst {
		n, from, to, ok := m.node.Output(now, m.out[addrsLen:])
		if !ok {
			return busy
		}
		busy = true
		m.send(now, from, to, n)
	}
	return busy
}

// addrsLen is the length of the two addresses that travel before a datagram within the simulator. They
// are not exposed to corruption.
const addrsLen = 36

// send sends the datagram of n bytes in m.out.
func (m *member) send(now clock.Time, from, to netip.AddrPort, n int) {
	if m.down || n+udp.HeaderLen+headerLen(to.Addr()) > m.mtu {
		m.net.lost++
		return
	}
	w := m.net.w
	putAddr(m.out, from)
	putAddr(m.out[addrsLen/2:], to)
	scratch := w.buffer(m.out[:addrsLen+n])
	m.channel.send(now, scratch[addrsLen:], func(at clock.Time, _ []byte) {
		w.events.push(at, m.net, w.buffer(scratch))
	})
	w.release(scratch)
}

// poll implements machine.
func (m *member) poll(now clock.Time) clock.Time { return m.node.Poll(now) }

// arrive implements receiver.
func (n *Internet) arrive(now clock.Time, data []byte) {
	from, to, b := getAddr(data), getAddr(data[addrsLen/2:]), data[addrsLen:]
	n.record(now, from, to, b)
	m := n.find(to)
	if m == nil || m.down {
		n.lost++
		return
	}
	m.node.Receive(now, from, to, b)
}

// record captures a datagram.
func (n *Internet) record(now clock.Time, from, to netip.AddrPort, b []byte) {
	if n.capture == nil {
		return
	}
	hl := headerLen(to.Addr())
	length := udp.HeaderLen + len(b)
	n.packet = append(n.packet[:0], make([]byte, hl+length)...)
	var pseudo uint16
	if to.Addr().Is4() {
		h := ipv4.Header{Proto: ipv4.ProtoUDP, TTL: 64, DF: true, TotalLen: hl + length, Src: from.Addr().As4(), Dst: to.Addr().As4()}
		h.Put(n.packet)
		pseudo = cksum.Pseudo4(h.Src, h.Dst, ipv4.ProtoUDP, length)
	} else {
		h := ipv6.Header{Next: ipv6.ProtoUDP, HopLimit: 64, PayloadLen: length, Src: from.Addr().As16(), Dst: to.Addr().As16()}
		h.Put(n.packet)
		pseudo = cksum.Pseudo6(h.Src, h.Dst, ipv6.ProtoUDP, length)
	}
	udp.PutDatagram(n.packet[hl:], from.Port(), to.Port(), b, pseudo)
	if err := n.capture.Capture(now, n.captureIf, true, n.packet); err != nil {
		n.capture = nil
	}
}

func headerLen(a netip.Addr) int {
	if a.Is4() {
		return ipv4.HeaderLen
	}
	return ipv6.HeaderLen
}

func putAddr(b []byte, a netip.AddrPort) {
	x := a.Addr().As16()
	copy(b, x[:])
	b[16], b[17] = byte(a.Port()>>8), byte(a.Port())
}

func getAddr(b []byte) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(b)).Unmap(), uint16(b[16])<<8|uint16(b[17]))
}
