package main

import (
	"fmt"
	"regexp"
	"time"
)

// A measurement compares one or more ways of using ours with the peers.
type measurement struct {
	name    string
	metrics []metric
	ours    []side // told apart by suffix
	peers   []side // told apart by peer
	// inMemory measurements run within this process, once for each GOMAXPROCS wanted. The others start
	// processes of their own, which use all processors.
	inMemory bool
	// still measurements yield the same at any number of processors and in any time: one run each of few is enough.
	still bool
}

// A side is one stack or overlay that can be measured.
type side struct {
	suffix string // of the measurement's name: "" or "/stack"; ours only
	peer   string // peers only
	open   func() (subject, error)
}

// A subject is a side that has been set up.
type subject interface {
	// run measures for about d, after warming up. It ends within ten seconds more, whatever happens.
	run(warmup, d time.Duration) (sample, error)
	close()
}

// A job is a subject that sets everything up anew for each run.
type job func(warmup, d time.Duration) (sample, error)

func (j job) run(warmup, d time.Duration) (sample, error) { return j(warmup, d) }
func (j job) close()                                      {}

// opened returns a side's open function for a job.
func opened(j job) func() (subject, error) {
	return func() (subject, error) { return j, nil }
}

// The metrics.
var (
	perCPU        = metric{name: "throughput-per-cpu", unit: "Gbit/s per CPU-second"}
	throughput    = metric{name: "throughput", unit: "Gbit/s"}
	cpuPerGB      = metric{name: "cpu-per-gb", unit: "CPU-s/GB, both ends", lowerIsBetter: true}
	roundTrip50   = metric{name: "p50", unit: "us", lowerIsBetter: true}
	roundTrip99   = metric{name: "p99", unit: "us", lowerIsBetter: true}
	rate          = metric{name: "connections", unit: "1/s"}
	ratePerCPU    = metric{name: "connections-per-cpu", unit: "1 per CPU-second"}
	bytesPerConn  = metric{name: "heap", unit: "bytes per endpoint", lowerIsBetter: true}
	bulkMetrics   = []metric{perCPU, throughput}
	latencyMetric = []metric{roundTrip50, roundTrip99}
)

// suite returns all measurements, in the order in which they run.
func suite(opt *options) []*measurement {
	var out []*measurement
	for _, mtu := range []int{1500, 2800, 9000} {
		for _, conns := range []int{1, 8} {
			out = append(out, &measurement{
				name:    fmt.Sprintf("tcp-bulk/mtu%d/c%d", mtu, conns),
				metrics: bulkMetrics,
				ours: []side{
					{suffix: "", open: opened(bulkOver(hostsWorld(mtu, opt.buffer), conns))},
					{suffix: "/stack", open: opened(stackBulk(mtu, opt.buffer, conns))},
				},
				peers:    []side{{peer: "gvisor", open: opened(bulkOver(gvisorWorld(mtu, opt.buffer), conns))}},
				inMemory: true,
			})
		}
	}
	const mtu = 1500
	ours, gvisor, kernel := hostsWorld(mtu, opt.buffer), gvisorWorld(mtu, opt.buffer), kernelWorld
	idle := 10000
	if opt.quick {
		idle = 2000
	}
	out = append(out,
		&measurement{
			name:    "tcp-rr",
			metrics: latencyMetric,
			ours: []side{
				{suffix: "", open: opened(roundTripsOver(ours))},
				{suffix: "/stack", open: opened(stackRoundTrips(mtu, opt.buffer))},
			},
			peers: []side{
				{peer: "gvisor", open: opened(roundTripsOver(gvisor))},
				{peer: "kernel-loopback", open: opened(roundTripsOver(kernel))},
			},
			inMemory: true,
		},
		&measurement{
			name:    "tcp-crr",
			metrics: []metric{rate, ratePerCPU},
			ours: []side{
				{suffix: "", open: opened(connectOver(ours))},
				{suffix: "/stack", open: opened(stackConnect(mtu, opt.buffer))},
			},
			peers:    []side{{peer: "gvisor", open: opened(connectOver(gvisor))}},
			inMemory: true,
		},
		&measurement{
			name:    "tcp-idle",
			metrics: []metric{bytesPerConn},
			ours: []side{
				{suffix: "", open: opened(idleOver(ours, idle))},
				{suffix: "/stack", open: opened(stackIdle(mtu, opt.buffer, idle))},
			},
			peers:    []side{{peer: "gvisor", open: opened(idleOver(gvisor, idle))}},
			inMemory: true,
			still:    true,
		},
	)
	overlays := func(work overlayWork) (ours, peers []side) {
		return []side{{open: openOverlay(ztKind(2800), work, opt.profile)}},
			[]side{
				{peer: "kernel-loopback", open: openOverlay(kernelKind, work, "")},
				{peer: "wireguard-go", open: openOverlay(wireguardKind, work, "")},
			}
	}
	bulk := &measurement{name: "overlay-bulk/aes/mtu2800/c1", metrics: []metric{throughput, cpuPerGB}}
	bulk.ours, bulk.peers = overlays(overlayBulk(1))
	rr := &measurement{name: "overlay-rr", metrics: latencyMetric}
	rr.ours, rr.peers = overlays(overlayRoundTrips)
	return append(out, bulk, rr)
}

// choose returns the measurements whose names match, without the ways of using ours that do not.
func choose(all []*measurement, pattern *regexp.Regexp) []*measurement {
	var out []*measurement
	for _, m := range all {
		chosen := *m
		chosen.ours = nil
		for _, o := range m.ours {
			if pattern.MatchString(m.name + o.suffix) {
				chosen.ours = append(chosen.ours, o)
			}
		}
		if len(chosen.ours) > 0 {
			out = append(out, &chosen)
		}
	}
	return out
}
