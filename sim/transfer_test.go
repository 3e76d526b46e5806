package sim

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"testing"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/stack"
	"github.com/ztstack/ztstack/tcp"
)

// twoHosts returns a world with hosts a (10.0.0.1, fd00::1) and b (10.0.0.2, fd00::2) on one link.
func twoHosts(t testing.TB, seed uint64, cfg LinkConfig) (*Test, *Host, *Host, *Link) {
	t.Helper()
	w := ForTest(t, seed)
	a, b := w.AddHost("a", stack.Config{}), w.AddHost("b", stack.Config{})
	l := w.Connect(cfg, a, b)
	a.Address(l, "10.0.0.1/24")
	b.Address(l, "10.0.0.2/24")
	a.Address(l, "fd00::1/64")
	b.Address(l, "fd00::2/64")
	return w, a, b, l
}

// A stream is one direction of a connection: a writer, what it has still to write, and a reader.
type stream struct {
	from, to *stack.TCP
	rest     []byte
	got      bytes.Buffer
	closed   bool
	eof      bool
	err      error
	buf      [32 << 10]byte
}

// work writes and reads what can be.
func (s *stream) work(now clock.Time) {
	for len(s.rest) > 0 {
		n, err := s.from.Write(now, s.rest)
		s.rest = s.rest[n:]
		if err != nil && !errors.Is(err, tcp.ErrWouldBlock) {
			s.err = err
		}
		if n == 0 {
			break
		}
	}
	if len(s.rest) == 0 && !s.closed {
		s.closed = true
		s.from.CloseWrite(now)
	}
	for s.to != nil && !s.eof {
		n, err := s.to.Read(now, s.buf[:])
		s.got.Write(s.buf[:n])
		if err == io.EOF {
			s.eof = true
		} else if err != nil && !errors.Is(err, tcp.ErrWouldBlock) {
			s.err = err
		}
		if n == 0 {
			return
		}
	}
}

// pattern returns n bytes that follow from seed.
func pattern(n int, seed uint32) []byte {
	b := make([]byte, n)
	for i := range b {
		seed = seed*1664525 + 1013904223
		b[i] = byte(seed >> 24)
	}
	return b
}

// exchange connects a to b at to and sends n bytes each way; both must arrive whole within limit.
func exchange(t *testing.T, w *Test, a, b *Host, to netip.AddrPort, n int, limit time.Duration) (c, d *stack.TCP) {
	t.Helper()
	l, err := b.ListenTCP(to, 0, nil, nil)
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	defer l.Close(w.Now())
	if c, err = a.DialTCP(w.Now(), netip.AddrPort{}, to, nil, nil); err != nil {
		t.Fatalf("dial: %v", err)
	}
	up, down := pattern(n, 1), pattern(n, 2)
	there, back := &stream{from: c, rest: up}, &stream{to: c, rest: down}
	done := w.DriveUntil(func() bool {
		if d == nil {
			var ok bool
			if d, ok = l.Accept(nil); !ok {
				if err := c.Err(); err != nil {
					t.Fatalf("connect: %v", err)
				}
				return false
			}
			there.to, back.from = d, d
		}
		there.work(w.Now())
		back.work(w.Now())
		return there.eof && back.eof || there.err != nil || back.err != nil
	}, limit)
	if !done || there.err != nil || back.err != nil {
		t.Fatalf("after %v: %d and %d of %d bytes, errors %v and %v\na: %+v", w.Elapsed(), there.got.Len(), back.got.Len(), n, there.err, back.err, c.Conn().Info())
	}
	if !bytes.Equal(there.got.Bytes(), up) || !bytes.Equal(back.got.Bytes(), down) {
		t.Fatalf("what arrived is not what was sent")
	}
	return c, d
}

// impairments are the links that TCP has to get through.
var impairments = []struct {
	name string
	i    Impairments
	n    int
}{
	{"clean", Impairments{Delay: 5 * time.Millisecond}, 1 << 20},
	{"loss1", Impairments{Delay: 5 * time.Millisecond, Loss: 0.01}, 1 << 20},
	{"loss10", Impairments{Delay: 5 * time.Millisecond, Loss: 0.10}, 256 << 10},
	{"bursts", Impairments{Delay: 5 * time.Millisecond, Burst: Burst{ToBad: 0.005, ToGood: 0.2, Loss: 0.9}}, 512 << 10},
	{"reorder", Impairments{Delay: 5 * time.Millisecond, Reorder: 0.2, ReorderBy: 3 * time.Millisecond}, 1 << 20},
	{"duplicate", Impairments{Delay: 5 * time.Millisecond, Duplicate: 0.2}, 1 << 20},
	{"corrupt", Impairments{Delay: 5 * time.Millisecond, Corrupt: 0.02}, 512 << 10},
	{"jitter", Impairments{Delay: 5 * time.Millisecond, Jitter: 20 * time.Millisecond}, 512 << 10},
	{"slow", Impairments{Delay: 20 * time.Millisecond, Rate: 2e6, Queue: 30 << 10}, 512 << 10},
	{"everything", Impairments{
		Delay: 10 * time.Millisecond, Jitter: 5 * time.Millisecond, Rate: 20e6, Queue: 64 << 10,
		Loss: 0.02, Reorder: 0.05, Duplicate: 0.02, Corrupt: 0.01,
	}, 256 << 10},
}

// TestStreamsArriveWhole sends data both ways at once over every kind of bad link, by both families.
func TestStreamsArriveWhole(t *testing.T) {
	for _, im := range impairments {
		for _, to := range []string{"10.0.0.2", "fd00::2"} {
			t.Run(im.name+"/"+to, func(t *testing.T) {
				w, a, b, l := twoHosts(t, 1, LinkConfig{Impairments: im.i})
				exchange(t, w, a, b, netip.AddrPortFrom(netip.MustParseAddr(to), 80), im.n, 10*time.Minute)
				t.Logf("%v of virtual time; a's frames: %+v", w.Elapsed(), l.Counts(a))
				if im.i.Loss > 0 && l.Counts(a).Lost == 0 {
					t.Errorf("the link lost nothing")
				}
			})
		}
	}
}

// TestStreamsOverIPLinks does the same without Ethernet.
func TestStreamsOverIPLinks(t *testing.T) {
	cfg := LinkConfig{Medium: 1, MTU: 1280, Impairments: Impairments{Delay: time.Millisecond, Loss: 0.02}}
	for _, to := range []string{"10.0.0.2", "fd00::2"} {
		w, a, b, _ := twoHosts(t, 2, cfg)
		exchange(t, w, a, b, netip.AddrPortFrom(netip.MustParseAddr(to), 80), 256<<10, 10*time.Minute)
	}
}

// Memory and connections return when everything is closed.
func TestEverythingReturns(t *testing.T) {
	w, a, b, _ := twoHosts(t, 3, LinkConfig{Impairments: Impairments{Delay: 5 * time.Millisecond, Loss: 0.05}})
	c, d := exchange(t, w, a, b, netip.MustParseAddrPort("10.0.0.2:80"), 128<<10, time.Minute)
	c.Close(w.Now())
	d.Close(w.Now())
	w.Drive(time.Second)
	if st := a.Stats(); st.TimeWait+b.Stats().TimeWait == 0 {
		t.Errorf("no end is in TIME-WAIT")
	}
	if !w.DriveBounded(100000, 10*time.Minute) {
		t.Fatal("the hosts do not come to rest")
	}
	for _, h := range []*Host{a, b} {
		if st := h.Stats(); st.Conns != 0 || st.TimeWait != 0 || st.Buffered != 0 {
			t.Errorf("host %s keeps %d connections, %d TIME-WAIT records, %d bytes", h.Name, st.Conns, st.TimeWait, st.Buffered)
		}
	}
}

// TestDeterminism runs one busy scenario twice with one seed and once with another.
func TestDeterminism(t *testing.T) {
	run := func(seed uint64) []byte {
		var out bytes.Buffer
		w, a, b, l := twoHosts(t, seed, LinkConfig{Impairments: impairments[len(impairments)-1].i})
		if err := l.Capture(&out); err != nil {
			t.Fatal(err)
		}
		c, d := exchange(t, w, a, b, netip.MustParseAddrPort("10.0.0.2:80"), 100<<10, 10*time.Minute)
		exchange(t, w, b, a, netip.MustParseAddrPort("[fd00::1]:80"), 100<<10, 10*time.Minute)
		c.Close(w.Now())
		d.Close(w.Now())
		w.Drive(5 * time.Second)
		return out.Bytes()
	}
	first, second, other := run(7), run(7), run(8)
	if !bytes.Equal(first, second) {
		t.Errorf("two runs with one seed differ: captures of %d and %d bytes", len(first), len(second))
	}
	if bytes.Equal(first, other) {
		t.Errorf("runs with different seeds are the same")
	}
	if len(first) < 200<<10 {
		t.Errorf("the capture has only %d bytes", len(first))
	}
}
