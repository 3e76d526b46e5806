// Package capture is a link that writes down every frame that goes through it.
package capture

import (
	"sync"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/link"
	"github.com/ztstack/ztstack/pcap"
)

// Wrap returns a Device that is d, and writes each frame sent and received to w, on an interface called
// name. A frame to be sent is written before d has it. The first error ends the capture, not the traffic:
// see Err. Nobody else may use w meanwhile, unless Share has made it.
func Wrap(d link.Device, w *pcap.Writer, name string) (*Device, error) {
	return wrap(d, &Writer{w: w}, name)
}

// A Writer is a capture that several devices write to.
type Writer struct {
	mu  sync.Mutex
	w   *pcap.Writer // guarded by mu
	err error        // the first error; guarded by mu
}

// Share lets several devices write to w.
func Share(w *pcap.Writer) *Writer { return &Writer{w: w} }

// Wrap is Wrap for one of several devices.
func (w *Writer) Wrap(d link.Device, name string) (*Device, error) { return wrap(d, w, name) }

func wrap(d link.Device, w *Writer, name string) (*Device, error) {
	typ := pcap.Ethernet
	if d.Info().Medium == link.IP {
		typ = pcap.Raw
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	i, err := w.w.AddInterface(pcap.Interface{Name: name, LinkType: typ})
	if err != nil {
		return nil, err
	}
	return &Device{Device: d, w: w, iface: i}, nil
}

// A Device is a link.Device with a capture of its traffic.
type Device struct {
	link.Device
	w        *Writer
	iface    int
	receiver link.Receiver
}

// Attach implements link.Device.
func (d *Device) Attach(r link.Receiver) {
	d.receiver = r
	d.Device.Attach(d)
}

// Send implements link.Device.
func (d *Device) Send(s *link.Super) {
	d.write(s.Frames(), true)
	d.Device.Send(s)
}

// Deliver implements link.Receiver.
func (d *Device) Deliver(frames []link.Buf) {
	d.write(frames, false)
	d.receiver.Deliver(frames)
}

// LinkChanged implements link.Receiver.
func (d *Device) LinkChanged(up bool) { d.receiver.LinkChanged(up) }

// Err returns why the capture ended, or nil.
func (d *Device) Err() error {
	d.w.mu.Lock()
	defer d.w.mu.Unlock()
	return d.w.err
}

func (d *Device) write(frames []link.Buf, out bool) {
	now := clock.Time(time.Now().UnixNano())
	d.w.mu.Lock()
	defer d.w.mu.Unlock()
	for i := range frames {
		if d.w.err != nil {
			return
		}
		d.w.err = d.w.w.Capture(now, d.iface, out, frames[i].Frame())
	}
}
