package tcp

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/bytequeue"
)

// TestTranscripts plays testdata/*.txt. Each is one Conn against a script, on virtual time:
//
//	# prose
//	config mss 1460                before the connection; see transcript.config
//	listen                         the next segment in is given to Accept if ListenSegment says so
//	connect                        Open
//	established [sack] [ts] [wscale 7] [win 65535] [mss 1460]
//	                               a whole passive handshake, which takes 10 ms
//	in S 0:0(0) win 1000 <mss 1460,sackOK>
//	out S. 0:0(0) ack 1
//	+40ms                          time passes; timers run when they are due
//	write 1000 | read 500 | read eof | read again | shutdown | shutread | close | abort | mss 1000
//	icmp hard 0 | icmp soft 0      an ICMP error that quotes this sequence number
//	want state ESTABLISHED         see transcript.want
//
// Sequence numbers are relative to the initial ones, so that a SYN is 0 and the first byte 1. After each line that does
// something, out lines must account for every segment that was sent, in order: fields that a line
// leaves out (win, options) are not looked at. A window is as on the wire.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 40 {
		t.Fatalf("found %d transcripts, want at least 40 (%v)", len(files), err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			playTranscript(t, string(b))
		})
	}
}

// A transcript is one run of one script.
type transcript struct {
	t    *testing.T
	now  clock.Time
	conn Conn
	cfg  Config
	open bool
	line int
	text string

	peerISN  Seq
	iss      Seq
	tsBase   uint32 // our timestamp at the start
	lastTS   uint32 // our timestamp in the last segment sent
	autoTS   bool
	readPos  Seq
	writePos int
	segments []sentSegment
	events   Event
}

type sentSegment struct {
	h   Header
	n   int
	ect bool
}

// byteAt is the content of the peer's stream at a relative sequence number, byteOut that of ours.
func byteAt(seq Seq) byte  { return byte(seq*7 + seq>>8) }
func byteOut(seq Seq) byte { return byte(seq*11 + seq>>8) }

func playTranscript(t *testing.T, script string) {
	if !strings.HasPrefix(script, "# ") {
		t.Fatal("a transcript begins with prose")
	}
	x := &transcript{t: t, now: 1e9, peerISN: 5000, iss: 9000, readPos: 1}
	x.cfg = Config{Pool: bytequeue.NewPool(0), MSS: 1460, ISNKey: [2]uint64{1, 2}}
	for i, line := range strings.Split(script, "\n") {
		x.line = i + 1
		if k := strings.Index(line, "#"); k >= 0 {
			line = line[:k]
		}
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		x.text = line
		x.do(strings.Fields(line))
	}
	x.text = "the end"
	x.accounted()
}

func (x *transcript) fatalf(format string, args ...any) {
	x.t.Helper()
	x.t.Fatalf("line %d: %s: %s (at %v, %v)", x.line, x.text, fmt.Sprintf(format, args...), time.Duration(x.now-1e9), x.conn.State())
}

// accounted fails if something was sent that no out line has mentioned.
func (x *transcript) accounted() {
	x.t.Helper()
	if len(x.segments) > 0 {
		s := x.segments[0]
		x.fatalf("before it, this was sent and not expected: %s", x.describe(&s.h, s.n))
	}
}

func (x *transcript) do(f []string) {
	x.t.Helper()
	if f[0] == "out" {
		x.out(f[1:])
		return
	}
	if f[0] == "want" {
		x.want(f[1:])
		return
	}
	x.accounted()
	if f[0][0] == '+' {
		d, err := time.ParseDuration(f[0][1:])
		if err != nil {
			x.fatalf("%v", err)
		}
		x.pass(d)
		return
	}
	switch f[0] {
	case "config":
		x.config(f[1:])
	case "listen":
		x.iss = 9000
	case "connect":
		x.conn.Open(&x.cfg, x.now, 80, 1000, x.iss)
		x.opened()
	case "established":
		x.establish(f[1:])
	case "in":
		x.in(f[1:])
	default:
		x.call(f)
	}
	x.collect()
}

func (x *transcript) opened() {
	x.open = true
	x.tsBase = x.conn.timestamp(x.now)
	x.lastTS = x.tsBase
}

// call makes an application's call.
func (x *transcript) call(f []string) {
	x.t.Helper()
	arg := 0
	if len(f) > 1 {
		arg, _ = strconv.Atoi(f[len(f)-1])
	}
	switch f[0] {
	case "write":
		b := make([]byte, arg)
		for i := range b {
			b[i] = byteOut(Seq(1 + x.writePos + i))
		}
		n, err := x.conn.Write(x.now, b)
		if n != arg || err != nil {
			x.fatalf("wrote %d, %v", n, err)
		}
		x.writePos += n
	case "read":
		x.read(f[1])
	case "shutdown":
		x.conn.CloseWrite(x.now)
	case "shutread":
		x.conn.CloseRead(x.now)
	case "close":
		x.conn.Close(x.now)
	case "abort":
		x.conn.Abort(x.now)
	case "mss":
		x.conn.SetMSS(x.now, arg)
	case "icmp":
		x.conn.ICMPError(x.now, f[1] == "hard", x.iss.Add(arg), ErrUnreachable)
	case "nodelay":
		x.conn.SetNoDelay(x.now, true)
	case "linger":
		d, _ := time.ParseDuration(f[1])
		x.conn.SetLinger(true, d)
	default:
		x.fatalf("unknown line")
	}
}

func (x *transcript) config(f []string) {
	n := 0
	if len(f) > 1 {
		n, _ = strconv.Atoi(f[1])
	}
	dur := func(i int) time.Duration { d, _ := time.ParseDuration(f[i]); return d }
	switch f[0] {
	case "mss":
		x.cfg.MSS = n
	case "rcvbuf":
		x.cfg.ReceiveBuffer = n
	case "sndbuf":
		x.cfg.SendBuffer = n
	case "nodelay":
		x.cfg.NoDelay = true
	case "congestion":
		x.cfg.Congestion = f[1]
	case "nosack":
		x.cfg.NoSACK = true
	case "nots":
		x.cfg.NoTimestamps = true
	case "ecn":
		x.cfg.ECN = true
	case "noecn":
		x.cfg.NoECN = true
	case "nowscale":
		x.cfg.NoWindowScale = true
	case "keepalive":
		x.cfg.KeepAliveIdle, x.cfg.KeepAliveInterval = dur(1), dur(2)
		x.cfg.KeepAliveCount, _ = strconv.Atoi(f[3])
	case "usertimeout":
		x.cfg.UserTimeout = dur(1)
	case "iss":
		v, _ := strconv.ParseUint(f[1], 10, 32)
		x.iss = Seq(v)
	case "irs":
		v, _ := strconv.ParseUint(f[1], 10, 32)
		x.peerISN = Seq(v)
	default:
		x.fatalf("unknown configuration")
	}
}

// establish does a passive handshake with the options named.
func (x *transcript) establish(f []string) {
	h := Header{SrcPort: 1000, DstPort: 80, Seq: x.peerISN, Flags: SYN, Window: 65535}
	h.Options.HasMSS, h.Options.MSS = true, 1460
	for i := 0; i < len(f); i++ {
		n := 0
		if i+1 < len(f) {
			n, _ = strconv.Atoi(f[i+1])
		}
		switch f[i] {
		case "sack":
			h.Options.SACKPermitted = true
		case "ts":
			h.Options.HasTimestamps, h.Options.TSVal = true, 100
			x.autoTS = true
		case "wscale":
			h.Options.HasWindowScale, h.Options.WindowScale = true, uint8(n)
			i++
		case "win":
			h.Window = uint16(n)
			i++
		case "mss":
			h.Options.MSS = uint16(n)
			i++
		default:
			x.fatalf("unknown option %s", f[i])
		}
	}
	win := h.Window
	x.conn.Accept(&x.cfg, x.now, &h, x.iss)
	x.opened()
	x.collect()
	if len(x.segments) != 1 || x.segments[0].h.Flags != SYN|ACK {
		x.fatalf("no SYN,ACK was sent")
	}
	x.segments = nil
	x.now = x.now.Add(10 * time.Millisecond)
	h = Header{SrcPort: 1000, DstPort: 80, Seq: x.peerISN + 1, Ack: x.iss + 1, Flags: ACK, Window: win}
	if x.autoTS {
		h.Options.HasTimestamps, h.Options.TSVal, h.Options.TSEcr = true, 100, x.lastTS
	}
	x.conn.Receive(x.now, &h, nil)
	if x.conn.State() != StateEstablished {
		x.fatalf("the handshake led to %v", x.conn.State())
	}
}

// parseSegment reads "P. 1:101(100) ack 1 win 1000 <options>". set says which fields were given.
func (x *transcript) parseSegment(f []string, in bool) (h Header, n int, set map[string]bool) {
	x.t.Helper()
	theirs, ours := x.peerISN, x.iss
	if !in {
		theirs, ours = ours, theirs
	}
	set = map[string]bool{}
	for _, c := range f[0] {
		i := strings.IndexRune("FSRP.UEW", c)
		if i < 0 {
			x.fatalf("flags %q", f[0])
		}
		h.Flags |= 1 << i
	}
	var start, end int64
	if _, err := fmt.Sscanf(f[1], "%d:%d(%d)", &start, &end, &n); err != nil || end-start != int64(n) {
		x.fatalf("range %q: %v", f[1], err)
	}
	h.Seq = theirs + Seq(start)
	for i := 2; i < len(f); i++ {
		switch f[i] {
		case "ack":
			v, _ := strconv.ParseInt(f[i+1], 10, 64)
			h.Ack = ours + Seq(v)
			set["ack"] = true
			i++
		case "win":
			v, _ := strconv.Atoi(f[i+1])
			h.Window = uint16(v)
			set["win"] = true
			i++
		case "nots", "fill", "urg", "ce", "ect":
			set[f[i]] = true
		default:
			if !strings.HasPrefix(f[i], "<") {
				x.fatalf("unknown %q", f[i])
			}
			opts := strings.Join(f[i:], " ")
			x.parseOptions(&h, strings.Trim(opts, "<>"), ours, in)
			set["options"] = true
			return h, n, set
		}
	}
	return h, n, set
}

func (x *transcript) parseOptions(h *Header, s string, ours Seq, in bool) {
	o := &h.Options
	for _, part := range strings.Split(s, ",") {
		f := strings.Fields(part)
		if len(f) == 0 {
			continue
		}
		num := func(i int) uint32 { v, _ := strconv.ParseInt(f[i], 10, 64); return uint32(v) }
		switch f[0] {
		case "mss":
			o.HasMSS, o.MSS = true, uint16(num(1))
		case "wscale":
			o.HasWindowScale, o.WindowScale = true, uint8(num(1))
		case "sackOK":
			o.SACKPermitted = true
		case "ts":
			o.HasTimestamps, o.TSVal, o.TSEcr = true, num(1), num(2)
			if in {
				if o.TSEcr != 0 {
					o.TSEcr += x.tsBase
				}
			} else {
				o.TSVal += x.tsBase
			}
		case "sack":
			for _, r := range f[1:] {
				var a, b int64
				fmt.Sscanf(r, "%d:%d", &a, &b)
				o.SACK[o.NumSACK] = SACKBlock{ours + Seq(a), ours + Seq(b)}
				o.NumSACK++
			}
		default:
			x.fatalf("unknown option %q", part)
		}
	}
}

// in delivers a segment.
func (x *transcript) in(f []string) {
	x.t.Helper()
	h, n, set := x.parseSegment(f, true)
	h.SrcPort, h.DstPort = 1000, 80
	if !set["win"] && h.Flags&RST == 0 {
		h.Window = 65535
	}
	if set["urg"] {
		h.Urgent = 1
	}
	if x.autoTS && !h.Options.HasTimestamps && !set["nots"] {
		h.Options.HasTimestamps = true
		h.Options.TSVal, h.Options.TSEcr = 100+uint32(x.now.Sub(1e9).Milliseconds()), x.lastTS
	}
	payload := make([]byte, n)
	for i := range payload {
		payload[i] = byteAt(h.Seq - x.peerISN + Seq(i))
		if h.Flags&SYN != 0 {
			payload[i] = byteAt(h.Seq - x.peerISN + 1 + Seq(i))
		}
		if set["fill"] {
			payload[i] ^= 0xff
		}
	}
	// Through the wire format, as it would be.
	var b [MaxHeaderLen]byte
	k := h.Put(b[:])
	var got Header
	if got.Parse(append(b[:k:k], payload...)) != k {
		x.fatalf("the codec disagrees with itself")
	}
	if !x.open {
		switch ListenSegment(&got) {
		case ListenAccept:
			x.conn.Accept(&x.cfg, x.now, &got, x.iss)
			x.opened()
		case ListenReset:
			var dst [MaxHeaderLen]byte
			if n := Reset(&got, len(payload), dst[:]); n > 0 {
				var r Header
				r.Parse(dst[:n])
				x.segments = append(x.segments, sentSegment{r, 0, false})
			}
		}
		return
	}
	got.CE = set["ce"]
	x.conn.Receive(x.now, &got, payload)
}

// collect takes out what is to be sent.
func (x *transcript) collect() {
	x.t.Helper()
	if !x.open {
		return
	}
	var buf [4096]byte
	for range 1000 {
		n, _ := x.conn.Output(x.now, buf[:], 1)
		if n == 0 {
			x.events |= x.conn.Events()
			return
		}
		var h Header
		k := h.Parse(buf[:n])
		for i, c := range buf[k:n] {
			if at := h.Seq - x.iss + Seq(i); c != byteOut(at) {
				x.fatalf("byte %d of what was sent is wrong", at)
			}
		}
		if h.Options.HasTimestamps {
			x.lastTS = h.Options.TSVal
		}
		x.segments = append(x.segments, sentSegment{h, n - k, x.conn.ECT()})
	}
	x.fatalf("does not stop sending")
}

func (x *transcript) describe(h *Header, n int) string {
	start := h.Seq - x.iss
	s := fmt.Sprintf("%v %d:%d(%d)", h.Flags, int32(start), int32(start)+int32(n), n)
	if h.Flags&ACK != 0 {
		s += fmt.Sprintf(" ack %d", int32(h.Ack-x.peerISN))
	}
	s += fmt.Sprintf(" win %d <", h.Window)
	o := &h.Options
	var opts []string
	if o.HasMSS {
		opts = append(opts, fmt.Sprintf("mss %d", o.MSS))
	}
	if o.SACKPermitted {
		opts = append(opts, "sackOK")
	}
	if o.HasTimestamps {
		opts = append(opts, fmt.Sprintf("ts %d %d", o.TSVal-x.tsBase, o.TSEcr))
	}
	if o.HasWindowScale {
		opts = append(opts, fmt.Sprintf("wscale %d", o.WindowScale))
	}
	if o.NumSACK > 0 {
		b := "sack"
		for _, r := range o.SACK[:o.NumSACK] {
			b += fmt.Sprintf(" %d:%d", int32(r.Start-x.peerISN), int32(r.End-x.peerISN))
		}
		opts = append(opts, b)
	}
	return s + strings.Join(opts, ",") + ">"
}

// out checks the next segment sent.
func (x *transcript) out(f []string) {
	x.t.Helper()
	if len(x.segments) == 0 {
		x.fatalf("nothing was sent")
	}
	got := x.segments[0]
	x.segments = x.segments[1:]
	want, n, set := x.parseSegment(f, false)
	g := &got.h
	ok := g.Flags == want.Flags && g.Seq == want.Seq && got.n == n
	if want.Flags&ACK != 0 && set["ack"] {
		ok = ok && g.Ack == want.Ack
	}
	if set["win"] {
		ok = ok && g.Window == want.Window
	}
	ok = ok && (set["ect"] == got.ect || !x.cfg.ECN)
	if set["options"] {
		a, b := g.Options, want.Options
		a.SACK, b.SACK = trimSACK(a), trimSACK(b)
		ok = ok && a == b
	}
	if !ok {
		x.fatalf("sent %s", x.describe(g, got.n))
	}
}

// pass lets time go by, stopping at each deadline.
func (x *transcript) pass(d time.Duration) {
	x.t.Helper()
	end := x.now.Add(d)
	for x.open {
		next := x.conn.Deadline()
		if next == clock.Never || next > end {
			break
		}
		x.now = max(x.now, next)
		x.conn.Poll(x.now)
		x.collect()
	}
	x.now = end
}

func (x *transcript) read(what string) {
	x.t.Helper()
	n, err := strconv.Atoi(what)
	if err != nil {
		m, err := x.conn.Read(x.now, make([]byte, 1))
		want := map[string]error{"eof": io.EOF, "again": ErrWouldBlock, "reset": ErrReset, "timeout": ErrTimeout,
			"aborted": ErrAborted, "refused": ErrRefused, "closed": ErrClosed, "unreachable": ErrUnreachable}[what]
		if m != 0 || err != want || want == nil {
			x.fatalf("read %d, %v", m, err)
		}
		return
	}
	b := make([]byte, n)
	m, err := x.conn.Read(x.now, b)
	if m != n || err != nil {
		x.fatalf("read %d, %v", m, err)
	}
	for i, c := range b {
		if c != byteAt(x.readPos+Seq(i)) {
			x.fatalf("byte %d of the stream is wrong", x.readPos+Seq(i))
		}
	}
	x.readPos += Seq(n)
}

// want compares what Info and others tell.
func (x *transcript) want(f []string) {
	x.t.Helper()
	in := x.conn.Info()
	errName := "nil"
	if err := x.conn.Err(); err != nil {
		errName = strings.TrimPrefix(err.Error(), "tcp: ")
	}
	mss := max(in.MSS, 1)
	got := map[string]string{
		"state": in.State.String(), "err": errName,
		"cwnd": strconv.Itoa(in.CWND / mss), "cwndbytes": strconv.Itoa(in.CWND),
		"ssthresh": strconv.Itoa(in.SSThresh / mss),
		"flight":   strconv.Itoa(in.Flight), "pipe": strconv.Itoa(in.Pipe), "sacked": strconv.Itoa(in.SACKed), "lost": strconv.Itoa(in.Lost),
		"readable": strconv.Itoa(in.ReceiveQueued), "unsent": strconv.Itoa(in.SendQueued), "mss": strconv.Itoa(in.MSS),
		"timeouts": strconv.Itoa(int(in.Stats.Timeouts)), "retransmits": strconv.Itoa(int(in.Stats.Retransmits)),
		"rto": in.RTO.String(), "srtt": in.SRTT.String(), "recovery": strconv.FormatBool(in.InRecovery),
		"window": strconv.Itoa(in.SendWindow), "deadline": x.conn.Deadline().Sub(x.now).String(),
		"dsacks": strconv.Itoa(int(in.Stats.DSACKs)), "undos": strconv.Itoa(int(in.Stats.Undos)),
	}
	if f[0] == "event" {
		bit := map[string]Event{"readable": Readable, "writable": Writable, "connected": Connected, "readclosed": ReadClosed, "closed": Closed}[f[1]]
		if bit == 0 || x.events&bit == 0 {
			x.fatalf("events are %b", x.events)
		}
		x.events = 0
		return
	}
	g, ok := got[f[0]]
	if w := strings.Join(f[1:], " "); !ok || g != w {
		x.fatalf("it is %q", g)
	}
}
