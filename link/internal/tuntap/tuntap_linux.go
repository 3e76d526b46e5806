// Package tuntap opens Linux TUN and TAP interfaces through /dev/net/tun.
package tuntap

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/link"
)

// batch is the most frames handed over in one Deliver.
const batch = 32

// A Device is a TUN or TAP interface as a link.Device. The kernel's end is an ordinary interface that
// whoever opened it configures; this end has an address of its own.
type Device struct {
	file *os.File
	name string
	info link.Info

	receiver link.Receiver
	done     chan struct{} // closed when the reading goroutine has ended
	attach   sync.Once

	sendDrops atomic.Uint64
}

// Open opens the interface name, which may contain %d for the kernel to choose a number, creating it if
// it does not exist. tap chooses between frames and bare IP packets. An MTU of 0 means 1500.
func Open(name string, tap bool, mtu int, addr ethernet.Addr) (*Device, error) {
	if mtu == 0 {
		mtu = 1500
	}
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/net/tun for interface %q: %w (is the tun module loaded, and has this process CAP_NET_ADMIN?)", name, err)
	}
	ifr, err := unix.NewIfreq(name)
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("interface name %q: %w (at most 15 bytes)", name, err)
	}
	flags := uint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if tap {
		flags = unix.IFF_TAP | unix.IFF_NO_PI
	}
	ifr.SetUint16(flags)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("create interface %q: %w (it needs CAP_NET_ADMIN, and the name must be free)", name, err)
	}
	if err := setUp(ifr.Name(), mtu); err != nil {
		unix.Close(fd)
		return nil, err
	}
	d := &Device{file: os.NewFile(uintptr(fd), "/dev/net/tun"), name: ifr.Name(), done: make(chan struct{})}
	d.info = link.Info{Medium: link.IP, MTU: mtu, Batch: batch}
	if tap {
		d.info.Medium, d.info.Addr = link.Ethernet, addr
	}
	return d, nil
}

// setUp gives the kernel's end its MTU and brings it up.
func setUp(name string, mtu int) error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("configure interface %q: %w", name, err)
	}
	defer unix.Close(s)
	ifr, err := unix.NewIfreq(name)
	if err != nil {
		return fmt.Errorf("configure interface %q: %w", name, err)
	}
	ifr.SetUint32(uint32(mtu))
	if err := unix.IoctlIfreq(s, unix.SIOCSIFMTU, ifr); err != nil {
		return fmt.Errorf("set MTU %d of interface %q: %w", mtu, name, err)
	}
	if ifr, err = unix.NewIfreq(name); err != nil {
		return fmt.Errorf("configure interface %q: %w", name, err)
	}
	if err := unix.IoctlIfreq(s, unix.SIOCGIFFLAGS, ifr); err != nil {
		return fmt.Errorf("read flags of interface %q: %w", name, err)
	}
	ifr.SetUint16(ifr.Uint16() | unix.IFF_UP)
	if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, ifr); err != nil {
		return fmt.Errorf("bring interface %q up: %w", name, err)
	}
	return nil
}

// Name returns the name of the kernel's interface.
func (d *Device) Name() string { return d.name }

// Info implements link.Device.
func (d *Device) Info() link.Info { return d.info }

// Attach implements link.Device and starts the goroutine that reads.
func (d *Device) Attach(r link.Receiver) {
	first := false
	d.attach.Do(func() { first = true })
	if !first {
		panic("BUG: Attach called twice")
	}
	d.receiver = r
	go d.read()
}

// read delivers frames until the file is closed: it waits for one, takes what else is there, and delivers
// them together.
func (d *Device) read() {
	defer close(d.done)
	super := link.NewSuper(d.info)
	raw, err := d.file.SyscallConn()
	if err != nil {
		return
	}
	for {
		super.Reset()
		fatal := false
		err := raw.Read(func(fd uintptr) bool {
			for !super.Full() {
				b := super.Next()
				n, err := unix.Read(int(fd), b.Room())
				if err == unix.EINTR {
					continue
				}
				if err != nil || n <= 0 {
					fatal = err != unix.EAGAIN
					return fatal || super.Len() > 0
				}
				b.Len = n
				super.Commit()
			}
			return true
		})
		if super.Len() > 0 {
			d.receiver.Deliver(super.Frames())
		}
		if err != nil || fatal {
			return
		}
	}
}

// Send implements link.Device. A frame that the kernel does not take is dropped.
func (d *Device) Send(s *link.Super) {
	frames := s.Frames()
	for i := range frames {
		if _, err := d.file.Write(frames[i].Frame()); err != nil {
			d.sendDrops.Add(1)
			if errors.Is(err, os.ErrClosed) {
				return
			}
		}
	}
}

// Dropped returns the number of frames that Send could not pass on.
func (d *Device) Dropped() uint64 { return d.sendDrops.Load() }

// Close implements link.Device. The kernel's interface goes with it unless it was made persistent.
func (d *Device) Close() error {
	attached := true
	d.attach.Do(func() { attached = false })
	err := d.file.Close()
	if attached {
		<-d.done
	}
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
