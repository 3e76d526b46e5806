package sim

import (
	"fmt"
	"io"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/link"
	"github.com/ztstack/ztstack/pcap"
	"github.com/ztstack/ztstack/stack"
)

// A LinkConfig describes a link that hosts are to be connected to.
type LinkConfig struct {
	Name   string      // "" means link0, link1, …
	Medium link.Medium // Ethernet unless told otherwise
	MTU    int         // 0 means 1500
	Info   link.Info   // what else hosts are told of the link: NoSum, MaxSegs
	DAD    bool        // hosts detect duplicate addresses

	Impairments // of every host's way onto the link
}

// A Link carries the frames of every host on it to all others.
type Link struct {
	w     *World
	cfg   LinkConfig
	ports []*port

	capture   *pcap.Writer
	captureIf int
}

// A port is a host's place on a link.
type port struct {
	link    *Link
	host    *Host
	iface   stack.Interface
	channel channel // from the host to the link
	down    bool
}

// Connect makes a link and gives each host an interface on it.
func (w *World) Connect(cfg LinkConfig, hosts ...*Host) *Link {
	if cfg.Name == "" {
		cfg.Name = fmt.Sprintf("link%d", len(w.links))
	}
	if cfg.MTU == 0 {
		cfg.MTU = 1500
	}
	l := &Link{w: w, cfg: cfg}
	w.links = append(w.links, l)
	for _, h := range hosts {
		l.Attach(h)
	}
	return l
}

// Attach gives h an interface on l and returns it.
func (l *Link) Attach(h *Host) stack.Interface {
	info := l.cfg.Info
	info.Medium, info.MTU = l.cfg.Medium, l.cfg.MTU
	n := len(l.ports)
	if info.Medium == link.Ethernet {
		info.Addr = ethernet.Addr{2, 0, byte(l.index()), 0, byte(n >> 8), byte(n)}
	}
	i, err := h.AddInterface(l.w.now, stack.InterfaceConfig{Name: l.cfg.Name, Info: info, NoDAD: !l.cfg.DAD})
	if err != nil {
		panic(fmt.Sprintf("sim: attach %s to %s: %v", h.Name, l.cfg.Name, err))
	}
	p := &port{link: l, host: h, iface: i, channel: channel{Impairments: l.cfg.Impairments, rand: l.w.Rand()}}
	l.ports = append(l.ports, p)
	h.ports = append(h.ports, p)
	return i
}

func (l *Link) index() int {
	for i, x := range l.w.links {
		if x == l {
			return i
		}
	}
	panic("BUG: sim: link of another world")
}

// Interface returns h's interface on l, or 0 if it has none.
func (l *Link) Interface(h *Host) stack.Interface {
	if p := l.port(h); p != nil {
		return p.iface
	}
	return 0
}

func (l *Link) port(h *Host) *port {
	for _, p := range l.ports {
		if p.host == h {
			return p
		}
	}
	return nil
}

// Impair changes what happens to the frames that h sends; a nil h means every host.
func (l *Link) Impair(h *Host, i Impairments) {
	for _, p := range l.ports {
		if h == nil || p.host == h {
			p.channel.Impairments = i
		}
	}
}

// Cut stops h's frames in both directions, or lets them pass again.
func (l *Link) Cut(h *Host, cut bool) { l.port(h).down = cut }

// Counts returns what became of the frames that h has sent.
func (l *Link) Counts(h *Host) Counts { return l.port(h).channel.counts }

// Capture writes a capture of every frame as it arrives to out, beginning now.
func (l *Link) Capture(out io.Writer) error {
	pw, err := pcap.NewWriter(out, pcap.Config{Application: "ztstack sim"})
	if err != nil {
		return err
	}
	typ := pcap.Ethernet
	if l.cfg.Medium == link.IP {
		typ = pcap.Raw
	}
	l.captureIf, err = pw.AddInterface(pcap.Interface{Name: l.cfg.Name, LinkType: typ})
	if err != nil {
		return err
	}
	l.capture = pw
	return nil
}

// send puts a frame of p's host onto the link.
func (p *port) send(now clock.Time, frame []byte) {
	if p.down {
		return
	}
	// One copy suffers the impairments; what is left of it goes to every other host.
	scratch := p.link.w.buffer(frame)
	p.channel.send(now, scratch, func(at clock.Time, b []byte) {
		p.link.w.events.push(at, p, p.link.w.buffer(b))
	})
	p.link.w.release(scratch)
}

// arrive is the frame's arrival at the link's other ports.
func (p *port) arrive(now clock.Time, frame []byte) {
	l := p.link
	if l.capture != nil {
		if err := l.capture.Capture(now, l.captureIf, true, frame); err != nil {
			l.capture = nil
		}
	}
	for _, q := range l.ports {
		if q == p || q.down {
			continue
		}
		b := q.host.copyIn(frame)
		q.host.Receive(now, q.iface, &b)
	}
}
