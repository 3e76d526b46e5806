package demo

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/ztstack/ztstack/sockets"
	"github.com/ztstack/ztstack/zerotier"
	"github.com/ztstack/ztstack/zerotier/identity"
)

// A RouteChange is one of the node's reports about how its packets to a peer travel.
type RouteChange struct {
	At   time.Time
	What string // relayed, direct, unreachable
	Path string // direct: the address
}

// What happens to a route.
const (
	relayed     = "relayed"
	direct      = "direct"
	unreachable = "unreachable"
)

// routes notes what the node reports about its peers, from its start on.
type routes struct {
	running sync.WaitGroup

	mu   sync.Mutex
	seen map[identity.Address][]RouteChange // guarded by mu
}

// follow begins to note what n reports, until ctx is done.
func (r *routes) follow(ctx context.Context, n *sockets.Node) {
	r.seen = make(map[identity.Address][]RouteChange)
	events := n.Events(ctx)
	r.running.Go(func() {
		for ev := range events {
			c := RouteChange{At: time.Now()}
			switch ev.Kind {
			case zerotier.EventPeerRelayed:
				c.What = relayed
			case zerotier.EventPeerDirect:
				c.What, c.Path = direct, ev.Path.String()
			case zerotier.EventPeerUnreachable:
				c.What = unreachable
			default:
				continue
			}
			r.mu.Lock()
			r.seen[ev.Peer] = append(r.seen[ev.Peer], c)
			r.mu.Unlock()
		}
	})
}

// wait returns when nothing is noted any more.
func (r *routes) wait() { r.running.Wait() }

// to returns what has been noted about a peer.
func (r *routes) to(peer identity.Address) []RouteChange {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]RouteChange(nil), r.seen[peer]...)
}

// RouteReply tells how packets travel to a peer, and how they have.
type RouteReply struct {
	Direct  bool
	Path    string // address of the peer when direct
	Cipher  string
	Changes []RouteChange
	Frames  FrameCount
}

// FrameCount counts the frames of the virtual network that a node has received: all of them come from the other member.
type FrameCount struct {
	All     uint64
	Relayed uint64 // that came through the root: the packet said so
}

// Route describes the way to another node.
func (a *Agent) Route(peer identity.Address, reply *RouteReply) error {
	for _, p := range a.node.Peers() {
		if p.Address != peer {
			continue
		}
		reply.Direct, reply.Cipher = p.Direct, p.Cipher
		for _, path := range p.Paths {
			if path.Preferred {
				reply.Path = path.Remote.String()
			}
		}
	}
	reply.Changes = a.routes.to(peer)
	for _, s := range a.node.Stats() {
		switch s.Name {
		case "node frames in, relayed":
			reply.Frames.Relayed = s.Value
		case "node frames in", "fast frames in":
			reply.Frames.All += s.Value
		}
	}
	return nil
}

// describe puts a history of routes in words: "relayed, then direct". Routes over which no frame came are left out.
func describe(changes []RouteChange, framesRelayed uint64) string {
	var words []string
	for _, c := range changes {
		if c.What == relayed && framesRelayed == 0 || len(words) > 0 && words[len(words)-1] == c.What {
			continue
		}
		words = append(words, c.What)
	}
	return strings.Join(words, ", then ")
}
