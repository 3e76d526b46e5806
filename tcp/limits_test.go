package tcp

import (
	"testing"
	"time"

	"github.com/ztstack/ztstack/internal/bytequeue"
)

// connected returns a connection that a hostile peer has opened, and a function that lets the peer send.
// Sequence numbers are relative: the peer's first byte is 1, and so is ours.
func connected(t testing.TB, cfg Config, peer Options) (c *Conn, send func(flags Flags, seq, ack int, window uint16, o Options, n int)) {
	t.Helper()
	if cfg.Pool == nil {
		cfg.Pool = bytequeue.NewPool(0)
	}
	c = new(Conn)
	h := Header{SrcPort: 9, DstPort: 80, Seq: 5000, Flags: SYN, Window: 65535, Options: peer}
	c.Accept(&cfg, 1e9, &h, 9000)
	outputs(c)
	h = Header{SrcPort: 9, DstPort: 80, Seq: 5001, Ack: 9001, Flags: ACK, Window: 65535}
	c.Receive(1e9, &h, nil)
	if c.State() != StateEstablished {
		t.Fatalf("the handshake led to %v", c.State())
	}
	payload := make([]byte, 1<<16)
	return c, func(flags Flags, seq, ack int, window uint16, o Options, n int) {
		h := Header{SrcPort: 9, DstPort: 80, Seq: Seq(5000 + seq), Ack: Seq(9000 + ack), Flags: flags, Window: window, Options: o}
		c.Receive(1e9, &h, payload[:n])
	}
}

// outputs takes out all that is to be sent and counts it.
func outputs(c *Conn) (segments, bytes int) {
	var buf [2048]byte
	for {
		n, _ := c.Output(1e9, buf[:], 1)
		if n == 0 {
			return segments, bytes
		}
		segments++
		bytes += n - int(buf[12]>>4)*4
	}
}

// TestIslands sends every second byte of the window: CASES T26, CVE-2018-5390.
func TestIslands(t *testing.T) {
	pool := bytequeue.NewPool(0)
	c, send := connected(t, Config{Pool: pool, ReceiveBuffer: 1 << 20}, Options{SACKPermitted: true, HasWindowScale: true, WindowScale: 7})
	start := time.Now()
	for seq := 2; seq < 1<<20; seq += 2 {
		send(ACK, seq, 1, 65535, Options{}, 1)
		outputs(c)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("half a million islands took %v", d)
	}
	most := c.rcv.ranges()
	if n := c.ooo.set.Len(); n > most {
		t.Errorf("%d ranges are kept, want at most %d", n, most)
	}
	if n := pool.InUse(); n > 64<<10 {
		t.Errorf("%d bytes of pages are held for %d bytes", n, most)
	}
	// An honest segment still gets through, and takes with it what it joins.
	send(ACK|PSH, 1, 1, 65535, Options{}, 1000)
	if c.Readable() != 1000 {
		t.Errorf("%d bytes are readable, want 1000", c.Readable())
	}
	c.Release()
	if pool.InUse() != 0 {
		t.Errorf("%d bytes of pages are left", pool.InUse())
	}
}

// TestDribble fills the window of an application that does not read with segments of one byte, and goes on.
// The right edge cannot be told exactly when it is scaled; the memory is bounded all the same: CASES T40.
func TestDribble(t *testing.T) {
	const limit = 300_000
	pool := bytequeue.NewPool(0)
	c, send := connected(t, Config{Pool: pool, ReceiveBuffer: limit}, Options{HasWindowScale: true, WindowScale: 7})
	for seq := 1; seq < 2*limit; seq++ {
		send(ACK|PSH, seq, 1, 65535, Options{}, 1)
		if seq%7 == 0 {
			outputs(c)
		}
	}
	if n := c.Readable(); n < limit || n > c.rcv.hardLimit() {
		t.Errorf("%d bytes are held, want %d to %d", n, limit, c.rcv.hardLimit())
	}
	if n := pool.InUse(); n > limit+64<<10 {
		t.Errorf("%d bytes of pages are held", n)
	}
}

// TestPoolExhausted lets the pool run dry: what does not fit is not acknowledged, and the connection lives.
func TestPoolExhausted(t *testing.T) {
	pool := bytequeue.NewPool(40 << 10)
	var count Counters
	c, send := connected(t, Config{Pool: pool, Counters: &count}, Options{SACKPermitted: true})
	seq := 1
	for range 60 {
		send(ACK, seq, 1, 65535, Options{}, 1460)
		seq += 1460
		outputs(c)
	}
	if count.Drops[DropNoMemory] == 0 {
		t.Error("nothing was dropped for want of memory")
	}
	if n := c.Readable(); n == 0 || n > 40<<10 {
		t.Errorf("%d bytes are readable", n)
	}
	got := c.Readable()
	if n, _ := c.Read(1e9, make([]byte, 1<<16)); n != got {
		t.Errorf("read %d of %d", n, got)
	}
	send(ACK, 1+got, 1, 65535, Options{}, 1460)
	if c.Readable() == 0 {
		t.Error("the connection does not go on once there is memory")
	}
	if n, err := c.Write(1e9, make([]byte, 1<<16)); n == 0 || err != nil {
		t.Errorf("Write = %d, %v", n, err)
	}
}

// TestACKFlood sends duplicate ACKs without a loss, acknowledgements of single bytes, and of what was never
// sent: CASES T36.
func TestACKFlood(t *testing.T) {
	c, send := connected(t, Config{}, Options{HasMSS: true, MSS: 1460})
	c.Write(1e9, make([]byte, 200_000))
	_, first := outputs(c)
	total := first
	for range 1000 {
		send(ACK, 1, 1, 65535, Options{}, 0)
		_, n := outputs(c)
		total += n
	}
	if total > 3*first {
		t.Errorf("1000 duplicate ACKs made it send %d bytes after %d", total-first, first)
	}
	c, send = connected(t, Config{}, Options{HasMSS: true, MSS: 1460})
	c.Write(1e9, make([]byte, 200_000))
	outputs(c)
	before := c.cwnd.CWND
	for i := range 1460 {
		send(ACK, 1, 2+i, 65535, Options{}, 0)
		outputs(c)
	}
	if grown := c.cwnd.CWND - before; grown > 1460 {
		t.Errorf("1460 ACKs of one byte each opened the window by %d", grown)
	}
	cwnd := c.cwnd.CWND
	send(ACK, 1, 150_000, 65535, Options{}, 0)
	if c.cwnd.CWND != cwnd || c.snd.una != 9001+1460 {
		t.Error("an ACK of what was not sent was believed")
	}
}

// TestChallengeFlood sends 10,000 suspicious segments in a second on two connections: CASES T23. Neither may answer many,
// and how many one answers says nothing about the other.
func TestChallengeFlood(t *testing.T) {
	seen := map[int]bool{}
	for key := range uint64(20) {
		c, send := connected(t, Config{ISNKey: [2]uint64{key, 7}}, Options{})
		total := 0
		for range 10_000 {
			send(SYN, 300, 0, 65535, Options{}, 0)
			n, _ := outputs(c)
			total += n
		}
		if total < challengeLeast || total > challengeLeast+challengeSpread {
			t.Errorf("%d challenge ACKs in one period", total)
		}
		seen[total] = true
		if !c.challenge.allow(c.challenge.end) {
			t.Error("the next period allows none")
		}
	}
	if len(seen) < 3 {
		t.Errorf("20 connections allow only %d different numbers", len(seen))
	}
}

// TestSmallSegmentsBounded has the application write single bytes without Nagle to a peer that does not
// acknowledge: the records of what is in flight must not outgrow the data.
func TestSmallSegmentsBounded(t *testing.T) {
	c, _ := connected(t, Config{NoDelay: true, SendBuffer: 64 << 10}, Options{})
	c.cwnd.CWND = 1 << 20
	for range 60_000 {
		c.Write(1e9, []byte{1})
		outputs(c)
	}
	if c.sent.n > 1024 {
		t.Errorf("%d records for %d bytes", c.sent.n, c.snd.flight())
	}
}

// TestFirstSegmentsAcknowledgedByTwo delivers the first segments of a connection in one batch: the peer still gets an
// acknowledgement for every second one, so that its window opens as usual; later one for the batch will do.
func TestFirstSegmentsAcknowledgedByTwo(t *testing.T) {
	c, send := connected(t, Config{MSS: 1460}, Options{HasMSS: true, MSS: 1460})
	seq := 1
	batch := func(n int) (acks int) {
		for range n {
			send(ACK, seq, 1, 65535, Options{}, 1460)
			seq += 1460
		}
		acks, _ = outputs(c)
		return acks
	}
	if n := batch(10); n != 5 {
		t.Errorf("%d acknowledgements for the first 10 segments, want 5", n)
	}
	c.Read(1e9, make([]byte, 1<<16))
	if n := batch(6); n != 3 {
		t.Errorf("%d acknowledgements for the next 6 segments, want 3", n)
	}
	c.Read(1e9, make([]byte, 1<<16))
	if n := batch(20); n > 2 {
		t.Errorf("%d acknowledgements for 20 segments in one batch later, want 1", n)
	}
	if c.rcv.acked != c.rcv.nxt {
		t.Error("the last acknowledgement does not cover everything")
	}
}
