package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os"
	"os/signal"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// childArg makes this program one end of an overlay, led by its parent through standard input and output.
const childArg = "overlay-child"

// An end is one end of an overlay.
type end interface {
	listen() (net.Listener, error)
	// dial connects to the listener of the other end, whose Info is given.
	dial(ctx context.Context, to string) (net.Conn, error)
	// address returns what the other end's dial wants.
	address() string
	// ready returns once the path that is to be measured is in use. trip makes a round trip on it.
	ready(ctx context.Context, to string, trip func() error) error
	close() error
}

// Child is what the parent calls. Its methods have the form that net/rpc wants.
type Child struct {
	mu      sync.Mutex
	end     end
	ln      net.Listener
	profile *os.File
	to      string
	load    *load

	received atomic.Int64 // by all connections of the server
}

// Empty is for calls without arguments or results.
type Empty struct{}

// OpenArgs says what to be. Exactly one of the pointers is set.
type OpenArgs struct {
	Server  bool
	Profile string // file for a CPU profile; "" means none

	Kernel    *Empty
	WireGuard *WireGuardArgs
	Hub       *HubArgs
	ZT        *ZTArgs
}

// OpenReply tells where a server listens; of a hub, what the members need.
type OpenReply struct {
	Address string
	Hub     HubReply
}

// Open sets the end up, and serves on it if it is to be the server.
func (c *Child) Open(args OpenArgs, reply *OpenReply) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var err error
	switch {
	case args.Kernel != nil:
		c.end = &kernelEnd{}
	case args.WireGuard != nil:
		c.end, err = openWireGuard(args.WireGuard)
	case args.Hub != nil:
		c.end, reply.Hub, err = openHub(args.Hub)
		return err
	case args.ZT != nil:
		c.end, err = openZT(args.ZT)
	default:
		err = errors.New("BUG: Open of nothing")
	}
	if err != nil {
		return err
	}
	if args.Profile != "" {
		if c.profile, err = os.Create(args.Profile); err != nil {
			return err
		}
		if err := pprof.StartCPUProfile(c.profile); err != nil {
			return err
		}
	}
	if args.Server {
		if c.ln, err = c.end.listen(); err != nil {
			return err
		}
		go c.serve(c.ln)
		reply.Address = c.end.address()
	}
	return nil
}

// The first byte on a connection says what the server does with the others.
const (
	modeSink = 'S'
	modeEcho = 'E'
)

func (c *Child) serve(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			var mode [1]byte
			if _, err := io.ReadFull(conn, mode[:]); err != nil {
				conn.Close()
				return
			}
			if mode[0] == modeEcho {
				echo(conn)
			} else {
				c.sink(conn)
			}
		}()
	}
}

// sink counts what comes, after having compared the beginning with what should come.
func (c *Child) sink(conn net.Conn) {
	defer conn.Close()
	buf := make([]byte, block)
	check := checker{want: pattern()}
	for {
		n, err := conn.Read(buf)
		if wrong := check.next(buf[:n]); wrong != nil {
			fmt.Fprintf(os.Stderr, "bench: overlay server: %v\n", wrong)
			return
		}
		c.received.Add(int64(n))
		if err != nil {
			return
		}
	}
}

// Ready tells the client where the server is, and returns when the path is as it should be.
func (c *Child) Ready(to string, _ *Empty) error {
	c.to = to
	ctx, cancel := context.WithTimeout(context.Background(), openLimit)
	defer cancel()
	conn, err := c.connect(ctx, modeEcho)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(openLimit))
	return c.end.ready(ctx, to, byteTrip(conn))
}

func (c *Child) connect(ctx context.Context, mode byte) (net.Conn, error) {
	conn, err := c.end.dial(ctx, c.to)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", c.to, err)
	}
	if _, err := conn.Write([]byte{mode}); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// A load is connections that a client writes on.
type load struct {
	stop  atomic.Bool
	wg    sync.WaitGroup
	conns []net.Conn
	err   atomic.Pointer[error]
}

// Begin starts writing on n new connections, 64 KiB at a time.
func (c *Child) Begin(n int, _ *Empty) error {
	ctx, cancel := context.WithTimeout(context.Background(), stallLimit)
	defer cancel()
	l := &load{}
	data := pattern()
	for range n {
		conn, err := c.connect(ctx, modeSink)
		if err != nil {
			return err
		}
		l.conns = append(l.conns, conn)
		l.wg.Go(func() {
			for !l.stop.Load() {
				if _, err := conn.Write(data); err != nil {
					l.err.Store(&err)
					return
				}
			}
		})
	}
	c.load = l
	return nil
}

// End stops what Begin has started.
func (c *Child) End(Empty, *Empty) error {
	l := c.load
	l.stop.Store(true)
	for _, conn := range l.conns {
		conn.SetWriteDeadline(time.Now().Add(stallLimit))
	}
	l.wg.Wait()
	for _, conn := range l.conns {
		conn.Close()
	}
	if err := l.err.Load(); err != nil {
		return fmt.Errorf("writing: %w", *err)
	}
	return nil
}

// Mark is where a child stands.
type Mark struct {
	At       time.Duration // on a clock of the child's own
	CPU      time.Duration
	Received int64 // bytes, by the server
}

var childStart = time.Now()

// Mark reads the clocks and the counter.
func (c *Child) Mark(_ Empty, reply *Mark) error {
	*reply = Mark{At: time.Since(childStart), CPU: cpuTime(), Received: c.received.Load()}
	return nil
}

// RoundTripsArgs says how long to make round trips.
type RoundTripsArgs struct{ Warmup, Length time.Duration }

// RoundTrips makes round trips of one byte on a new connection.
func (c *Child) RoundTrips(args RoundTripsArgs, reply *map[string]float64) error {
	ctx, cancel := context.WithTimeout(context.Background(), stallLimit)
	defer cancel()
	conn, err := c.connect(ctx, modeEcho)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(args.Warmup + args.Length + stallLimit))
	h, err := pingPong(args.Warmup, args.Length, byteTrip(conn))
	if err != nil {
		return err
	}
	*reply, err = h.sample()
	return err
}

// close ends everything.
func (c *Child) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.profile != nil {
		pprof.StopCPUProfile()
		c.profile.Close()
	}
	if c.ln != nil {
		c.ln.Close()
	}
	if c.end != nil {
		c.end.close()
	}
}

// childMain serves the parent until it closes our input.
func childMain() int {
	// Ctrl-C reaches parent and children alike; the parent decides, and ends our input.
	signal.Ignore(os.Interrupt, syscall.SIGTERM)
	c := &Child{}
	s := rpc.NewServer()
	if err := s.RegisterName("Child", c); err != nil {
		panic("BUG: " + err.Error())
	}
	s.ServeCodec(jsonrpc.NewServerCodec(pipes{os.Stdin, os.Stdout}))
	// A close that hangs must not keep the process.
	time.AfterFunc(2*time.Second, func() { os.Exit(1) })
	c.close()
	return 0
}

// pipes are a process's standard input and output as one connection.
type pipes struct {
	io.ReadCloser
	w io.WriteCloser
}

func (p pipes) Write(b []byte) (int, error) { return p.w.Write(b) }
func (p pipes) Close() error                { return errors.Join(p.w.Close(), p.ReadCloser.Close()) }
