package driver

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ztstack/ztstack/clock"
)

// Impairment is done to every datagram that a driver sends. The zero Impairment does nothing.
type Impairment struct {
	Loss  float64       // probability that a datagram is dropped, 0 to 1
	Delay time.Duration // added to the datagram's way
	Seed  uint64        // makes the losses repeatable
}

// An impairer loses and delays datagrams on their way to the sockets.
type impairer struct {
	d   *Driver
	cfg Impairment

	mu    sync.Mutex
	rand  *rand.Rand // guarded by mu
	line  []delayed  // guarded by mu; in order of time
	bytes int        // guarded by mu: in line
	free  [][]byte   // guarded by mu: buffers to use again, last in first out

	wake  chan struct{}
	lost  atomic.Uint64
	drops atomic.Uint64 // datagrams for which the delay line had no room
}

// delayed is a run of datagrams under way.
type delayed struct {
	at   clock.Time
	s    *socket
	data []byte
	seg  int
	ttl  int
	to   netip.AddrPort
}

// maxDelayed is the most bytes that the delay line holds.
const maxDelayed = 64 << 20

func newImpairer(d *Driver, cfg Impairment) *impairer {
	if cfg.Loss <= 0 && cfg.Delay <= 0 {
		return nil
	}
	return &impairer{d: d, cfg: cfg, rand: rand.New(rand.NewPCG(cfg.Seed, uint64(d.self))), wake: make(chan struct{}, 1)}
}

// send sends, now or later, the datagrams that are not lost: runs of survivors stay runs.
func (p *impairer) send(s *socket, w *writer, data []byte, seg int, to netip.AddrPort, ttl int) {
	if p.cfg.Loss <= 0 {
		p.pass(s, w, data, seg, to, ttl)
		return
	}
	start, end := 0, 0
	for end < len(data) {
		next := min(end+seg, len(data))
		p.mu.Lock()
		lost := p.rand.Float64() < p.cfg.Loss
		p.mu.Unlock()
		if lost {
			p.lost.Add(1)
			p.pass(s, w, data[start:end], seg, to, ttl)
			start = next
		}
		end = next
	}
	p.pass(s, w, data[start:end], seg, to, ttl)
}

// pass sends a run, or puts it into the delay line.
func (p *impairer) pass(s *socket, w *writer, data []byte, seg int, to netip.AddrPort, ttl int) {
	if len(data) == 0 {
		return
	}
	if p.cfg.Delay <= 0 {
		s.send(w, data, seg, to, ttl)
		return
	}
	at := p.d.now().Add(p.cfg.Delay)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bytes+len(data) > maxDelayed {
		p.drops.Add(uint64((len(data) + seg - 1) / seg))
		return
	}
	var b []byte
	if n := len(p.free); n > 0 {
		b, p.free = p.free[n-1], p.free[:n-1]
	}
	p.line = append(p.line, delayed{at: at, s: s, data: append(b[:0], data...), seg: seg, ttl: ttl, to: to})
	p.bytes += len(data)
	if len(p.line) == 1 {
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
}

// run sends what has waited long enough, until the driver closes.
func (p *impairer) run() {
	var w writer
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-p.d.closing:
			return
		case <-p.wake:
		case <-timer.C:
		}
		for {
			d, wait, ok := p.due()
			if !ok {
				timer.Reset(wait)
				break
			}
			d.s.send(&w, d.data, d.seg, d.to, d.ttl)
			p.recycle(d.data)
		}
	}
}

// due takes the next run whose time has come, or says how long to wait.
func (p *impairer) due() (d delayed, wait time.Duration, ok bool) {
	now := p.d.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.line) == 0 {
		return d, time.Hour, false
	}
	if at := p.line[0].at; at > now {
		return d, at.Sub(now), false
	}
	d = p.line[0]
	p.line[0] = delayed{}
	if p.line = p.line[1:]; len(p.line) == 0 {
		p.line = nil
	}
	p.bytes -= len(d.data)
	return d, 0, true
}

func (p *impairer) recycle(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) < 64 {
		p.free = append(p.free, b)
	}
}
