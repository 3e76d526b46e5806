package tap

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ztstack/ztstack/icmp"
)

const errRefused = unix.ECONNREFUSED

// pingFrom makes Linux ping an address of ours, with a raw socket.
func pingFrom(t *testing.T, ns *namespace, to string, seq int, payload []byte) {
	t.Helper()
	a := netip.MustParseAddr(to)
	fd := -1
	ns.do(func() (err error) {
		if a.Is4() {
			fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
		} else {
			fd, err = unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMPV6)
		}
		return err
	})
	defer unix.Close(fd)
	tv := unix.NsecToTimeval(int64(10 * time.Second))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		t.Fatal(err)
	}
	var sa unix.Sockaddr
	m := icmp.Echo4(false, 77, uint16(seq), payload)
	packet := make([]byte, m.Len())
	if a.Is4() {
		m.Put4(packet)
		sa = &unix.SockaddrInet4{Addr: a.As4()}
	} else {
		m = icmp.Echo6(false, 77, uint16(seq), payload)
		m.Put6(packet, [16]byte{}, a.As16()) // Linux makes the checksum
		sa = &unix.SockaddrInet6{Addr: a.As16()}
	}
	if err := unix.Sendto(fd, packet, 0, sa); err != nil {
		t.Errorf("Linux pings %s with %d bytes: %v", to, len(payload), err)
		return
	}
	b := make([]byte, 70000)
	for {
		n, _, err := unix.Recvfrom(fd, b, 0)
		if err != nil {
			t.Errorf("Linux pings %s with %d bytes: no reply: %v", to, len(payload), err)
			return
		}
		reply, want := b[:n], byte(icmp.Type6EchoReply)
		if a.Is4() {
			reply, want = b[20:n], icmp.Type4EchoReply
		}
		if reply[0] != want {
			continue // Neighbour Discovery
		}
		if !bytes.Equal(reply[8:], payload) {
			t.Errorf("Linux pings %s with %d bytes: the reply has %d others", to, len(payload), len(reply)-8)
		}
		return
	}
}
