package sockets

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"
)

// packetPair returns a socket on each of two hosts, for both families.
func packetPair(t *testing.T) (ca, cb *UDPConn) {
	t.Helper()
	a, b := newPair(t, 1500, HostConfig{})
	var conns [2]*UDPConn
	for i, h := range []*Host{a, b} {
		c, err := h.ListenPacket("udp", ":0")
		if err != nil {
			t.Fatal(err)
		}
		conns[i] = c.(*UDPConn)
	}
	return conns[0], conns[1]
}

func TestDatagramsOfEverySize(t *testing.T) {
	ca, cb := packetPair(t)
	for _, ip := range []netip.Addr{addr4[1], addr6[1]} {
		to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, cb.local.Port()))
		for _, size := range []int{0, 1, 100, 1452, 1472, 1473, 9000, 65000} {
			want := bytes.Repeat([]byte{byte(size)}, size)
			if n, err := ca.WriteTo(want, to); n != size || err != nil {
				t.Fatalf("WriteTo of %d bytes to %v = %d, %v", size, ip, n, err)
			}
			got := make([]byte, 65536)
			cb.SetReadDeadline(time.Now().Add(5 * time.Second))
			n, from, err := cb.ReadFrom(got)
			if err != nil || !bytes.Equal(got[:n], want) {
				t.Fatalf("ReadFrom after %d bytes to %v = %d, %v", size, ip, n, err)
			}
			if from.(*net.UDPAddr).Port != int(ca.local.Port()) {
				t.Errorf("from %v, want port %d", from, ca.local.Port())
			}
		}
	}
	_, err := ca.WriteTo(make([]byte, 65536), net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr4[1], cb.local.Port())))
	if !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("a datagram that is too long: %v, want EMSGSIZE", err)
	}
}

func TestPacketConnContract(t *testing.T) {
	ca, cb := packetPair(t)
	if err := ca.SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ca.ReadFrom(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("ReadFrom past the deadline = %v", err)
	}
	ca.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
	if _, _, err := ca.ReadFrom(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("ReadFrom until the deadline = %v", err)
	}
	ca.SetReadDeadline(time.Time{})

	to := netip.AddrPortFrom(addr4[0], ca.local.Port())
	if _, err := cb.WriteToUDPAddrPort([]byte("hello"), to); err != nil {
		t.Fatal(err)
	}
	n, _, flags, _, err := ca.ReadMsgUDPAddrPort(make([]byte, 2), nil)
	if n != 2 || flags != MsgTrunc || err != nil {
		t.Errorf("a short read = %d, flags %#x, %v; want 2, MsgTrunc", n, flags, err)
	}
	if _, err := ca.WriteTo(nil, &net.TCPAddr{}); err == nil {
		t.Error("WriteTo takes a TCP address")
	}
	if _, err := ca.Write([]byte("x")); !errors.Is(err, syscall.EDESTADDRREQ) {
		t.Errorf("Write without a peer = %v, want EDESTADDRREQ", err)
	}
	ca.Close()
	if _, _, err := ca.ReadFrom(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("ReadFrom after Close = %v", err)
	}
	if err := ca.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("second Close = %v", err)
	}
}

func TestConnectedUDP(t *testing.T) {
	a, b := newPair(t, 1500, HostConfig{})
	c, err := a.Dial("udp", "10.0.0.2:7")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("anybody?")); err != nil {
		t.Fatal(err)
	}
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("Read after a port unreachable = %v, want ECONNREFUSED", err)
	}
	if _, err := c.(*UDPConn).WriteTo(nil, &net.UDPAddr{}); !errors.Is(err, net.ErrWriteToConnected) {
		t.Errorf("WriteTo of a connected socket = %v", err)
	}

	server, err := b.ListenPacket("udp", "10.0.0.2:7")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("now?")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 10)
	n, from, err := server.ReadFrom(buf)
	if err != nil || string(buf[:n]) != "now?" {
		t.Fatalf("server: %q, %v", buf[:n], err)
	}
	if _, err := server.WriteTo([]byte("yes"), from); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(buf); err != nil || string(buf[:n]) != "yes" {
		t.Fatalf("client: %q, %v", buf[:n], err)
	}
}

func TestPing(t *testing.T) {
	a, _ := newPair(t, 1500, HostConfig{})
	for _, to := range []netip.Addr{addr4[1], addr6[1], netip.MustParseAddr("127.0.0.1"), addr4[0]} {
		p, err := a.NewPinger(to)
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range []int{0, 56, 5000} {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			if _, err := p.Ping(ctx, size); err != nil {
				t.Errorf("%d bytes to %v: %v", size, to, err)
			}
			cancel()
		}
		p.Close()
	}
	p, err := a.NewPinger(netip.MustParseAddr("10.0.0.99"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := p.Ping(ctx, 8); err == nil {
		t.Error("a host that does not exist answers")
	}
}
