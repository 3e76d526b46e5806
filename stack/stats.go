package stack

// Stats are the counters of a Stack since New. (Fields follow.)
type Stats struct {
}
