package tcp

import (
	"time"

	"github.com/ztstack/ztstack/clock"
)

// A Conn is one TCP connection (RFC 9293). It does no I/O and reads no clock.
type Conn struct {
	state State
}

func (c *Conn) Open(cfg *Config, now clock.Time, srcPort, dstPort uint16, iss Seq) { panic("TODO") }
func (c *Conn) Accept(cfg *Config, now clock.Time, h *Header, iss Seq)             { panic("TODO") }
func (c *Conn) Receive(now clock.Time, h *Header, payload []byte)                  { panic("TODO") }
func (c *Conn) Poll(now clock.Time) (next clock.Time)                              { panic("TODO") }
func (c *Conn) Output(now clock.Time, dst []byte, maxSegs int) (n, gso int)        { panic("TODO") }
func (c *Conn) Deadline() clock.Time                                               { panic("TODO") }
func (c *Conn) Events() Event                                                      { panic("TODO") }
func (c *Conn) Peek(off int, b []byte) int                                         { panic("TODO") }
func (c *Conn) Read(now clock.Time, b []byte) (n int, err error)                   { panic("TODO") }
func (c *Conn) Write(now clock.Time, b []byte) (n int, err error)                  { panic("TODO") }
func (c *Conn) Readable() int                                                      { panic("TODO") }
func (c *Conn) Writable() int                                                      { panic("TODO") }
func (c *Conn) CloseWrite(now clock.Time)                                          { panic("TODO") }
func (c *Conn) CloseRead(now clock.Time)                                           { panic("TODO") }
func (c *Conn) Close(now clock.Time)                                               { panic("TODO") }
func (c *Conn) Abort(now clock.Time)                                               { panic("TODO") }
func (c *Conn) SetNoDelay(now clock.Time, on bool)                                 { panic("TODO") }
func (c *Conn) SetKeepAlive(now clock.Time, idle, interval time.Duration, count int) {
	panic("TODO")
}
func (c *Conn) SetLinger(on bool, d time.Duration)                      { panic("TODO") }
func (c *Conn) SetMSS(now clock.Time, mss int)                          { panic("TODO") }
func (c *Conn) ICMPError(now clock.Time, hard bool, seq Seq, err error) { panic("TODO") }
func (c *Conn) State() State                                            { return c.state }
func (c *Conn) Err() error                                              { panic("TODO") }
func (c *Conn) Info() Info                                              { panic("TODO") }
func (c *Conn) TimeWaitRecord() (TimeWait, bool)                        { panic("TODO") }
func (c *Conn) Release()                                                { panic("TODO") }
func ListenSegment(h *Header) ListenAction                              { panic("TODO") }
func Reset(h *Header, payloadLen int, dst []byte) (n int)               { panic("TODO") }
func ISN(key [2]uint64, now clock.Time, tuple []byte) Seq               { panic("TODO") }
