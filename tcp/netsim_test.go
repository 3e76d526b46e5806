package tcp

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/bytequeue"
)

// A netPath is one direction of a link: a queue that drops what does not fit, a rate at which it is emptied, losses by
// chance, and a delay. Packets never overtake one another.
type netPath struct {
	rate  int // bits per second; 0 is no limit
	queue int // bytes that wait to be sent; 0 is no limit
	delay time.Duration
	loss  float64
	rng   *rand.Rand

	free    clock.Time // when the sender has sent all that waits
	packets []netPacket
	head, n int

	sent, lost, overflow int
	maxQueue             time.Duration // the longest that a packet waited
}

type netPacket struct {
	at   clock.Time
	flow int
	n    int
	data []byte
}

// frameOverhead is what Ethernet and IPv4 add to a segment.
const frameOverhead = 34

// room returns a buffer for the next packet.
func (l *netPath) room() []byte {
	if l.n == len(l.packets) {
		size := max(64, 2*len(l.packets))
		p := make([]netPacket, size)
		for i := range l.n {
			p[i] = l.packets[(l.head+i)%len(l.packets)]
		}
		l.packets, l.head = p, 0
	}
	p := &l.packets[(l.head+l.n)%len(l.packets)]
	if p.data == nil {
		p.data = make([]byte, 1600)
	}
	return p.data
}

// send puts the packet of n bytes that has been written into room on its way.
func (l *netPath) send(now clock.Time, flow, n int) {
	l.sent++
	at := now
	if l.rate > 0 {
		wait := max(0, l.free.Sub(now))
		if l.queue > 0 && int(int64(wait)*int64(l.rate)/8e9) > l.queue {
			l.overflow++
			return
		}
		l.maxQueue = max(l.maxQueue, wait)
		l.free = max(l.free, now).Add(time.Duration((n + frameOverhead) * 8 * 1e9 / l.rate))
		at = l.free
	}
	if l.loss > 0 && l.rng.Float64() < l.loss {
		l.lost++
		return
	}
	p := &l.packets[(l.head+l.n)%len(l.packets)]
	p.at, p.flow, p.n = at.Add(l.delay), flow, n
	l.n++
}

// next returns when a packet arrives, or Never.
func (l *netPath) next() clock.Time {
	if l.n == 0 {
		return clock.Never
	}
	return l.packets[l.head].at
}

// A netFlow is a connection whose sender always has something to send, and whose receiver reads at once.
type netFlow struct {
	a, b     Conn
	got      int
	progress clock.Time    // when got last grew
	stall    time.Duration // the longest that it did not
}

// A netSim joins flows through one link, in virtual time. The same seed gives the same run.
type netSim struct {
	now   clock.Time
	paths [2]netPath // to the receivers, to the senders
	flows []*netFlow
	sink  [64 << 10]byte
	cfg   Config
}

func newNetSim(seed uint64, rate, queue int, rtt time.Duration, loss float64) *netSim {
	s := &netSim{now: 1e9}
	for i := range s.paths {
		s.paths[i] = netPath{rate: rate, queue: queue, delay: rtt / 2, loss: loss, rng: rand.New(rand.NewPCG(seed, uint64(i)))}
	}
	s.cfg = Config{Pool: bytequeue.NewPool(0), MSS: 1460, NoSum: true, SendBuffer: 64 << 20, ReceiveBuffer: 64 << 20}
	return s
}

// add opens a flow and completes its handshake, which nothing impairs.
func (s *netSim) add(congestion string) *netFlow {
	f := &netFlow{}
	cfg := s.cfg
	cfg.Congestion = congestion
	f.a.Open(&cfg, s.now, 1, 2, 1000)
	n, _ := f.a.Output(s.now, s.sink[:], 1)
	var h Header
	h.Parse(s.sink[:n])
	s.now = s.now.Add(s.paths[0].delay)
	f.b.Accept(&cfg, s.now, &h, 2000)
	n, _ = f.b.Output(s.now, s.sink[:], 1)
	h = Header{}
	h.Parse(s.sink[:n])
	s.now = s.now.Add(s.paths[1].delay)
	f.a.Receive(s.now, &h, nil)
	n, _ = f.a.Output(s.now, s.sink[:], 1)
	h = Header{}
	h.Parse(s.sink[:n])
	f.b.Receive(s.now, &h, nil)
	f.progress = s.now
	s.flows = append(s.flows, f)
	return f
}

// flush takes out what the ends of flow i have to send.
func (s *netSim) flush(i int) {
	f := s.flows[i]
	for {
		if n, _ := f.a.Write(s.now, zeroes); n == 0 {
			break
		}
	}
	for k, c := range [2]*Conn{&f.a, &f.b} {
		l := &s.paths[k]
		for {
			n, _ := c.Output(s.now, l.room(), 1)
			if n == 0 {
				break
			}
			l.send(s.now, i, n)
		}
	}
}

var zeroes = make([]byte, 64<<10)

// run lets d pass.
func (s *netSim) run(d time.Duration) {
	end := s.now.Add(d)
	for i := range s.flows {
		s.flush(i)
	}
	for {
		next := clock.Min(s.paths[0].next(), s.paths[1].next())
		for _, f := range s.flows {
			next = clock.Min(next, clock.Min(f.a.Deadline(), f.b.Deadline()))
		}
		if next == clock.Never || next > end {
			s.now = end
			return
		}
		s.now = max(s.now, next)
		for k := range s.paths {
			for l := &s.paths[k]; l.n > 0 && l.packets[l.head].at <= s.now; {
				s.deliver(k, &l.packets[l.head])
				i := l.packets[l.head].flow
				l.head = (l.head + 1) % len(l.packets)
				l.n--
				s.flush(i)
			}
		}
		for i, f := range s.flows {
			if f.a.Deadline().Expired(s.now) || f.b.Deadline().Expired(s.now) {
				f.a.Poll(s.now)
				f.b.Poll(s.now)
				s.flush(i)
			}
		}
	}
}

func (s *netSim) deliver(to int, p *netPacket) {
	f := s.flows[p.flow]
	var h Header
	hdr := h.Parse(p.data[:p.n])
	if to == 1 {
		f.a.Receive(s.now, &h, nil)
		return
	}
	f.b.Receive(s.now, &h, p.data[hdr:p.n])
	if n := f.b.Discard(s.now, f.b.Readable()); n > 0 {
		f.got += n
		f.stall = max(f.stall, s.now.Sub(f.progress))
		f.progress = s.now
	}
}

// mbps returns the rate of n bytes in d in Mbit/s.
func mbps(n int, d time.Duration) float64 { return float64(n) * 8 / 1e6 / d.Seconds() }

// TestShortPathLoss: on a path as short as the loopback of a machine, losses cost windows and not timeouts. The numbers
// are far above what a timeout of 200 ms for every other loss would leave (50 and 4 Mbit/s).
func TestShortPathLoss(t *testing.T) {
	for _, name := range CongestionNames() {
		for _, v := range []struct{ loss, least float64 }{{0.02, 400}, {0.05, 200}, {0.1, 60}} {
			s := newNetSim(1, 1e9, 2_500_000, 200*time.Microsecond, v.loss)
			f := s.add(name)
			s.run(2 * time.Second)
			rate, in := mbps(f.got, 2*time.Second), f.a.stats
			t.Logf("%s, loss %g: %.0f Mbit/s, %d timeouts, %d probes, %d recoveries, stalled for %v", name, v.loss, rate,
				in.Timeouts, in.LossProbes, in.Recoveries, f.stall)
			if rate < v.least {
				t.Errorf("%s, loss %g: %.0f Mbit/s, want %v", name, v.loss, rate, v.least)
			}
		}
	}
}
