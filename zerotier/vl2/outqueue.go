package vl2

// maxOut is the most messages and bytes that wait to be pulled; a driver pulls after every call, so only one call's worth
// is ever there.
const (
	maxOut      = 8192
	maxOutBytes = 16 << 20
)

// outQueue holds messages to be sent. Payloads lie in one buffer that is used again when the queue has drained, and
// messages of one multicast share theirs.
type outQueue struct {
	list       []Send
	spans      [][2]int // of each payload in buf
	head       int
	buf        []byte
	start, end int // of the payload being composed or composed last
}

// begin returns a buffer to append a payload to; commit makes it the payload of what add adds next.
func (q *outQueue) begin() []byte {
	if q.head == len(q.list) {
		q.list, q.spans, q.head, q.buf = q.list[:0], q.spans[:0], 0, q.buf[:0]
	}
	q.start = len(q.buf)
	return q.buf
}

func (q *outQueue) commit(b []byte) {
	q.buf, q.end = b, len(b)
}

// add queues a message with the payload last committed. It reports false when there is no room.
func (q *outQueue) add(s Send) bool {
	if len(q.list)-q.head >= maxOut || len(q.buf) > maxOutBytes {
		return false
	}
	q.list = append(q.list, s)
	q.spans = append(q.spans, [2]int{q.start, q.end})
	return true
}

func (q *outQueue) next() (Send, bool) {
	if q.head == len(q.list) {
		return Send{}, false
	}
	s, span := q.list[q.head], q.spans[q.head]
	s.Payload = q.buf[span[0]:span[1]:span[1]]
	q.head++
	return s, true
}
