package vl2

import "github.com/ztstack/ztstack/ethernet"

// Status is the state of a joined network, as the local API of the reference names it.
type Status uint8

const (
	StatusRequesting             Status = iota // REQUESTING_CONFIGURATION
	StatusOK                                   // OK
	StatusDenied                               // ACCESS_DENIED
	StatusNotFound                             // NOT_FOUND
	StatusTooOld                               // CLIENT_TOO_OLD: the controller does not speak a format we know
	StatusAuthenticationRequired               // AUTHENTICATION_REQUIRED
)

// String returns the reference's name.
func (s Status) String() string {
	names := [...]string{"REQUESTING_CONFIGURATION", "OK", "ACCESS_DENIED", "NOT_FOUND", "CLIENT_TOO_OLD", "AUTHENTICATION_REQUIRED"}
	if int(s) < len(names) {
		return names[s]
	}
	return "UNKNOWN"
}

// Info describes a joined network.
type Info struct {
	ID     NetworkID
	Status Status
	MAC    ethernet.Addr
	Config *NetworkConfig // nil until the first and after a denial; immutable
	URL    string         // where to authenticate, for StatusAuthenticationRequired
}

// EventKind says what happened to a network.
type EventKind uint8

const (
	EventRequesting             EventKind = iota // joined, or asking again after a refusal
	EventOK                                      // configured; Config is set
	EventConfigChanged                           // a new configuration that differs in more than time stamps and credentials
	EventDenied                                  // the controller refuses us
	EventNotFound                                // the controller knows no such network
	EventTooOld                                  // the controller answers in a format we do not know
	EventAuthenticationRequired                  // the controller wants a login first; see Info.URL
	EventDown                                    // left
)

// String returns a short name, such as "ok".
func (k EventKind) String() string {
	names := [...]string{"requesting", "ok", "config changed", "denied", "not found", "too old", "authentication required", "down"}
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// Event is a change of a network.
type Event struct {
	Kind    EventKind
	Network NetworkID
	Config  *NetworkConfig // for EventOK and EventConfigChanged; immutable
}
