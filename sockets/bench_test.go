package sockets

import (
	"fmt"
	"io"
	"net/netip"
	"sync"
	"testing"
)

// BenchmarkBulk moves bytes from one host to another over a pipe, 64 KiB a Write and a Read, checksums on: both
// ends' work and the copies are included.
func BenchmarkBulk(b *testing.B) {
	for _, mtu := range []int{1500, 2800, 9000} {
		b.Run(fmt.Sprintf("mtu%d", mtu), func(b *testing.B) {
			ha, hb := newPair(b, mtu, HostConfig{})
			ca, cb := connect(b, ha, hb)
			var wg sync.WaitGroup
			wg.Go(func() {
				buf := make([]byte, 64<<10)
				for {
					if _, err := cb.Read(buf); err != nil {
						return
					}
				}
			})
			buf := make([]byte, 64<<10)
			b.SetBytes(int64(len(buf)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ca.Write(buf); err != nil {
					b.Fatal(err)
				}
			}
			ca.Close()
			wg.Wait()
		})
	}
}

// BenchmarkRoundTrip sends one byte and waits for it to come back, between two goroutines.
func BenchmarkRoundTrip(b *testing.B) {
	ha, hb := newPair(b, 1500, HostConfig{})
	ca, cb := connect(b, ha, hb)
	var wg sync.WaitGroup
	wg.Go(func() {
		var one [1]byte
		for {
			if _, err := cb.Read(one[:]); err != nil {
				return
			}
			cb.Write(one[:])
		}
	})
	var one [1]byte
	b.ReportAllocs()
	for b.Loop() {
		ca.Write(one[:])
		if _, err := io.ReadFull(ca, one[:]); err != nil {
			b.Fatal(err)
		}
	}
	ca.Close()
	wg.Wait()
}

// BenchmarkConnect connects, sends a byte each way and closes.
func BenchmarkConnect(b *testing.B) {
	ha, hb := newPair(b, 1500, HostConfig{})
	l, err := hb.ListenTCP(netip.AddrPortFrom(addr4[1], 0), 0)
	if err != nil {
		b.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		var one [1]byte
		for {
			c, err := l.AcceptTCP()
			if err != nil {
				return
			}
			io.ReadFull(c, one[:])
			c.Write(one[:])
			io.ReadFull(c, one[:])
			c.Close()
		}
	})
	b.ReportAllocs()
	for b.Loop() {
		c, err := ha.Dial("tcp", l.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		var one [1]byte
		c.Write(one[:])
		if _, err := io.ReadFull(c, one[:]); err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
	l.Close()
	wg.Wait()
}
