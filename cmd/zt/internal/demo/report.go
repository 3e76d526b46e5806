package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// printJSON prints the result as one object.
func (r *Result) printJSON(w io.Writer) error {
	if r.Transfers == nil {
		r.Transfers = []Transfer{}
	}
	if r.Timings == nil {
		r.Timings = []Timing{}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// printTable prints the result for people.
func (r *Result) printTable(w io.Writer) error {
	var b strings.Builder
	b.WriteString("\n")
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NODE\tADDRESS\tUDP\tON NETWORK "+r.Network)
	for _, n := range r.Nodes {
		addr := func(i int) string { // IPv4 first
			if i >= len(n.Addrs) {
				return "-"
			}
			return n.Addrs[len(n.Addrs)-1-i].String()
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", n.Name, n.Address, n.UDP, addr(0))
		for i := 1; i < len(n.Addrs); i++ {
			fmt.Fprintf(t, "\t\t\t%s\n", addr(i))
		}
	}
	t.Flush()
	b.WriteString("\n")
	fmt.Fprintln(t, "FAMILY\tTHROUGHPUT\tPING p50\tp99\tRETRANSMITS\tCIPHER\tPATH")
	for _, x := range r.Transfers {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n",
			x.Family, rate(x), microseconds(x.RTTp50), microseconds(x.RTTp99), x.Retransmits, x.Cipher, x.Path)
	}
	t.Flush()
	b.WriteString("\n")
	r.writeRoutes(&b)
	fmt.Fprintf(&b, "%s over each family, SHA-256 %s\n", size(r.Bytes), r.SHA256)
	fmt.Fprintf(&b, "%s in all: %s\n", took(duration(r.ElapsedMS)), r.timings())
	_, err := io.WriteString(w, b.String())
	return err
}

// timings says in one line where the time went.
func (r *Result) timings() string {
	var parts []string
	for _, p := range []struct {
		name  string
		whats []string
	}{
		{"start", []string{"start"}}, {"join", []string{"online", "network", "join"}}, {"meet", []string{"meet"}}, {"hash", []string{"hash"}},
		{"IPv4", []string{"ping IPv4", "IPv4"}}, {"IPv6", []string{"ping IPv6", "IPv6"}}, {"stop", []string{"stop"}},
	} {
		var ms float64
		for _, x := range r.Timings {
			if slices.Contains(p.whats, x.What) {
				ms += x.MS
			}
		}
		parts = append(parts, p.name+" "+took(duration(ms)))
	}
	return strings.Join(parts, ", ")
}

// writeRoutes writes how the members' packets have travelled, as they have reported it.
func (r *Result) writeRoutes(b *strings.Builder) {
	m := r.Meeting
	for _, way := range [][2]string{{nameB, nameA}, {nameA, nameB}} {
		var parts []string
		for _, x := range m.Routes {
			if x.From != way[0] {
				continue
			}
			where := ""
			switch x.What {
			case relayed:
				where = " by root " + m.Relay
			case direct:
				where = " to " + x.Path
			}
			parts = append(parts, fmt.Sprintf("%s%s at %s", x.What, where, took(duration(x.AtMS))))
		}
		fmt.Fprintf(b, "Path from %s to %s: %s\n", way[0], way[1], strings.Join(parts, ", "))
	}
	fmt.Fprintf(b, "Frames that came through the root: %d of the %d until the first echo, %d later\n", m.FramesRelayed, m.Frames, m.TotalRelayed-m.FramesRelayed)
}

func rate(x Transfer) string {
	if x.ThroughputBPS == 0 {
		return "-"
	}
	return bitrate(x.ThroughputBPS)
}

func microseconds(us float64) string {
	if us == 0 {
		return "-"
	}
	return took(time.Duration(us * 1e3))
}

func duration(ms float64) time.Duration { return time.Duration(ms * 1e6) }
