package driver

import (
	"slices"
	"time"

	"github.com/ztstack/ztstack/clock"
)

const (
	// minSleep keeps a deadline that is due over and over from taking a core.
	minSleep = 500 * time.Microsecond
	// interfacePeriod is how often the machine's addresses are looked at.
	interfacePeriod = 30 * time.Second
)

// runTimer polls the node at its deadlines until the driver closes.
func (d *Driver) runTimer(loopback bool) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	interfaces := d.now().Add(interfacePeriod)
	last := d.reachable(loopback)
	for {
		select {
		case <-d.closing:
			return
		case <-d.wake:
		case <-timer.C:
		}
		now := d.now()
		if interfaces.Expired(now) {
			interfaces = now.Add(interfacePeriod)
			if addrs := d.reachable(loopback); !slices.Equal(addrs, last) {
				last = addrs
				d.Do(func(clock.Time) { d.node.SetLocalAddrs(addrs) })
			}
		}
		d.mu.Lock()
		due := d.next.Expired(now)
		d.mu.Unlock()
		if due {
			d.end(d.begin())
		}
		d.mu.Lock()
		d.wakeAt = clock.Min(d.next, interfaces)
		sleep := max(d.wakeAt.Sub(d.now()), minSleep)
		d.mu.Unlock()
		timer.Reset(sleep)
	}
}
