package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/link"
	"github.com/ztstack/ztstack/stack"
	"github.com/ztstack/ztstack/tcp"
)

// A direct is two of our stacks back to back in one goroutine, driven as a driver does it: batches of frames, one reading of the
// system's clock per batch, timers run each time. Nothing is left out: Ethernet, ARP, IPv4, all checksums.
type direct struct {
	hosts  [2]directHost
	frames []link.Buf
	epoch  time.Time
	now    clock.Time
	cfg    tcp.Config
	quiet  time.Time // since when nothing has moved; zero if something has
}

type directHost struct {
	*stack.Stack
	ifc stack.Interface
}

func newDirect(mtu, buffer int) (*direct, error) {
	d := &direct{epoch: time.Now(), cfg: tcp.Config{SendBuffer: buffer, ReceiveBuffer: buffer, NoDelay: true}}
	for range batch(mtu) {
		d.frames = append(d.frames, link.Buf{B: make([]byte, mtu+14)})
	}
	d.tick()
	for i, addr := range []netip.Addr{clientAddr, serverAddr} {
		h := &d.hosts[i]
		var err error
		if h.Stack, err = stack.New(stack.Config{Seed: [32]byte{byte(i + 1)}, TCP: d.cfg}, d.now); err != nil {
			return nil, err
		}
		info := link.Info{MTU: mtu, Addr: ethernet.Addr{2, 0, 0, 0, 0, byte(i + 1)}}
		h.ifc, err = h.AddInterface(d.now, stack.InterfaceConfig{Name: "wire", Info: info, NoDAD: true, NoLinkLocal: true})
		if err != nil {
			return nil, err
		}
		if err := h.AddAddress(d.now, h.ifc, netip.PrefixFrom(addr, 24)); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// tick reads the clock.
func (d *direct) tick() { d.now = clock.Time(time.Since(d.epoch)) + 1 }

// carry takes at most one batch of frames from one host to the other, and returns how many.
func (d *direct) carry(from, to *directHost) int {
	n := 0
	for n < len(d.frames) && from.Pending(from.ifc) {
		d.frames[n].Off = 0
		if !from.Output(d.now, from.ifc, &d.frames[n]) {
			break
		}
		n++
	}
	for i := range n {
		to.Receive(d.now, to.ifc, &d.frames[i])
	}
	return n
}

// exchange lets both hosts send a batch, and runs their timers when they have nothing. It fails when nothing moves for too long.
func (d *direct) exchange() error {
	d.tick()
	if d.carry(&d.hosts[0], &d.hosts[1])+d.carry(&d.hosts[1], &d.hosts[0]) > 0 {
		d.quiet = time.Time{}
		return nil
	}
	return d.idle()
}

// idle runs the timers and lets time pass until the next.
func (d *direct) idle() error {
	next := clock.Min(d.hosts[0].Poll(d.now), d.hosts[1].Poll(d.now))
	switch {
	case d.hosts[0].Pending(d.hosts[0].ifc) || d.hosts[1].Pending(d.hosts[1].ifc):
		return nil
	case next == clock.Never:
		return errors.New("stuck: neither host has anything to send, nor a timer running")
	case d.quiet.IsZero():
		d.quiet = time.Now()
	case time.Since(d.quiet) > stallLimit:
		return fmt.Errorf("stalled: nothing has moved for %v", stallLimit)
	}
	if wait := next.Sub(d.now); wait > 0 {
		time.Sleep(min(wait, time.Millisecond))
	}
	return nil
}

// settle exchanges until done reports true.
func (d *direct) settle(done func() bool) error {
	for !done() {
		if err := d.exchange(); err != nil {
			return err
		}
	}
	return nil
}

func (d *direct) listen() (*stack.Listener, error) {
	return d.hosts[1].ListenTCP(netip.AddrPortFrom(serverAddr, serverPort), 4096, &d.cfg, nil)
}

// connect makes one connection.
func (d *direct) connect(l *stack.Listener) (client, server *stack.TCP, err error) {
	client, err = d.hosts[0].DialTCP(d.now, netip.AddrPort{}, netip.AddrPortFrom(serverAddr, serverPort), &d.cfg, nil)
	if err != nil {
		return nil, nil, err
	}
	err = d.settle(func() bool {
		var ok bool
		server, ok = l.Accept(nil)
		return ok || client.Err() != nil
	})
	if err == nil {
		err = client.Err()
	}
	return client, server, err
}

// A flow is a bulk transfer from client to server.
type flow struct {
	client, server *stack.TCP
	rest           []byte // of the block being written
	check          checker
}

// stackBulk is bulkOver for two stacks in one goroutine.
func stackBulk(mtu, buffer, conns int) job {
	return func(warmup, length time.Duration) (sample, error) {
		d, err := newDirect(mtu, buffer)
		if err != nil {
			return nil, err
		}
		l, err := d.listen()
		if err != nil {
			return nil, err
		}
		data := pattern()
		flows := make([]flow, conns)
		for i := range flows {
			f := &flows[i]
			if f.client, f.server, err = d.connect(l); err != nil {
				return nil, err
			}
			f.rest, f.check.want = data, data
			f.client.SetOwner(f)
			f.server.SetOwner(f)
		}
		if _, err := d.transfer(flows, data, warmup); err != nil {
			return nil, err
		}
		cpu, start := cpuTime(), time.Now()
		bytes, err := d.transfer(flows, data, length)
		if err != nil {
			return nil, err
		}
		return bulkSample(bytes, cpuTime()-cpu, time.Since(start))
	}
}

// transfer moves data on every flow for about length, and returns how many bytes were read.
func (d *direct) transfer(flows []flow, data []byte, length time.Duration) (received int64, err error) {
	in := make([]byte, block)
	client, server := &d.hosts[0], &d.hosts[1]
	for i := range flows {
		if err := flows[i].write(d.now, data); err != nil {
			return 0, err
		}
	}
	for end := time.Now().Add(length); ; {
		d.tick()
		moved := d.carry(client, server)
		for o := server.Ready(); o != nil; o = server.Ready() {
			n, err := o.(*flow).read(d.now, in)
			if err != nil {
				return 0, err
			}
			received += int64(n)
		}
		moved += d.carry(server, client)
		for o := client.Ready(); o != nil; o = client.Ready() {
			f := o.(*flow)
			f.client.Events()
			if err := f.write(d.now, data); err != nil {
				return 0, err
			}
		}
		client.Poll(d.now)
		server.Poll(d.now)
		if moved > 0 {
			d.quiet = time.Time{}
		} else if err := d.idle(); err != nil {
			return 0, err
		}
		if d.now >= clock.Time(end.Sub(d.epoch)) {
			return received, nil
		}
	}
}

// write writes blocks until the send buffer is full.
func (f *flow) write(now clock.Time, data []byte) error {
	for {
		n, err := f.client.Write(now, f.rest)
		if f.rest = f.rest[n:]; len(f.rest) == 0 {
			f.rest = data
		}
		if errors.Is(err, tcp.ErrWouldBlock) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("writing: %w", err)
		}
	}
}

// read reads what there is.
func (f *flow) read(now clock.Time, in []byte) (total int, err error) {
	f.server.Events()
	for {
		n, err := f.server.Read(now, in)
		if errors.Is(err, tcp.ErrWouldBlock) {
			return total, nil
		}
		if err != nil {
			return total, fmt.Errorf("reading: %w", err)
		}
		total += n
		if err := f.check.next(in[:n]); err != nil {
			return total, err
		}
	}
}

// readByte reads one byte from t as soon as it is there. Its errors are those of t.Read as they are: io.EOF is expected often.
func (d *direct) readByte(t *stack.TCP) (byte, error) {
	var b [1]byte
	for {
		_, err := t.Read(d.now, b[:])
		if err == nil {
			return b[0], nil
		}
		if !errors.Is(err, tcp.ErrWouldBlock) {
			return 0, err
		}
		if err := d.exchange(); err != nil {
			return 0, err
		}
	}
}

// byteTrip sends one byte from one end to the other and back.
func (d *direct) byteTrip(client, server *stack.TCP, value byte) error {
	b := [1]byte{value}
	if _, err := client.Write(d.now, b[:]); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	d.tick()
	d.carry(&d.hosts[0], &d.hosts[1])
	got, err := d.readByte(server)
	if err != nil {
		return err
	}
	b[0] = got
	if _, err := server.Write(d.now, b[:]); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	d.tick()
	d.carry(&d.hosts[1], &d.hosts[0])
	if got, err = d.readByte(client); err == nil && got != value {
		err = fmt.Errorf("sent %d, %d came back", value, got)
	}
	return err
}

// stackRoundTrips is roundTripsOver for two stacks in one goroutine: nobody is woken.
func stackRoundTrips(mtu, buffer int) job {
	return func(warmup, length time.Duration) (sample, error) {
		d, err := newDirect(mtu, buffer)
		if err != nil {
			return nil, err
		}
		l, err := d.listen()
		if err != nil {
			return nil, err
		}
		client, server, err := d.connect(l)
		if err != nil {
			return nil, err
		}
		value := byte(0)
		h, err := pingPong(warmup, length, func() error {
			value++
			err := d.byteTrip(client, server, value)
			d.hosts[0].Poll(d.now)
			d.hosts[1].Poll(d.now)
			return err
		})
		if err != nil {
			return nil, err
		}
		return h.sample()
	}
}

// stackConnect is connectOver for two stacks in one goroutine.
func stackConnect(mtu, buffer int) job {
	return func(warmup, length time.Duration) (sample, error) {
		var t tally
		for warm := true; warm || t.wall < length; warm = false {
			d, err := newDirect(mtu, buffer)
			if err != nil {
				return nil, err
			}
			l, err := d.listen()
			if err != nil {
				return nil, err
			}
			part := length - t.wall
			if warm {
				part = warmup
			}
			if err := t.count(part, func() error { return d.connectOnce(l) }); err != nil {
				return nil, err
			}
			if warm {
				t = tally{}
			}
		}
		return t.sample(), nil
	}
}

// connectOnce connects, sends a byte each way and closes, the client first.
func (d *direct) connectOnce(l *stack.Listener) error {
	client, server, err := d.connect(l)
	if err != nil {
		return err
	}
	if err := d.byteTrip(client, server, 1); err != nil {
		return err
	}
	client.Close(d.now)
	if _, err := d.readByte(server); !errors.Is(err, io.EOF) {
		return fmt.Errorf("after the client has closed: %v, want EOF", err)
	}
	server.Close(d.now)
	for d.hosts[1].Pending(d.hosts[1].ifc) || d.hosts[0].Pending(d.hosts[0].ifc) {
		if err := d.exchange(); err != nil {
			return err
		}
	}
	d.hosts[0].Poll(d.now)
	d.hosts[1].Poll(d.now)
	return nil
}

// stackIdle is idleOver for two stacks.
func stackIdle(mtu, buffer, n int) job {
	return func(_, _ time.Duration) (sample, error) {
		d, err := newDirect(mtu, buffer)
		if err != nil {
			return nil, err
		}
		l, err := d.listen()
		if err != nil {
			return nil, err
		}
		conns := make([]*stack.TCP, 0, 2*n+2)
		s, err := heapOf(n, func() error {
			c, s, err := d.connect(l)
			conns = append(conns, c, s)
			d.hosts[0].Poll(d.now)
			d.hosts[1].Poll(d.now)
			return err
		})
		for _, c := range conns {
			if c != nil {
				c.Abort(d.now)
			}
		}
		return s, err
	}
}
