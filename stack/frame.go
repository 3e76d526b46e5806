package stack

// Frames that the Stack has written itself (ARP, ICMP, UDP, segments without a connection) wait here
// until Output fetches them. TCP connections write straight into the caller's buffer instead.

// frameClasses are the sizes of pooled buffers. The largest holds an IP packet of 65535 bytes and its
// link header.
var frameClasses = [...]int{512, 2048, 4096, 16384, 65536 + 64}

// A frame is one outgoing packet: bytes [off, off+n) of buf. Whoever holds it owns it.
type frame struct {
	buf    []byte
	off, n int
	class  int8
	next   *frame
}

func (f *frame) bytes() []byte { return f.buf[f.off : f.off+f.n] }

// A framePool is a last-in-first-out list of free frames for each class: what was used last is what
// is still in the cache.
type framePool struct {
	free [len(frameClasses)]*frame
	n    [len(frameClasses)]int
}

// maxFreeFrames bounds how many frames of a class are kept for reuse.
const maxFreeFrames = 256

// get returns a frame whose buffer holds at least size bytes.
func (p *framePool) get(size int) *frame {
	for c, most := range frameClasses {
		if size > most {
			continue
		}
		if f := p.free[c]; f != nil {
			p.free[c] = f.next
			p.n[c]--
			f.next = nil
			return f
		}
		return &frame{buf: make([]byte, most), class: int8(c)}
	}
	panic("BUG: stack: frame larger than any IP packet")
}

// put takes a frame back.
func (p *framePool) put(f *frame) {
	f.next = nil
	if p.n[f.class] >= maxFreeFrames {
		return
	}
	f.next = p.free[f.class]
	p.free[f.class] = f
	p.n[f.class]++
}

// A frameQueue is a first-in-first-out list of frames.
type frameQueue struct {
	head, tail *frame
	n          int
}

func (q *frameQueue) push(f *frame) {
	f.next = nil
	if q.tail == nil {
		q.head = f
	} else {
		q.tail.next = f
	}
	q.tail = f
	q.n++
}

func (q *frameQueue) pop() *frame {
	f := q.head
	if f == nil {
		return nil
	}
	q.head = f.next
	if q.head == nil {
		q.tail = nil
	}
	f.next = nil
	q.n--
	return f
}
