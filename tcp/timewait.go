package tcp

import "github.com/ztstack/ztstack/clock"

// A TimeWait is what remains of a connection in TIME-WAIT: 64 bytes that a stack puts where the
// Conn was.
type TimeWait struct {
	Expires clock.Time // when the record is to be dropped
}

// TWAction is what a segment that meets a TimeWait calls for.
type TWAction uint8

const (
	TWDrop  TWAction = iota // nothing
	TWAck                   // send what Output writes
	TWReuse                 // a new SYN that may open the connection anew: forget the record and let a listener have it
)

func (t *TimeWait) Receive(now clock.Time, h *Header, payloadLen int) TWAction { panic("TODO") }
func (t *TimeWait) Output(dst []byte) int                                      { panic("TODO") }
