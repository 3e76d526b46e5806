package vl1

import (
	"errors"
	"net/netip"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/wheel"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// Timers (PROTOCOL 14).
const (
	pathAlive        = 19 * time.Second
	pathExpiry       = 243 * time.Second
	pathHeartbeat    = 14 * time.Second
	peerExpiry       = 500 * time.Second
	peerActive       = 500 * time.Second
	trustLifetime    = 600 * time.Second
	helloInterval    = 60 * time.Second
	upstreamHello    = 224 * time.Second
	pingCheck        = 5 * time.Second
	whoisInterval    = 500 * time.Millisecond
	queueTimeout     = 5 * time.Second
	housekeeping     = 30 * time.Second
	confirmInterval  = time.Second
	relayQualityAge  = 61 * time.Second
	introduceGap     = 30 * time.Second
	pushDirect       = 120 * time.Second
	pushRelayed      = 15 * time.Second
	echoGap          = 166 * time.Millisecond
	leafWhoisGap     = 100 * time.Millisecond
	maxPaths         = 64
	contactFirst     = 250 * time.Millisecond // then doubled up to pingCheck
	idleCheck        = 10 * time.Second       // how often an inactive peer is looked at
	probeInterval    = time.Second
	deadPathInterval = 10 * time.Second
	maxProbes        = 3
	unanswered       = 3 * time.Second
	greetDelay       = time.Second
	unreachable      = 12 * time.Second
	samePathSilence  = 3 * time.Second
	onlineTimeout    = 45 * time.Second
)

// Errors of New and SetWorld.
var (
	ErrNoSecret  = errors.New("vl1: the node's own identity lacks its secret keys: load identity.secret, not identity.public")
	ErrNoRand    = errors.New("vl1: Config.Rand is nil: packet IDs are nonces and need a generator with a random seed")
	ErrMTU       = errors.New("vl1: Config.PhysicalMTU is outside 1280..10024")
	ErrWorldType = errors.New("vl1: a planet is expected where a moon was given, or a moon where a planet was")
	ErrWorldOld  = errors.New("vl1: the world is not newer than the one in use, or is a different one")
	ErrWorldSign = errors.New("vl1: the world is not signed with the key that the one in use names")
)

// A Switch is one node's VL1. It does no I/O, reads no clock, and is not safe for concurrent use.
type Switch struct {
	cfg  Config
	self identity.Identity

	peers     map[identity.Address]*peer
	order     []*peer // the same, in the order in which they were met
	upstreams []*peer
	planet    *World
	moons     []*World
	orbits    []orbit
	isRoot    bool
	online    bool

	wheel    wheel.Wheel
	houseAt  clock.Time
	flushDue bool // a message that waits may have a way now
	relayDue bool // the way to an upstream changed

	expect     expectTable
	newcomers  newcomers
	assembler  packet.Assembler
	lookups    []lookup
	waitSend   []waitingSend
	strangers  waitQueue // packets whose sender's identity is being asked for
	retries    waitQueue // messages that the layer above could not use yet
	held       []byte    // what Next returned last lies here
	rendezvous [16]pendingRendezvous
	introduced introductions
	surfaces   []surface
	carriers   map[PathID]clock.Time // physical paths that carried trusted traffic, and when

	out    outQueue
	events []Event
	stats  Stats

	validation identity.Scratch
	validateAt clock.Time

	packetBuf   []byte // packet under construction
	compressBuf []byte
	inflateBuf  []byte
}

// New makes a Switch. It begins to contact its upstreams at the first call of Poll.
func New(cfg Config, now clock.Time) (*Switch, error) {
	if !cfg.Identity.HasSecret() {
		return nil, ErrNoSecret
	}
	if cfg.Rand == nil {
		return nil, ErrNoRand
	}
	cfg.setDefaults()
	if cfg.PhysicalMTU < 1280 || cfg.PhysicalMTU > packet.MaxLen {
		return nil, ErrMTU
	}
	s := &Switch{
		cfg:         cfg,
		self:        cfg.Identity,
		peers:       make(map[identity.Address]*peer),
		carriers:    make(map[PathID]clock.Time),
		packetBuf:   make([]byte, 0, packet.MaxLen),
		compressBuf: make([]byte, packet.MaxLen),
		inflateBuf:  make([]byte, packet.MaxLen),
		houseAt:     now.Add(housekeeping),
	}
	s.wheel.Init(now)
	s.newcomers.init(&cfg)
	s.introduced.init(cfg.Rand)
	if cfg.Planet != nil {
		if cfg.Planet.Type != Planet {
			return nil, ErrWorldType
		}
		s.planet = cfg.Planet
	}
	for _, m := range cfg.Moons {
		if m.Type != Moon {
			return nil, ErrWorldType
		}
		s.moons = append(s.moons, m)
	}
	s.applyWorlds(now)
	return s, nil
}

func (c *Config) setDefaults() {
	setDefault(&c.PhysicalMTU, packet.DefaultMTU)
	setDefault(&c.MaxPeers, 65536)
	setDefault(&c.IdentityBurst, 64)
	setDefault(&c.IdentityRate, 2)
	setDefault(&c.IdentityBurstAll, 128)
	setDefault(&c.IdentityRateAll, 16)
	if c.Version == (Version{}) {
		c.Version = Version{1, 14, 1}
	}
}

func setDefault(v *int, d int) {
	if *v <= 0 {
		*v = d
	}
}

// Poll runs the timers that have expired and returns the next deadline, which may be early. Calling it
// early or twice is harmless.
func (s *Switch) Poll(now clock.Time) (next clock.Time) {
	s.wheel.Advance(now)
	for t := s.wheel.Expired(); t != nil; t = s.wheel.Expired() {
		s.pollPeer(now, t.Owner.(*peer))
	}
	s.pollLookups(now)
	s.pollWaiting(now)
	if s.houseAt.Expired(now) {
		s.keepHouse(now)
	}
	s.settle(now)
	next = clock.Min(s.wheel.Next(), s.houseAt)
	for i := range s.lookups {
		next = clock.Min(next, s.lookups[i].next)
	}
	for i := range s.waitSend {
		next = clock.Min(next, s.waitSend[i].until)
	}
	return clock.Min(next, clock.Min(s.strangers.next(), s.retries.next()))
}

// settle does what a batch of changes has made due. It runs at the end of every entry point.
func (s *Switch) settle(now clock.Time) {
	if s.relayDue {
		s.updateRelay(now)
	}
	if s.flushDue {
		s.flush(now)
	}
	s.updateOnline(now)
}

// updateOnline reports when the node goes online or offline.
//
// Deviation: the reference calls itself online for 500 s after an upstream fell silent (PROTOCOL
// 13.7). Upstreams are probed every 14 s here, so three missed answers suffice to tell.
func (s *Switch) updateOnline(now clock.Time) {
	if online := s.Online(now); online != s.online {
		s.online = online
		kind := EventOffline
		if online {
			kind = EventOnline
			s.askWaiting(now)
		}
		s.event(Event{Kind: kind})
	}
}

// Online reports whether an upstream has been heard in the last 45 s or this node is one itself.
func (s *Switch) Online(now clock.Time) bool {
	if s.isRoot {
		return true
	}
	for _, u := range s.upstreams {
		if h := u.lastHeard(); h != clock.Never && now.Sub(h) < onlineTimeout {
			return true
		}
	}
	return false
}

// keepHouse does what is due now and then.
func (s *Switch) keepHouse(now clock.Time) {
	s.houseAt = now.Add(housekeeping)
	s.relayDue = true // upstreams' qualities change with time
	s.out.release()
	s.expireSurfaces(now)
	if now.Sub(s.validateAt) > housekeeping {
		s.validation = identity.Scratch{} // 2 MiB
	}
}

// drop counts something that was not processed.
func (s *Switch) drop(why Drop) { s.stats.Drops[why]++ }

// maxEvents bounds the queue of events.
const maxEvents = 4096

func (s *Switch) event(e Event) {
	if len(s.events) >= maxEvents {
		s.drop(DropEventFull)
		return
	}
	s.events = append(s.events, e)
}

// Event returns the next event. Call it until it returns false.
func (s *Switch) Event() (e Event, ok bool) {
	if len(s.events) == 0 {
		s.events = nil
		return Event{}, false
	}
	e = s.events[0]
	s.events = s.events[1:]
	return e, true
}

// unix returns now as Unix time in milliseconds.
func (s *Switch) unix(now clock.Time) uint64 {
	return uint64(s.cfg.ClockBase + now.Milliseconds())
}

func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
