package demo

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/pcap"
)

// A capture writes a node's frames on the virtual network to a pcapng file.
type capture struct {
	mu  sync.Mutex
	f   *os.File     // guarded by mu
	buf wholeWrites  // guarded by mu
	w   *pcap.Writer // guarded by mu
	err error        // the first; guarded by mu
}

func newCapture(name, node string) (*capture, error) {
	f, err := os.Create(name)
	if err != nil {
		return nil, fmt.Errorf("writing frames: %w", err)
	}
	c := &capture{f: f, buf: wholeWrites{bufio.NewWriterSize(f, 1<<20)}}
	if c.w, err = pcap.NewWriter(c.buf, pcap.Config{Application: "zt demo"}); err == nil {
		_, err = c.w.AddInterface(pcap.Interface{Name: "node " + node, LinkType: pcap.Ethernet})
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return c, nil
}

// wholeWrites buffers what is written and never splits a write between two of the file's, so that the file ends with a
// whole block even if the process is killed.
type wholeWrites struct{ *bufio.Writer }

// Write implements io.Writer.
func (w wholeWrites) Write(b []byte) (int, error) {
	if len(b) > w.Available() {
		if err := w.Flush(); err != nil {
			return 0, err
		}
	}
	return w.Writer.Write(b)
}

// frame is a sockets.HostConfig.Tap.
func (c *capture) frame(out bool, frame []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil && c.w != nil {
		c.err = c.w.Capture(clock.Time(time.Now().UnixNano()), 0, out, frame)
	}
}

// close finishes the file.
func (c *capture) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.w = nil
	err := c.err
	if err == nil {
		err = c.buf.Flush()
	}
	if err = errors.Join(err, c.f.Close()); err != nil {
		return fmt.Errorf("writing frames: %w", err)
	}
	return nil
}
