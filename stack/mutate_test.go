package stack

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

// Real traffic with bytes changed and checksums made right again does whatever it does to the connections,
// but the hosts stay within their limits and go on working.
func TestMutatedTraffic(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		p := newPairConfig(t, ethernetLink, Config{MaxConns: 32, MaxNeighbors: 32}, Config{MaxConns: 32, MaxNeighbors: 32})
		to := netip.MustParseAddrPort([]string{"10.0.0.2:80", "[fd00::2]:80"}[seed%2])
		c, d := p.connect(to, nil)
		u, err := p.a.BindUDP(netip.AddrPort{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		p.drop = func(_ bool, f []byte) bool {
			if r.IntN(4) == 0 {
				for range 1 + r.IntN(3) {
					f[r.IntN(min(len(f), 90))] = byte(r.Uint32())
				}
				repair(f)
			}
			return false
		}
		buf := make([]byte, 4096)
		for i := range 150 {
			c.Write(p.now, buf[:r.IntN(len(buf))])
			d.Write(p.now, buf[:r.IntN(100)])
			d.Read(p.now, buf)
			c.Read(p.now, buf)
			u.WriteTo(p.now, buf[:r.IntN(2000)], netip.AddrPortFrom(to.Addr(), uint16(i)))
			p.advance(time.Duration(r.IntN(20)) * time.Millisecond)
		}
		p.drop = nil
		p.advance(time.Minute)
		for _, s := range []*Stack{p.a, p.b} {
			if st := s.Stats(); st.Conns > 32 || st.Neighbors > 32 {
				t.Fatalf("seed %d: limits exceeded: %+v", seed, st)
			}
		}
		// A liar may have left wrong neighbours behind; they are found out within the time of a few probes.
		c.Abort(p.now)
		d.Abort(p.now)
		p.advance(time.Minute)
		c, d = p.connectWithin(to, time.Minute)
		wantBytes(t, p.transfer(c, d, pattern(5000), time.Minute), pattern(5000))
	}
}

// connectWithin is connect that has time.
func (p *pair) connectWithin(to netip.AddrPort, limit time.Duration) (c, d *TCP) {
	p.tb.Helper()
	l, err := p.b.ListenTCP(to, 0, nil, nil)
	if err != nil {
		p.tb.Fatal(err)
	}
	defer l.Close(p.now)
	for end := p.now.Add(limit); p.now < end; {
		if c == nil || c.Err() != nil {
			if c, err = p.a.DialTCP(p.now, netip.AddrPort{}, to, nil, nil); err != nil {
				p.tb.Fatal(err)
			}
		}
		p.advance(time.Second)
		if d, ok := l.Accept(nil); ok {
			return c, d
		}
	}
	p.tb.Fatalf("no connection within %v; client %v, %v", limit, c.State(), c.Err())
	return nil, nil
}
