package vl2

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
