package tcp

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/bytequeue"
)

// stateTable says what each segment does in each state: the reply, "-" for none, and the state after. The
// columns are the segments of stateSegments. RFC 9293, Section 3.10.7.3 and 3.10.7.4, with RFC 5961 and, in
// TIME-WAIT, RFC 1337.
const stateTable = `
             rst-exact rst-window rst-outside syn-window   syn-old      ack          ack-unsent   no-ack       data         old-data     fin          fin+ack-fin
SYN-SENT     -/SYN-SENT -/SYN-SENT -/SYN-SENT S./SYN-RECEIVED S./SYN-RECEIVED -/SYN-SENT R/SYN-SENT -/SYN-SENT -/SYN-SENT -/SYN-SENT -/SYN-SENT  R/SYN-SENT
SYN-RECEIVED -/CLOSED  ./SYN-RECEIVED -/SYN-RECEIVED ./SYN-RECEIVED S./SYN-RECEIVED -/ESTABLISHED R/SYN-RECEIVED -/SYN-RECEIVED -/ESTABLISHED ./SYN-RECEIVED ./CLOSE-WAIT R/SYN-RECEIVED
ESTABLISHED  -/CLOSED  ./ESTABLISHED -/ESTABLISHED ./ESTABLISHED ./ESTABLISHED -/ESTABLISHED ./ESTABLISHED -/ESTABLISHED -/ESTABLISHED ./ESTABLISHED ./CLOSE-WAIT ./ESTABLISHED
FIN-WAIT-1   -/CLOSED  ./FIN-WAIT-1 -/FIN-WAIT-1 ./FIN-WAIT-1 ./FIN-WAIT-1 -/FIN-WAIT-1 ./FIN-WAIT-1 -/FIN-WAIT-1 -/FIN-WAIT-1 ./FIN-WAIT-1 ./CLOSING   ./TIME-WAIT
FIN-WAIT-2   -/CLOSED  ./FIN-WAIT-2 -/FIN-WAIT-2 ./FIN-WAIT-2 ./FIN-WAIT-2 -/FIN-WAIT-2 ./FIN-WAIT-2 -/FIN-WAIT-2 -/FIN-WAIT-2 ./FIN-WAIT-2 ./TIME-WAIT ./TIME-WAIT
CLOSE-WAIT   -/CLOSED  ./CLOSE-WAIT -/CLOSE-WAIT ./CLOSE-WAIT ./CLOSE-WAIT -/CLOSE-WAIT ./CLOSE-WAIT -/CLOSE-WAIT ./CLOSE-WAIT ./CLOSE-WAIT ./CLOSE-WAIT ./CLOSE-WAIT
CLOSING      -/CLOSED  ./CLOSING -/CLOSING ./CLOSING ./CLOSING -/CLOSING ./CLOSING -/CLOSING ./CLOSING ./CLOSING ./CLOSING -/TIME-WAIT
LAST-ACK     -/CLOSED  ./LAST-ACK -/LAST-ACK ./LAST-ACK ./LAST-ACK -/LAST-ACK ./LAST-ACK -/LAST-ACK ./LAST-ACK ./LAST-ACK ./LAST-ACK -/CLOSED
TIME-WAIT    -/TIME-WAIT -/TIME-WAIT -/TIME-WAIT ./TIME-WAIT ./TIME-WAIT -/TIME-WAIT -/TIME-WAIT -/TIME-WAIT ./TIME-WAIT ./TIME-WAIT ./TIME-WAIT ./TIME-WAIT
`

// stateSegments builds each column's segment: nxt is RCV.NXT, una and sent are SND.UNA and SND.NXT.
var stateSegments = map[string]func(nxt, una, sent Seq) (Header, int){
	"rst-exact":   func(nxt, una, sent Seq) (Header, int) { return Header{Seq: nxt, Flags: RST}, 0 },
	"rst-window":  func(nxt, una, sent Seq) (Header, int) { return Header{Seq: nxt + 1, Flags: RST}, 0 },
	"rst-outside": func(nxt, una, sent Seq) (Header, int) { return Header{Seq: nxt - 1, Flags: RST}, 0 },
	"syn-window":  func(nxt, una, sent Seq) (Header, int) { return Header{Seq: nxt + 1, Flags: SYN}, 0 },
	"syn-old":     func(nxt, una, sent Seq) (Header, int) { return Header{Seq: nxt - 1, Flags: SYN}, 0 },
	"ack":         func(nxt, una, sent Seq) (Header, int) { return Header{Seq: nxt, Ack: una, Flags: ACK}, 0 },
	"ack-unsent":  func(nxt, una, sent Seq) (Header, int) { return Header{Seq: nxt, Ack: sent + 1, Flags: ACK}, 0 },
	"no-ack":      func(nxt, una, sent Seq) (Header, int) { return Header{Seq: nxt, Flags: PSH}, 10 },
	"data":        func(nxt, una, sent Seq) (Header, int) { return Header{Seq: nxt, Ack: una, Flags: ACK}, 10 },
	"old-data":    func(nxt, una, sent Seq) (Header, int) { return Header{Seq: nxt - 5, Ack: una, Flags: ACK}, 5 },
	"fin":         func(nxt, una, sent Seq) (Header, int) { return Header{Seq: nxt, Ack: una, Flags: FIN | ACK}, 0 },
	"fin+ack-fin": func(nxt, una, sent Seq) (Header, int) { return Header{Seq: nxt, Ack: sent, Flags: FIN | ACK}, 0 },
}

// inState returns a connection in a state.
func inState(t *testing.T, name string) *Conn {
	c := new(Conn)
	cfg := Config{Pool: bytequeue.NewPool(0)}
	if name == "SYN-SENT" {
		c.Open(&cfg, 1e9, 80, 9, 9000)
		outputs(c)
		return c
	}
	h := Header{SrcPort: 9, DstPort: 80, Seq: 5000, Flags: SYN, Window: 65535}
	c.Accept(&cfg, 1e9, &h, 9000)
	outputs(c)
	receive := func(seq, ack Seq, f Flags) {
		h := Header{SrcPort: 9, DstPort: 80, Seq: seq, Ack: ack, Flags: f, Window: 65535}
		c.Receive(1e9, &h, nil)
		outputs(c)
	}
	if name != "SYN-RECEIVED" {
		receive(5001, 9001, ACK)
	}
	script := map[string]string{
		"FIN-WAIT-1": "c", "FIN-WAIT-2": "ca", "CLOSE-WAIT": "f", "CLOSING": "cf", "LAST-ACK": "fc", "TIME-WAIT": "caf",
	}[name]
	for _, step := range script {
		switch step {
		case 'c':
			c.CloseWrite(1e9)
			outputs(c)
		case 'a':
			receive(5001, 9002, ACK)
		case 'f':
			receive(5001, c.snd.una, FIN|ACK)
		}
	}
	if c.State().String() != name {
		t.Fatalf("the way to %s led to %v", name, c.State())
	}
	c.Events()
	return c
}

// TestStateTable delivers each segment in each state.
func TestStateTable(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(stateTable), "\n")
	columns := strings.Fields(lines[0])
	for _, line := range lines[1:] {
		f := strings.Fields(line)
		for i, column := range columns {
			t.Run(f[0]+"/"+column, func(t *testing.T) {
				c := inState(t, f[0])
				// In SYN-SENT nothing is known of the peer: its numbers are anything.
				h, n := stateSegments[column](c.rcv.nxt, c.snd.una, c.snd.nxt)
				h.SrcPort, h.DstPort, h.Window = 9, 80, 65535
				if f[0] == "SYN-SENT" && h.Flags&(ACK|FIN) == ACK && column != "ack-unsent" {
					h.Ack = c.snd.nxt // acceptable; SND.UNA is not
				}
				if f[0] == "SYN-RECEIVED" && (column == "ack" || column == "data" || column == "fin") {
					h.Ack = c.snd.nxt
				}
				if f[0] == "SYN-RECEIVED" && column == "fin+ack-fin" || f[0] == "SYN-SENT" && column == "fin+ack-fin" {
					h.Ack = c.snd.nxt + 7
				}
				if f[0] == "ESTABLISHED" && column == "fin+ack-fin" || f[0] == "CLOSE-WAIT" && column == "fin+ack-fin" {
					h.Ack = c.snd.nxt + 1 // of a FIN that has not been sent
				}
				if f[0] == "SYN-SENT" && column == "fin" {
					h.Ack = c.snd.nxt
				}
				c.Receive(1e9, &h, make([]byte, n))
				var buf [2048]byte
				reply := "-"
				if k, _ := c.Output(1e9, buf[:], 1); k > 0 {
					var out Header
					out.Parse(buf[:k])
					reply = out.Flags.String()
				}
				if got := fmt.Sprintf("%s/%v", reply, c.State()); got != f[1+i] {
					t.Errorf("%v gives %s, want %s", h.Flags, got, f[1+i])
				}
			})
		}
	}
}

// TestListenSegment: RFC 9293, Section 3.10.7.2, for every combination of the four flags that matter.
func TestListenSegment(t *testing.T) {
	for f := range Flags(32) {
		want := ListenDrop
		switch {
		case f&RST != 0:
		case f&ACK != 0:
			want = ListenReset
		case f&SYN != 0 && f&FIN == 0:
			want = ListenAccept
		}
		if got := ListenSegment(&Header{Flags: f}); got != want {
			t.Errorf("%v: %d, want %d", f, got, want)
		}
	}
}

// TestReset: RFC 9293, Section 3.10.7.1.
func TestReset(t *testing.T) {
	for _, tt := range []struct {
		flags Flags
		n     int
		want  Header
	}{
		{RST, 0, Header{}},
		{RST | ACK, 10, Header{}},
		{ACK, 0, Header{Flags: RST, Seq: 77}},
		{ACK | PSH, 10, Header{Flags: RST, Seq: 77}},
		{SYN | ACK, 0, Header{Flags: RST, Seq: 77}},
		{SYN, 0, Header{Flags: RST | ACK, Ack: 501}},
		{SYN, 10, Header{Flags: RST | ACK, Ack: 511}},
		{SYN | FIN, 10, Header{Flags: RST | ACK, Ack: 512}},
		{FIN, 0, Header{Flags: RST | ACK, Ack: 501}},
		{0, 3, Header{Flags: RST | ACK, Ack: 503}},
	} {
		var b [64]byte
		n := Reset(&Header{SrcPort: 1, DstPort: 2, Seq: 500, Ack: 77, Flags: tt.flags}, tt.n, b[:])
		if tt.want.Flags == 0 {
			if n != 0 {
				t.Errorf("%v is answered", tt.flags)
			}
			continue
		}
		var h Header
		h.Parse(b[:n])
		tt.want.SrcPort, tt.want.DstPort, tt.want.DataOff = 2, 1, 20
		if h != tt.want {
			t.Errorf("%v with %d bytes: %+v, want %+v", tt.flags, tt.n, h, tt.want)
		}
	}
}

// TestMSSOptionOutsideSYN: an MSS on a segment that is no SYN changes nothing.
func TestMSSOptionOutsideSYN(t *testing.T) {
	c, send := connected(t, Config{MSS: 1460}, Options{HasMSS: true, MSS: 1400})
	send(ACK, 1, 1, 65535, Options{HasMSS: true, MSS: 100, HasWindowScale: true, WindowScale: 3}, 0)
	if in := c.Info(); in.MSS != 1400 || in.SendScale != 0 {
		t.Errorf("MSS %d, scale %d", in.MSS, in.SendScale)
	}
}

// TestTimeWaitRecord: what TIME-WAIT answers, and when it lets a new connection in. RFC 9293, Section 3.10.7.4; RFC 6191;
// RFC 1337.
func TestTimeWaitRecord(t *testing.T) {
	record := func(ts bool) TimeWait {
		return TimeWait{Expires: 61e9, duration: 60_000, nxt: 9002, rcvNxt: 5002, tsRecent: 700, tsRecentAt: 1e9,
			timestamps: ts, srcPort: 80, dstPort: 9, budget: timeWaitACKs, sum: true}
	}
	stamp := func(v uint32) Options { return Options{HasTimestamps: true, TSVal: v} }
	for _, tt := range []struct {
		name    string
		ts      bool
		h       Header
		n       int
		want    TWAction
		expires bool // the wait begins anew
	}{
		{"RST", false, Header{Seq: 5002, Flags: RST}, 0, TWDrop, false},
		{"the FIN again", false, Header{Seq: 5001, Ack: 9002, Flags: FIN | ACK}, 0, TWAck, true},
		{"the FIN again with its data", false, Header{Seq: 4991, Ack: 9002, Flags: FIN | ACK}, 10, TWAck, true},
		{"another FIN", false, Header{Seq: 5010, Ack: 9002, Flags: FIN | ACK}, 0, TWAck, false},
		{"old data", false, Header{Seq: 4000, Ack: 9002, Flags: ACK}, 10, TWAck, false},
		{"an ACK", false, Header{Seq: 5002, Ack: 9002, Flags: ACK}, 0, TWDrop, false},
		{"an old ACK", false, Header{Seq: 5001, Ack: 9001, Flags: ACK}, 0, TWAck, false},
		{"no flags", false, Header{Seq: 5002}, 0, TWDrop, false},
		{"SYN with a higher number", false, Header{Seq: 5003, Flags: SYN}, 0, TWReuse, false},
		{"SYN with a lower number", false, Header{Seq: 5001, Flags: SYN}, 0, TWAck, false},
		{"SYN with the same number", false, Header{Seq: 5002, Flags: SYN}, 0, TWAck, false},
		{"SYN,ACK", false, Header{Seq: 6000, Flags: SYN | ACK}, 0, TWAck, false},
		{"SYN with a later timestamp and a lower number", true, Header{Seq: 4000, Flags: SYN, Options: stamp(701)}, 0, TWReuse, false},
		{"SYN with an earlier timestamp and a higher number", true, Header{Seq: 6000, Flags: SYN, Options: stamp(699)}, 0, TWAck, false},
		{"SYN with the same timestamp and a higher number", true, Header{Seq: 6000, Flags: SYN, Options: stamp(700)}, 0, TWReuse, false},
		{"SYN without a timestamp and a higher number", true, Header{Seq: 6000, Flags: SYN}, 0, TWReuse, false},
		{"an ACK that PAWS rejects", true, Header{Seq: 5002, Ack: 9002, Flags: ACK, Options: stamp(600)}, 0, TWAck, false},
	} {
		r := record(tt.ts)
		if got := r.Receive(30e9, &tt.h, tt.n); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
		if moved := r.Expires == 90e9; moved != tt.expires {
			t.Errorf("%s: expires at %d", tt.name, r.Expires)
		}
	}
	r := record(true)
	var b [64]byte
	n := r.Output(30e9, b[:])
	var h Header
	h.Parse(b[:n])
	want := Header{SrcPort: 80, DstPort: 9, Seq: 9002, Ack: 5002, Flags: ACK, DataOff: 32,
		Options: Options{HasTimestamps: true, TSVal: 30_000, TSEcr: 700}}
	if h != want {
		t.Errorf("Output writes %+v, want %+v", h, want)
	}
	acks := 0
	for range 1000 {
		if r.Receive(30e9, &Header{Seq: 1, Flags: ACK}, 1) == TWAck {
			acks++
		}
	}
	if acks != timeWaitACKs {
		t.Errorf("%d ACKs in one instant, want %d", acks, timeWaitACKs)
	}
}

// TestTimeWaitRecordFromConn replaces a connection by its record, as a stack does.
func TestTimeWaitRecordFromConn(t *testing.T) {
	c := inState(t, "FIN-WAIT-2")
	if _, ok := c.TimeWaitRecord(2e9); ok {
		t.Error("a record in FIN-WAIT-2")
	}
	h := Header{SrcPort: 9, DstPort: 80, Seq: c.rcv.nxt, Ack: c.snd.nxt, Flags: FIN | ACK}
	c.Receive(2e9, &h, nil)
	if _, ok := c.TimeWaitRecord(2e9); ok {
		t.Error("a record before the last ACK has been sent")
	}
	outputs(c)
	r, ok := c.TimeWaitRecord(2e9)
	if !ok || r.Expires != 62e9 || r.nxt != c.snd.nxt || r.rcvNxt != c.rcv.nxt {
		t.Errorf("record %+v, %v", r, ok)
	}
}

// TestSucceed: a connection that takes the place of a TIME-WAIT record begins beyond it, in numbers and in time. RFC 1122,
// Section 4.2.2.13; RFC 6191.
func TestSucceed(t *testing.T) {
	c := inState(t, "TIME-WAIT")
	c.opt.timestamps = true
	r, ok := c.TimeWaitRecord(5e9)
	if !ok {
		t.Fatal("no record")
	}
	for at, want := range map[clock.Time]bool{4e9: false, 5e9: false, 5e9 + 1e6: true, 60e9: true} {
		if got := r.Yields(at); got != want {
			t.Errorf("%d ns after the start Yields = %v, want %v", at, got, want)
		}
	}
	r.Output(7e9, make([]byte, 100))
	if r.Yields(7e9) || !r.Yields(7e9+1e6) {
		t.Error("the ACK of a record does not count as the last that was sent")
	}
	r.timestamps = false
	if !r.Yields(0) {
		t.Error("without timestamps the time matters")
	}
	for _, tt := range []struct{ iss, want Seq }{
		{r.nxt - 1, r.nxt + isnGap}, {r.nxt + 1, r.nxt + isnGap}, {r.nxt + isnGap, r.nxt + isnGap}, {r.nxt + 1e6, r.nxt + 1e6},
	} {
		var n Conn
		n.Open(&Config{Pool: bytequeue.NewPool(0)}, 6e9, 80, 9, tt.iss)
		n.Succeed(&r)
		var h Header
		var b [MaxHeaderLen]byte
		k, _ := n.Output(6e9, b[:], 1)
		h.Parse(b[:k])
		if h.Flags != SYN || h.Seq != tt.want {
			t.Errorf("after %d an ISN of %d becomes %d, want %d", r.nxt, tt.iss, h.Seq, tt.want)
		}
		if got := h.Options.TSVal - r.tsOffset; got != 6000 {
			t.Errorf("the timestamp is %d, want that of the old connection's clock, 6000", got)
		}
	}
}

// TestSYNAgain: when an old connection answers our SYN, the reset that ends it is soon followed by the SYN; but only once.
func TestSYNAgain(t *testing.T) {
	c := inState(t, "SYN-SENT")
	iss := c.snd.iss
	for i := range 2 {
		h := Header{SrcPort: 9, DstPort: 80, Seq: 7000, Ack: iss - 500, Flags: ACK, Window: 1000}
		now := clock.Time(1e9 + 1e6 + 20e6*i)
		c.Receive(now, &h, nil)
		got := ""
		for range 2 {
			var b [MaxHeaderLen]byte
			for k, _ := c.Output(now, b[:], 1); k > 0; k, _ = c.Output(now, b[:], 1) {
				h.Parse(b[:k])
				got += h.Flags.String() + " "
				if h.Flags == SYN && h.Seq != iss || h.Flags == RST && h.Seq != iss-500 {
					t.Errorf("%v with sequence number %d", h.Flags, h.Seq)
				}
			}
			got += "| "
			now = now.Add(synAgain)
			c.Poll(now)
		}
		if want := []string{"R | S | ", "R | | "}[i]; got != want {
			t.Errorf("answer %d is sent %q, want %q", i, got, want)
		}
	}
	h := Header{SrcPort: 9, DstPort: 80, Seq: 9000, Ack: iss + 1, Flags: SYN | ACK, Window: 65535}
	c.Receive(1e9+50e6, &h, nil)
	if in := c.Info(); c.State() != StateEstablished || in.Stats.SYNsRetransmitted != 0 || in.CWND < 2*in.MSS {
		t.Errorf("%v, %d SYNs counted as lost, window %d", c.State(), in.Stats.SYNsRetransmitted, in.CWND)
	}
}

// TestISN: numbers differ between tuples unpredictably and grow for one tuple, and timestamps have an offset for each:
// RFC 6528; RFC 7323, Section 5.4; CASES T14.
func TestISN(t *testing.T) {
	key := [2]uint64{1, 2}
	a, b := []byte("10.0.0.1:1000-10.0.0.2:80"), []byte("10.0.0.1:1001-10.0.0.2:80")
	if d := ISN(key, 2e9, a).Sub(ISN(key, 1e9, a)); d != 250_000 {
		t.Errorf("in a second the number of one tuple grows by %d, want 250000", d)
	}
	if ISN(key, 1e9, a) == ISN([2]uint64{1, 3}, 1e9, a) {
		t.Error("the key does not matter")
	}
	d := ISN(key, 1e9, b).Sub(ISN(key, 1e9, a))
	if -1000 < d && d < 1000 {
		t.Errorf("two tuples are %d apart", d)
	}
	offset := func(tuple []byte, at int64) uint32 {
		var c Conn
		cfg := Config{Pool: bytequeue.NewPool(0), ISNKey: key}
		c.Open(&cfg, 1e9, 1, 2, ISN(key, 1e9, tuple))
		return c.timestamp(1e9)
	}
	if offset(a, 1e9) == offset(b, 1e9) {
		t.Error("two tuples have the same timestamps")
	}
	if d := offset(a, 5e9) - offset(a, 1e9); d != 0 {
		t.Errorf("the offset of one tuple changed by %d", d)
	}
}
