package sockets

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/nettest"

	"github.com/ztstack/ztstack/tcp"
)

func TestConnBothFamilies(t *testing.T) {
	for name, at := range map[string]netip.Addr{"IPv4": addr4[1], "IPv6": addr6[1]} {
		t.Run(name, func(t *testing.T) {
			nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
				a, b := newPair(t, 1500, HostConfig{})
				l, err := b.ListenTCP(netip.AddrPortFrom(at, 0), 0)
				if err != nil {
					return nil, nil, nil, err
				}
				c1, err = a.Dial("tcp", l.Addr().String())
				if err != nil {
					return nil, nil, nil, err
				}
				if c2, err = l.Accept(); err != nil {
					return nil, nil, nil, err
				}
				return c1, c2, func() { c1.Close(); c2.Close(); l.Close(); a.Close(); b.Close() }, nil
			})
		})
	}
}

func TestConnOverLoopbackInterface(t *testing.T) {
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		h, err := NewHost(HostConfig{})
		if err != nil {
			return nil, nil, nil, err
		}
		l, err := h.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, nil, nil, err
		}
		if c1, err = h.Dial("tcp", l.Addr().String()); err != nil {
			return nil, nil, nil, err
		}
		if c2, err = l.Accept(); err != nil {
			return nil, nil, nil, err
		}
		return c1, c2, func() { c1.Close(); c2.Close(); h.Close() }, nil
	})
}

func TestBulkArrivesWhole(t *testing.T) {
	a, b := newPair(t, 1500, HostConfig{})
	ca, cb := connect(t, a, b)
	data := make([]byte, 8<<20)
	for i := range data {
		data[i] = byte(i * 2654435761 >> 13)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if n, err := ca.Write(data); n != len(data) || err != nil {
			t.Errorf("Write = %d, %v", n, err)
		}
		if err := ca.CloseWrite(); err != nil {
			t.Error(err)
		}
	})
	sum := sha256.New()
	n, err := io.Copy(sum, cb)
	if err != nil || n != int64(len(data)) {
		t.Fatalf("read %d bytes, %v; want %d", n, err, len(data))
	}
	wg.Wait()
	if want := sha256.Sum256(data); !bytes.Equal(sum.Sum(nil), want[:]) {
		t.Error("what arrived is not what was sent")
	}
}

func TestHalfClose(t *testing.T) {
	a, b := newPair(t, 1500, HostConfig{})
	ca, cb := connect(t, a, b)
	if _, err := ca.Write([]byte("question")); err != nil {
		t.Fatal(err)
	}
	if err := ca.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if q, err := io.ReadAll(cb); err != nil || string(q) != "question" {
		t.Fatalf("server read %q, %v", q, err)
	}
	if _, err := cb.Write([]byte("answer")); err != nil {
		t.Fatal(err)
	}
	cb.Close()
	if r, err := io.ReadAll(ca); err != nil || string(r) != "answer" {
		t.Fatalf("client read %q, %v", r, err)
	}
	if _, err := ca.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("Write after CloseWrite: %v, want EPIPE", err)
	}
}

func TestErrorsAreThoseOfPackageNet(t *testing.T) {
	a, b := newPair(t, 1500, HostConfig{})

	_, err := a.Dial("tcp", netip.AddrPortFrom(addr4[1], 9).String())
	var op *net.OpError
	if !errors.Is(err, syscall.ECONNREFUSED) || !errors.As(err, &op) || op.Op != "dial" || op.Addr.String() != "10.0.0.2:9" {
		t.Errorf("dialling a closed port: %v, want a dial error with ECONNREFUSED", err)
	}
	if _, err := a.Dial("tcp", "192.0.2.1:80"); !errors.Is(err, syscall.ENETUNREACH) {
		t.Errorf("dialling without a route: %v, want ENETUNREACH", err)
	}
	if _, err := a.Dial("tcp", "10.0.0.77:80"); !errors.Is(err, syscall.EHOSTUNREACH) {
		t.Errorf("dialling a neighbour that does not answer: %v, want EHOSTUNREACH", err)
	}
	if _, err := a.Dial("tcp", "db.example:80"); !errors.Is(err, errNoDNS) && err == nil {
		t.Errorf("dialling a name without DNS: %v", err)
	}
	if _, err := a.Dial("sctp", "10.0.0.2:80"); !errors.As(err, new(net.UnknownNetworkError)) {
		t.Errorf("unknown network: %v", err)
	}
	l, err := b.Listen("tcp", "10.0.0.2:80")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Listen("tcp", "10.0.0.2:80"); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("listening twice: %v, want EADDRINUSE", err)
	}
	if _, err := b.Listen("tcp", "10.0.0.3:80"); !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("listening on a foreign address: %v, want EADDRNOTAVAIL", err)
	}
	l.Close()
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after Close: %v, want net.ErrClosed", err)
	}

	ca, cb := connect(t, a, b)
	cb.Abort()
	if _, err := io.ReadAll(ca); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("Read after the peer's reset: %v, want ECONNRESET", err)
	}
	ca.Close()
	if _, err := ca.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read after Close: %v, want net.ErrClosed", err)
	}
}

func TestDialContext(t *testing.T) {
	a, _ := newPair(t, 1500, HostConfig{})
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(10*time.Millisecond, cancel)
	_, err := a.DialContext(ctx, "tcp", "10.0.0.77:80")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled dial: %v, want context.Canceled", err)
	}
	ctx, cancel = context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	_, err = a.DialContext(ctx, "tcp", "10.0.0.77:80")
	var ne net.Error
	if !errors.As(err, &ne) || !ne.Timeout() {
		t.Errorf("dial past its deadline: %v, want a timeout", err)
	}
}

func TestDeadlineSetByAnotherGoroutineUnblocks(t *testing.T) {
	a, b := newPair(t, 1500, HostConfig{})
	ca, _ := connect(t, a, b)
	go func() {
		time.Sleep(5 * time.Millisecond) // the reader should be parked by then; the test holds if it is not
		ca.SetReadDeadline(time.Unix(1, 0))
	}()
	if _, err := ca.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read = %v, want os.ErrDeadlineExceeded", err)
	}
	l, err := b.ListenTCP(netip.AddrPortFrom(addr4[1], 0), 0)
	if err != nil {
		t.Fatal(err)
	}
	l.SetDeadline(time.Now().Add(5 * time.Millisecond))
	if _, err := l.Accept(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Accept = %v, want os.ErrDeadlineExceeded", err)
	}
}

func TestHostCloseWakesEverybody(t *testing.T) {
	a, b := newPair(t, 1500, HostConfig{})
	ca, _ := connect(t, a, b)
	l, err := a.Listen("tcp", ":1")
	if err != nil {
		t.Fatal(err)
	}
	p, err := a.ListenPacket("udp", ":1")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := ca.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Read = %v", err)
		}
	})
	wg.Go(func() {
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept = %v", err)
		}
	})
	wg.Go(func() {
		if _, _, err := p.ReadFrom(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("ReadFrom = %v", err)
		}
	})
	time.Sleep(5 * time.Millisecond) // let them park; the test holds if they have not
	for range 2 {
		if err := a.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	}
	wg.Wait()
	if _, err := a.Dial("tcp", "10.0.0.2:1"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Dial after Close = %v", err)
	}
}

// TestCongestion: a controller is chosen for a host or for a connection, and a name that is unknown is answered with those
// that are known.
func TestCongestion(t *testing.T) {
	a, b := newPair(t, 1500, HostConfig{TCP: tcp.Config{Congestion: "reno"}})
	ca, _ := connect(t, a, b)
	if got := ca.Info().Congestion; got != "reno" {
		t.Errorf("the connection has %q, the host %q", got, "reno")
	}
	if err := ca.SetCongestion("bbr"); err != nil || ca.Info().Congestion != "bbr" {
		t.Errorf("SetCongestion = %v, then %q", err, ca.Info().Congestion)
	}
	_, err := NewHost(HostConfig{TCP: tcp.Config{Congestion: "vegas"}})
	for what, err := range map[string]error{"SetCongestion": ca.SetCongestion("vegas"), "NewHost": err} {
		if err == nil {
			t.Errorf("%s takes any name", what)
			continue
		}
		for _, word := range append(tcp.CongestionNames(), "vegas", "ongestion") {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %q does not say %q", what, err, word)
			}
		}
	}
}

func TestOptions(t *testing.T) {
	a, b := newPair(t, 1500, HostConfig{})
	ca, _ := connect(t, a, b)
	for name, err := range map[string]error{
		"SetNoDelay":   ca.SetNoDelay(false),
		"SetLinger":    ca.SetLinger(0),
		"SetKeepAlive": ca.SetKeepAlive(true),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if info := ca.Info(); info.State.String() != "ESTABLISHED" || info.MSS == 0 {
		t.Errorf("Info = %+v", info)
	}
	ca.Close()
	if err := ca.SetNoDelay(true); !errors.Is(err, net.ErrClosed) {
		t.Errorf("SetNoDelay after Close = %v", err)
	}
}
