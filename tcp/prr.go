package tcp

// reduction spreads the sending of a fast recovery over the ACKs that come in, so that neither silence nor a burst
// follows a loss: proportional rate reduction, RFC 6937. It needs SACK, which says what each ACK delivers.
type reduction struct {
	delivered uint32 // prr_delivered, in bytes
	out       uint32 // prr_out, in bytes
	flight    uint32 // RecoverFS, in bytes
}

func (p *reduction) begin(flight int) { *p = reduction{flight: uint32(max(flight, 1))} }

// window returns the congestion window after an ACK that has delivered n bytes: RFC 6937, Section 3, with the slow start
// reduction bound.
func (p *reduction) window(n, pipe, ssthresh, mss int) int {
	p.delivered += uint32(n)
	var send int
	if pipe > ssthresh {
		// "sndcnt = CEIL(prr_delivered * ssthresh / RecoverFS) - prr_out"
		send = int((uint64(p.delivered)*uint64(ssthresh)+uint64(p.flight)-1)/uint64(p.flight)) - int(p.out)
	} else {
		// "limit = MAX(prr_delivered - prr_out, DeliveredData) + MSS"
		limit := max(int(p.delivered)-int(p.out), n) + mss
		send = min(ssthresh-pipe, limit)
	}
	return max(pipe+max(send, 0), mss)
}
