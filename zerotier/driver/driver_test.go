package driver

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/link"
	"github.com/ztstack/ztstack/zerotier"
	"github.com/ztstack/ztstack/zerotier/packet"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestFrames sends frames of every interesting size both ways between two members, in batches, on every kind of
// network and socket, and checks that all arrive as they were.
func TestFrames(t *testing.T) {
	for _, test := range []struct {
		name string
		cfg  rigConfig
	}{
		{"mtu=1280", rigConfig{mtu: 1280}},
		{"mtu=2800", rigConfig{mtu: 2800}},
		{"mtu=9000", rigConfig{mtu: 9000}},
		{"mtu=10000", rigConfig{mtu: 10000}},
		{"mtu=2800/plain", rigConfig{mtu: 2800, plain: true}},
		{"mtu=2800/delayed", rigConfig{mtu: 2800, impair: Impairment{Delay: 2 * time.Millisecond}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, test.cfg)
			r.meet()
			mtu := r.a.dev.Info().MTU
			if want := min(test.cfg.mtu, maxMTU); mtu > want || mtu < want-6 {
				t.Errorf("MTU %d, want %d or a little less", mtu, want)
			}
			for _, way := range [][2]*station{{r.a, r.b}, {r.b, r.a}} {
				var batch [][]byte
				for i, n := range []int{mtu, mtu, mtu, 40, 40, 40, mtu, 1394, 1395, 1396, mtu - 1, mtu - 1, 1, 0, mtu, 40} {
					if n <= mtu {
						batch = append(batch, way[0].frame(way[1], n, uint64(i)))
					}
				}
				way[0].send(batch...)
				for i, want := range batch {
					what := fmt.Sprintf("frame %d of %d bytes", i, len(want))
					way[1].rec.wait(t, what, func(f []byte) bool { return bytes.Equal(f, want) })
				}
			}
			if n := stat(r.a.d, "fast frames out"); n < 10 {
				t.Errorf("only %d frames took the fast path: %v", n, r.a.d.Stats())
			}
			if n := stat(r.b.d, "fast frames in"); n < 10 {
				t.Errorf("only %d frames came by the fast path: %v", n, r.b.d.Stats())
			}
		})
	}
}

// TestOneCall checks that a super of full-size frames goes to the kernel in one call, without a byte being moved.
func TestOneCall(t *testing.T) {
	for _, mtu := range []int{1280, 1500, 2800, 4000, 9000, 10000} {
		t.Run(fmt.Sprint(mtu), func(t *testing.T) {
			r := newRig(t, rigConfig{mtu: mtu})
			if !r.a.d.socks[0].gso.Load() {
				t.Skip("this kernel does not send runs of datagrams (UDP_SEGMENT)")
			}
			r.meet()
			info := r.a.dev.Info()
			super := link.NewSuper(info)
			for !super.Full() {
				b := super.Next()
				b.Len = copy(b.Room(), r.a.frame(r.b, info.MTU, 1))
				super.Commit()
			}
			before := r.a.d.socks[0].calls.Load()
			grams := r.a.d.socks[0].grams.Load()
			r.a.dev.Send(super)
			calls := r.a.d.socks[0].calls.Load() - before
			grams = r.a.d.socks[0].grams.Load() - grams
			// Keep-alives may come between.
			if calls < 1 || calls > 3 {
				t.Errorf("a super of %d frames in %d datagrams took %d calls, want 1", super.Len(), grams, calls)
			}
		})
	}
}

// TestLoss sends numbered frames over a lossy way until half of them have arrived.
func TestLoss(t *testing.T) {
	r := newRig(t, rigConfig{mtu: 2800, impair: Impairment{Loss: 0.05, Seed: 3}})
	got := make(map[uint32]bool)
	r.b.rec.hook = func(frames []link.Buf) {
		r.b.rec.mu.Lock()
		for i := range frames {
			if f := frames[i].Frame(); len(f) == ethernetHeader+500 {
				got[binary.BigEndian.Uint32(f[ethernetHeader:])] = true
			}
		}
		r.b.rec.mu.Unlock()
	}
	const n = 4000
	deadline := time.Now().Add(patience)
	count := 0
	for i := 0; i < n || count < n/2; i++ {
		r.a.send(r.a.numbered(r.b, 500, i%n))
		if i%100 == 0 {
			time.Sleep(time.Millisecond) // real sockets
			r.b.rec.mu.Lock()
			count = len(got)
			r.b.rec.mu.Unlock()
			if time.Now().After(deadline) {
				t.Fatalf("of %d frames %d arrived", n, count)
			}
		}
	}
	if stat(r.a.d, "impairment: lost") == 0 {
		t.Error("nothing was lost on the way")
	}
}

// TestHostileDatagrams throws bytes at a node's socket and checks that it never sends back more than came, keeps
// working, and counts what it dropped.
func TestHostileDatagrams(t *testing.T) {
	r := newRig(t, rigConfig{mtu: 2800})
	r.meet()
	self := r.b.d.Address()
	conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(r.b.d.LocalAddrs()[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	rng := rand.New(rand.NewPCG(5, 5))
	sent := 0
	throw := func(b []byte) {
		n, _ := conn.Write(b)
		sent += n
	}
	member := r.a.d.Address()
	for i := range 2000 {
		b := make([]byte, rng.IntN(1500))
		for j := range b {
			b[j] = byte(rng.Uint32())
		}
		if len(b) > packet.HeaderLen && i%4 != 0 {
			self.Put(b[8:]) // to the node, from anybody
			if i%4 > 1 {
				member.Put(b[13:]) // from a member, with a wrong MAC
				b[18] = []byte{0x08, 0x18, 0x58, 0x00}[rng.IntN(4)]
			} else if rng.IntN(2) == 0 {
				b[13] = 0xff // a fragment
			}
		}
		throw(b)
	}
	// Real sockets: wait for the node to have read the last of it.
	want := r.b.frame(r.a, 100, 99)
	r.b.send(want)
	r.a.rec.wait(t, "a frame from the node under attack", func(f []byte) bool { return bytes.Equal(f, want) })
	back := r.a.frame(r.b, 2800, 98)
	r.a.send(back)
	r.b.rec.wait(t, "a frame to the node under attack", func(f []byte) bool { return bytes.Equal(f, back) })

	answered := 0
	conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	for b := make([]byte, 2000); ; {
		n, err := conn.Read(b)
		if err != nil {
			break
		}
		answered += n
	}
	if answered > sent/100 {
		t.Errorf("%d bytes of garbage were answered with %d bytes", sent, answered)
	}
	for _, name := range []string{"drop: wrong MAC", "vl1 drop: wrong MAC"} {
		if stat(r.b.d, name) > 0 {
			return
		}
	}
	t.Errorf("packets with wrong MACs were not counted: %v", r.b.d.Stats())
}

// TestClose checks that Close ends everything soon, twice, from several goroutines, and while frames are under way; TestMain
// checks that no goroutine is left.
func TestClose(t *testing.T) {
	r := newRig(t, rigConfig{mtu: 2800})
	r.meet()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		super := link.NewSuper(r.a.dev.Info())
		for {
			select {
			case <-stop:
				return
			default:
			}
			super.Reset()
			for !super.Full() {
				b := super.Next()
				b.Len = copy(b.Room(), r.a.frame(r.b, 100, 1))
				super.Commit()
			}
			r.a.dev.Send(super)
		}
	})
	time.Sleep(20 * time.Millisecond) // real sockets: let some frames be under way
	start := time.Now()
	for _, d := range r.drivers {
		for range 2 {
			wg.Go(func() {
				if err := d.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
		}
	}
	for _, d := range r.drivers {
		<-d.done
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("closing four nodes took %v", took)
	}
	close(stop)
	wg.Wait()
	for range r.a.d.Events() { // closed: ends
	}
	if _, err := r.a.d.Join(r.nwid + 1); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("Join after Close = %v, want an error that says so", err)
	}
	if err := r.a.dev.Close(); err != nil {
		t.Errorf("Device.Close after Driver.Close: %v", err)
	}
}

// TestLeave checks that a device is quiet after Close, and that joining again works.
func TestLeave(t *testing.T) {
	r := newRig(t, rigConfig{mtu: 2800})
	r.meet()
	if err := r.b.dev.Close(); err != nil {
		t.Fatal(err)
	}
	if n := len(r.b.d.Networks()); n != 0 {
		t.Errorf("after Close the node is still on %d networks", n)
	}
	r.b.rec.mu.Lock()
	r.b.rec.frames = nil
	r.b.rec.mu.Unlock()
	r.a.send(r.a.frame(r.b, 100, 1))
	r.b = r.station(r.b.d)
	r.meet()
}

// TestOpenErrors checks that errors say what was tried.
func TestOpenErrors(t *testing.T) {
	ids := identities(t)
	taken, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	at := taken.LocalAddr().(*net.UDPAddr).AddrPort()
	_, err = Open(Config{Node: zerotier.Config{Identity: ids[0]}, Listen: []netip.AddrPort{at}})
	if err == nil || !strings.Contains(err.Error(), at.String()) {
		t.Errorf("Open on a taken port = %v, want an error that names %v", err, at)
	}
	_, err = Open(Config{Node: zerotier.Config{Identity: ids[0].WithoutSecret()}, Listen: []netip.AddrPort{netip.AddrPortFrom(loopback, 0)}})
	if err == nil || !strings.Contains(err.Error(), "secret") {
		t.Errorf("Open without a secret = %v", err)
	}
	_, err = Open(Config{Node: zerotier.Config{Identity: ids[0], Planet: []byte("nonsense")}, Listen: []netip.AddrPort{netip.AddrPortFrom(loopback, 0)}})
	if err == nil || !strings.Contains(err.Error(), "planet") {
		t.Errorf("Open with a bad planet = %v", err)
	}
}

// TestState checks that a node finds its identity and networks again, and that a file that makes no sense is set aside.
func TestState(t *testing.T) {
	dir := t.TempDir()
	if raceEnabled { // then making an identity takes half a minute
		id := identities(t)[5]
		if err := os.WriteFile(filepath.Join(dir, "identity.secret"), []byte(id.SecretString()+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg := Config{Dir: dir, Listen: []netip.AddrPort{netip.AddrPortFrom(loopback, 0)}}
	d, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	self := d.Address()
	const nwid vl2.NetworkID = 0x0123456789000001
	if _, err := d.Join(nwid); err != nil {
		t.Fatal(err)
	}
	d.Close()
	if info, err := os.Stat(filepath.Join(dir, "identity.secret")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("identity.secret: %v, %v, want mode 0600", info, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "planet"), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}

	if d, err = Open(cfg); err != nil {
		t.Fatal(err)
	}
	if d.Address() != self {
		t.Errorf("the node came back as %v, was %v", d.Address(), self)
	}
	if nws := d.Networks(); len(nws) != 1 || nws[0].ID != nwid {
		t.Errorf("the node came back on %v, want %v", nws, nwid)
	}
	if err := d.Leave(nwid); err != nil {
		t.Fatal(err)
	}
	d.Close()
	if _, err := os.Stat(filepath.Join(dir, "planet.bad")); err != nil {
		t.Errorf("the bad planet was not set aside: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "networks.d", nwid.String()+".conf")); err == nil {
		t.Error("a network that was left is still remembered")
	}

	if err := os.WriteFile(filepath.Join(dir, "identity.secret"), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(cfg); err == nil || !strings.Contains(err.Error(), "identity.secret") {
		t.Errorf("Open with a bad identity = %v, want an error that names the file", err)
	}
}

// TestNoAllocs checks the data path from Send to Deliver.
func TestNoAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	r := newRig(t, rigConfig{mtu: 2800})
	r.meet()
	arrived := make(chan int, 64)
	r.b.rec.hook = func(frames []link.Buf) { arrived <- len(frames) }
	info := r.a.dev.Info()
	super := link.NewSuper(info)
	full, small := r.a.frame(r.b, info.MTU, 1), r.a.frame(r.b, 52, 1)
	pass := func(frame []byte) {
		super.Reset()
		for !super.Full() {
			b := super.Next()
			b.Len = copy(b.Room(), frame)
			super.Commit()
		}
		r.a.dev.Send(super)
		for left := super.Len(); left > 0; {
			left -= <-arrived
		}
	}
	for _, frame := range [][]byte{full, small} {
		pass(frame)
		if n := testing.AllocsPerRun(50, func() { pass(frame) }); n >= 1 {
			t.Errorf("a super of frames of %d bytes allocates %v times on its way", len(frame), n)
		}
	}
}

// TestDo checks that Do runs under the lock with a clock that has left zero.
func TestDo(t *testing.T) {
	ids := identities(t)
	d, err := Open(Config{Node: zerotier.Config{Identity: ids[4]}, Listen: []netip.AddrPort{netip.AddrPortFrom(loopback, 0)}})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var at clock.Time
	d.Do(func(now clock.Time) { at = now })
	if at <= 0 {
		t.Errorf("Do ran at %d", at)
	}
	if e := <-d.Events(); e.Kind != zerotier.EventUp {
		t.Errorf("first event %v, want up", e.Kind)
	}
}

// BenchmarkFrames moves full supers from one driver to another over loopback, in one process on two goroutines; one operation is one
// super. At most three supers are under way, so that nothing is lost to a full socket.
func BenchmarkFrames(b *testing.B) {
	for _, mtu := range []int{1280, 2800} {
		b.Run(fmt.Sprintf("mtu=%d", mtu), func(b *testing.B) {
			r := newRig(b, rigConfig{mtu: mtu})
			r.meet()
			arrived := make(chan int, 1024)
			r.b.rec.hook = func(frames []link.Buf) { arrived <- len(frames) }
			info := r.a.dev.Info()
			super := link.NewSuper(info)
			frame := r.a.frame(r.b, info.MTU, 1)
			under := 0
			late := time.NewTimer(time.Minute)
			defer late.Stop()
			receive := func() {
				select {
				case n := <-arrived:
					under -= n
				case <-late.C:
					b.Fatalf("%d frames were lost: %v", under, r.b.d.Stats())
				}
			}
			b.SetBytes(int64(info.Batch * info.MTU))
			b.ReportAllocs()
			for b.Loop() {
				super.Reset()
				for !super.Full() {
					buf := super.Next()
					buf.Len = len(frame)
					copy(buf.Room(), frame[:ethernetHeader+20])
					super.Commit()
				}
				r.a.dev.Send(super)
				for under += super.Len(); under > 2*info.Batch; {
					receive()
				}
			}
			for under > 0 {
				receive()
			}
		})
	}
}

// BenchmarkPingPong bounces one small frame between two drivers.
func BenchmarkPingPong(b *testing.B) {
	r := newRig(b, rigConfig{mtu: 2800})
	r.meet()
	arrived := make(chan struct{}, 1)
	r.b.rec.hook = func([]link.Buf) { arrived <- struct{}{} }
	back := make(chan struct{}, 1)
	r.a.rec.hook = func([]link.Buf) { back <- struct{}{} }
	sa, sb := link.NewSuper(r.a.dev.Info()), link.NewSuper(r.b.dev.Info())
	send := func(s *station, super *link.Super, f []byte) {
		super.Reset()
		buf := super.Next()
		buf.Len = copy(buf.Room(), f)
		super.Commit()
		s.dev.Send(super)
	}
	fa, fb := r.a.frame(r.b, 52, 1), r.b.frame(r.a, 52, 1)
	b.ReportAllocs()
	for b.Loop() {
		send(r.a, sa, fa)
		<-arrived
		send(r.b, sb, fb)
		<-back
	}
}
