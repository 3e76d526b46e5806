package vl2

// Step is one rule that was looked at.
type Step struct {
	InCapability bool
	Capability   uint32 // ID, when InCapability
	Index        int    // in its rule set
	Rule         Rule
	State        bool // of the set of matches, after a match; before an action, which is carried out when it is true
}

// Trace tells why a frame passed or not.
type Trace struct {
	Steps   []Step
	Outcome string // drop, accept, super-accept, redirect

	inCapability bool
	capability   uint32
}

// step records a rule; a nil Trace records nothing.
func (t *Trace) step(i int, r *Rule, state bool) {
	if t != nil {
		t.Steps = append(t.Steps, Step{t.inCapability, t.capability, i, *r, state})
	}
}

// enter records that the rules of a capability follow.
func (t *Trace) enter(id uint32) {
	if t != nil {
		t.inCapability, t.capability = true, id
	}
}

func (t *Trace) end(v verdict) {
	if t != nil {
		t.Outcome = [...]string{"no match", "drop", "accept", "super-accept", "redirect"}[v]
	}
}

// String returns one line per rule, such as "rules 3 MATCH_ETHERTYPE true", and the outcome.
func (t *Trace) String() string {
	var b []byte
	for i := range t.Steps {
		s := &t.Steps[i]
		if s.InCapability {
			b = append(appendDecimal(append(b, "capability "...), uint64(s.Capability)), ' ')
		} else {
			b = append(b, "rules "...)
		}
		b = append(appendDecimal(b, uint64(s.Index)), ' ')
		if s.Rule.Or {
			b = append(b, "or "...)
		}
		if s.Rule.Not {
			b = append(b, "not "...)
		}
		b = append(b, s.Rule.Type.String()...)
		if s.State {
			b = append(b, " true\n"...)
		} else {
			b = append(b, " false\n"...)
		}
	}
	return string(append(b, t.Outcome...))
}

func appendDecimal(b []byte, v uint64) []byte {
	if v >= 10 {
		b = appendDecimal(b, v/10)
	}
	return append(b, '0'+byte(v%10))
}
