package sockets

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/link"
	"github.com/ztstack/ztstack/link/pipe"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pairInfo describes one end of the pipes that the tests use.
func pairInfo(mtu int) link.Info {
	return link.Info{MTU: mtu, Batch: 32, Addr: ethernet.Addr{2, 0, 0, 0, 0, 2}}
}

var (
	addr4 = [2]netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")}
	addr6 = [2]netip.Addr{netip.MustParseAddr("fd00::1"), netip.MustParseAddr("fd00::2")}
)

// newPair returns two hosts on one wire, 10.0.0.1 and fd00::1, 10.0.0.2 and fd00::2.
func newPair(t testing.TB, mtu int, cfg HostConfig) (a, b *Host) {
	t.Helper()
	da, db := pipe.New(pairInfo(mtu))
	var hosts [2]*Host
	for i, dev := range []link.Device{da, db} {
		h, err := NewHost(cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { h.Close() })
		_, err = h.Attach(dev, LinkConfig{
			Name:  "wire",
			Addrs: []netip.Prefix{netip.PrefixFrom(addr4[i], 24), netip.PrefixFrom(addr6[i], 64)},
			NoDAD: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		hosts[i] = h
	}
	return hosts[0], hosts[1]
}

// connect returns the two ends of a TCP connection from a to b.
func connect(t testing.TB, a, b *Host) (ca, cb *TCPConn) {
	t.Helper()
	l, err := b.ListenTCP(netip.AddrPortFrom(addr4[1], 0), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if ca, err = a.DialTCP(ctx, netip.AddrPort{}, l.addr); err != nil {
		t.Fatal(err)
	}
	if cb, err = l.AcceptTCP(); err != nil {
		t.Fatal(err)
	}
	return ca, cb
}
