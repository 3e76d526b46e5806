// Package tun is a link to the operating system's own network stack by bare IP packets: a Linux TUN
// interface. It needs CAP_NET_ADMIN.
package tun

import (
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/link/internal/tuntap"
)

// A Device is a TUN interface as a link.Device.
type Device = tuntap.Device

// Open opens the TUN interface name, creating it if it does not exist, and brings it up. The name may
// contain %d for the kernel to choose a number. An MTU of 0 means 1500.
func Open(name string, mtu int) (*Device, error) {
	return tuntap.Open(name, false, mtu, ethernet.Addr{})
}
