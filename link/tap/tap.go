// Package tap is a link to the operating system's own network stack, or to a bridge of it, by Ethernet
// frames: a Linux TAP interface. It needs CAP_NET_ADMIN.
package tap

import (
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/link/internal/tuntap"
)

// A Device is a TAP interface as a link.Device.
type Device = tuntap.Device

// Open opens the TAP interface name, creating it if it does not exist, and brings it up. The name may
// contain %d for the kernel to choose a number. addr is the station address of this end, not of the
// kernel's. An MTU of 0 means 1500.
func Open(name string, mtu int, addr ethernet.Addr) (*Device, error) {
	return tuntap.Open(name, true, mtu, addr)
}
