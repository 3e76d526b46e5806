package packet

// RemoteTrace is the payload of REMOTE_TRACE (PROTOCOL 10.16).
type RemoteTrace struct {
	Events []Dict
}

// Append appends the payload.
func (t *RemoteTrace) Append(dst []byte) []byte {
	for _, e := range t.Events {
		dst = append(append(dst, e...), 0)
	}
	return dst
}

// Parse parses the payload. The NUL after the last dictionary may be missing, and empty dictionaries are left out.
func (t *RemoteTrace) Parse(b []byte) bool {
	t.Events = t.Events[:0]
	for len(b) > 0 {
		n := 0
		for n < len(b) && b[n] != 0 {
			n++
		}
		if n > 0 {
			t.Events = append(t.Events, b[:n:n])
		}
		b = b[min(n+1, len(b)):]
	}
	return true
}

// A QoSRecord tells how long the receiver held a packet before it reported it.
type QoSRecord struct {
	ID   uint64 // of the packet, as on the wire
	Held uint16 // milliseconds
}

const qosRecordLen = 10

// QoSMeasurement is the payload of QOS_MEASUREMENT (PROTOCOL 10.17): at least one record.
type QoSMeasurement struct {
	Records []QoSRecord
}

// Append appends the payload. The reference writes both numbers in its own byte order, which is little-endian
// wherever it runs.
func (q *QoSMeasurement) Append(dst []byte) []byte {
	for _, r := range q.Records {
		for shift := 0; shift < 64; shift += 8 {
			dst = append(dst, byte(r.ID>>shift))
		}
		dst = append(dst, byte(r.Held), byte(r.Held>>8))
	}
	return dst
}

// Parse parses the payload. Less than ten bytes at the end are ignored, as the reference does.
func (q *QoSMeasurement) Parse(b []byte) bool {
	q.Records = q.Records[:0]
	for ; len(b) >= qosRecordLen; b = b[qosRecordLen:] {
		var r QoSRecord
		for i := range 8 {
			r.ID |= uint64(b[i]) << (8 * i)
		}
		r.Held = uint16(b[8]) | uint16(b[9])<<8
		q.Records = append(q.Records, r)
	}
	return len(q.Records) > 0
}

// PathNegotiationRequest is the payload of PATH_NEGOTIATION_REQUEST (PROTOCOL 10.17).
type PathNegotiationRequest struct {
	Utility int16
}

// Append appends the payload.
func (n *PathNegotiationRequest) Append(dst []byte) []byte { return append16(dst, uint16(n.Utility)) }

// Parse parses the payload.
func (n *PathNegotiationRequest) Parse(b []byte) bool {
	r := reader{b: b}
	n.Utility = int16(r.u16())
	return !r.bad
}
