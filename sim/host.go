package sim

import (
	"fmt"
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/link"
	"github.com/ztstack/ztstack/stack"
)

// A Host is a stack in a World.
type Host struct {
	*stack.Stack
	Name string

	w     *World
	ports []*port
	in    []byte   // a frame being received
	out   link.Buf // a frame being sent
}

// AddHost adds a host. Config.Seed is made from the World's, unless it is set.
func (w *World) AddHost(name string, cfg stack.Config) *Host {
	if cfg.Seed == [32]byte{} {
		r := w.Rand()
		for i := range cfg.Seed {
			cfg.Seed[i] = byte(r.Uint32())
		}
	}
	s, err := stack.New(cfg, w.now)
	if err != nil {
		panic(fmt.Sprintf("sim: add host %s: %v", name, err))
	}
	h := &Host{Stack: s, Name: name, w: w, out: link.Buf{B: make([]byte, 65536+64)}}
	w.add(h)
	return h
}

// Address gives h an address on l, such as "10.0.0.1/24".
func (h *Host) Address(l *Link, prefix string) {
	if err := h.AddAddress(h.w.now, l.Interface(h), netip.MustParsePrefix(prefix)); err != nil {
		panic(fmt.Sprintf("sim: give %s the address %s: %v", h.Name, prefix, err))
	}
}

// copyIn copies a frame to where h may do with it as it likes.
func (h *Host) copyIn(frame []byte) link.Buf {
	h.in = append(h.in[:0], frame...)
	return link.Buf{B: h.in, Len: len(h.in)}
}

// maxBurst bounds the frames that a host sends before others have their turn.
const maxBurst = 64

// pump implements machine.
func (h *Host) pump(now clock.Time) (busy bool) {
	for _, p := range h.ports {
		for n := 0; n < maxBurst && h.Pending(p.iface); n++ {
			h.out.Off = 0
			if !h.Output(now, p.iface, &h.out) {
				break
			}
			busy = true
			p.send(now, h.out.Frame())
		}
	}
	return busy
}

// poll implements machine.
func (h *Host) poll(now clock.Time) clock.Time { return h.Poll(now) }
