package sockets

import (
	"github.com/ztstack/ztstack/internal/ring"
	"github.com/ztstack/ztstack/link"
)

// rxSlots is how many frames wait while another goroutine holds a shard: five supers' worth at MTU 2800.
const rxSlots = 128

// maxTake bounds the frames fed to the stack in one hold: those of one batch of the ring at a time.
const maxTake = rxSlots

// A ringReceiver is a link's receive ring: frames that came while the shard was busy.
type ringReceiver struct {
	*ring.Ring
	buf link.Buf // scratch for the consumer; guarded by shard.mu
}

// maxFrame is the largest frame of a link whose MTU may still grow: ZeroTier networks carry up to 10,000 bytes.
// The bytes of a slot cost memory only once a frame of that size has come.
const maxFrame = 10018

func newRing(info link.Info) ringReceiver {
	return ringReceiver{Ring: ring.New(rxSlots, max(info.MTU+18, maxFrame))}
}

// Tags carry what a link.Buf says beside its bytes.
const (
	tagSumOK = 1 << 63
	tagGSO   = 1<<32 - 1
)

// push copies frames into the ring. What does not fit is dropped and counted.
func (r *ringReceiver) push(frames []link.Buf) {
	b := r.Reserve(len(frames))
	for i := range b.Len() {
		f := &frames[i]
		tag := uint64(f.GSO) & tagGSO
		if f.SumOK {
			tag |= tagSumOK
		}
		r.Put(b, i, f.Frame(), tag)
	}
	r.Publish(b)
}

// each takes every frame published so far, up to a bound, and hands it to fn.
func (r *ringReceiver) each(fn func(*link.Buf)) {
	for taken := 0; taken < maxTake; {
		n := r.Take()
		if n == 0 {
			return
		}
		for i := range n {
			frame, tag := r.At(i)
			if len(frame) == 0 {
				continue // it was longer than a slot: the ring has counted it
			}
			r.buf = link.Buf{B: frame[:cap(frame)], Len: len(frame), GSO: int(tag & tagGSO), SumOK: tag&tagSumOK != 0}
			fn(&r.buf)
		}
		r.Release(n)
		taken += n
	}
}
