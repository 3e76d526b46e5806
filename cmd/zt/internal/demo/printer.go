package demo

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// A printer shows what happens: steps as lines, a download as a bar on a terminal and as lines elsewhere. With --json all of
// that goes to standard error.
type printer struct {
	w        io.Writer
	terminal bool
}

func newPrinter(f *os.File) *printer {
	return &printer{w: f, terminal: term.IsTerminal(int(f.Fd()))}
}

// step says that a step is done, and how long it took.
func (p *printer) step(what string, d time.Duration) {
	fmt.Fprintf(p.w, "%8s  %s\n", took(d), what)
}

// progress starts showing a download of total bytes.
func (p *printer) progress(family string, total int64) *progress {
	b := &progress{p: p, family: family, total: total, start: time.Now()}
	b.line = b.start
	if p.terminal && total > 0 {
		b.bar = progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(p.w),
			progressbar.OptionSetDescription("          "+family),
			progressbar.OptionShowBytes(true),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionSetWidth(30),
			progressbar.OptionThrottle(80*time.Millisecond),
			progressbar.OptionClearOnFinish(),
		)
		b.bar.StartWithoutRender() // the rate counts from now
	}
	return b
}

// A progress shows how far a download is.
type progress struct {
	p      *printer
	family string
	total  int64
	bar    *progressbar.ProgressBar
	start  time.Time
	line   time.Time // when the last line was printed
}

// set shows that n bytes have arrived.
func (b *progress) set(n int64) {
	if b.bar != nil {
		b.bar.Set64(n)
		return
	}
	now := time.Now()
	if now.Sub(b.line) < max(time.Second, now.Sub(b.start)/10) || n == b.total {
		return
	}
	b.line = now
	rate := float64(n) / now.Sub(b.start).Seconds()
	eta := "unknown"
	if rate > 0 {
		eta = took(time.Duration(float64(b.total-n) / rate * 1e9))
	}
	fmt.Fprintf(b.p.w, "          %s: %s of %s, %s, %s left\n", b.family, size(n), size(b.total), bitrate(rate*8), eta)
}

// finish removes the bar.
func (b *progress) finish() {
	if b.bar != nil {
		b.bar.Exit()
		b.bar.Clear()
	}
}

// took writes a time with three digits or so.
func took(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}

// size writes a number of bytes.
func size(n int64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	v, i := float64(n)/1024, 0
	for v >= 1024 && i < len(units)-1 {
		v /= 1024
		i++
	}
	return fmt.Sprintf("%.1f %ciB", v, units[i])
}

// bitrate writes a number of bits per second.
func bitrate(bps float64) string {
	switch {
	case bps >= 1e9:
		return fmt.Sprintf("%.2f Gbit/s", bps/1e9)
	case bps >= 1e6:
		return fmt.Sprintf("%.1f Mbit/s", bps/1e6)
	}
	return fmt.Sprintf("%.0f kbit/s", bps/1e3)
}
