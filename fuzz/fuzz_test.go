package fuzz

import (
	"testing"
	"time"
)

// FuzzMachine reads a Machine's options and actions from bytes.
func FuzzMachine(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x00w\x00\xffW\x01\x80d\x01\x00d\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 3000 {
			return
		}
		if err := playBytes(b); err != nil {
			t.Fatal(err)
		}
	})
}

// playBytes runs the machine that b describes: four bytes of options, then actions of three bytes each: what, to which end,
// how much.
func playBytes(b []byte) error {
	if len(b) < 4 {
		return nil
	}
	m := New(optionsFromBytes(b[:4]))
	for b = b[4:]; len(b) >= 3 && m.Err() == nil; b = b[3:] {
		end, arg := int(b[1]&1), int(b[2])
		switch b[0] % 14 {
		case 0, 1:
			m.Write(end, 1+arg*arg)
		case 2:
			m.Read(end, 1+arg*arg)
		case 3, 4:
			m.Deliver(end, int(b[1]>>1))
		case 5:
			for range arg {
				m.Deliver(end, 0)
			}
		case 6:
			m.Drop(end, arg)
		case 7:
			m.Duplicate(end, arg)
		case 8:
			m.Reorder(end, arg)
		case 9:
			m.Corrupt(end, int(b[1]>>1), arg*8)
		case 10:
			m.Advance(time.Duration(arg*arg) * time.Millisecond)
		case 11:
			m.Forge(end, 0, int(b[1]>>1), uint32(arg)*uint32(1+b[1]))
		case 12:
			m.SetMSS(end, arg*8)
		case 13:
			switch b[1] >> 1 % 16 {
			case 0:
				m.Abort(end)
			case 1, 2:
				m.Close(end)
			default:
				m.CloseWrite(end)
			}
		}
	}
	m.Finish()
	return m.Err()
}

func optionsFromBytes(b []byte) (o Options) {
	for i := range o.MSS {
		c := b[2*i : 2*i+2]
		o.SendBuffer[i] = []int{0, 2048, 5000, 300_000}[c[0]&3]
		o.ReceiveBuffer[i] = []int{0, 2048, 65536, 1 << 20}[c[0]>>2&3]
		o.MSS[i] = []int{0, 100, 1460, 8960}[c[0]>>4&3]
		o.ISS[i] = []uint32{0, 0xfffffff0, 0x7fffff00, 0xffff0000}[c[0]>>6]
		o.NoDelay[i] = c[1]&1 != 0
		o.NoSACK[i] = c[1]&2 != 0
		o.NoTimestamps[i] = c[1]&4 != 0
		o.NoWindowScale[i] = c[1]&8 != 0
		o.Congestion[i] = []string{"reno", "cubic"}[c[1]>>6&1]
	}
	o.MaxSegs = []int{1, 44}[b[1]>>4&1]
	o.Simultaneous = b[1]>>5&1 != 0
	return o
}
