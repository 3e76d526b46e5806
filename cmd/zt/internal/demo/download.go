package demo

import (
	"context"
	"fmt"
	"net/netip"
	"time"
)

// measure measures round trips to a over a family.
func (c *conductor) measure(ctx context.Context, family string) error {
	c.at("measuring round trips over "+family, nameB)
	to, err := c.address(nameA, family)
	if err != nil {
		return err
	}
	args := PingArgs{To: to, Count: c.opt.Pings, Limit: c.pingLimit(), Parallel: 1}
	if c.opt.Loss > 0 || c.opt.Delay > 0 {
		// Nothing is gained by waiting for what is late or lost.
		args.Parallel = 10 + int(c.opt.Delay/(20*time.Millisecond))
	}
	var ping PingReply
	if err := c.roles[nameB].call(ctx, "Ping", args, &ping); err != nil {
		return err
	}
	if c.opt.Pings > 0 && len(ping.RTT) == 0 && c.opt.Loss == 0 {
		return fmt.Errorf("none of %d echo requests to %v was answered", c.opt.Pings, to)
	}
	c.result.Transfers = append(c.result.Transfers, Transfer{
		Family: family, From: to.String(),
		RTTp50: percentile(ping.RTT, 50), RTTp99: percentile(ping.RTT, 99),
		Pings: c.opt.Pings, PingsLost: ping.Lost,
	})
	return nil
}

// percentile returns the p-th percentile of ascending times, in microseconds (nearest rank).
func percentile(sorted []time.Duration, p int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	i := max((len(sorted)*p+99)/100, 1) - 1
	return float64(sorted[i].Nanoseconds()) / 1e3
}

// transfer downloads the file from a, over the family of the last measurement.
func (c *conductor) transfer(ctx context.Context, family string) error {
	c.at("downloading over "+family, nameB)
	t := &c.result.Transfers[len(c.result.Transfers)-1]
	to, err := netip.ParseAddr(t.From)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	got, err := c.download(ctx, family, netip.AddrPortFrom(to, c.served.Port))
	if err == nil && (got.Bytes != c.served.Bytes || got.SHA256 != c.served.SHA256) {
		err = fmt.Errorf("%d bytes with SHA-256 %s arrived, %d bytes with %s were sent", got.Bytes, got.SHA256, c.served.Bytes, c.served.SHA256)
	}
	if err != nil {
		return c.blameSource(ctx, err)
	}
	b, path, err := c.reroute(ctx)
	if err != nil {
		return err
	}
	if err := c.roles[nameA].call(ctx, "Retransmits", Empty{}, &t.Retransmits); err != nil {
		return err
	}
	t.Cipher, t.Path, t.Endpoint = b.Cipher, path, b.Path
	t.ElapsedMS = milliseconds(got.Elapsed)
	if got.Bytes > 0 {
		t.ThroughputBPS = float64(got.Bytes) * 8 / got.Elapsed.Seconds()
	}
	c.out.step(fmt.Sprintf("%s: %s arrived whole, SHA-256 checked", family, size(got.Bytes)), got.Elapsed)
	return nil
}

// blameSource returns what is wrong with the file on a, if that explains err.
func (c *conductor) blameSource(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, time.Second, errTimeout)
	defer cancel()
	if cause := c.roles[nameA].call(ctx, "SourceError", Empty{}, new(Empty)); cause != nil {
		c.node = nameA
		return fmt.Errorf("%w; %w", cause, err)
	}
	return err
}

// download fetches the file and shows how far it has come. It gives up when no byte comes for a while.
func (c *conductor) download(ctx context.Context, family string, from netip.AddrPort) (got DownloadReply, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	b := c.roles[nameB]
	done := make(chan error, 1)
	go func() { done <- b.call(ctx, "Download", from, &got) }()
	bar := c.out.progress(family, c.served.Bytes)
	defer bar.finish()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	last, moved := int64(0), time.Now()
	for {
		select {
		case err := <-done:
			return got, err
		case <-tick.C:
			var n int64
			if err := b.call(ctx, "Progress", Empty{}, &n); err != nil {
				cancel(err)
				<-done
				return got, err
			}
			bar.set(n)
			if n != last {
				last, moved = n, time.Now()
			} else if time.Since(moved) > c.opt.Stall {
				err := fmt.Errorf("stuck after %s of %s: %w", size(n), size(c.served.Bytes), errTimeout)
				cancel(err)
				<-done
				return got, err
			}
		}
	}
}
