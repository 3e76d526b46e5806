package tcp

import (
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/internal/cksum"
)

// resetSegment is an RST that waits to be sent.
type resetSegment struct {
	due bool
	ack bool // with an acknowledgement of what has been received
	seq Seq
}

// answer makes an RST due for a segment whose ACK makes no sense: <SEQ=SEG.ACK><CTL=RST>.
func (r *resetSegment) answer(ack Seq) { *r = resetSegment{due: true, seq: ack} }

// outputReset sends the RST that is due.
func (c *Conn) outputReset(dst []byte) int {
	h := Header{SrcPort: c.srcPort, DstPort: c.dstPort, Seq: c.reset.seq, Flags: RST}
	if c.reset.ack {
		h.Flags |= ACK
		h.Ack = c.rcv.nxt
	}
	c.reset = resetSegment{}
	c.stats.SegsOut++
	c.count.reset()
	return c.sum(dst, h.Put(dst))
}

// Reset writes the RST that answers a segment for which there is no connection, and returns its length: 0
// if it must not be answered. The checksum field is as Output leaves it. (RFC 9293, Section 3.10.7.1)
func Reset(h *Header, payloadLen int, dst []byte) (n int) {
	// "An incoming segment containing a RST is discarded."
	if h.Flags&RST != 0 {
		return 0
	}
	out := Header{SrcPort: h.DstPort, DstPort: h.SrcPort}
	if h.Flags&ACK != 0 {
		// "If the ACK bit is on, <SEQ=SEG.ACK><CTL=RST>"
		out.Seq, out.Flags = h.Ack, RST
	} else {
		// "If the ACK bit is off, sequence number zero is used, <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>"
		out.Ack, out.Flags = h.Seq.Add(h.Flags.seqLen(payloadLen)), RST|ACK
	}
	n = out.Put(dst)
	be.PutUint16(dst[16:], cksum.Sum(dst[:n]))
	return n
}
