package main

import (
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openTerminal makes a terminal and returns both of its ends.
func openTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("there are no terminals here: ", err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 120}); err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// startOnTerminal starts zt with a terminal of its own and returns what is written there.
func startOnTerminal(t *testing.T, args ...string) (p *program, master *os.File, screen *output) {
	t.Helper()
	master, slave := openTerminal(t)
	defer slave.Close()
	cmd := exec.Command(zt, args...)
	cmd.Stdin, cmd.Stdout = slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	p = startCmd(t, cmd)
	screen = newOutput()
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			screen.Write(buf[:n])
			if err != nil { // everybody has closed the other end
				screen.end()
				return
			}
		}
	}()
	return p, master, screen
}

// TestDemoProgress looks for the bar, its rate and its estimate on a terminal.
func TestDemoProgress(t *testing.T) {
	t.Parallel()
	p, _, screen := startOnTerminal(t, "demo", "--bytes", "12MiB", "--delay", "10ms", "--pings", "1")
	p.wait(0)
	screen.await(t, "in all: ")
	for _, family := range []string{"IPv4", "IPv6"} {
		bar := regexp.MustCompile(family + ` +[0-9]+% \|█+ +\| \([0-9.]+ [kMG]?B/s\) \[[0-9hms]+:[0-9hms]+\]`)
		if !bar.MatchString(screen.String()) {
			t.Errorf("no bar like %v in %q", bar, screen)
		}
	}
}

// TestDemoTerminalCloses takes the terminal away: the demonstration ends.
func TestDemoTerminalCloses(t *testing.T) {
	for _, mode := range []string{"--processes", "--processes=false"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			p, master, screen := startOnTerminal(t, "demo", "--bytes", "64MiB", "--delay", "10ms", mode)
			screen.await(t, "B/s")
			closed := time.Now()
			master.Close()
			p.wait(exitInterrupted)
			p.within(time.Second, closed)
			p.contains(p.err, "interrupted (the terminal was closed) while downloading over IPv4")
		})
	}
}

// TestDemoTerminalInterrupts presses Ctrl-C, which reaches every process of the demonstration.
func TestDemoTerminalInterrupts(t *testing.T) {
	t.Parallel()
	p, master, screen := startOnTerminal(t, "demo", "--bytes", "64MiB", "--delay", "10ms", "--processes")
	screen.await(t, "B/s")
	pressed := time.Now()
	if _, err := master.WriteString("\x03"); err != nil {
		t.Fatal(err)
	}
	p.wait(exitInterrupted)
	p.within(time.Second, pressed)
	p.contains(p.err, "interrupted while downloading over IPv4", "everything is stopped")
}
