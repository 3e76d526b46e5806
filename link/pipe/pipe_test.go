package pipe

import (
	"bytes"
	"sync"
	"testing"

	"github.com/ztstack/ztstack/link"
)

// collector keeps a copy of every frame delivered, and may do more on each delivery.
type collector struct {
	mu     sync.Mutex
	frames [][]byte
	then   func()
}

func (c *collector) Deliver(frames []link.Buf) {
	c.mu.Lock()
	for i := range frames {
		c.frames = append(c.frames, bytes.Clone(frames[i].Frame()))
	}
	c.mu.Unlock()
	if c.then != nil {
		c.then()
	}
}

func (c *collector) LinkChanged(bool) {}

func superOf(info link.Info, frames ...string) *link.Super {
	s := link.NewSuper(info)
	for _, f := range frames {
		b := s.Next()
		b.Len = copy(b.Room(), f)
		s.Commit()
	}
	return s
}

func TestFramesArriveInOrder(t *testing.T) {
	info := link.Info{MTU: 100, Headroom: 8, Batch: 4}
	a, b := New(info)
	if a.Info().Addr == b.Info().Addr {
		t.Errorf("both ends have the address %v", a.Info().Addr)
	}
	got := &collector{}
	b.Attach(got)
	a.Send(superOf(info, "one", "two"))
	a.Send(superOf(info, "three"))
	want := []string{"one", "two", "three"}
	if len(got.frames) != len(want) {
		t.Fatalf("%d frames arrived, want %d", len(got.frames), len(want))
	}
	for i, w := range want {
		if string(got.frames[i]) != w {
			t.Errorf("frame %d = %q, want %q", i, got.frames[i], w)
		}
	}
}

// A receiver that answers on the spot must not meet a lock.
func TestDeliverMaySend(t *testing.T) {
	info := link.Info{MTU: 100, Batch: 4}
	a, b := New(info)
	gotA, gotB := &collector{}, &collector{}
	gotB.then = func() { b.Send(superOf(info, "pong")) }
	a.Attach(gotA)
	b.Attach(gotB)
	a.Send(superOf(info, "ping"))
	if len(gotA.frames) != 1 || string(gotA.frames[0]) != "pong" {
		t.Errorf("a received %q, want one pong", gotA.frames)
	}
}

func TestCloseWaitsForDeliver(t *testing.T) {
	info := link.Info{MTU: 100, Batch: 4}
	a, b := New(info)
	entered, leave := make(chan bool), make(chan bool)
	got := &collector{then: func() { entered <- true; <-leave }}
	b.Attach(got)
	go a.Send(superOf(info, "slow"))
	<-entered
	closed := make(chan bool)
	go func() { b.Close(); close(closed) }()
	select {
	case <-closed:
		t.Fatal("Close returned while Deliver was running")
	default:
	}
	leave <- true
	<-closed
	a.Send(superOf(info, "late"))
	if len(got.frames) != 1 {
		t.Errorf("%d frames delivered, want only the one sent before Close", len(got.frames))
	}
	if n := b.(*end).Dropped(); n != 1 {
		t.Errorf("Dropped = %d, want 1", n)
	}
	b.Close()
}
