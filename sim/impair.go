package sim

import (
	"math/rand/v2"
	"time"

	"github.com/ztstack/ztstack/clock"
)

// Impairments describe what one direction of a link does to packets. The zero Impairments do nothing.
// Probabilities are between 0 and 1, and each packet's fate is decided in the order of the fields.
type Impairments struct {
	Loss  float64 // a packet is lost
	Burst Burst   // losses that come together, in addition to Loss

	Corrupt   float64 // one bit of a packet is flipped
	Duplicate float64 // a packet arrives twice
	Reorder   float64 // a packet is held up by ReorderBy, and overtaken
	ReorderBy time.Duration

	Rate  int64 // bits per second; 0 means no limit
	Queue int   // bytes that wait for their turn at Rate before packets are lost; 0 means 256 KiB

	Delay  time.Duration // of every packet
	Jitter time.Duration // up to this is added to Delay, without reordering
}

// Burst is the model of Gilbert and Elliott: a channel that is good or bad, and changes from packet to
// packet.
type Burst struct {
	ToBad, ToGood float64 // probability that the channel turns bad, or good again, at a packet
	Loss          float64 // probability that a packet is lost while it is bad
}

// Counts are what became of the packets of one direction.
type Counts struct {
	Sent, Lost, Overflowed, Corrupted, Duplicated, Reordered, Delivered uint64
}

const (
	defaultQueue     = 256 << 10
	defaultReorderBy = 5 * time.Millisecond
)

// A channel is one direction of a link.
type channel struct {
	Impairments
	rand   *rand.Rand
	bad    bool       // state of Burst
	idle   clock.Time // when the last packet will have left at Rate
	last   clock.Time // when the last packet that is not reordered arrives
	counts Counts
}

// send decides what becomes of packet b and calls deliver for each copy that arrives.
func (c *channel) send(now clock.Time, b []byte, deliver func(at clock.Time, b []byte)) {
	c.counts.Sent++
	if c.Burst.ToBad > 0 {
		p := c.Burst.ToBad
		if c.bad {
			p = c.Burst.ToGood
		}
		if c.rand.Float64() < p {
			c.bad = !c.bad
		}
		if c.bad && c.rand.Float64() < c.Burst.Loss {
			c.counts.Lost++
			return
		}
	}
	if c.chance(c.Loss) {
		c.counts.Lost++
		return
	}
	at, ok := c.transmit(now, len(b))
	if !ok {
		c.counts.Overflowed++
		return
	}
	if c.chance(c.Corrupt) && len(b) > 0 {
		c.counts.Corrupted++
		bit := c.rand.IntN(8 * len(b))
		b[bit/8] ^= 1 << (bit % 8)
	}
	at = at.Add(c.Delay)
	if c.Jitter > 0 {
		at = at.Add(time.Duration(c.rand.Int64N(int64(c.Jitter))))
	}
	copies := 1
	if c.chance(c.Duplicate) {
		c.counts.Duplicated++
		copies = 2
	}
	for range copies {
		when := max(at, c.last)
		if c.chance(c.Reorder) {
			c.counts.Reordered++
			by := c.ReorderBy
			if by == 0 {
				by = defaultReorderBy
			}
			when = when.Add(by)
		} else {
			c.last = when
		}
		c.counts.Delivered++
		deliver(when, b)
	}
}

// transmit returns when n bytes will have left, or false if they do not fit into the queue.
func (c *channel) transmit(now clock.Time, n int) (clock.Time, bool) {
	if c.Rate == 0 {
		return now, true
	}
	queue := int64(c.Queue)
	if queue == 0 {
		queue = defaultQueue
	}
	begin := max(now, c.idle)
	waiting := int64(begin-now) * c.Rate / (8 * int64(time.Second))
	if waiting+int64(n) > queue {
		return 0, false
	}
	c.idle = begin + clock.Time(int64(n)*8*int64(time.Second)/c.Rate)
	return c.idle, true
}

// chance reports true with probability p. Impossible and certain events use up no random number.
func (c *channel) chance(p float64) bool {
	return p > 0 && (p >= 1 || c.rand.Float64() < p)
}
