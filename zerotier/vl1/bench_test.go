package vl1

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// BenchmarkRelay is a root with 64 peers that forwards a small packet, from Receive to Output.
func BenchmarkRelay(b *testing.B) {
	ids := testIdentities()
	now := clock.Time(time.Second)
	w := NewPlanet(77, 1000, &ids[0], []Root{{ids[0], nil}})
	s, err := New(Config{Identity: ids[0], Planet: w, Rand: rand.New(rand.NewPCG(1, 2))}, now)
	if err != nil {
		b.Fatal(err)
	}
	const peers = 64
	var packets [peers][]byte
	var froms [peers]netip.AddrPort
	for i := range peers {
		id := ids[i+1]
		s.Learn(now, id)
		froms[i] = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 1, byte(i)}), 9993)
		s.learnPath(now, s.peers[id.Address], PathID{0, froms[i]})
		packets[i] = sealed(&ids[i+1], &ids[1+(i+1)%peers], packet.VerbFrame, packet.CipherAES, make([]byte, 64))
	}
	outputs(s, now)
	var buf [MaxDatagram]byte
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		p := packets[i%peers]
		p[18] &^= 7
		s.Receive(now, 0, froms[i%peers], p)
		for {
			if _, ok := s.Output(now, buf[:]); !ok {
				break
			}
		}
		i++
	}
	if s.Stats().Relayed == 0 {
		b.Fatal("nothing was relayed")
	}
}

// BenchmarkSession is the fast path: seal on one side, open on the other.
func BenchmarkSession(b *testing.B) {
	ids := testIdentities()
	agreed, _ := ids[1].Agree(&ids[2])
	keys := packet.NewKeys(&agreed)
	s := newSession(ids[2].Address, keys)
	s.cipher.Store(uint32(packet.CipherAES))
	for _, size := range []int{92, 1427, 2838} {
		b.Run(map[int]string{92: "92", 1427: "1427", 2838: "2838"}[size], func(b *testing.B) {
			p := make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			iv := uint64(0)
			for b.Loop() {
				iv++
				packet.PutHeader(p, 0, ids[2].Address, ids[1].Address, packet.VerbFrame)
				s.Seal(p, iv)
				if !s.Open(p) {
					b.Fatal("does not open")
				}
			}
		})
	}
}

// BenchmarkSlowPath is a message through Send and Output of a Switch.
func BenchmarkSlowPath(b *testing.B) {
	n := newFuzzNode(b)
	other := n.peers[1]
	payload := make([]byte, 1300)
	var buf [MaxDatagram]byte
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		n.s.Send(n.now, other.id.Address, packet.VerbFrame, payload)
		if _, ok := n.s.Output(n.now, buf[:]); !ok {
			b.Fatal("nothing sent")
		}
	}
}
