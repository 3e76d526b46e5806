package tcp

import (
	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/internal/cksum"
)

// build writes a segment with n bytes of the send queue at off bytes from its head.
func (c *Conn) build(now clock.Time, dst []byte, seq Seq, flags Flags, off, n int) int {
	hdr := c.header(now, dst, seq, c.rcv.nxt, flags)
	if c.ooo == nil {
		c.acknowledged(now, c.rcv.nxt)
	} // else the SACK blocks go out by themselves
	if !c.opt.sum {
		c.snd.buf.ReadAt(off, dst[hdr:hdr+n])
		return c.finish(dst, hdr+n, 0)
	}
	var sum uint16
	odd := false
	for pos := hdr; n > 0; {
		a, b := c.snd.buf.Views(off, n)
		for _, v := range [2][]byte{a, b} {
			if len(v) == 0 {
				continue
			}
			part := cksum.CopySum(dst[pos:], v)
			if odd {
				part = part<<8 | part>>8
			}
			sum = cksum.Add(sum, part)
			odd = odd != (len(v)&1 != 0)
			pos += len(v)
			off += len(v)
			n -= len(v)
		}
		hdr = pos
	}
	return c.finish(dst, hdr, sum)
}

// headerLen returns the length of the header that header writes.
func (c *Conn) headerLen() int {
	if c.opt.timestamps {
		return HeaderLen + timestampLen
	}
	return HeaderLen
}

// header writes the header of any segment of a synchronised connection without SACK blocks, with its own
// sum in the checksum field, and returns its length.
func (c *Conn) header(now clock.Time, dst []byte, seq, ack Seq, flags Flags) int {
	if c.ecn.echo {
		flags |= ECE
	}
	ports := uint32(c.srcPort)<<16 | uint32(c.dstPort)
	word := uint32(HeaderLen/4)<<28 | uint32(flags)<<16 | uint32(c.rcv.advertise(ack))
	n := HeaderLen
	var ts uint64
	if c.opt.timestamps {
		n += timestampLen
		b := dst[HeaderLen : HeaderLen+timestampLen]
		val, ecr := c.timestamp(now), c.rcv.tsRecent
		be.PutUint32(b[0:], timestampWord)
		be.PutUint32(b[4:], val)
		be.PutUint32(b[8:], ecr)
		word += timestampLen / 4 << 28
		ts = timestampWord + uint64(val) + uint64(ecr)
	}
	b := dst[:HeaderLen]
	be.PutUint32(b[0:], ports)
	be.PutUint32(b[4:], uint32(seq))
	be.PutUint32(b[8:], uint32(ack))
	be.PutUint32(b[12:], word)
	// The header is summed from the registers it was written from, never read again.
	sum := ts + uint64(ports) + uint64(seq) + uint64(ack) + uint64(word)
	sum = sum>>32 + sum&0xffffffff
	sum = sum>>16 + sum&0xffff
	sum = sum>>16 + sum&0xffff
	sum = sum>>16 + sum&0xffff
	be.PutUint32(b[16:], uint32(sum)<<16)
	return n
}

// finish adds the payload's sum to the header's and counts the segment, which is n bytes long.
func (c *Conn) finish(dst []byte, n int, payload uint16) int {
	c.stats.SegsOut++
	if !c.opt.sum {
		be.PutUint16(dst[16:], 0)
	} else if payload != 0 {
		be.PutUint16(dst[16:], cksum.Add(be.Uint16(dst[16:]), payload))
	}
	return n
}

// sum fills in the checksum field of a segment of n bytes without payload.
func (c *Conn) sum(dst []byte, n int) int {
	if c.opt.sum {
		be.PutUint16(dst[16:], cksum.Sum(dst[:n]))
	}
	return n
}
