package tcp

import "testing"

// TestReduction follows the two examples of RFC 6937, Section 4, with segments of one byte: 20 in flight, a window
// halved to 10.
func TestReduction(t *testing.T) {
	t.Run("one loss", func(t *testing.T) {
		// 19 ACKs, each of which delivers one segment: every second one lets one out, and the window ends at ssthresh.
		var p reduction
		p.begin(20)
		pipe, sent := 19, 0
		for range 19 {
			pipe--
			cwnd := p.window(1, pipe, 10, 1)
			for pipe < cwnd {
				pipe++
				sent++
				p.out++
			}
		}
		if sent < 9 || sent > 10 || pipe < 9 || pipe > 10 {
			t.Errorf("%d segments sent, %d in the network, want 10 and 10", sent, pipe)
		}
	})
	t.Run("heavy loss", func(t *testing.T) {
		// 15 of 20 are lost: what is left in the network is below ssthresh, and each ACK lets out no more than it
		// delivers and one more.
		var p reduction
		p.begin(20)
		pipe := 5
		for range 5 {
			pipe--
			burst := 0
			cwnd := p.window(1, pipe, 10, 1)
			for pipe < cwnd {
				pipe++
				p.out++
				burst++
			}
			if burst > 2 {
				t.Errorf("a burst of %d", burst)
			}
		}
		if pipe > 10 {
			t.Errorf("%d in the network, want at most ssthresh", pipe)
		}
	})
	t.Run("never below a segment", func(t *testing.T) {
		var p reduction
		p.begin(20_000)
		p.out = 30_000
		if w := p.window(0, 0, 10_000, 1000); w < 1000 {
			t.Errorf("window %d", w)
		}
	})
}
