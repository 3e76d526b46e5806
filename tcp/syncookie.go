package tcp

import (
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/internal/siphash"
)

// A SYN cookie is an initial sequence number that says by itself what the SYN it answered has said, so that a host
// whose memory for half-open connections is full remembers nothing of it: RFC 4987, Section 3.6. Its bits are, from the
// highest, 26 of a keyed hash, 3 of the time and 3 that stand for the peer's MSS. Window scale and SACK go in the lowest bits
// of our timestamp, which the peer echoes; a peer without timestamps has to do without both.
const (
	// cookiePeriod is the unit of a cookie's time. A cookie is good for one to two of them.
	cookiePeriod = 64 * time.Second
	cookieTimes  = 8
	// cookieOptions are the bits of the timestamp that carry options: four of window scale, of which all set mean none,
	// and one of SACK.
	cookieOptions = 0x1f
	cookieSACK    = 0x10
	cookieNoScale = 0x0f
	// maxCookieTuple is the longest tuple: that of IPv6, with an interface.
	maxCookieTuple = 40
)

// cookieMSS are the segment sizes that a cookie can stand for; the peer's is rounded down.
var cookieMSS = [8]uint16{minMSS, 536, 1220, 1360, 1440, 1460, 2740, 8940}

// CookieLifetime is for how long after the last one was sent an ACK may bring a cookie back.
const CookieLifetime = 2 * cookiePeriod

// cookieHash returns the keyed hash, in its place, of all that a cookie vouches for.
func cookieHash(key [2]uint64, tuple []byte, irs Seq, period int64, mss uint32) uint32 {
	var b [maxCookieTuple + 16]byte
	n := copy(b[:maxCookieTuple], tuple)
	be.PutUint32(b[n:], uint32(irs))
	be.PutUint64(b[n+4:], uint64(period))
	be.PutUint32(b[n+12:], mss)
	return uint32(siphash.Sum24(key[0], key[1], b[:n+16])) &^ (cookieTimes*8 - 1)
}

func cookieTime(now clock.Time) int64 { return int64(now) / int64(cookiePeriod) }

// Cookie writes a SYN,ACK that answers the SYN in h into dst and returns its length. Nothing needs to be remembered of it: if
// the peer answers, AcceptCookie makes the connection. cfg is as for Accept, tuple as for ISN. The checksum field is as
// Output leaves it.
func Cookie(cfg *Config, now clock.Time, h *Header, tuple []byte, dst []byte) (n int) {
	peer := uint16(orDefault(cfg.DefaultMSS, defaultMSS))
	if h.Options.HasMSS {
		peer = h.Options.MSS
	}
	mss := uint32(0)
	for i, v := range cookieMSS {
		if v <= peer {
			mss = uint32(i)
		}
	}
	t := cookieTime(now)
	iss := Seq(cookieHash(cfg.ISNKey, tuple, h.Seq, t, mss) | uint32(t%cookieTimes)<<3 | mss)

	// What Accept would offer, but for the options of a peer whose answer would not bring them back.
	var c Conn
	c.acceptFrom(cfg, now, h, iss)
	if !c.opt.timestamps {
		c.opt.sack, c.opt.scaling, c.rcv.scale = false, false, 0
	}
	c.challenge.tsOffset = cookieOffset(cfg, now, tuple)
	o := Options{
		HasMSS: true, MSS: c.routeMSS, SACKPermitted: c.opt.sack, HasWindowScale: c.opt.scaling, WindowScale: c.rcv.scale,
		HasTimestamps: c.opt.timestamps, TSEcr: c.rcv.tsRecent,
	}
	if c.opt.timestamps {
		bits := uint32(cookieNoScale)
		if c.opt.scaling {
			bits = uint32(c.snd.scale)
		}
		if c.opt.sack {
			bits |= cookieSACK
		}
		// The timestamp must not lie in the future: what follows would be older.
		o.TSVal = c.timestamp(now)&^cookieOptions | bits
		if int32(o.TSVal-c.timestamp(now)) > 0 {
			o.TSVal -= cookieOptions + 1
		}
	}
	out := Header{
		SrcPort: h.DstPort, DstPort: h.SrcPort, Seq: iss, Ack: h.Seq + 1, Flags: SYN | ACK,
		Window: uint16(c.rcv.synWindow()), Options: o,
	}
	return c.sum(dst, out.Put(dst))
}

// cookieOffset returns the timestamp offset of a connection whose ISN is a cookie: the one that any other connection of the
// tuple has.
func cookieOffset(cfg *Config, now clock.Time, tuple []byte) uint32 {
	return timestampOffset(cfg.ISNKey, now, ISN(cfg.ISNKey, now, tuple))
}

// IsCookie reports whether the segment in h answers a SYN,ACK that Cookie has written for tuple.
func IsCookie(cfg *Config, now clock.Time, h *Header, tuple []byte) bool {
	if h.Flags&(SYN|RST|ACK) != ACK {
		return false
	}
	iss := h.Ack - 1
	t := cookieTime(now)
	t -= (t - int64(iss>>3)) & (cookieTimes - 1)
	return cookieTime(now)-t <= 1 && cookieHash(cfg.ISNKey, tuple, h.Seq-1, t, uint32(iss)&7) == uint32(iss)&^(cookieTimes*8-1)
}

// AcceptCookie makes c a connection in SYN-RECEIVED if the segment in h answers a SYN,ACK that Cookie has written for tuple,
// and reports whether it does. h is then to be given to Receive, which establishes the connection.
func (c *Conn) AcceptCookie(cfg *Config, now clock.Time, h *Header, tuple []byte) bool {
	if !IsCookie(cfg, now, h, tuple) {
		return false
	}
	iss := h.Ack - 1
	syn := Header{SrcPort: h.SrcPort, DstPort: h.DstPort, Seq: h.Seq - 1, Flags: SYN, Window: h.Window}
	o := &syn.Options
	o.HasMSS, o.MSS = true, cookieMSS[iss&7]
	if h.Options.HasTimestamps {
		bits := h.Options.TSEcr & cookieOptions
		o.HasTimestamps, o.TSVal = true, h.Options.TSVal
		o.SACKPermitted = bits&cookieSACK != 0
		if bits &= cookieNoScale; bits <= maxWindowScale {
			o.HasWindowScale, o.WindowScale = true, uint8(bits)
		}
	}
	c.acceptFrom(cfg, now, &syn, iss) // without ECN, for which there is no bit
	c.challenge.tsOffset = cookieOffset(cfg, now, tuple)
	c.snd.nxt = iss + 1
	c.snd.syns = 1
	c.rcv.right = c.rcv.nxt.Add(c.rcv.synWindow())
	c.count.open(true)
	return true
}
