package stack

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/link"
	"github.com/ztstack/ztstack/tcp"
)

// A pair is two hosts, a and b, on one link that loses nothing and takes no time.
type pair struct {
	tb   testing.TB
	now  clock.Time
	a, b *Stack
	ia   Interface
	ib   Interface
	buf  link.Buf

	// drop, if not nil, decides which frames are lost.
	drop func(fromA bool, frame []byte) bool
}

var (
	a4 = netip.MustParseAddr("10.0.0.1")
	b4 = netip.MustParseAddr("10.0.0.2")
	a6 = netip.MustParseAddr("fd00::1")
	b6 = netip.MustParseAddr("fd00::2")

	macA = ethernet.Addr{2, 0, 0, 0, 0, 0xa}
	macB = ethernet.Addr{2, 0, 0, 0, 0, 0xb}
)

func newPair(tb testing.TB, info link.Info) *pair {
	tb.Helper()
	return newPairConfig(tb, info, Config{}, Config{})
}

func newPairConfig(tb testing.TB, info link.Info, ca, cb Config) *pair {
	tb.Helper()
	p := &pair{tb: tb, now: 1e9, buf: link.Buf{B: make([]byte, 70000)}}
	ca.Seed[0], cb.Seed[0] = 1, 2
	p.a, p.ia = newHost(tb, p.now, ca, info, macA, a4, a6)
	p.b, p.ib = newHost(tb, p.now, cb, info, macB, b4, b6)
	p.run()
	return p
}

func newHost(tb testing.TB, now clock.Time, cfg Config, info link.Info, mac ethernet.Addr, addrs ...netip.Addr) (*Stack, Interface) {
	tb.Helper()
	s, err := New(cfg, now)
	if err != nil {
		tb.Fatal(err)
	}
	if info.Medium == link.Ethernet {
		info.Addr = mac
	}
	i, err := s.AddInterface(now, InterfaceConfig{Name: "eth0", Info: info, NoDAD: true})
	if err != nil {
		tb.Fatal(err)
	}
	for _, a := range addrs {
		bits := 24
		if a.Is6() {
			bits = 64
			if info.MTU < minMTU6 {
				continue
			}
		}
		if err := s.AddAddress(now, i, netip.PrefixFrom(a, bits)); err != nil {
			tb.Fatal(err)
		}
	}
	return s, i
}

// pump carries frames both ways, in batches as a driver does, until neither host has any.
func (p *pair) pump() {
	for range 1 << 20 {
		n := p.carry(p.a, p.ia, p.b, p.ib, true) + p.carry(p.b, p.ib, p.a, p.ia, false)
		if n == 0 {
			return
		}
	}
	p.tb.Fatal("the hosts do not stop sending")
}

// carry moves up to one super of frames from x to y.
func (p *pair) carry(x *Stack, ix Interface, y *Stack, iy Interface, fromA bool) int {
	n := 0
	for n < 44 && x.Pending(ix) {
		p.buf.Off = 0
		if !x.Output(p.now, ix, &p.buf) {
			break
		}
		n++
		if p.drop == nil || !p.drop(fromA, p.buf.Frame()) {
			y.Receive(p.now, iy, &p.buf)
		}
	}
	return n
}

// run pumps and runs what is due now.
func (p *pair) run() {
	p.pump()
	p.a.Poll(p.now)
	p.b.Poll(p.now)
	p.pump()
}

// step pumps, then moves the time to the next deadline, at most by most. It reports false if there is none.
func (p *pair) step(most time.Duration) bool {
	p.run()
	next := clock.Min(p.a.Poll(p.now), p.b.Poll(p.now))
	if next == clock.Never {
		return false
	}
	p.now = max(p.now, min(next, p.now.Add(most)))
	p.run()
	return true
}

// advance lets d pass.
func (p *pair) advance(d time.Duration) {
	p.run()
	for end := p.now.Add(d); p.now < end; {
		next := clock.Min(p.a.Poll(p.now), p.b.Poll(p.now))
		if next == clock.Never || next > end {
			next = end
		}
		p.now = max(p.now+1, next)
		p.run()
	}
}

// connect returns both ends of a connection.
func (p *pair) connect(to netip.AddrPort, cfg *tcp.Config) (c, d *TCP) {
	p.tb.Helper()
	l, err := p.b.ListenTCP(to, 0, cfg, nil)
	if err != nil {
		p.tb.Fatalf("ListenTCP: %v", err)
	}
	defer l.Close(p.now)
	c, err = p.a.DialTCP(p.now, netip.AddrPort{}, to, cfg, "client")
	if err != nil {
		p.tb.Fatalf("DialTCP: %v", err)
	}
	p.run()
	d, ok := l.Accept("server")
	if !ok {
		p.tb.Fatalf("nothing to accept; client is %v, %v", c.State(), c.Err())
	}
	return c, d
}

// transfer sends data from c to d and returns what d has read.
func (p *pair) transfer(c, d *TCP, data []byte, within time.Duration) []byte {
	p.tb.Helper()
	var got []byte
	buf := make([]byte, 32<<10)
	end := p.now.Add(within)
	rest := data
	closed := false
	for p.now < end {
		for len(rest) > 0 {
			n, err := c.Write(p.now, rest)
			if n == 0 {
				if !errors.Is(err, tcp.ErrWouldBlock) {
					p.tb.Fatalf("Write: %v after %d bytes", err, len(data)-len(rest))
				}
				break
			}
			rest = rest[n:]
		}
		if len(rest) == 0 && !closed {
			closed = true
			c.CloseWrite(p.now)
		}
		p.run()
		progress := false
		for {
			n, err := d.Read(p.now, buf)
			got = append(got, buf[:n]...)
			if n == 0 {
				if err != nil && !errors.Is(err, tcp.ErrWouldBlock) {
					if err.Error() != "EOF" {
						p.tb.Fatalf("Read: %v after %d bytes", err, len(got))
					}
					return got
				}
				break
			}
			progress = true
		}
		if !progress && !p.step(time.Second) {
			p.tb.Fatalf("no deadline is pending after %d of %d bytes; sender %+v, receiver %+v", len(got), len(data), c.Conn().Info(), d.Conn().Info())
		}
	}
	p.tb.Fatalf("%d of %d bytes after %v; sender %+v", len(got), len(data), within, c.Conn().Info())
	return nil
}

// pattern returns n bytes that differ from place to place.
func pattern(n int) []byte {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

func wantBytes(tb testing.TB, got, want []byte) {
	tb.Helper()
	if !bytes.Equal(got, want) {
		i := 0
		for i < len(got) && i < len(want) && got[i] == want[i] {
			i++
		}
		tb.Fatalf("%d bytes arrived, want %d; they differ from byte %d", len(got), len(want), i)
	}
}
