package stack

import (
	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/tcp"
)

const (
	// minBufferLimit is the least Config.BufferLimit: two pages of the pool, without which nothing moves.
	minBufferLimit = 32 << 10
	// mealSize is how much memory has to be free for each connection that is fed: a page, and a little.
	mealSize = 20 << 10
)

// starved notes that c has met an exhausted pool.
func (s *Stack) starved(c *TCP) {
	if !c.starving {
		c.starving = true
		s.starving = append(s.starving, c)
	}
}

// feed lets connections that have met an exhausted pool go on, as many as there is memory for. A writer is told; a receiver
// opens its window again.
func (s *Stack) feed(now clock.Time) {
	room := s.cfg.BufferLimit - s.pool.InUse()
	n := 0
	for ; n < len(s.starving) && room >= mealSize; n++ {
		c := s.starving[n]
		s.starving[n] = nil
		c.starving = false
		if c.dead {
			continue
		}
		room -= mealSize
		m := c.awake()
		m.Fed(now)
		s.raise(&c.sig, m.Events()&^tcp.Starved)
		s.want(c)
	}
	if n > 0 {
		s.starving = s.starving[:copy(s.starving, s.starving[n:])]
	}
}
