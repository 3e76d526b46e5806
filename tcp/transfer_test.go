package tcp

import (
	"fmt"
	"testing"
	"time"
)

func TestTransferClean(t *testing.T) {
	p := newPair(t, 1)
	p.connect()
	p.transfer(1<<20, 100_000, 10*time.Minute)
	for i, e := range p.ends {
		if s := e.conn.stats; s.Retransmits != 0 || s.Timeouts != 0 || s.DuplicateACKs != 0 {
			t.Errorf("end %d on a clean link: %+v", i, s)
		}
	}
}

// TestTransferImpaired moves data both ways over links that lose, duplicate and reorder, with every
// combination of options.
func TestTransferImpaired(t *testing.T) {
	seeds := 6
	if testing.Short() {
		seeds = 1
	}
	for _, loss := range []float64{0, 0.01, 0.05, 0.2} {
		for opts := range 8 {
			t.Run(fmt.Sprintf("loss%g/opts%d", loss, opts), func(t *testing.T) {
				for seed := range uint64(seeds) {
					p := newPair(t, seed)
					p.loss, p.dup, p.jitter = loss, 0.02, 15*time.Millisecond
					p.batch = seed&1 != 0
					if seed&2 != 0 {
						p.maxSegs = 40
					}
					cfg := &p.ends[seed&1].cfg
					cfg.NoTimestamps, cfg.NoSACK, cfg.NoWindowScale = opts&1 != 0, opts&2 != 0, opts&4 != 0
					p.ends[0].iss = ^Seq(0) - 50_000 // wraps on the way
					p.connect()
					p.transfer(300_000, 100_000, 2*time.Hour)
				}
			})
		}
	}
}

// TestTransferSlowReader fills the receiver's buffer again and again.
func TestTransferSlowReader(t *testing.T) {
	for _, size := range []int{2 << 10, 20_000, 256 << 10} {
		for _, loss := range []float64{0, 0.03} {
			t.Run(fmt.Sprintf("buffer%d/loss%g", size, loss), func(t *testing.T) {
				p := newPair(t, 3)
				p.loss = loss
				p.ends[1].cfg.ReceiveBuffer = size
				p.ends[1].readAt = 700
				p.connect()
				p.transfer(400_000, 0, 10*time.Hour)
			})
		}
	}
}
