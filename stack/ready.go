package stack

// A signal is what a socket has to tell its owner.
type signal struct {
	owner     any
	events    Event
	inRing    bool // in the ring of signals that Ready has not returned yet
	announced bool // returned by Ready; the owner has not taken the events yet
}

// take returns and clears the events.
func (g *signal) take() Event {
	ev := g.events
	g.events = 0
	g.announced = false
	return ev
}

// raise adds events and, unless the owner knows already, announces them.
func (s *Stack) raise(g *signal, ev Event) {
	g.events |= ev
	if g.events != 0 && !g.inRing && !g.announced && g.owner != nil {
		g.inRing = true
		s.ready.push(g)
	}
}

// setOwner changes whom the events are announced to.
func (s *Stack) setOwner(g *signal, owner any) {
	g.owner = owner
	g.announced = false
	s.raise(g, 0)
}

// Ready returns the owner of the next socket with events, or nil. A socket is returned at most once
// until its Events have been taken. Sockets without owner are skipped.
func (s *Stack) Ready() (owner any) {
	for {
		g := s.ready.pop()
		if g == nil {
			return nil
		}
		g.inRing = false
		if g.owner != nil && g.events != 0 {
			g.announced = true
			return g.owner
		}
	}
}

// A readyRing is a queue of signals that grows to the most that were ever in it.
type readyRing struct {
	ring       []*signal // a power of two long
	head, tail uint32
}

func (r *readyRing) push(g *signal) {
	if int(r.tail-r.head) == len(r.ring) {
		grown := make([]*signal, max(16, 2*len(r.ring)))
		n := 0
		for ; r.head != r.tail; r.head++ {
			grown[n] = r.ring[int(r.head)&(len(r.ring)-1)]
			n++
		}
		r.ring, r.head, r.tail = grown, 0, uint32(n)
	}
	r.ring[int(r.tail)&(len(r.ring)-1)] = g
	r.tail++
}

func (r *readyRing) pop() *signal {
	if r.head == r.tail {
		return nil
	}
	p := &r.ring[int(r.head)&(len(r.ring)-1)]
	g := *p
	*p = nil
	r.head++
	return g
}
