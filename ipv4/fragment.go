package ipv4

// Fragment writes one fragment of a datagram, header included, into dst: the one whose payload begins
// at off bytes of payload. It returns the fragment's length and where the next one begins, which is
// len(payload) when there are no more. It returns 0 when nothing can be sent: DF is set and the
// datagram exceeds mtu, or mtu leaves no room for 8 bytes beside the header.
//
// A datagram that fits mtu is written whole. h describes the datagram, which may itself be a
// fragment; its TotalLen is ignored. Fragments after the first carry only the options that are to be
// copied. Call it with off = 0 first, then with nextOff:
//
//	for off := 0; ; {
//		n, next := ipv4.Fragment(&h, payload, mtu, off, dst)
//		…
//		if off = next; off == len(payload) {
//			break
//		}
//	}
func Fragment(h *Header, payload []byte, mtu int, off int, dst []byte) (n, nextOff int) {
	f := *h
	f.FragOff += off
	var opts [MaxHeaderLen - HeaderLen]byte
	if off > 0 && len(h.Options) > 0 {
		f.Options = opts[:copiedOptions(&opts, h.Options)]
	}
	data := payload[off:]
	room := mtu - f.Len()
	if len(data) > room {
		room &^= 7
		if room < 8 || h.DF {
			return 0, off
		}
		data = data[:room]
		f.MF = true
	}
	f.TotalLen = f.Len() + len(data)
	n = f.Put(dst)
	n += copy(dst[n:f.TotalLen], data)
	return n, off + len(data)
}
