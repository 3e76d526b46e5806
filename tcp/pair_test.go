package tcp

import (
	"bytes"
	"container/heap"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/internal/bytequeue"
	"github.com/ztstack/ztstack/internal/cksum"
)

// An end is one endpoint of a pair, with the application on top: it writes what toSend holds and reads
// into got.
type end struct {
	conn   Conn
	cfg    Config
	pool   *bytequeue.Pool
	iss    Seq
	toSend []byte
	got    []byte
	eof    bool
	err    error
	close  bool // close the write side when toSend is empty
	mute   bool // do not read
	readAt int  // bytes per read; 0 reads all
	events Event
	right  Seq // the highest right edge this end has advertised
	opened bool
}

// A pair is two Conns joined by a link in virtual time. A seed makes everything replay.
type pair struct {
	t     testing.TB
	now   clock.Time
	rng   *rand.Rand
	ends  [2]*end
	queue packets
	order int
	buf   [1 << 17]byte

	delay   time.Duration
	jitter  time.Duration
	loss    float64
	dup     float64
	maxSegs int
	batch   bool // ask for output only after all that is due has been delivered
	// filter, if set, sees each segment sent, and drops it by returning false.
	filter func(from int, h *Header, payload []byte) bool
	log    func(from int, h *Header, payload []byte)
	sent   [2]int
}

type packet struct {
	at    clock.Time
	order int
	to    int
	data  []byte
}

type packets []packet

func (q packets) Len() int { return len(q) }
func (q packets) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].order < q[j].order
}
func (q packets) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *packets) Push(x any)   { *q = append(*q, x.(packet)) }
func (q *packets) Pop() any     { x := (*q)[len(*q)-1]; *q = (*q)[:len(*q)-1]; return x }

// newPair returns two closed ends. Nothing happens before open.
func newPair(t testing.TB, seed uint64) *pair {
	p := &pair{t: t, now: 1e9, rng: rand.New(rand.NewPCG(seed, 1)), delay: 10 * time.Millisecond, maxSegs: 1}
	for i := range p.ends {
		pool := bytequeue.NewPool(0)
		p.ends[i] = &end{pool: pool, cfg: Config{Pool: pool, MSS: 1460, ISNKey: [2]uint64{seed, uint64(i)}}, iss: Seq(1000 * (i + 1))}
	}
	return p
}

// open sends the client's SYN on its way.
func (p *pair) open() {
	e := p.ends[0]
	e.conn.Open(&e.cfg, p.now, 1000, 80, e.iss)
	e.opened = true
	p.flush(0)
}

// connect opens and completes the handshake.
func (p *pair) connect() {
	p.t.Helper()
	p.open()
	p.runUntil(time.Minute, func() bool {
		return p.ends[0].conn.State() == StateEstablished && p.ends[1].conn.State() == StateEstablished
	})
	for p.queue.Len() > 0 {
		p.step()
	}
}

// flush takes everything out of an end that it has to send.
func (p *pair) flush(i int) {
	e := p.ends[i]
	if !e.opened {
		return
	}
	p.app(e)
	for count := 0; ; count++ {
		if count > 20_000 {
			p.t.Fatalf("end %d does not stop sending: %s", i, p.describe(i))
		}
		n, gso := e.conn.Output(p.now, p.buf[:], p.maxSegs)
		if n == 0 {
			break
		}
		p.transmit(i, p.buf[:n], gso)
	}
	e.events |= e.conn.Events()
}

// app lets the application of an end act.
func (p *pair) app(e *end) {
	for len(e.toSend) > 0 {
		n, err := e.conn.Write(p.now, e.toSend)
		if err != nil {
			break
		}
		e.toSend = e.toSend[n:]
	}
	if e.close && len(e.toSend) == 0 {
		e.conn.CloseWrite(p.now)
	}
	for !e.mute {
		room := max(e.conn.Readable(), 1)
		if e.readAt > 0 {
			room = e.readAt
		}
		b := make([]byte, room)
		n, err := e.conn.Read(p.now, b)
		e.got = append(e.got, b[:n]...)
		if err == io.EOF {
			e.eof = true
		} else if err != nil && err != ErrWouldBlock {
			e.err = err
		}
		if err != nil || e.readAt > 0 {
			break
		}
	}
}

// transmit cuts a segment as a device would and puts the pieces on the link.
func (p *pair) transmit(from int, b []byte, gso int) {
	var h Header
	hdr := h.Parse(b)
	if hdr < 0 {
		p.t.Fatalf("end %d sent %x, which is no segment", from, b)
	}
	p.checkSum(from, b)
	p.checkWindow(from, &h)
	payload := b[hdr:]
	if gso == 0 {
		gso = max(len(payload), 1)
	} else if gso >= len(payload) {
		p.t.Fatalf("end %d: gso %d of %d bytes", from, gso, len(payload))
	}
	for first := true; first || len(payload) > 0; first = false {
		n := min(gso, len(payload))
		g := h
		if n < len(payload) {
			g.Flags &^= PSH | FIN
		}
		p.put(from, &g, payload[:n])
		payload = payload[n:]
		h.Seq = h.Seq.Add(n)
	}
}

func (p *pair) put(from int, h *Header, payload []byte) {
	p.sent[from]++
	if p.log != nil {
		p.log(from, h, payload)
	}
	if p.filter != nil && !p.filter(from, h, payload) {
		return
	}
	if p.rng.Float64() < p.loss {
		return
	}
	copies := 1
	if p.rng.Float64() < p.dup {
		copies = 2
	}
	for range copies {
		var b [MaxHeaderLen]byte
		n := h.Put(b[:])
		at := p.now.Add(p.delay)
		if p.jitter > 0 {
			at = at.Add(time.Duration(p.rng.Int64N(int64(p.jitter))))
		}
		p.order++
		heap.Push(&p.queue, packet{at: at, order: p.order, to: 1 - from, data: append(b[:n:n], payload...)})
	}
}

// checkSum fails unless the checksum field holds the sum of the rest.
func (p *pair) checkSum(from int, b []byte) {
	p.t.Helper()
	field := be.Uint16(b[16:])
	c := append([]byte(nil), b...)
	be.PutUint16(c[16:], 0)
	if want := cksum.Sum(c); field != want && !(field == 0xffff && want == 0 || field == 0 && want == 0xffff) {
		p.t.Fatalf("end %d: checksum field %#04x, want the sum %#04x", from, field, want)
	}
}

// checkWindow fails if the right edge of the window moves left.
func (p *pair) checkWindow(from int, h *Header) {
	p.t.Helper()
	e := p.ends[from]
	if h.Flags&ACK == 0 || h.Flags&(RST|SYN) != 0 {
		return
	}
	right := h.Ack.Add(int(h.Window) << e.conn.rcv.scale)
	if e.right != 0 && right.LessThan(e.right) && e.conn.State() != StateTimeWait {
		p.t.Fatalf("end %d: right edge moved left from %d to %d", from, e.right, right)
	}
	e.right = right
}

// next returns when something is due to happen.
func (p *pair) next() (next clock.Time) {
	if p.queue.Len() > 0 {
		next = p.queue[0].at
	}
	for _, e := range p.ends {
		if e.opened {
			next = clock.Min(next, e.conn.Deadline())
		}
		if e.opened && e.readAt > 0 && !e.mute && e.conn.Readable() > 0 {
			next = clock.Min(next, p.now.Add(time.Millisecond)) // a slow reader reads on
		}
	}
	return next
}

// step delivers what is due next, or lets time pass to the next deadline. It returns false when nothing is left
// to happen.
func (p *pair) step() bool {
	next := p.next()
	if next == clock.Never {
		return false
	}
	p.now = max(p.now, next)
	for p.queue.Len() > 0 && p.queue[0].at <= p.now {
		k := heap.Pop(&p.queue).(packet)
		p.deliver(k.to, k.data)
		if !p.batch {
			p.flush(k.to)
		}
	}
	for i, e := range p.ends {
		if !e.opened {
			continue
		}
		first := e.conn.Poll(p.now)
		if again := e.conn.Poll(p.now); again != first {
			p.t.Fatalf("Poll returned %d, then %d", first, again)
		}
		p.flush(i)
		p.checkInvariants(i)
	}
	return true
}

// deliver hands a segment to an end; the server accepts its first SYN.
func (p *pair) deliver(to int, b []byte) {
	var h Header
	hdr := h.Parse(b)
	e := p.ends[to]
	if !e.opened {
		if ListenSegment(&h) != ListenAccept {
			return
		}
		e.conn.Accept(&e.cfg, p.now, &h, e.iss)
		e.opened = true
		return
	}
	if e.conn.State() == StateClosed {
		// The connection is gone: the host answers.
		var dst [MaxHeaderLen]byte
		if n := Reset(&h, len(b)-hdr, dst[:]); n > 0 {
			p.transmit(to, dst[:n], 0)
		}
		return
	}
	e.conn.Receive(p.now, &h, b[hdr:])
}

// checkInvariants checks what must hold whenever an end has nothing more to send.
func (p *pair) checkInvariants(i int) {
	p.t.Helper()
	c := &p.ends[i].conn
	in := c.Info()
	if in.SndNXT.LessThan(in.SndUNA) {
		p.t.Fatalf("end %d: SND.UNA %d > SND.NXT %d", i, in.SndUNA, in.SndNXT)
	}
	if in.Pipe < 0 || in.SACKed < 0 || in.Resent > in.Lost || in.Pipe > in.Flight {
		p.t.Fatalf("end %d: pipe %d of flight %d: SACKed %d, lost %d, resent %d", i, in.Pipe, in.Flight, in.SACKed, in.Lost, in.Resent)
	}
	if in.Flight > 0 && in.State != StateClosed && in.State != StateTimeWait && c.Deadline() == clock.Never {
		p.t.Fatalf("end %d: %d bytes in flight and no deadline", i, in.Flight)
	}
	if in.State.Synchronized() && in.State != StateTimeWait {
		checkScoreboard(p.t, &c.sent, c.snd.una, c.snd.nxt, c.opt.sack)
	}
}

// checkScoreboard compares the sums with the records.
func checkScoreboard(t testing.TB, s *scoreboard, una, nxt Seq, sack bool) {
	t.Helper()
	var sacked, lost, resent, above uint32
	pos := una
	for i := s.head; i != s.head+s.n; i++ {
		r := s.at(i)
		if r.start != pos || !r.start.LessThan(r.end) {
			t.Fatalf("record %d is [%d,%d) after %d", i-s.head, r.start, r.end, pos)
		}
		pos = r.end
		n := uint32(r.len())
		if r.flags&recordSACKed != 0 {
			sacked += n
			if int32(i-s.judged) >= 0 {
				above += n
			}
			if r.flags&(recordLost|recordResent) != 0 {
				t.Fatalf("record %d is SACKed and %b", i-s.head, r.flags)
			}
		}
		if r.flags&recordLost != 0 {
			lost += n
			if r.flags&recordResent == 0 && int32(i-s.resend) < 0 {
				t.Fatalf("record %d is lost and lies before resend", i-s.head)
			}
		}
		if r.flags&recordResent != 0 {
			resent += n
		}
	}
	if pos != nxt {
		t.Fatalf("records end at %d, want SND.NXT %d", pos, nxt)
	}
	if lost != s.lost || resent != s.resent || sack && (sacked != s.sacked || above != s.above) {
		t.Fatalf("sums: sacked %d lost %d resent %d above %d, want %d %d %d %d", s.sacked, s.lost, s.resent, s.above, sacked, lost, resent, above)
	}
}

// runUntil steps until done, and fails if that takes longer than limit of virtual time.
func (p *pair) runUntil(limit time.Duration, done func() bool) {
	p.t.Helper()
	end := p.now.Add(limit)
	for !done() {
		if !p.step() || p.now > end {
			p.t.Fatalf("not done at %v; client %s, server %s", time.Duration(p.now), p.describe(0), p.describe(1))
		}
	}
}

func (p *pair) describe(i int) string {
	e := p.ends[i]
	in := e.conn.Info()
	return fmt.Sprintf("%v una %d nxt %d wnd %d cwnd %d pipe %d lost %d resent %d queued %d; rcv %d got %d deadline %v rto %v err %v",
		in.State, in.SndUNA, in.SndNXT, in.SendWindow, in.CWND, in.Pipe, in.Lost, in.Resent, in.SendQueued, in.ReceiveQueued, len(e.got),
		time.Duration(e.conn.Deadline()), in.RTO, e.conn.Err())
}

// pattern returns n bytes that differ from their neighbours at any distance that matters.
func pattern(n int) []byte {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

// transfer sends n bytes each way, closes, and checks that all of it arrives.
func (p *pair) transfer(n0, n1 int, limit time.Duration) {
	p.t.Helper()
	data := [2][]byte{pattern(n0), pattern(n1 + 1)[1:]}
	for i, e := range p.ends {
		e.toSend, e.close = data[i], true
		p.flush(i)
	}
	p.runUntil(limit, func() bool { return p.ends[0].eof && p.ends[1].eof })
	for i, e := range p.ends {
		if !bytes.Equal(e.got, data[1-i]) {
			p.t.Fatalf("end %d read %d bytes that differ from the %d written", i, len(e.got), len(data[1-i]))
		}
	}
	p.runUntil(limit, func() bool {
		return p.ends[0].conn.State() == StateClosed && p.ends[1].conn.State() == StateClosed
	})
	for i, e := range p.ends {
		if e.conn.Err() != nil {
			p.t.Fatalf("end %d: %v", i, e.conn.Err())
		}
		e.conn.Release()
		if n := e.pool.InUse(); n != 0 {
			p.t.Fatalf("end %d: %d bytes of buffers not given back", i, n)
		}
	}
}
