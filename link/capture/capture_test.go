package capture

import (
	"bytes"
	"errors"
	"testing"

	"github.com/ztstack/ztstack/link"
	"github.com/ztstack/ztstack/link/pipe"
	"github.com/ztstack/ztstack/pcap"
)

type sink struct{ frames int }

func (s *sink) Deliver(f []link.Buf) { s.frames += len(f) }
func (s *sink) LinkChanged(bool)     {}

func send(d link.Device, frames ...string) {
	s := link.NewSuper(d.Info())
	for _, f := range frames {
		b := s.Next()
		b.Len = copy(b.Room(), f)
		s.Commit()
	}
	d.Send(s)
}

// Both directions are written, in order, with the interface they went through, and still arrive.
func TestCapture(t *testing.T) {
	var out bytes.Buffer
	pw, err := pcap.NewWriter(&out, pcap.Config{})
	if err != nil {
		t.Fatal(err)
	}
	x, y := pipe.New(link.Info{Medium: link.IP, MTU: 100, Batch: 8})
	w := Share(pw)
	a, err := w.Wrap(x, "a")
	if err != nil {
		t.Fatal(err)
	}
	b, err := w.Wrap(y, "b")
	if err != nil {
		t.Fatal(err)
	}
	atA, atB := &sink{}, &sink{}
	a.Attach(atA)
	b.Attach(atB)
	send(a, "one", "two")
	send(b, "three")
	if atA.frames != 1 || atB.frames != 2 {
		t.Errorf("%d and %d frames arrived, want 1 and 2", atA.frames, atB.frames)
	}
	r, err := pcap.NewReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		iface int
		dir   pcap.Direction
		data  string
	}{
		{0, pcap.Outbound, "one"}, {0, pcap.Outbound, "two"}, {1, pcap.Inbound, "one"}, {1, pcap.Inbound, "two"},
		{1, pcap.Outbound, "three"}, {0, pcap.Inbound, "three"},
	} {
		p, err := r.Next()
		if err != nil || p.Interface != want.iface || p.Direction != want.dir || string(p.Data) != want.data {
			t.Errorf("packet %d %v %q, %v; want %+v", p.Interface, p.Direction, p.Data, err, want)
		}
	}
}

type full struct{ left int }

var errFull = errors.New("disk full")

func (f *full) Write(b []byte) (int, error) {
	if f.left--; f.left < 0 {
		return 0, errFull
	}
	return len(b), nil
}

// A capture that cannot go on does not hold up the traffic.
func TestCaptureFails(t *testing.T) {
	pw, err := pcap.NewWriter(&full{left: 3}, pcap.Config{})
	if err != nil {
		t.Fatal(err)
	}
	x, y := pipe.New(link.Info{MTU: 100, Batch: 8})
	a, err := Wrap(x, pw, "a")
	if err != nil {
		t.Fatal(err)
	}
	got := &sink{}
	y.Attach(got)
	send(a, "one")
	if err := a.Err(); err != nil {
		t.Errorf("Err = %v after one frame", err)
	}
	send(a, "two", "three")
	if got.frames != 3 || !errors.Is(a.Err(), errFull) {
		t.Errorf("%d frames arrived, Err = %v; want 3 and %v", got.frames, a.Err(), errFull)
	}
}
