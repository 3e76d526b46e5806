package driver

import (
	"bytes"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/ztstack/ztstack/clock"
)

// newBare returns a driver with one socket and no node.
func newBare(t *testing.T, cfg Impairment) *Driver {
	t.Helper()
	start := time.Now()
	d := &Driver{
		now:     func() clock.Time { return clock.Time(time.Since(start)) + 1 },
		log:     slog.New(slog.DiscardHandler),
		closing: make(chan struct{}),
	}
	if err := d.listen([]netip.AddrPort{netip.AddrPortFrom(loopback, 0)}); err != nil {
		t.Fatal(err)
	}
	if d.impair = newImpairer(d, cfg); d.impair != nil {
		d.running.Go(d.impair.run)
	}
	t.Cleanup(func() {
		close(d.closing)
		d.closeSockets()
		d.running.Wait()
	})
	return d
}

// plainSocket receives what a peer without any offload would.
func plainSocket(t *testing.T) (*net.UDPConn, netip.AddrPort) {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetReadDeadline(time.Now().Add(patience))
	return c, c.LocalAddr().(*net.UDPAddr).AddrPort()
}

// run3 is a run of three datagrams, the last one shorter.
func run3() (data []byte, seg int) {
	for i := range 250 {
		data = append(data, byte(i))
	}
	return data, 100
}

func expectRun(t *testing.T, c *net.UDPConn, data []byte, seg int) {
	t.Helper()
	b := make([]byte, 2000)
	for len(data) > 0 {
		want := data[:min(seg, len(data))]
		data = data[len(want):]
		n, err := c.Read(b)
		if err != nil {
			t.Fatalf("a datagram of %d bytes did not arrive: %v", len(want), err)
		}
		if !bytes.Equal(b[:n], want) {
			t.Fatalf("a datagram of %d bytes arrived as %d others", len(want), n)
		}
	}
}

// TestRunsArriveCut sends a run with and without UDP_SEGMENT, now and later, with a time to live and without.
func TestRunsArriveCut(t *testing.T) {
	for _, test := range []struct {
		name  string
		cfg   Impairment
		plain bool
		ttl   int
	}{
		{"runs", Impairment{}, false, 0},
		{"runs with TTL", Impairment{}, false, 9},
		{"one by one", Impairment{}, true, 0},
		{"delayed", Impairment{Delay: 5 * time.Millisecond}, false, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newBare(t, test.cfg)
			s := d.socks[0]
			if test.plain {
				s.gso.Store(false)
			}
			c, at := plainSocket(t)
			data, seg := run3()
			start := time.Now()
			var w writer
			d.transmit(s, &w, data, seg, at, test.ttl)
			expectRun(t, c, data, seg)
			if took := time.Since(start); took < test.cfg.Delay {
				t.Errorf("the run arrived after %v, before its delay of %v", took, test.cfg.Delay)
			}
			if n := s.grams.Load(); n != 3 {
				t.Errorf("%d datagrams were counted, want 3", n)
			}
		})
	}
}

// TestFallBack checks that a run that the kernel refuses is sent one by one: here because a datagram is larger
// than UDP_SEGMENT may make it.
func TestFallBack(t *testing.T) {
	d := newBare(t, Impairment{})
	s := d.socks[0]
	if !s.gso.Load() {
		t.Skip("this kernel does not send runs of datagrams (UDP_SEGMENT)")
	}
	c, at := plainSocket(t)
	data := make([]byte, 300)
	var w writer
	s.send(&w, data, 2, at, 0) // 150 segments: more than any kernel takes
	for range 150 {
		b := make([]byte, 10)
		if n, err := c.Read(b); err != nil || n != 2 {
			t.Fatalf("Read = %d, %v, want 2 bytes", n, err)
		}
	}
	if s.fellBack.Load() != 1 || !s.gso.Load() {
		t.Errorf("fell back %d times, want once and not for good", s.fellBack.Load())
	}
}

// TestImpairmentIsRepeatable checks that one seed loses the same datagrams every time, about as many as asked for.
func TestImpairmentIsRepeatable(t *testing.T) {
	lost := func() (out []byte) {
		d := newBare(t, Impairment{Loss: 0.25, Seed: 11})
		c, at := plainSocket(t)
		var w writer
		arrived := make([]bool, 400)
		for i := 0; i < len(arrived); i += 4 {
			before := d.impair.lost.Load()
			d.transmit(d.socks[0], &w, []byte{byte(i >> 8), byte(i), byte(i >> 8), byte(i + 1), byte(i >> 8), byte(i + 2), byte(i >> 8), byte(i + 3)}, 2, at, 0)
			for range 4 - (d.impair.lost.Load() - before) {
				b := make([]byte, 10)
				if _, err := c.Read(b); err != nil {
					t.Fatal(err)
				}
				arrived[int(b[0])<<8|int(b[1])] = true
			}
		}
		for i, ok := range arrived {
			if !ok {
				out = append(out, byte(i>>8), byte(i))
			}
		}
		return out
	}
	first, second := lost(), lost()
	if !bytes.Equal(first, second) {
		t.Error("the same seed lost different datagrams")
	}
	if n := len(first) / 2; n < 60 || n > 140 {
		t.Errorf("of 400 datagrams %d were lost, want about 100", n)
	}
}

// TestRead checks that a run sent in one call is read in one call where the kernel can, and anyhow whole.
func TestRead(t *testing.T) {
	from, to := newBare(t, Impairment{}), newBare(t, Impairment{})
	data, seg := run3()
	var w writer
	from.transmit(from.socks[0], &w, data, seg, to.socks[0].addr, 0)
	var oob [oobLen]byte
	var got []byte
	to.socks[0].conn.SetReadDeadline(time.Now().Add(patience))
	for b := make([]byte, readSize); len(got) < len(data); {
		n, s, at, err := to.socks[0].read(b, &oob)
		if err != nil {
			t.Fatal(err)
		}
		if at != from.socks[0].addr {
			t.Errorf("read from %v, want %v", at, from.socks[0].addr)
		}
		if n != len(data) && to.socks[0].gro && from.socks[0].gso.Load() {
			t.Logf("the run came in pieces: %d of %d bytes", n, len(data))
		}
		if n == len(data) && s != seg {
			t.Errorf("segment size %d, want %d", s, seg)
		}
		got = append(got, b[:n]...)
	}
	if !bytes.Equal(got, data) {
		t.Error("what was read differs from what was sent")
	}
}
