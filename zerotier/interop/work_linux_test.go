package interop

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/ztstack/ztstack/zerotier/vl2"
)

// PingArgs say whom to ping.
type PingArgs struct {
	Network vl2.NetworkID
	To      netip.Addr
	Count   int
	Size    int
	Limit   time.Duration // for each
}

// PingReply has the round trips of the echoes that were answered, in ascending order.
type PingReply struct {
	RTT  []time.Duration
	Lost int
	Err  string // of the last that was lost
}

// Ping sends echo requests one after another.
func (a *Agent) Ping(args PingArgs, reply *PingReply) error {
	w, err := a.way(args.Network)
	if err != nil {
		return err
	}
	for range args.Count {
		if rtt, err := w.ping(args.To, args.Size, args.Limit); err != nil {
			reply.Lost++
			reply.Err = err.Error()
		} else {
			reply.RTT = append(reply.RTT, rtt)
		}
	}
	slices.Sort(reply.RTT)
	return nil
}

// PingGroup sends one echo request to a group, with the kernel, and tells who else has answered.
func (a *Agent) PingGroup(args PingArgs, reply *[]netip.Addr) (err error) {
	*reply, err = kernel{}.echo(args.To, args.Size, args.Limit, args.Count)
	*reply = append([]netip.Addr{}, *reply...) // net/rpc/jsonrpc cannot carry nil
	return err
}

// ServeArgs name a port.
type ServeArgs struct {
	Network vl2.NetworkID
	Port    uint16
}

// Serve starts a TCP server for Transfer and a UDP server for Ask.
func (a *Agent) Serve(args ServeArgs, _ *Empty) error {
	w, err := a.way(args.Network)
	if err != nil {
		return err
	}
	l, err := w.listen(args.Port)
	if err != nil {
		return err
	}
	a.closeLater(l)
	pc, err := w.listenPacket(args.Port)
	if err != nil {
		return err
	}
	a.closeLater(pc)
	gc, err := w.listenGroup(group, args.Port+groupPort)
	if err != nil {
		return err
	}
	a.closeLater(gc)
	go serveTCP(l)
	go serveUDP(pc)
	go serveUDP(gc)
	return nil
}

// group is a group that members listen to, at a port of its own: groupPort beyond the others.
var group = netip.MustParseAddr("ff02::7a74")

const groupPort = 100

// What a client may ask for; the number of bytes or of round trips follows as 8 bytes.
const (
	askDownload = 'd'
	askUpload   = 'u'
	askEchoes   = 'e'
)

func serveTCP(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			c.SetDeadline(time.Now().Add(callLimit))
			answer(c)
		}()
	}
}

// answer does what the client asks for.
func answer(c net.Conn) error {
	var ask [9]byte
	if _, err := io.ReadFull(c, ask[:]); err != nil {
		return err
	}
	n := int64(binary.BigEndian.Uint64(ask[1:]))
	switch ask[0] {
	case askDownload:
		return sendPattern(c, n)
	case askUpload:
		if err := receivePattern(c, n); err != nil {
			return err
		}
		_, err := c.Write([]byte{1})
		return err
	case askEchoes:
		var b [1]byte
		for range n {
			if _, err := io.ReadFull(c, b[:]); err != nil {
				return err
			}
			if _, err := c.Write(b[:]); err != nil {
				return err
			}
		}
	}
	return nil
}

// pattern is what is sent: pieces of random bytes, which differ from piece to piece.
var pattern = func() []byte {
	b := make([]byte, 1<<20)
	r := rand.NewChaCha8([32]byte{'p'})
	r.Read(b)
	return b
}()

const pieceLen = 64 << 10

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sendPattern sends n bytes and their checksum.
func sendPattern(c net.Conn, n int64) error {
	var sum uint32
	for i := 0; n > 0; i++ {
		at := i * 4099 % (len(pattern) - pieceLen)
		piece := pattern[at : at+int(min(n, pieceLen))]
		sum = crc32.Update(sum, castagnoli, piece)
		if _, err := c.Write(piece); err != nil {
			return err
		}
		n -= int64(len(piece))
	}
	_, err := c.Write(binary.BigEndian.AppendUint32(nil, sum))
	return err
}

// receivePattern receives n bytes and compares their checksum.
func receivePattern(c net.Conn, n int64) error {
	var sum uint32
	b := make([]byte, 256<<10)
	for n > 0 {
		k, err := c.Read(b[:min(n, int64(len(b)))])
		sum = crc32.Update(sum, castagnoli, b[:k])
		n -= int64(k)
		if err != nil && n > 0 {
			return fmt.Errorf("with %d bytes to come: %w", n, err)
		}
	}
	var want [4]byte
	if _, err := io.ReadFull(c, want[:]); err != nil {
		return fmt.Errorf("reading the checksum: %w", err)
	}
	if got := binary.BigEndian.Uint32(want[:]); got != sum {
		return fmt.Errorf("the bytes were changed: their checksum is %08x, the sender's was %08x", sum, got)
	}
	return nil
}

// TransferArgs say what to ask a server of Serve for.
type TransferArgs struct {
	Network vl2.NetworkID
	To      netip.AddrPort
	Ask     byte
	Count   int64
	Limit   time.Duration
}

// Transfer asks a server and tells how long the answer took, without connecting.
func (a *Agent) Transfer(args TransferArgs, took *time.Duration) error {
	w, err := a.way(args.Network)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), args.Limit)
	defer cancel()
	c, err := w.dial(ctx, args.To)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(args.Limit))
	start := time.Now()
	ask := binary.BigEndian.AppendUint64([]byte{args.Ask}, uint64(args.Count))
	if _, err := c.Write(ask); err != nil {
		return err
	}
	switch args.Ask {
	case askDownload:
		err = receivePattern(bufferless{c}, args.Count)
	case askUpload:
		if err = sendPattern(c, args.Count); err == nil {
			_, err = io.ReadFull(c, make([]byte, 1))
		}
	case askEchoes:
		err = echoes(c, args.Count)
	}
	*took = time.Since(start)
	return err
}

// bufferless hides what a connection has beside its methods of net.Conn.
type bufferless struct{ net.Conn }

// echoes sends a byte and waits for it to come back, many times.
func echoes(c net.Conn, n int64) error {
	r := bufio.NewReaderSize(c, 16)
	for i := range n {
		if _, err := c.Write([]byte{byte(i)}); err != nil {
			return err
		}
		if b, err := r.ReadByte(); err != nil || b != byte(i) {
			return errors.Join(fmt.Errorf("echo %d came back as %d", byte(i), b), err)
		}
	}
	return nil
}

// serveUDP sends every datagram back.
func serveUDP(c net.PacketConn) {
	b := make([]byte, 65536)
	for {
		n, from, err := c.ReadFrom(b)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err == nil:
			c.WriteTo(b[:n], from)
		}
	}
}

// AskArgs describe a datagram.
type AskArgs struct {
	Network vl2.NetworkID
	To      netip.AddrPort // a host, group or broadcast address
	Size    int
	Limit   time.Duration
	Most    int // answers
}

// Ask sends a datagram to the UDP servers of Serve and tells who has sent it back.
func (a *Agent) Ask(args AskArgs, froms *[]netip.Addr) error {
	w, err := a.way(args.Network)
	if err != nil {
		return err
	}
	c, err := w.listenPacket(0)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(args.Limit))
	sent := pattern[:args.Size]
	if _, err := c.WriteTo(sent, net.UDPAddrFromAddrPort(args.To)); err != nil {
		return err
	}
	b := make([]byte, 65536)
	*froms = []netip.Addr{} // net/rpc/jsonrpc cannot carry nil
	for len(*froms) < args.Most {
		n, from, err := c.ReadFrom(b)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return err
		}
		if string(b[:n]) != string(sent) {
			return fmt.Errorf("%v sent %d other bytes back", from, n)
		}
		ip := from.(*net.UDPAddr).AddrPort().Addr().Unmap().WithZone("")
		if !w.isLocal(ip) {
			*froms = append(*froms, ip)
		}
	}
	return nil
}
