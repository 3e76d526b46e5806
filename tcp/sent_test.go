package tcp

import (
	"testing"

	"pgregory.net/rapid"
)

// TestScoreboardModel compares the scoreboard with a set of flags per byte.
func TestScoreboardModel(t *testing.T) {
	const mss = 100
	rapid.Check(t, func(t *rapid.T) {
		start := Seq(rapid.SampledFrom([]uint32{0, 1000, 0xffffff00, 0x7fffffff}).Draw(t, "start"))
		var s scoreboard
		s.head = rapid.SampledFrom([]uint32{0, 5, 0xfffffffd}).Draw(t, "head")
		s.judged, s.resend = s.head, s.head
		una, nxt := start, start
		sacked := map[Seq]bool{}
		check := func() {
			n, above := uint32(0), 0
			for q := una; q != nxt; q++ {
				if sacked[q] {
					n++
				}
			}
			if n != s.sacked {
				t.Fatalf("%d bytes SACKed, want %d", s.sacked, n)
			}
			var lost, resent uint32
			pos := una
			for i := s.head; i != s.head+s.n; i++ {
				r := s.at(i)
				if r.start != pos {
					t.Fatalf("a record begins at %d, want %d", r.start, pos)
				}
				pos = r.end
				if r.flags&recordLost != 0 {
					lost += uint32(r.len())
				}
				if r.flags&recordResent != 0 {
					resent += uint32(r.len())
				}
				if r.flags&recordSACKed != 0 && int32(i-s.judged) >= 0 {
					above += r.len()
				}
			}
			if pos != nxt || lost != s.lost || resent != s.resent || above != int(s.above) {
				t.Fatalf("records end at %d of %d; lost %d of %d; resent %d of %d; above %d of %d", pos, nxt, s.lost, lost, s.resent, resent, s.above, above)
			}
			if p := s.pipe(int(nxt - una)); p < 0 || p > int(nxt-una) {
				t.Fatalf("pipe %d of %d", p, nxt-una)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"": func(*rapid.T) { check() },
			"send": func(t *rapid.T) {
				n := rapid.IntRange(1, 4*mss).Draw(t, "n")
				s.push(1, nxt, nxt.Add(n), 0)
				nxt = nxt.Add(n)
			},
			"ack": func(t *rapid.T) {
				to := una.Add(rapid.IntRange(0, nxt.Sub(una)).Draw(t, "n"))
				s.ackTo(to)
				for ; una != to; una++ {
					delete(sacked, una)
				}
			},
			"sack": func(t *rapid.T) {
				n := nxt.Sub(una)
				if n < 2 {
					return
				}
				a := rapid.IntRange(1, n-1).Draw(t, "from")
				b := rapid.IntRange(a+1, n).Draw(t, "to")
				block := SACKBlock{una.Add(a), una.Add(b)}
				before := s.sacked
				newly := s.sackBlock(block, mss, func(uint32, *record) {})
				if int(s.sacked-before) != newly {
					t.Fatalf("%d bytes are news, of %d", newly, s.sacked-before)
				}
				s.blocks[0] = block
				// What is marked lies in the block, and misses at most the segments that stick out.
				covered := 0
				for i := s.head; i != s.head+s.n; i++ {
					r := s.at(i)
					if r.flags&recordSACKed == 0 {
						continue
					}
					for q := r.start; q != r.end; q++ {
						in := block.Start.LessEq(q) && q.LessThan(block.End)
						if !sacked[q] && !in {
							t.Fatalf("byte %d was not SACKed", q-start)
						}
						sacked[q] = true
						if in {
							covered++
						}
					}
				}
				if missing := b - a - covered; missing > 8*mss {
					t.Fatalf("%d of %d bytes were not marked", missing, b-a)
				}
			},
			"judge": func(t *rapid.T) {
				if found := s.judge(mss); found && s.lost == 0 {
					t.Fatal("found a loss that is none")
				}
				if int(s.above) > 2*mss && s.judged != s.head+s.n {
					t.Fatalf("%d bytes SACKed above what has not been judged", s.above)
				}
			},
			"late": func(t *rapid.T) {
				for i, ok := s.oldestResent(una); ok; i, ok = s.oldestResent(una) {
					if r := s.at(i); r.flags&(recordLost|recordResent) != recordLost|recordResent {
						t.Fatalf("record %d is %b, not sent again", i-s.head, r.flags)
					}
					s.markLost(i)
				}
				if s.resent != 0 {
					t.Fatalf("%d bytes that were sent again are not in the queue", s.resent)
				}
			},
			"resend": func(t *rapid.T) {
				i, ok := s.nextLost()
				if ok != (s.lost > s.resent) {
					t.Fatalf("nextLost = %v with %d lost, %d resent", ok, s.lost, s.resent)
				}
				if ok {
					s.markResent(i, 2)
				}
			},
			"head": func(t *rapid.T) { s.markHeadLost(mss) },
			"large": func(t *rapid.T) {
				if rapid.IntRange(0, 5).Draw(t, "rarely") == 0 {
					s.markLarge(mss)
				}
			},
			"timeout": func(t *rapid.T) {
				if rapid.IntRange(0, 5).Draw(t, "rarely") == 0 {
					s.markAllLost()
					clear(sacked)
				}
			},
		})
	})
}
