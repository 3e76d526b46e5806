package controller

import (
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// Config configures a Controller.
type Config struct {
	Identity  *identity.Identity // with its secret
	Rand      *rand.Rand         // update IDs, revocation IDs, network numbers
	ClockBase int64              // Unix time in ms when the clock reads zero
	Store     Store              // nil: Memory
}

// Errors of the exported methods.
var (
	ErrNoSecret       = errors.New("controller: the identity has no secret, so it cannot sign")
	ErrForeignNetwork = errors.New("controller: network ID does not begin with this controller's address")
	ErrNoNetwork      = errors.New("controller: no such network")
	ErrNoMember       = errors.New("controller: no such member")
	ErrBadRecord      = errors.New("controller: record is out of its limits")
)

// Controller answers configuration requests for the networks whose IDs begin with its address.
type Controller struct {
	cfg  Config
	self identity.Address

	networks map[vl2.NetworkID]*network
	ids      []vl2.NetworkID // ascending

	recent     map[memberKey]clock.Time // last request of whoever asked
	recentKeys []memberKey              // oldest first

	now        clock.Time // of the last call that had one
	out        []vl2.Send
	pushes     []memberKey // configurations to be built and pushed
	configured []memberKey
	events     []Event
}

// network is a network with its members.
type network struct {
	rec      Network
	members  map[identity.Address]*member
	order    []identity.Address // ascending
	assigned map[addr]identity.Address
	pending  int // members that were never authorised

	revocations    []issued
	nextRevocation uint64 // number of the next
	revokedUpTo    int64  // highest threshold; certificates are issued later than that
}

// member is a member with what only matters while it is online.
type member struct {
	rec         Member
	lastRequest clock.Time // Never: not since this controller started
	requestID   uint64     // of that request
	oldRules    bool       // it does not know the rules engine
	told        uint64     // revocations with lower numbers were sent to it
	pushQueued  bool
}

// memberKey names a member of a network.
type memberKey struct {
	network vl2.NetworkID
	member  identity.Address
}

// Times and limits (PROTOCOL 24).
const (
	requestInterval = time.Second
	onlineFor       = 150 * time.Second // after a request; members ask every 60 s
	maxRecent       = 1 << 16
	maxPending      = 1 << 14 // members of one network that nobody authorised
)

// New returns a controller over what the store holds.
func New(cfg Config) (*Controller, error) {
	if !cfg.Identity.HasSecret() {
		return nil, ErrNoSecret
	}
	if cfg.Store == nil {
		cfg.Store = Memory{}
	}
	c := &Controller{cfg: cfg, self: cfg.Identity.Address, networks: make(map[vl2.NetworkID]*network), recent: make(map[memberKey]clock.Time)}
	networks, members, err := cfg.Store.Load()
	if err != nil {
		return nil, err
	}
	for _, r := range networks {
		if r.ID.Controller() == c.self {
			c.addNetwork(r)
		}
	}
	for _, r := range members {
		if nw := c.networks[r.Network]; nw != nil {
			nw.addMember(r)
		}
	}
	return c, nil
}

// Receive processes a NETWORK_CONFIG_REQUEST of the node with the given identity (PROTOCOL 17.1, 24). Other verbs and
// networks of other controllers are Dropped at once, so a caller may offer every message.
func (c *Controller) Receive(now clock.Time, m *vl2.Message, from *identity.Identity) vl2.Verdict {
	if m.Verb != packet.VerbNetworkConfigRequest {
		return vl2.Drop
	}
	var r packet.ConfigRequest
	if !r.Parse(m.Payload) || from.Address != m.From {
		return vl2.Drop
	}
	id := vl2.NetworkID(r.Network)
	if id.Controller() != c.self || !c.admit(now, memberKey{id, m.From}) {
		return vl2.Drop
	}
	c.now = now
	c.answer(now, m, from, id, r.Dict)
	return vl2.Done
}

// admit limits the requests of one node for one network.
func (c *Controller) admit(now clock.Time, k memberKey) bool {
	last, ok := c.recent[k]
	if ok && now.Sub(last) < requestInterval {
		return false
	}
	if !ok {
		if len(c.recentKeys) >= maxRecent {
			delete(c.recent, c.recentKeys[0])
			c.recentKeys = c.recentKeys[1:]
		}
		c.recentKeys = append(c.recentKeys, k)
	}
	c.recent[k] = now
	return true
}

// Output returns the next message to send. Its payload is the caller's.
func (c *Controller) Output() (vl2.Send, bool) {
	for len(c.out) == 0 {
		if len(c.pushes) == 0 {
			return vl2.Send{}, false
		}
		k := c.pushes[0]
		c.pushes = c.pushes[1:]
		c.pushNow(k)
	}
	s := c.out[0]
	c.out = c.out[1:]
	return s, true
}

// Event returns the next event.
func (c *Controller) Event() (Event, bool) {
	if len(c.events) == 0 {
		return Event{}, false
	}
	e := c.events[0]
	c.events = c.events[1:]
	return e, true
}

// maxEvents bounds the events that wait; a caller that does not ask loses the oldest.
const maxEvents = 4096

func (c *Controller) event(e Event) {
	if len(c.events) >= maxEvents {
		c.events = c.events[1:]
	}
	c.events = append(c.events, e)
}

// Configured returns the next (network, member) that was just given a configuration; pass it to vl2.Networks.Configured.
func (c *Controller) Configured() (vl2.NetworkID, identity.Address, bool) {
	if len(c.configured) == 0 {
		return 0, 0, false
	}
	k := c.configured[0]
	c.configured = c.configured[1:]
	return k.network, k.member, true
}

// unix returns the time in ms since 1970.
func (c *Controller) unix(now clock.Time) int64 { return c.cfg.ClockBase + now.Milliseconds() }

// addNetwork makes a network known.
func (c *Controller) addNetwork(r Network) *network {
	nw := &network{rec: r, members: make(map[identity.Address]*member), assigned: make(map[addr]identity.Address)}
	c.networks[r.ID] = nw
	i, _ := slices.BinarySearch(c.ids, r.ID)
	c.ids = slices.Insert(c.ids, i, r.ID)
	return nw
}

// addMember makes a member known.
func (nw *network) addMember(r Member) *member {
	m := &member{rec: r}
	nw.members[r.Address] = m
	i, _ := slices.BinarySearch(nw.order, r.Address)
	nw.order = slices.Insert(nw.order, i, r.Address)
	nw.claim(&m.rec)
	if !r.Authorized {
		nw.pending++
	}
	return m
}

// removeMember forgets a member.
func (nw *network) removeMember(m *member) {
	nw.release(&m.rec)
	delete(nw.members, m.rec.Address)
	if i, ok := slices.BinarySearch(nw.order, m.rec.Address); ok {
		nw.order = slices.Delete(nw.order, i, i+1)
	}
	if !m.rec.Authorized {
		nw.pending--
	}
}

// online reports whether a member asked lately.
func (m *member) online(now clock.Time) bool {
	return m.lastRequest != clock.Never && now.Sub(m.lastRequest) < onlineFor
}
