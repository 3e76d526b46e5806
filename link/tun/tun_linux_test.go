package tun

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ztstack/ztstack/icmp"
	"github.com/ztstack/ztstack/ipv4"
	"github.com/ztstack/ztstack/link"
)

type receiver chan []byte

func (r receiver) Deliver(frames []link.Buf) {
	for i := range frames {
		select {
		case r <- append([]byte(nil), frames[i].Frame()...):
		default:
		}
	}
}

func (r receiver) LinkChanged(bool) {}

// A packet that Linux sends into the interface arrives bare, and one that we send is routed.
func TestTUN(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, for a TUN interface")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("needs the program ip, of iproute2")
	}
	// The test's thread moves into a network namespace of its own, and ends with the test.
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("needs network namespaces: %v", err)
	}
	d, err := Open("ztt%d", 1400)
	if err != nil {
		t.Skipf("needs TUN interfaces: %v", err)
	}
	got := make(receiver, 64)
	d.Attach(got)
	defer d.Close()
	if out, err := exec.Command("ip", "addr", "add", "10.217.0.1/24", "dev", d.Name()).CombinedOutput(); err != nil {
		t.Fatalf("ip addr add: %v: %s", err, out)
	}
	c, err := net.Dial("udp", "10.217.0.2:9")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	want := func(proto uint8) []byte {
		t.Helper()
		end := time.After(10 * time.Second)
		for {
			select {
			case p := <-got:
				var h ipv4.Header
				if n := h.Parse(p); n > 0 && h.Proto == proto {
					return p[n:]
				}
			case <-end:
				t.Fatalf("no packet of protocol %d after 10 s", proto)
			}
		}
	}
	if p := want(ipv4.ProtoUDP); string(p[8:]) != "hello" {
		t.Errorf("a datagram %q", p)
	}
	// Ping Linux's end.
	m := icmp.Echo4(false, 1, 2, []byte("tun"))
	s := link.NewSuper(d.Info())
	b := s.Next()
	h := ipv4.Header{
		Proto: ipv4.ProtoICMP, TTL: 64, TotalLen: ipv4.HeaderLen + m.Len(),
		Src: netip.MustParseAddr("10.217.0.2").As4(), Dst: netip.MustParseAddr("10.217.0.1").As4(),
	}
	n := h.Put(b.Room())
	b.Len = n + m.Put4(b.Room()[n:])
	s.Commit()
	d.Send(s)
	var r icmp.Message
	if r.Parse4(want(ipv4.ProtoICMP)) < 0 || r.Type != icmp.Type4EchoReply || string(r.Body) != "tun" {
		t.Errorf("reply %+v", r)
	}
	if err := d.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Errorf("the second Close: %v", err)
	}
}
