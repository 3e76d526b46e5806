package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/link"
	"github.com/ztstack/ztstack/link/pipe"
	"github.com/ztstack/ztstack/sockets"
	"github.com/ztstack/ztstack/tcp"
)

// A world is two hosts on one wire, each used through net.Conn.
type world interface {
	listen() (net.Listener, error)              // on the second host
	dial(ctx context.Context) (net.Conn, error) // from the first to that listener
	close()                                     // ends everything; reads and writes that are under way fail
}

// An opener makes a world.
type opener func() (world, error)

// The addresses of the two hosts of a world, and the port listened on.
var (
	clientAddr = netip.MustParseAddr("10.0.0.1")
	serverAddr = netip.MustParseAddr("10.0.0.2")
)

const (
	serverPort = 5001
	block      = 64 << 10 // bytes of each Write and Read of a bulk transfer
	stallLimit = 8 * time.Second
)

// batch returns how many frames of an MTU a driver hands over at a time: as many as a UDP_SEGMENT call carries.
func batch(mtu int) int { return max(1, min(44, link.SuperSize/(mtu+14))) }

// hosts is a pair of sockets.Host joined by link/pipe: ours.
type hosts struct{ a, b *sockets.Host }

// hostsWorld returns an opener for two of our hosts on an Ethernet pipe.
func hostsWorld(mtu, buffer int) opener {
	return func() (world, error) {
		da, db := pipe.New(link.Info{MTU: mtu, Batch: batch(mtu), Addr: ethernet.Addr{2, 0, 0, 0, 0, 2}})
		w := &hosts{}
		for _, x := range []struct {
			host **sockets.Host
			dev  link.Device
			addr netip.Addr
		}{{&w.a, da, clientAddr}, {&w.b, db, serverAddr}} {
			h, err := sockets.NewHost(sockets.HostConfig{TCP: tcp.Config{SendBuffer: buffer, ReceiveBuffer: buffer}})
			if err != nil {
				w.close()
				return nil, err
			}
			*x.host = h
			cfg := sockets.LinkConfig{Name: "wire", Addrs: []netip.Prefix{netip.PrefixFrom(x.addr, 24)}, NoDAD: true, NoLinkLocal: true}
			if _, err := h.Attach(x.dev, cfg); err != nil {
				w.close()
				return nil, err
			}
		}
		return w, nil
	}
}

func (w *hosts) listen() (net.Listener, error) {
	return w.b.ListenTCP(netip.AddrPortFrom(serverAddr, serverPort), 4096)
}

func (w *hosts) dial(ctx context.Context) (net.Conn, error) {
	return w.a.DialTCP(ctx, netip.AddrPort{}, netip.AddrPortFrom(serverAddr, serverPort))
}

func (w *hosts) close() {
	if w.a != nil {
		w.a.Close()
	}
	if w.b != nil {
		w.b.Close()
	}
}

// kernel is the kernel's loopback interface.
type kernel struct {
	addr  string
	mu    sync.Mutex
	conns []net.Conn // guarded by mu
	ln    net.Listener
}

// kernelWorld opens a world that is the kernel's loopback interface.
func kernelWorld() (world, error) { return &kernel{}, nil }

func (w *kernel) listen() (net.Listener, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w.ln, w.addr = ln, ln.Addr().String()
	return ln, nil
}

func (w *kernel) dial(ctx context.Context) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", w.addr)
	if err == nil {
		w.mu.Lock()
		w.conns = append(w.conns, c)
		w.mu.Unlock()
	}
	return c, err
}

func (w *kernel) close() {
	if w.ln != nil {
		w.ln.Close()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		c.Close()
	}
}

// within runs f on a new world and tears it down afterwards, or earlier if f does not end within limit: whatever f waits for then
// fails.
func within(open opener, limit time.Duration, f func(ctx context.Context, w world) (sample, error)) (sample, error) {
	w, err := open()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var late atomic.Bool
	var once sync.Once
	shut := func() { once.Do(w.close) }
	timer := time.AfterFunc(limit, func() { late.Store(true); shut() })
	s, err := f(ctx, w)
	timer.Stop()
	shut()
	if late.Load() {
		return nil, fmt.Errorf("stalled: not done after %v", limit)
	}
	return s, err
}

// connect makes n connections, one after another.
func connect(ctx context.Context, w world, n int) (clients, servers []net.Conn, err error) {
	ln, err := w.listen()
	if err != nil {
		return nil, nil, err
	}
	defer ln.Close()
	for range n {
		c, err := w.dial(ctx)
		if err != nil {
			return nil, nil, fmt.Errorf("connecting: %w", err)
		}
		s, err := ln.Accept()
		if err != nil {
			return nil, nil, fmt.Errorf("accepting: %w", err)
		}
		clients, servers = append(clients, c), append(servers, s)
	}
	return clients, servers, nil
}
