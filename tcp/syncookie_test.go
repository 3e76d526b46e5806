package tcp

import (
	"testing"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/bytequeue"
)

// cookieTest answers a SYN by a cookie and returns the answer of an honest client.
func cookieTest(t *testing.T, cfg *Config, now clock.Time, o Options) (synACK, ack Header) {
	t.Helper()
	syn := Header{SrcPort: 1000, DstPort: 80, Seq: 5000, Flags: SYN, Window: 1000, Options: o}
	var b [MaxHeaderLen]byte
	n := Cookie(cfg, now, &syn, []byte("tuple"), b[:])
	if synACK.Parse(b[:n]) != n || synACK.Flags != SYN|ACK || synACK.Ack != 5001 || synACK.SrcPort != 80 {
		t.Fatalf("the answer to a SYN is %+v", synACK)
	}
	ack = Header{SrcPort: 1000, DstPort: 80, Seq: 5001, Ack: synACK.Seq + 1, Flags: ACK, Window: 1000}
	if synACK.Options.HasTimestamps {
		ack.Options = Options{HasTimestamps: true, TSVal: o.TSVal + 5, TSEcr: synACK.Options.TSVal}
	}
	return synACK, ack
}

// What the SYN said is known again when the ACK comes, as far as a cookie can say it.
func TestCookieOptions(t *testing.T) {
	cfg := &Config{Pool: bytequeue.NewPool(0), MSS: 1460, ISNKey: [2]uint64{1, 2}}
	full := Options{HasMSS: true, MSS: 1460, SACKPermitted: true, HasWindowScale: true, WindowScale: 7, HasTimestamps: true, TSVal: 77}
	for _, tt := range []struct {
		name        string
		cfg         Config
		o           Options
		mss         int
		ts, sack    bool
		scaling     bool
		scale       uint8
		advertisedS bool
	}{
		{"all", Config{}, full, 1448, true, true, true, 7, true},
		{"no timestamps", Config{}, Options{HasMSS: true, MSS: 1460, SACKPermitted: true, HasWindowScale: true, WindowScale: 7}, 1460, false, false, false, 0, false},
		{"we refuse timestamps", Config{NoTimestamps: true}, full, 1460, false, false, false, 0, false},
		{"we refuse SACK", Config{NoSACK: true}, full, 1448, true, false, true, 7, true},
		{"scale 14", Config{}, Options{HasMSS: true, MSS: 1000, HasWindowScale: true, WindowScale: 14, HasTimestamps: true}, 524, true, false, true, 14, true},
		{"scale 0", Config{}, Options{HasMSS: true, MSS: 1300, HasWindowScale: true, HasTimestamps: true}, 1208, true, false, true, 0, true},
		{"nothing", Config{}, Options{}, 536, false, false, false, 0, false},
		{"tiny MSS", Config{}, Options{HasMSS: true, MSS: 3}, 64, false, false, false, 0, false},
	} {
		c := *cfg
		c.NoTimestamps, c.NoSACK = tt.cfg.NoTimestamps, tt.cfg.NoSACK
		now := clock.Time(12345678901)
		synACK, ack := cookieTest(t, &c, now, tt.o)
		if o := synACK.Options; o.HasTimestamps != tt.ts || o.SACKPermitted != tt.sack || o.HasWindowScale != tt.advertisedS {
			t.Errorf("%s: the SYN,ACK has %+v", tt.name, o)
		}
		now = now.Add(30 * time.Millisecond)
		var conn Conn
		if !conn.AcceptCookie(&c, now, &ack, []byte("tuple")) {
			t.Errorf("%s: the cookie is refused", tt.name)
			continue
		}
		conn.Receive(now, &ack, []byte("data"))
		in := conn.Info()
		if in.State != StateEstablished || in.MSS != tt.mss || in.SACK != tt.sack || in.Timestamp != tt.ts ||
			in.WindowScaling != tt.scaling || in.SendScale != tt.scale || in.ReceiveQueued != 4 {
			t.Errorf("%s: %+v", tt.name, in)
		}
		if in.SRTT != 0 || in.RTO != initialRTO {
			t.Errorf("%s: a round trip that nobody measured: SRTT %v, RTO %v", tt.name, in.SRTT, in.RTO)
		}
		// Our timestamps go on from that of the SYN,ACK.
		var b [100]byte
		n, _ := conn.Output(now.Add(delayedACK), b[:], 1)
		conn.Poll(now.Add(delayedACK))
		if n == 0 {
			n, _ = conn.Output(now.Add(delayedACK), b[:], 1)
		}
		var h Header
		if h.Parse(b[:n]) < 0 || tt.ts && int32(h.Options.TSVal-synACK.Options.TSVal) < 0 {
			t.Errorf("%s: timestamp %d after %d", tt.name, h.Options.TSVal, synACK.Options.TSVal)
		}
	}
}

// A cookie of somebody else, of another time or with any bit changed is none.
func TestCookieForged(t *testing.T) {
	cfg := &Config{Pool: bytequeue.NewPool(0), MSS: 1460, ISNKey: [2]uint64{1, 2}}
	start := clock.Time(0).Add(1000 * cookiePeriod)
	_, ack := cookieTest(t, cfg, start, Options{HasMSS: true, MSS: 1460})
	accept := func(cfg *Config, now clock.Time, h Header, tuple string) bool {
		var c Conn
		return c.AcceptCookie(cfg, now, &h, []byte(tuple))
	}
	if !accept(cfg, start, ack, "tuple") || !accept(cfg, start.Add(CookieLifetime-1), ack, "tuple") {
		t.Fatal("an honest cookie is refused")
	}
	for bit := range 32 {
		h := ack
		h.Ack = (h.Ack - 1 ^ 1<<bit) + 1
		if accept(cfg, start, h, "tuple") {
			t.Errorf("with bit %d changed it is accepted", bit)
		}
		h = ack
		h.Seq ^= 1 << bit
		if accept(cfg, start, h, "tuple") {
			t.Errorf("with bit %d of the sequence number changed it is accepted", bit)
		}
	}
	for _, d := range []time.Duration{CookieLifetime, 7 * cookiePeriod, 8 * cookiePeriod, 9 * cookiePeriod, 800 * cookiePeriod} {
		if accept(cfg, start.Add(d), ack, "tuple") {
			t.Errorf("it is accepted after %v", d)
		}
	}
	other := *cfg
	other.ISNKey[1]++
	if accept(cfg, start, ack, "tuplf") || accept(&other, start, ack, "tuple") {
		t.Error("it is accepted from another peer, or by another host")
	}
	for _, f := range []Flags{0, SYN, SYN | ACK, RST | ACK, RST, FIN} {
		h := ack
		h.Flags = f
		if accept(cfg, start, h, "tuple") {
			t.Errorf("it is accepted in a segment with flags %v", f)
		}
	}
}
