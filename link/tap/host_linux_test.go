package tap

import (
	"errors"
	"io"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/link"
	"github.com/ztstack/ztstack/stack"
	"github.com/ztstack/ztstack/tcp"
)

// A host runs a stack on a device in real time, with one lock and blocking calls: just enough for these
// tests.
type host struct {
	t     testing.TB
	dev   link.Device
	start time.Time

	mu    sync.Mutex
	woken *sync.Cond
	s     *stack.Stack
	i     stack.Interface
	super *link.Super
	done  bool
}

func newHost(t testing.TB, dev link.Device, addrs ...string) *host {
	h := &host{t: t, dev: dev, start: time.Now(), super: link.NewSuper(dev.Info())}
	h.woken = sync.NewCond(&h.mu)
	s, err := stack.New(stack.Config{Seed: [32]byte{1}}, h.now())
	if err != nil {
		t.Fatal(err)
	}
	h.s = s
	if h.i, err = s.AddInterface(h.now(), stack.InterfaceConfig{Name: "eth0", Info: dev.Info(), NoDAD: true}); err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if err := s.AddAddress(h.now(), h.i, netip.MustParsePrefix(a)); err != nil {
			t.Fatal(err)
		}
	}
	dev.Attach(h)
	ticks := make(chan bool)
	go func() {
		defer close(ticks)
		for h.tick() {
			time.Sleep(time.Millisecond)
		}
	}()
	t.Cleanup(func() {
		h.mu.Lock()
		h.done = true
		h.mu.Unlock()
		<-ticks
		dev.Close()
	})
	return h
}

func (h *host) now() clock.Time { return clock.Time(time.Since(h.start)) + 1 }

// Deliver implements link.Receiver.
func (h *host) Deliver(frames []link.Buf) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	for i := range frames {
		h.s.Receive(now, h.i, &frames[i])
	}
	h.flush(now)
}

// LinkChanged implements link.Receiver.
func (h *host) LinkChanged(bool) {}

// tick runs timers, until the test is over.
func (h *host) tick() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	h.flush(now)
	return !h.done
}

// flush sends what there is to send and wakes who waits. h.mu is held.
func (h *host) flush(now clock.Time) {
	h.s.Poll(now)
	for h.s.Pending(h.i) {
		h.super.Reset()
		for !h.super.Full() && h.s.Output(now, h.i, h.super.Next()) {
			h.super.Commit()
		}
		if h.super.Len() == 0 {
			break
		}
		h.dev.Send(h.super)
	}
	for h.s.Ready() != nil {
	}
	h.woken.Broadcast()
}

// wait calls f until it reports true, whenever something has happened; at most for 30 s.
func (h *host) wait(what string, f func(now clock.Time) bool) {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	end := time.Now().Add(30 * time.Second)
	for !f(h.now()) {
		if time.Now().After(end) {
			h.t.Errorf("%s: nothing after 30 s; drops %v", what, drops(h.s))
			return
		}
		h.flush(h.now())
		h.woken.Wait()
	}
	h.flush(h.now())
}

func drops(s *stack.Stack) (list []string) {
	for why, n := range s.Stats().Drops {
		if n > 0 {
			list = append(list, stack.Drop(why).String())
		}
	}
	return list
}

// A conn is a connection as an io.ReadWriteCloser.
type conn struct {
	h *host
	c *stack.TCP
}

func (c *conn) Read(b []byte) (n int, err error) {
	c.h.wait("read", func(now clock.Time) bool {
		n, err = c.c.Read(now, b)
		return !errors.Is(err, tcp.ErrWouldBlock)
	})
	return n, err
}

func (c *conn) Write(b []byte) (total int, err error) {
	c.h.wait("write", func(now clock.Time) bool {
		var n int
		n, err = c.c.Write(now, b[total:])
		total += n
		return total == len(b) || n == 0 && !errors.Is(err, tcp.ErrWouldBlock)
	})
	if total == len(b) {
		err = nil
	}
	return total, err
}

func (c *conn) CloseWrite() error {
	c.h.wait("close", func(now clock.Time) bool { c.c.CloseWrite(now); return true })
	return nil
}

func (c *conn) Close() error {
	c.h.wait("close", func(now clock.Time) bool { c.c.Close(now); return true })
	return nil
}

var _ io.ReadWriteCloser = (*conn)(nil)

func (h *host) dial(to netip.AddrPort) *conn {
	h.t.Helper()
	var c *stack.TCP
	h.wait("dial", func(now clock.Time) bool {
		if c == nil {
			var err error
			if c, err = h.s.DialTCP(now, netip.AddrPort{}, to, nil, nil); err != nil {
				h.t.Errorf("dial %v: %v", to, err)
				return true
			}
		}
		if c.Err() != nil {
			h.t.Errorf("dial %v: %v", to, c.Err())
			return true
		}
		return c.State() == tcp.StateEstablished
	})
	return &conn{h, c}
}

// info describes the connection.
func (c *conn) info() tcp.Info {
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	return c.c.Conn().Info()
}

func (h *host) listen(at netip.AddrPort) *stack.Listener {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	l, err := h.s.ListenTCP(at, 0, nil, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return l
}

func (h *host) accept(l *stack.Listener) *conn {
	h.t.Helper()
	var c *stack.TCP
	h.wait("accept", func(clock.Time) (ok bool) { c, ok = l.Accept(nil); return ok })
	return &conn{h, c}
}
