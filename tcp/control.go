package tcp

import (
	"strings"
	"time"

	"github.com/ztstack/ztstack/clock"
)

// A control names a congestion controller in one byte, from which one can be made at any time: an idle connection has none.
type control uint8

const (
	controlCubic control = iota // the default
	controlReno
	controlBBR
	numControls
)

var controlNames = [numControls]string{"cubic", "reno", "bbr"}

// CongestionNames returns the names that Config.Congestion may have, the default first.
func CongestionNames() []string { return append([]string(nil), controlNames[:]...) }

// controlNamed returns the controller of that name; the empty name is that of the default.
func controlNamed(name string) (k control, ok bool) {
	if name == "" {
		return controlCubic, true
	}
	for k, n := range controlNames {
		if n == name {
			return control(k), true
		}
	}
	return 0, false
}

// unknownCongestion says what is wrong with a name.
func unknownCongestion(name string) string {
	return "tcp: Config.Congestion is unknown: " + name + "; use one of " + strings.Join(controlNames[:], ", ")
}

func (k control) new() Congestion {
	switch k {
	case controlReno:
		return reno{}
	case controlBBR:
		return new(bbr)
	}
	return new(cubic)
}

// controlAfter is how long a connection has to be quiet before what its controller has learnt is given up.
const controlAfter = 10 * time.Second

// controller returns the controller, and makes one if there is none.
func (c *Conn) controller(now clock.Time) Congestion {
	if c.cc == nil {
		c.cc = c.control.new()
		c.cc.Init(&c.cwnd, now, c.rtt.srtt, c.rtt.minimum)
		if b, ok := c.cc.(*bbr); ok {
			c.bbr = b
			b.rate.init(&c.sent)
			c.sent.rate = &b.rate
		}
		if c.timers[timerRelease] == clock.Never {
			c.setTimer(timerRelease, now.Add(releaseAfter))
		}
	}
	return c.cc
}

// dropController gives up what the controller has learnt. The window stays.
func (c *Conn) dropController() {
	c.cc, c.bbr, c.sent.rate = nil, nil, nil
}

// SetCongestion changes the congestion controller and reports whether there is one of that name.
func (c *Conn) SetCongestion(now clock.Time, name string) bool {
	k, ok := controlNamed(name)
	if !ok {
		return false
	}
	if k != c.control {
		c.control = k
		c.dropController()
		c.timers[timerPace] = clock.Never
	}
	return true
}

// expireRelease gives back what only a busy connection needs.
func (c *Conn) expireRelease(now clock.Time) {
	quiet := now.Sub(c.snd.lastSent)
	if c.sent.idle() && quiet >= releaseAfter {
		c.sent.release()
	}
	if c.sent.n == 0 && quiet >= controlAfter {
		c.dropController()
	}
	if c.sent.buf != nil || c.cc != nil {
		c.setTimer(timerRelease, now.Add(releaseAfter))
	}
}
