//go:build !linux

// Package tuntap opens Linux TUN and TAP interfaces through /dev/net/tun.
package tuntap

import (
	"errors"

	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/link"
)

// Device is not available on this system.
type Device struct{ link.Device }

// Name returns the name of the kernel's interface.
func (d *Device) Name() string { return "" }

// Dropped returns the number of frames that Send could not pass on.
func (d *Device) Dropped() uint64 { return 0 }

// Open always fails on this system.
func Open(name string, tap bool, mtu int, addr ethernet.Addr) (*Device, error) {
	return nil, errors.New("open interface " + name + ": TUN and TAP interfaces are supported on Linux only")
}
