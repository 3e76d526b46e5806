package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// printJSON prints the result as one object.
func (r *Result) printJSON(w io.Writer) error {
	if r.Transfers == nil {
		r.Transfers = []Transfer{}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// printTable prints the result for people.
func (r *Result) printTable(w io.Writer) error {
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NODE\tADDRESS\tUDP\tON NETWORK "+r.Network)
	for _, n := range r.Nodes {
		var addrs []string
		for _, a := range n.Addrs {
			addrs = append(addrs, a.String())
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", n.Name, n.Address, n.UDP, strings.Join(addrs, " "))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "FAMILY\tTHROUGHPUT\tPING p50\tp99\tRETRANSMITTED\tCIPHER\tPATH")
	for _, x := range r.Transfers {
		fmt.Fprintf(t, "%s\t%s\t%.0f µs\t%.0f µs\t%d segments\t%s\tfirst %s, then %s\n",
			x.Family, bitrate(x.ThroughputBPS), x.RTTp50, x.RTTp99, x.Retransmits, x.Cipher, x.FirstPath, x.Path)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s over each family, SHA-256 %s\n", size(r.Bytes), r.SHA256)
	return err
}
