package stack

import (
	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/tcp"
)

// sendCookie answers a SYN for which there is no room among the half-open connections without remembering it: RFC
// 4987, Section 3.6.
func (s *Stack) sendCookie(now clock.Time, l *Listener, t *tuple, h *tcp.Header, p path) {
	var key [40]byte
	full := s.tcpConfig(l.cfg, p, t.is4)
	full.NoSum = false
	s.cookies = now.Add(tcp.CookieLifetime)
	s.stats.TCPCookiesOut++
	s.sendSegment(now, t, s.segment[:tcp.Cookie(&full, now, h, t.bytes(&key), s.segment[:])])
}

// acceptCookie makes a connection of a segment for a listening port if it brings back a cookie, and reports whether it has
// dealt with the segment.
func (s *Stack) acceptCookie(now clock.Time, l *Listener, t *tuple, h *tcp.Header, payload []byte) bool {
	if s.cookies == clock.Never || s.cookies.Expired(now) {
		return false // none can be on its way
	}
	p, ok := s.lookup(t.remoteAddr(), t.via())
	if !ok {
		return false
	}
	var key [40]byte
	full := s.tcpConfig(l.cfg, p, t.is4)
	if !tcp.IsCookie(&full, now, h, t.bytes(&key)) {
		return false
	}
	if len(l.waiting) >= l.backlog {
		s.drop(DropTCPBacklog) // the peer will say it again with its data
		return true
	}
	if s.numConns >= s.cfg.MaxConns && !s.evictOldest() {
		return true
	}
	c := s.newTCP(*t)
	c.conn.AcceptCookie(&full, now, h, t.bytes(&key))
	c.noSum = full.NoSum
	s.admit(l, c)
	c.route(now, p)
	s.stats.TCPPassiveOpens++
	s.stats.TCPCookiesIn++
	c.conn.Receive(now, h, payload)
	s.touched(now, c)
	return true
}

// evictOldest makes room for a connection at the cost of the oldest that is half-open, if there is one.
func (s *Stack) evictOldest() bool {
	if s.halfOpen.head == nil {
		s.drop(DropTCPLimit)
		return false
	}
	s.drop(DropTCPHalfOpen)
	s.evict(s.halfOpen.head)
	return true
}
