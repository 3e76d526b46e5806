package vl1

import "github.com/ztstack/ztstack/zerotier/identity"

// EventKind says what an Event is about.
type EventKind uint8

// Events that a Switch reports.
const (
	EventNone        EventKind = iota
	EventOnline                // an upstream answers, or this node is one
	EventOffline               // no upstream has been heard for 500 s
	EventIdentity              // Peer's identity, asked for with IdentityOf or needed by Send, is known now
	EventPeer                  // Peer was met for the first time; Identity says who it is
	EventDirect                // Peer is reached over Path
	EventRelayed               // Peer is reached through an upstream only
	EventUnreachable           // Peer has not answered for 12 s, neither directly nor through an upstream
	EventLost                  // Peer was forgotten: nothing heard for 500 s
	EventPathUp                // Path to Peer answered for the first time
	EventPathDown              // Path to Peer expired
	EventWorld                 // World was taken as an update and should be stored
	EventCollision             // an upstream says that another identity owns our address
	EventSurface               // Path.Remote is our own address as Peer sees it
	numEventKinds
)

var eventNames = [numEventKinds]string{
	"none", "online", "offline", "identity", "peer", "direct", "relayed", "unreachable", "lost",
	"path-up", "path-down", "world", "collision", "surface",
}

// String returns the kind's name.
func (k EventKind) String() string {
	if k < numEventKinds {
		return eventNames[k]
	}
	return "unknown"
}

// An Event tells of a change. Events come out of Switch.Event.
type Event struct {
	Kind     EventKind
	Peer     identity.Address
	Identity *identity.Identity // EventIdentity, EventPeer; read only
	Path     PathID             // EventDirect, EventPathUp, EventPathDown, EventSurface
	World    *World             // EventWorld; read only
}
