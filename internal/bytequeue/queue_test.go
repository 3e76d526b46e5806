package bytequeue

import (
	"testing"
	"unsafe"
)

func TestSize(t *testing.T) {
	if n := unsafe.Sizeof(Queue{}); n > 48 {
		t.Errorf("a Queue is %d bytes, want at most 48", n)
	}
}
func TestSmoke(t *testing.T) {
	p := NewPool(0)
	var q Queue
	b := make([]byte, 100000)
	for i := range b {
		b[i] = byte(i * 7 / 5)
	}
	q.WriteAt(p, 70000, b[70000:])
	q.Append(p, b[:10])
	q.Append(p, b[10:70000])
	q.Extend(30000)
	d := make([]byte, 100000)
	if n := q.ReadAt(0, d); n != 100000 || string(d) != string(b) {
		t.Fatal(n)
	}
	q.Discard(p, 100000)
	if p.InUse() != 0 {
		t.Fatal()
	}
}
