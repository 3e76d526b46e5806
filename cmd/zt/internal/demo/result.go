package demo

import (
	"net/netip"
	"time"
)

// Result is what zt demo --json prints.
type Result struct {
	OK        bool       `json:"ok"`
	Bytes     int64      `json:"bytes"`
	SHA256    string     `json:"sha256"`
	Network   string     `json:"network,omitempty"`
	Nodes     []Node     `json:"nodes,omitempty"`
	Meeting   *Meeting   `json:"meeting,omitempty"`
	Transfers []Transfer `json:"transfers"`
	Timings   []Timing   `json:"timings"`
	ElapsedMS float64    `json:"elapsed_ms"`

	// What failed, if anything did.
	Step    string  `json:"step,omitempty"`
	Node    string  `json:"node,omitempty"`
	AfterMS float64 `json:"after_ms,omitempty"`
	Error   string  `json:"error,omitempty"`
	Check   string  `json:"check,omitempty"`
}

// Node describes one node.
type Node struct {
	Name    string       `json:"name"`
	Address string       `json:"address"`
	UDP     string       `json:"udp"`
	PID     int          `json:"pid"`
	Addrs   []netip.Addr `json:"addrs,omitempty"`
	MAC     string       `json:"mac,omitempty"`
}

// Meeting describes how the members found each other.
type Meeting struct {
	FirstEcho     map[string]float64 `json:"first_echo_us"`         // by family, with finding the way
	Frames        uint64             `json:"frames"`                // that both had received when these were answered
	FramesRelayed uint64             `json:"frames_relayed"`        // those of them that came through the root
	Relay         string             `json:"relay"`                 // the root's UDP address
	DirectMS      float64            `json:"direct_after_ms"`       // from the first frame sent to b's first direct packet to a
	Routes        []Route            `json:"routes"`                // what the nodes reported
	TotalRelayed  uint64             `json:"frames_relayed_in_all"` // until the end
}

// Route is a node's report about its route to the other member.
type Route struct {
	AtMS float64 `json:"at_ms"` // since the start
	From string  `json:"from"`
	To   string  `json:"to"`
	What string  `json:"what"`
	Path string  `json:"path,omitempty"`
}

// Transfer describes one download.
type Transfer struct {
	Family        string  `json:"family"`
	ThroughputBPS float64 `json:"throughput_bps"`
	RTTp50        float64 `json:"rtt_p50_us"`
	RTTp99        float64 `json:"rtt_p99_us"`
	Pings         int     `json:"pings"`
	PingsLost     int     `json:"pings_lost"`
	Cipher        string  `json:"cipher"`
	Path          string  `json:"path"`     // how the members have reached each other until the end of the transfer
	Endpoint      string  `json:"endpoint"` // where a's packets come from now
	Retransmits   uint64  `json:"retransmits"`
	ElapsedMS     float64 `json:"elapsed_ms"`
	From          string  `json:"from"`
}

// Timing tells how long a part of the demonstration took.
type Timing struct {
	What string  `json:"what"`
	MS   float64 `json:"ms"`
}

// milliseconds returns d as a number for people and JSON: three digits after the point.
func milliseconds(d time.Duration) float64 { return float64(d.Round(time.Microsecond)) / 1e6 }
