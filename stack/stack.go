package stack

import (
	"math/rand/v2"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/icmp"
	"github.com/ztstack/ztstack/internal/bytequeue"
	"github.com/ztstack/ztstack/internal/table"
	"github.com/ztstack/ztstack/internal/wheel"
	"github.com/ztstack/ztstack/ipv4"
	"github.com/ztstack/ztstack/ipv6"
	"github.com/ztstack/ztstack/tcp"
)

// Config configures a Stack. Only Seed should always be set.
type Config struct {
	// Seed is the source of every random choice: ISNs, ephemeral ports, hash keys, IDs.
	// Two Stacks must not share one outside tests.
	Seed [32]byte

	// TCP is the template for connections whose Dial or Listen is given no Config of their own.
	// Pool, ISNKey and MSS are filled in by the Stack.
	TCP tcp.Config

	MaxConns     int // most TCP connections, half-open ones included; 0 means 65536
	MaxHalfOpen  int // most connections in SYN-RECEIVED; beyond it SYN cookies are sent; 0 means 1024
	MaxTimeWait  int // most TIME-WAIT records; the oldest gives way; 0 means 65536
	MaxNeighbors int // most neighbour entries per interface; 0 means 1024
	BufferLimit  int // bytes of all stream data queued in both directions, at least 32 KiB; 0 means no limit
	QueueFrames  int // most frames that wait on an interface, TCP segments excluded; 0 means 1024

	HopLimit uint8 // initial TTL and hop limit; 0 means 64
	Forward  bool  // forward packets between interfaces; reserved

	// Tap, if not nil, is shown every frame received (out false) and sent (out true). It must not
	// keep the frame nor call into the Stack.
	Tap func(now clock.Time, i Interface, out bool, frame []byte)
}

// Kinds of the Stack's own timers. The caller's are not negative.
const (
	timerConn = -1 - iota
	timerNeighbor
	timerTimeWait
	timerReassembly
	timerDAD
)

// A Stack is one host. It does no I/O, reads no clock, and is not safe for concurrent use.
type Stack struct {
	cfg    Config
	rand   *rand.Rand
	isnKey [2]uint64
	pool   *bytequeue.Pool

	ifaces  []*iface // by Interface; nil where one was removed; the first is the loopback interface
	routes4 routeTrie
	routes6 routeTrie
	own4    []ownAddr[[4]byte] // all addresses of all interfaces
	own6    []ownAddr[[16]byte]
	pmtu    pmtuCache
	frames  framePool
	frag4   ipv4.Reassembler
	frag6   ipv6.Reassembler
	fragT   wheel.Timer // the earliest deadline of frag4 and frag6
	errRate icmp.RateLimit
	nextID  uint32 // of the next datagram that may be fragmented

	// generation changes whenever a path that a socket remembers may no longer be right.
	generation uint32

	flows4     table.Table[table.Key4, *flow]
	flows6     table.Table[table.Key6, *flow]
	last4      flowCache[table.Key4]
	last6      flowCache[table.Key6]
	conns      freeList[tcp.Conn]
	dormants   freeList[tcp.Dormant]
	numConns   int
	numResting int
	starving   []*TCP // met an exhausted pool; the first has waited longest
	halfOpen   halfOpenList
	timeWaits  timeWaitList
	cookies    clock.Time           // until when a SYN cookie may come back
	listeners  map[uint16]*Listener // by port; a chain through Listener.next
	udps       map[uint16]*UDP      // by port; a chain through UDP.next
	numUDPs    int
	pings      map[uint16]*Ping // by identifier
	portKey    [2]uint64
	portNext   uint32

	portPatience uint32 // see dialPort

	wheel   wheel.Wheel
	expired []*wheel.Timer // the caller's, waiting for ExpiredTimer
	ready   readyRing

	header  tcp.Header // scratch of tcpInput; a local one would have to be zeroed for every segment
	segment [128]byte  // scratch for segments without payload
	lo      []byte     // scratch of the loopback interface, made when first used

	stats Stats
}

// New returns a Stack with a loopback interface and nothing else.
func New(cfg Config, now clock.Time) (*Stack, error) {
	defaultInt(&cfg.MaxConns, 65536)
	defaultInt(&cfg.MaxHalfOpen, 1024)
	defaultInt(&cfg.MaxTimeWait, 65536)
	defaultInt(&cfg.MaxNeighbors, 1024)
	defaultInt(&cfg.QueueFrames, 1024)
	if cfg.HopLimit == 0 {
		cfg.HopLimit = 64
	}
	if cfg.BufferLimit != 0 && cfg.BufferLimit < minBufferLimit {
		return nil, ErrBufferLimit
	}
	template := cfg.TCP
	template.Pool = bytequeue.NewPool(cfg.BufferLimit)
	if err := template.Validate(); err != nil {
		return nil, err
	}
	s := &Stack{
		cfg:       cfg,
		rand:      rand.New(rand.NewChaCha8(cfg.Seed)),
		pool:      template.Pool,
		listeners: make(map[uint16]*Listener),
		udps:      make(map[uint16]*UDP),
		pings:     make(map[uint16]*Ping),

		portPatience: patience,
	}
	s.isnKey = s.randomKey()
	s.portKey = s.randomKey()
	s.nextID = s.rand.Uint32()
	s.flows4.Init(s.randomKey())
	s.flows6.Init(s.randomKey())
	s.pmtu.entries.Init(s.randomKey())
	s.wheel.Init(now)
	s.frag4.Init(ipv4.ReassemblyConfig{})
	s.frag6.Init(ipv6.ReassemblyConfig{})
	s.fragT.Kind = timerReassembly
	s.timeWaits.timer.Kind = timerTimeWait
	s.errRate.Init(icmpErrorsPerSecond, icmpErrorsBurst)
	s.addLoopback()
	return s, nil
}

func defaultInt(p *int, v int) {
	if *p <= 0 {
		*p = v
	}
}

func (s *Stack) randomKey() [2]uint64 { return [2]uint64{s.rand.Uint64(), s.rand.Uint64()} }

// Poll runs the timers that are due and returns the next deadline, or clock.Never for none. Calling it
// early or twice is harmless. The deadline may be earlier than needed.
func (s *Stack) Poll(now clock.Time) (next clock.Time) {
	s.wheel.Advance(now)
	for t := s.wheel.Expired(); t != nil; t = s.wheel.Expired() {
		switch t.Kind {
		case timerConn:
			s.pollConn(now, t.Owner.(*TCP))
		case timerNeighbor:
			s.neighborTimer(now, t.Owner.(*neighbor))
		case timerTimeWait:
			s.expireTimeWaits(now)
		case timerReassembly:
			s.pollReassembly(now)
		case timerDAD:
			s.dadTimer(now, t.Owner.(*ifaceAddr))
		default:
			s.expired = append(s.expired, t)
		}
	}
	s.runLoopback(now)
	if s.ifaces[0].pending() {
		return now
	}
	return s.wheel.Next()
}

// Arm sets a deadline of the caller's, or disarms it if at is clock.Never. Such timers come out of
// ExpiredTimer after a Poll. t.Kind must not be negative: those belong to the Stack.
func (s *Stack) Arm(t *wheel.Timer, at clock.Time) {
	// A timer that has expired and was not fetched yet has not happened.
	for i, x := range s.expired {
		if x == t {
			s.expired = append(s.expired[:i], s.expired[i+1:]...)
			break
		}
	}
	if at == clock.Never {
		s.wheel.Disarm(t)
		return
	}
	s.wheel.Arm(t, at)
}

// ExpiredTimer returns the next of the caller's timers that has expired, or nil.
func (s *Stack) ExpiredTimer() *wheel.Timer {
	if len(s.expired) == 0 {
		return nil
	}
	t := s.expired[0]
	copy(s.expired, s.expired[1:])
	s.expired[len(s.expired)-1] = nil
	s.expired = s.expired[:len(s.expired)-1]
	return t
}
