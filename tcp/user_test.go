package tcp

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/ztstack/ztstack/internal/bytequeue"
)

func TestConfigValidate(t *testing.T) {
	pool := bytequeue.NewPool(0)
	ok := Config{Pool: pool}
	if err := ok.Validate(); err != nil {
		t.Errorf("the zero Config: %v", err)
	}
	for field, cfg := range map[string]Config{
		"Pool":          {},
		"SendBuffer":    {Pool: pool, SendBuffer: -1},
		"ReceiveBuffer": {Pool: pool, ReceiveBuffer: maxBuffer + 1},
		"MSS":           {Pool: pool, MSS: 1 << 16},
		"DefaultMSS":    {Pool: pool, DefaultMSS: -1},
		"KeepAlive":     {Pool: pool, KeepAliveCount: -1},
		"timeout":       {Pool: pool, MinRTO: -1},
		"Congestion":    {Pool: pool, Congestion: "vegas"},
	} {
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, name := range CongestionNames() {
		cfg := Config{Pool: pool, Congestion: name}
		if err := cfg.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWriteUntilFull: Write takes what fits, and Writable is told once a quarter of the buffer is free again.
func TestWriteUntilFull(t *testing.T) {
	c, send := connected(t, Config{SendBuffer: 10_000, MSS: 1460}, Options{HasMSS: true, MSS: 1460})
	c.Events()
	if n, err := c.Write(1e9, make([]byte, 15_000)); n != 10_000 || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	if n, err := c.Write(1e9, make([]byte, 1)); n != 0 || err != ErrWouldBlock {
		t.Fatalf("Write to a full buffer = %d, %v", n, err)
	}
	outputs(c)
	send(ACK, 1, 1461, 65535, Options{}, 0)
	if c.Events()&Writable != 0 {
		t.Error("woken for one segment")
	}
	send(ACK, 1, 2921, 65535, Options{}, 0)
	if c.Events()&Writable == 0 || c.Writable() != 2920 {
		t.Errorf("not woken with %d bytes free", c.Writable())
	}
	c.CloseWrite(1e9)
	if n, err := c.Write(1e9, make([]byte, 1)); n != 0 || err != ErrClosed || c.Writable() != 0 {
		t.Errorf("Write after CloseWrite = %d, %v", n, err)
	}
}

func TestPeekAndDiscard(t *testing.T) {
	c, send := connected(t, Config{}, Options{})
	send(ACK, 1, 1, 65535, Options{}, 100)
	b := make([]byte, 200)
	if n := c.Peek(10, b); n != 90 || c.Readable() != 100 {
		t.Errorf("Peek = %d, %d readable", n, c.Readable())
	}
	if n := c.Discard(1e9, 60); n != 60 || c.Readable() != 40 {
		t.Errorf("Discard = %d, %d readable", n, c.Readable())
	}
	if n := c.Discard(1e9, 60); n != 40 {
		t.Errorf("Discard of more than there is = %d", n)
	}
	if n, err := c.Read(1e9, b); n != 0 || err != ErrWouldBlock {
		t.Errorf("Read = %d, %v", n, err)
	}
	send(FIN|ACK, 101, 1, 65535, Options{}, 0)
	if _, err := c.Read(1e9, b); err != io.EOF {
		t.Errorf("Read after the FIN: %v", err)
	}
}

func TestCloseBeforeOpenCompletes(t *testing.T) {
	open := func() *Conn {
		c := new(Conn)
		c.Open(&Config{Pool: bytequeue.NewPool(0)}, 1e9, 1, 2, 100)
		outputs(c)
		return c
	}
	c := open()
	c.Close(1e9)
	if c.State() != StateClosed {
		t.Errorf("Close in SYN-SENT leads to %v", c.State())
	}
	// With data written the connection completes, and closes after it.
	c = open()
	c.Write(1e9, []byte("GET /"))
	c.CloseWrite(1e9)
	c.Receive(2e9, &Header{Seq: 7, Ack: 101, Flags: SYN | ACK, Window: 1000}, nil)
	if n, bytes := outputs(c); n != 1 || bytes != 5 || c.State() != StateFinWait1 {
		t.Errorf("%d segments with %d bytes, %v", n, bytes, c.State())
	}
}

// TestSetters changes a connection that is open.
func TestSetters(t *testing.T) {
	c, _ := connected(t, Config{}, Options{})
	c.SetKeepAlive(1e9, 10*time.Second, time.Second, 1)
	c.SetUserTimeout(20 * time.Second)
	if !c.SetCongestion(1e9, "reno") || c.SetCongestion(1e9, "vegas") {
		t.Error("SetCongestion")
	}
	// Deadline may still be that of a timer which has been stopped.
	if d := c.Poll(c.Deadline()); d != 11e9 {
		t.Fatalf("keep-alive is due at %v", d)
	}
	c.Poll(11e9)
	if n, _ := outputs(c); n != 1 {
		t.Fatalf("%d probes", n)
	}
	c.Poll(12e9)
	if c.State() != StateClosed || c.Err() != ErrTimeout {
		t.Errorf("after an unanswered probe: %v, %v", c.State(), c.Err())
	}
	d, send := connected(t, Config{}, Options{})
	c = d
	c.SetKeepAlive(1e9, 10*time.Second, time.Second, 1)
	c.Write(1e9, make([]byte, 10))
	outputs(c)
	send(ACK, 1, 11, 65535, Options{}, 0)
	c.SetKeepAlive(1e9, 0, 0, 0)
	for c.Deadline() != 0 {
		c.Poll(c.Deadline())
		if n, _ := outputs(c); n != 0 {
			t.Error("a probe after keep-alive was turned off")
		}
	}
}

// TestCounters checks what the connections of a stack count together.
func TestCounters(t *testing.T) {
	var count Counters
	cfg := Config{Pool: bytequeue.NewPool(0), Counters: &count}
	c, send := connected(t, cfg, Options{})
	if count.PassiveOpens != 1 || count.CurrEstab != 1 {
		t.Errorf("after a passive open: %+v", count)
	}
	send(ACK, 1, 99, 65535, Options{}, 0)
	c.Write(1e9, make([]byte, 10))
	outputs(c)
	c.Poll(1e9 + 1e9)
	outputs(c)
	c.Abort(2e9)
	outputs(c)
	if count.CurrEstab != 0 || count.EstabResets != 1 || count.OutRsts != 1 || count.RetransSegs != 1 || count.Timeouts != 1 || count.Drops[DropBadACK] != 1 {
		t.Errorf("after an abort: %+v", count)
	}
	c = new(Conn)
	c.Open(&cfg, 1e9, 1, 2, 100)
	c.Receive(1e9, &Header{Ack: 101, Flags: RST | ACK}, nil)
	if count.ActiveOpens != 1 || count.AttemptFails != 1 || c.Err() != ErrRefused {
		t.Errorf("after a refused open: %+v, %v", count, c.Err())
	}
	if DropPAWS.String() != "paws" || NumDropReasons.String() != "invalid" || StateTimeWait.String() != "TIME-WAIT" || State(99).String() != "invalid" {
		t.Error("names")
	}
	seen := map[string]bool{}
	for r := range NumDropReasons {
		if r.String() == "" || seen[r.String()] {
			t.Errorf("reason %d is called %q", r, r)
		}
		seen[r.String()] = true
	}
}

// TestTrace: a hook is told what congestion control does and why.
func TestTrace(t *testing.T) {
	var reasons []string
	c, send := connected(t, Config{Trace: func(e TraceEvent) {
		reasons = append(reasons, e.Reason)
		if e.CWND <= 0 || e.Flight < 0 {
			t.Errorf("%+v", e)
		}
	}}, Options{})
	c.Write(1e9, make([]byte, 10))
	outputs(c)
	send(ACK, 1, 11, 65535, Options{}, 0)
	c.Write(1e9, make([]byte, 10))
	outputs(c)
	c.Poll(c.Deadline())
	if got := strings.Join(reasons, " "); got != "established ack timeout" {
		t.Errorf("reasons %q", got)
	}
}
