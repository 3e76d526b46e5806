package vl1

import (
	"net/netip"
	"sync/atomic"
)

type path struct {
	local       int
	remote      netip.AddrPort
	heard, sent atomic.Int64
}
