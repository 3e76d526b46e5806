package driver

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"
)

// TestControl reads what control writes with the parser of x/sys.
func TestControl(t *testing.T) {
	s := &socket{is4: true}
	for _, test := range []struct{ seg, ttl, want int }{{0, 0, 0}, {1427, 0, 1}, {0, 2, 1}, {1427, 2, 2}} {
		var w writer
		msgs, err := unix.ParseSocketControlMessage(w.control(s, test.seg, test.ttl))
		if err != nil || len(msgs) != test.want {
			t.Fatalf("control(%d, %d) = %d messages, %v, want %d", test.seg, test.ttl, len(msgs), err, test.want)
		}
		for _, m := range msgs {
			switch {
			case m.Header.Level == unix.SOL_UDP && m.Header.Type == unix.UDP_SEGMENT:
				if got := int(binary.NativeEndian.Uint16(m.Data)); got != test.seg {
					t.Errorf("UDP_SEGMENT %d, want %d", got, test.seg)
				}
			case m.Header.Level == unix.SOL_IP && m.Header.Type == unix.IP_TTL:
				if got := int(binary.NativeEndian.Uint32(m.Data)); got != test.ttl {
					t.Errorf("IP_TTL %d, want %d", got, test.ttl)
				}
			default:
				t.Errorf("unexpected message %+v", m.Header)
			}
		}
	}
}

// FuzzSegmentSize checks that no control message, however malformed, reads beyond its end.
func FuzzSegmentSize(f *testing.F) {
	good := make([]byte, unix.CmsgSpace(4))
	putControl(good, unix.SOL_UDP, unix.UDP_GRO, 4)
	binary.NativeEndian.PutUint32(good[unix.SizeofCmsghdr:], 1427)
	if got := segmentSize(good); got != 1427 {
		f.Fatalf("segmentSize = %d, want 1427", got)
	}
	f.Add(good)
	f.Add(good[:unix.SizeofCmsghdr])
	f.Fuzz(func(t *testing.T, b []byte) { segmentSize(b) })
}
