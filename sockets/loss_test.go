package sockets

import (
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/ztstack/ztstack/link"
	"github.com/ztstack/ztstack/link/pipe"
)

// lossy drops one frame in twenty of those sent.
type lossy struct {
	link.Device
	rand *rand.Rand
}

func (l *lossy) Send(s *link.Super) {
	kept := link.NewSuper(l.Info())
	for _, f := range s.Frames() {
		if l.rand.IntN(20) == 0 {
			continue
		}
		b := kept.Next()
		*b = f
		kept.Commit()
	}
	l.Device.Send(kept)
}

func TestBulkOverABadWire(t *testing.T) {
	da, db := pipe.New(pairInfo(1500))
	var hosts [2]*Host
	for i, dev := range []link.Device{da, db} {
		h, err := NewHost(HostConfig{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { h.Close() })
		dev = &lossy{dev, rand.New(rand.NewPCG(1, uint64(i)))}
		_, err = h.Attach(dev, LinkConfig{Name: "wire", Addrs: []netip.Prefix{netip.PrefixFrom(addr4[i], 24)}, NoDAD: true})
		if err != nil {
			t.Fatal(err)
		}
		hosts[i] = h
	}
	ca, cb := connect(t, hosts[0], hosts[1])
	data := make([]byte, 2<<20)
	for i := range data {
		data[i] = byte(i * 2654435761 >> 13)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if n, err := ca.Write(data); n != len(data) || err != nil {
			t.Errorf("Write = %d, %v", n, err)
		}
		ca.CloseWrite()
	})
	cb.SetReadDeadline(time.Now().Add(20 * time.Second))
	sum := sha256.New()
	n, err := io.Copy(sum, cb)
	if err != nil || n != int64(len(data)) {
		t.Errorf("read %d bytes, %v; sender %+v\nreceiver %+v", n, err, ca.Info(), cb.Info())
		ca.Abort()
	}
	wg.Wait()
	t.Logf("%+v", ca.Info())
}
