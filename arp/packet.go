package arp

import (
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/internal/be"
)

// Len is the length of a packet in bytes.
const Len = 28

// The operations.
const (
	Request uint16 = 1
	Reply   uint16 = 2
)

// prefix is what every packet for IPv4 over Ethernet begins with: hardware type 1, protocol type
// 0x0800, address lengths 6 and 4.
const prefix = 0x0001_0800_0604

// A Packet is one ARP packet for IPv4 over Ethernet.
type Packet struct {
	Op       uint16
	SenderHW ethernet.Addr
	SenderIP [4]byte
	TargetHW ethernet.Addr
	TargetIP [4]byte
}

// IsProbe reports whether p asks for an address on behalf of a station that has none yet: such a
// sender is answered and not remembered. RFC 5227 Section 1.1.
func (p *Packet) IsProbe() bool { return p.Op == Request && p.SenderIP == [4]byte{} }

// IsAnnouncement reports whether p claims its sender's own address. RFC 5227 Section 1.1.
func (p *Packet) IsAnnouncement() bool { return p.SenderIP == p.TargetIP && p.SenderIP != [4]byte{} }

// Parse reads the packet at the beginning of b, which may have padding after it, and returns Len.
// It returns -1 when b is too short, is not a request or reply for IPv4 over Ethernet, or has a
// sender that cannot be a station: a hardware address that is zero or a group, an IPv4 address in
// 127/8 or 224/4 or the broadcast address. A zero IPv4 sender is a probe's and passes.
func (p *Packet) Parse(b []byte) (n int) {
	if len(b) < Len {
		return -1
	}
	head := be.Uint64(b)
	if head>>16 != prefix {
		return -1
	}
	p.Op = uint16(head)
	p.SenderHW = ethernet.Addr(b[8:14])
	p.SenderIP = [4]byte(b[14:18])
	p.TargetHW = ethernet.Addr(b[18:24])
	p.TargetIP = [4]byte(b[24:28])
	if p.Op != Request && p.Op != Reply {
		return -1
	}
	// "A router MUST not believe any ARP reply that claims that the Link Layer address of another
	// host or router is a broadcast or multicast address." RFC 1812, Section 3.3.2.
	if !p.SenderHW.IsUnicast() {
		return -1
	}
	if ip := p.SenderIP; ip[0] == 127 || ip[0]&0xf0 == 224 || ip == [4]byte{255, 255, 255, 255} {
		return -1
	}
	return Len
}

// Put writes the packet into b and returns Len. It panics if b is too short.
func (p *Packet) Put(b []byte) (n int) {
	if len(b) < Len {
		panic("BUG: arp: no room for a packet")
	}
	be.PutUint64(b, prefix<<16|uint64(p.Op))
	*(*[6]byte)(b[8:14]) = p.SenderHW
	*(*[4]byte)(b[14:18]) = p.SenderIP
	*(*[6]byte)(b[18:24]) = p.TargetHW
	*(*[4]byte)(b[24:28]) = p.TargetIP
	return Len
}
