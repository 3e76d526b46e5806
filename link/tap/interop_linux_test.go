package tap

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/stack"
	"github.com/ztstack/ztstack/tcp"
)

// linux returns a stack, 10.9.0.2 and fd09::2, on a TAP interface whose other end is Linux, 10.9.0.1 and
// fd09::1, in a namespace.
func linux(t testing.TB, mtu int) (*namespace, *host) {
	t.Helper()
	needKernel(t)
	ns := newNamespace(t)
	dev := ns.open(mtu)
	ns.ip("addr add 10.9.0.1/24 dev " + dev.Name())
	ns.ip("addr add fd09::1/64 nodad dev " + dev.Name())
	return ns, newHost(t, dev, "10.9.0.2/24", "fd09::2/64")
}

func data(n int) []byte {
	b := make([]byte, n)
	x := uint32(n)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

const bulk = 16 << 20

// A stream from Linux to us and back, and one that we have begun.
func TestLinuxTCP(t *testing.T) {
	for _, mtu := range []int{1500, 9000} {
		ns, h := linux(t, mtu)
		for _, a := range []struct{ us, them string }{{"10.9.0.2", "10.9.0.1"}, {"fd09::2", "fd09::1"}} {
			us, them := netip.MustParseAddr(a.us), netip.MustParseAddr(a.them)
			t.Run(a.them, func(t *testing.T) {
				l := h.listen(netip.AddrPortFrom(us, 80))
				var k net.Conn
				ns.do(func() (err error) {
					k, err = net.DialTimeout("tcp", netip.AddrPortFrom(us, 80).String(), 10*time.Second)
					return err
				})
				carry(t, k, h.accept(l))

				var kl net.Listener
				ns.do(func() (err error) {
					kl, err = net.Listen("tcp", netip.AddrPortFrom(them, 80).String())
					return err
				})
				defer kl.Close()
				accepted := make(chan net.Conn, 1)
				go func() {
					k, err := kl.Accept()
					if err != nil {
						t.Error(err)
					}
					accepted <- k
				}()
				c := h.dial(netip.AddrPortFrom(them, 80))
				info := c.info()
				if !info.SACK || !info.Timestamp || !info.WindowScaling {
					t.Errorf("options with Linux: %+v", info)
				}
				carry(t, <-accepted, c)
			})
		}
	}
}

// carry sends bulk bytes both ways at once over one connection.
func carry(t *testing.T, k net.Conn, c *conn) {
	t.Helper()
	defer k.Close()
	k.SetDeadline(time.Now().Add(60 * time.Second))
	want := data(bulk)
	sum := sha256.Sum256(want)
	start := time.Now()
	errs := make(chan error, 4)
	send := func(w io.Writer, close func() error) {
		if _, err := w.Write(want); err != nil {
			errs <- err
			return
		}
		errs <- close()
	}
	receive := func(r io.Reader) {
		hash := sha256.New()
		n, err := io.Copy(hash, r)
		if err == nil && !bytes.Equal(hash.Sum(nil), sum[:]) {
			err = errors.New("what arrived is not what was sent")
		}
		if n != bulk {
			t.Errorf("%d bytes arrived, want %d", n, bulk)
		}
		errs <- err
	}
	go send(k, k.(*net.TCPConn).CloseWrite)
	go send(c, c.CloseWrite)
	go receive(k)
	go receive(c)
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	d := time.Since(start)
	t.Logf("%d MiB each way in %v; %+v", bulk>>20, d, c.info().Stats)
	c.Close()
}

// A port where nobody listens refuses, both ways.
func TestLinuxRefuses(t *testing.T) {
	ns, h := linux(t, 1500)
	for _, us := range []string{"10.9.0.2:81", "[fd09::2]:81"} {
		ns.do(func() error {
			if _, err := net.DialTimeout("tcp", us, 5*time.Second); err == nil || !errors.Is(err, errRefused) {
				t.Errorf("Linux dials %s: %v, want connection refused", us, err)
			}
			return nil
		})
	}
	for _, them := range []string{"10.9.0.1:81", "[fd09::1]:81"} {
		var c *stack.TCP
		h.wait("refusal", func(now clock.Time) bool {
			if c == nil {
				var err error
				if c, err = h.s.DialTCP(now, netip.AddrPort{}, netip.MustParseAddrPort(them), nil, nil); err != nil {
					t.Fatal(err)
				}
			}
			return c.Err() != nil
		})
		if !errors.Is(c.Err(), tcp.ErrRefused) {
			t.Errorf("dial %s: %v, want %v", them, c.Err(), tcp.ErrRefused)
		}
		// UDP likewise, by ICMP.
		var u *stack.UDP
		var err error
		h.wait("port unreachable", func(now clock.Time) bool {
			if u == nil {
				if u, err = h.s.BindUDP(netip.AddrPort{}, nil); err != nil {
					t.Fatal(err)
				}
				if err = u.Connect(now, netip.MustParseAddrPort(them)); err != nil {
					t.Fatal(err)
				}
				if _, err = u.WriteTo(now, []byte("x"), netip.AddrPort{}); err != nil {
					t.Fatal(err)
				}
			}
			err = u.Err()
			return err != nil
		})
		if !errors.Is(err, stack.ErrRefused) {
			t.Errorf("UDP to %s: %v, want %v", them, err, stack.ErrRefused)
		}
	}
}

// Datagrams of all sizes, in fragments both ways.
func TestLinuxUDP(t *testing.T) {
	ns, h := linux(t, 1500)
	for _, a := range []struct{ us, them string }{{"10.9.0.2:9", "10.9.0.1:9"}, {"[fd09::2]:9", "[fd09::1]:9"}} {
		us, them := netip.MustParseAddrPort(a.us), netip.MustParseAddrPort(a.them)
		var k *net.UDPConn
		ns.do(func() (err error) {
			k, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(them))
			return err
		})
		defer k.Close()
		h.mu.Lock()
		u, err := h.s.BindUDP(us, nil)
		h.mu.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 65536)
		for _, n := range []int{0, 1, 1472, 1473, 5000, 65507} {
			want := data(n)
			h.wait("send", func(now clock.Time) bool {
				if _, err := u.WriteTo(now, want, them); err != nil {
					t.Errorf("send %d bytes: %v", n, err)
				}
				return true
			})
			k.SetDeadline(time.Now().Add(10 * time.Second))
			got, from, err := k.ReadFromUDPAddrPort(b)
			if err != nil || !bytes.Equal(b[:got], want) || from != us {
				t.Fatalf("Linux read %d bytes from %v, %v; want %d from %v", got, from, err, n, us)
			}
			if _, err := k.WriteToUDPAddrPort(want, us); err != nil {
				t.Fatal(err)
			}
			h.wait("datagram", func(clock.Time) bool {
				got, from, _, err = u.ReadFrom(b)
				return !errors.Is(err, stack.ErrWouldBlock)
			})
			if err != nil || !bytes.Equal(b[:got], want) || from != them {
				t.Errorf("read %d bytes from %v, %v; want %d from %v", got, from, err, n, them)
			}
		}
	}
}

// Ping of all sizes, both ways.
func TestLinuxPing(t *testing.T) {
	ns, h := linux(t, 1500)
	h.mu.Lock()
	p, err := h.s.BindPing(netip.Addr{}, nil)
	h.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 65536)
	for seq, n := range []int{0, 1, 56, 1472, 1473, 20000, 65507} {
		for _, to := range []string{"10.9.0.1", "fd09::1"} {
			a := netip.MustParseAddr(to)
			h.wait("ping", func(now clock.Time) bool {
				if err := p.Send(now, a, uint16(seq), data(n)); err != nil {
					t.Errorf("ping %s with %d bytes: %v", to, n, err)
				}
				return true
			})
			var got int
			var from netip.Addr
			var back uint16
			h.wait("echo reply", func(clock.Time) (ok bool) { got, from, back, ok = p.Recv(b); return ok })
			if from != a || back != uint16(seq) || !bytes.Equal(b[:got], data(n)) {
				t.Errorf("ping %s with %d bytes: %d bytes from %v, sequence number %d", to, n, got, from, back)
			}
			pingFrom(t, ns, map[bool]string{true: "10.9.0.2", false: "fd09::2"}[a.Is4()], seq, data(n))
		}
	}
}

// A path whose second link is narrower: Linux as a router says so, and the stream goes on.
func TestLinuxPathMTU(t *testing.T) {
	ns, h := linux(t, 1500)
	far := newNamespace(t)
	ns.ip("link add v0 mtu 1280 type veth peer name v1 netns " + far.name)
	ns.ip("addr add 10.8.0.1/24 dev v0")
	ns.ip("addr add fd08::1/64 nodad dev v0")
	ns.ip("link set v0 up")
	ns.sysctl("net/ipv4/ip_forward", "1")
	ns.sysctl("net/ipv6/conf/all/forwarding", "1")
	// The far end's interface takes more than the near end sends: its SYN-ACK does not give the MTU away.
	far.ip("link set v1 mtu 1500")
	far.ip("addr add 10.8.0.2/24 dev v1")
	far.ip("addr add fd08::2/64 nodad dev v1")
	far.ip("link set v1 up")
	far.ip("route add default via 10.8.0.1")
	far.ip("-6 route add default via fd08::1")
	h.mu.Lock()
	for dst, via := range map[string]string{"0.0.0.0/0": "10.9.0.1", "::/0": "fd09::1"} {
		if err := h.s.AddRoute(stack.Route{Dst: netip.MustParsePrefix(dst), Via: netip.MustParseAddr(via)}); err != nil {
			t.Fatal(err)
		}
	}
	h.mu.Unlock()
	for _, them := range []string{"10.8.0.2:80", "[fd08::2]:80"} {
		var kl net.Listener
		far.do(func() (err error) { kl, err = net.Listen("tcp", them); return err })
		defer kl.Close()
		sum := make(chan [32]byte, 1)
		go func() {
			k, err := kl.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			defer k.Close()
			hash := sha256.New()
			if _, err := io.Copy(hash, k); err != nil {
				t.Error(err)
			}
			sum <- [32]byte(hash.Sum(nil))
		}()
		c := h.dial(netip.MustParseAddrPort(them))
		want := data(1 << 20)
		if _, err := c.Write(want); err != nil {
			t.Fatal(err)
		}
		c.CloseWrite()
		select {
		case got := <-sum:
			if got != sha256.Sum256(want) {
				t.Errorf("%s: what arrived is not what was sent", them)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("%s: the stream has not arrived; %+v", them, c.info())
		}
		if mss := c.info().MSS; mss > 1228 {
			t.Errorf("%s: MSS %d over a path of 1280 bytes", them, mss)
		}
		c.Close()
	}
}
