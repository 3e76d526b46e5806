package demo

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// transfer measures round trips to a over a family, and downloads the file.
func (c *conductor) transfer(ctx context.Context, family string) error {
	c.at("measuring round trips over "+family, nameB)
	to := c.address(nameA, family)
	if !to.IsValid() {
		return fmt.Errorf("node a has no %s address", family)
	}
	b := c.roles[nameB]
	var ping PingReply
	if err := b.call(ctx, "Ping", PingArgs{To: to, Count: c.opt.Pings, Limit: limitPing}, &ping); err != nil {
		return err
	}
	if c.opt.Pings > 0 && len(ping.RTT) == 0 {
		return fmt.Errorf("none of %d echo requests to %v was answered", c.opt.Pings, to)
	}

	c.at("downloading over "+family, nameB)
	got, err := c.download(ctx, family, netip.AddrPortFrom(to, c.served.Port))
	if err != nil {
		return err
	}
	if got.Bytes != c.served.Bytes || got.SHA256 != c.served.SHA256 {
		return fmt.Errorf("%d bytes with SHA-256 %s arrived, %d bytes with %s were sent", got.Bytes, got.SHA256, c.served.Bytes, c.served.SHA256)
	}
	peer, err := c.peer(ctx)
	if err != nil {
		return err
	}
	var retransmits uint64
	if err := c.roles[nameA].call(ctx, "Retransmits", Empty{}, &retransmits); err != nil {
		return err
	}
	path := "relayed"
	if peer.Direct {
		path = "direct"
	}
	c.result.Transfers = append(c.result.Transfers, Transfer{
		Family:        family,
		ThroughputBPS: float64(got.Bytes) * 8 / got.Elapsed.Seconds(),
		RTTp50:        percentile(ping.RTT, 50),
		RTTp99:        percentile(ping.RTT, 99),
		PingsLost:     ping.Lost,
		Cipher:        peer.Cipher,
		Path:          path + " " + peer.Path,
		FirstPath:     c.first,
		Retransmits:   retransmits,
		ElapsedMS:     got.Elapsed.Milliseconds(),
		From:          to.String(),
	})
	c.out.step(fmt.Sprintf("%s: %s arrived whole, SHA-256 checked", family, size(got.Bytes)), got.Elapsed)
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
			if err == nil {
				bar.set(got.Bytes)
			}
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

var errTimeout = errors.New("no answer in time")
