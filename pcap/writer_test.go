package pcap

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"github.com/ztstack/ztstack/clock"
)

// udp4 is an IPv4 packet with a UDP datagram from 10.0.0.1:1024 to 10.0.0.2:7 that holds "abc".
var udp4 = []byte{
	0x45, 0x00, 0x00, 0x1f, 0x00, 0x01, 0x00, 0x00, 0x40, 0x11, 0x66, 0xcb, 10, 0, 0, 1, 10, 0, 0, 2,
	0x04, 0x00, 0x00, 0x07, 0x00, 0x0b, 0x23, 0x6c, 'a', 'b', 'c',
}

// frame is udp4 in an Ethernet frame.
var frame = append([]byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00}, udp4...)

const epoch = 1_700_000_000_000_000_000

// sample returns a capture with two interfaces and what was written to it.
func sample(t testing.TB) ([]byte, []Interface, []Packet) {
	interfaces := []Interface{
		{Name: "zt0", Description: "a virtual network", LinkType: Ethernet},
		{Name: "tun0", LinkType: Raw, SnapLen: 24},
	}
	packets := []Packet{
		{Interface: 0, Time: 1, Direction: Outbound, Data: frame},
		{Interface: 1, Time: 123456789, Direction: Inbound, Data: udp4},
		{Interface: 0, Time: 5_000_000_001, Data: frame[:42], Len: len(frame), Comment: "cut short"},
		{Interface: 0, Time: 5_000_000_002, Direction: Inbound, Data: frame, Comment: "odd"},
	}
	var buf bytes.Buffer
	w, err := NewWriter(&buf, Config{Application: "ztstack", Epoch: epoch})
	if err != nil {
		t.Fatal(err)
	}
	for i := range interfaces {
		if n, err := w.AddInterface(interfaces[i]); n != i || err != nil {
			t.Fatalf("AddInterface = %d, %v", n, err)
		}
	}
	for i := range packets {
		if err := w.WritePacket(&packets[i]); err != nil {
			t.Fatal(err)
		}
	}
	// What a reader is to see.
	packets[1].Data, packets[1].Len = udp4[:24], len(udp4)
	for i := range packets {
		packets[i].Time += epoch
		packets[i].Len = max(packets[i].Len, len(packets[i].Data))
	}
	return buf.Bytes(), interfaces, packets
}

func TestWrittenCaptureReadsBack(t *testing.T) {
	b, interfaces, packets := sample(t)
	r, err := NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	wantPackets(t, r, packets)
	if got := fmt.Sprint(r.Interfaces()); got != fmt.Sprint(interfaces) {
		t.Errorf("interfaces %v, want %v", got, interfaces)
	}
}

func TestGopacketReadsWhatIsWritten(t *testing.T) {
	b, interfaces, packets := sample(t)
	r, err := pcapgo.NewNgReader(bytes.NewReader(b), pcapgo.NgReaderOptions{WantMixedLinkType: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range packets {
		data, info, err := r.ReadPacketData()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(data, want.Data) || info.Length != want.Len || info.InterfaceIndex != want.Interface ||
			info.Timestamp.UnixNano() != int64(want.Time) {
			t.Errorf("gopacket read %x %+v, want %+v", data, info, want)
		}
	}
	for n, want := range interfaces {
		got, err := r.Interface(n)
		if err != nil || got.Name != want.Name || got.LinkType != layers.LinkType(want.LinkType) && want.LinkType != Raw {
			t.Errorf("gopacket sees interface %+v, %v, want %+v", got, err, want)
		}
	}
	if got := r.SectionInfo().Application; got != "ztstack" {
		t.Errorf("application %q", got)
	}
}

func TestTsharkReadsWhatIsWritten(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed")
	}
	b, _, packets := sample(t)
	file := filepath.Join(t.TempDir(), "sample.pcapng")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(tshark, "-n", "-r", file, "-T", "fields", "-E", "separator=|", "-e", "frame.time_epoch", "-e", "frame.interface_name",
		"-e", "frame.cap_len", "-e", "frame.len", "-e", "frame.packet_flags_direction", "-e", "frame.comment", "-e", "ip.src", "-e", "udp.dstport")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("tshark: %v: %s", err, &stderr)
	}
	for line := range strings.Lines(stderr.String()) {
		if !strings.Contains(line, "Running as user") {
			t.Errorf("tshark warns: %s", line)
		}
	}
	lines := strings.Split(strings.TrimSpace(stdout.String()), "\n")
	if len(lines) != len(packets) {
		t.Fatalf("tshark shows %d packets, want %d: %s", len(lines), len(packets), &stdout)
	}
	names := []string{"zt0", "tun0"}
	for i, p := range packets {
		f := strings.Split(lines[i], "|")
		at := time.Unix(0, int64(p.Time)).UTC()
		if f[0] != fmt.Sprintf("%d.%09d", at.Unix(), at.Nanosecond()) && f[0] != at.Format("2006-01-02T15:04:05.000000000Z") {
			t.Errorf("packet %d: time %s, want %v", i, f[0], at)
		}
		want := fmt.Sprint(names[p.Interface], "|", len(p.Data), "|", p.Len)
		if got := strings.Join(f[1:4], "|"); got != want {
			t.Errorf("packet %d: %s, want %s", i, got, want)
		}
		if p.Direction != Unknown && !strings.HasSuffix(f[4], fmt.Sprint(int(p.Direction))) {
			t.Errorf("packet %d: direction %s, want %d", i, f[4], p.Direction)
		}
		if f[5] != p.Comment || f[6] != "10.0.0.1" {
			t.Errorf("packet %d: comment %q, source %q", i, f[5], f[6])
		}
	}
}

// Two captures of the same packets are the same bytes: a simulation can be compared by them.
func TestCaptureIsDeterministic(t *testing.T) {
	a, _, _ := sample(t)
	b, _, _ := sample(t)
	if !bytes.Equal(a, b) {
		t.Error("two captures of the same packets differ")
	}
}

func TestCaptureMarksDirection(t *testing.T) {
	var buf bytes.Buffer
	w, _ := NewWriter(&buf, Config{})
	w.AddInterface(Interface{LinkType: Ethernet})
	for _, out := range []bool{false, true} {
		if err := w.Capture(clock.Time(7), 0, out, frame); err != nil {
			t.Fatal(err)
		}
	}
	r, err := NewReader(&buf)
	if err != nil {
		t.Fatal(err)
	}
	wantPackets(t, r, []Packet{
		{Time: 7, Direction: Inbound, Data: frame, Len: len(frame)},
		{Time: 7, Direction: Outbound, Data: frame, Len: len(frame)},
	})
}

func TestWritePacketRefuses(t *testing.T) {
	var buf bytes.Buffer
	w, _ := NewWriter(&buf, Config{})
	if err := w.WritePacket(&Packet{Data: frame}); err == nil {
		t.Error("a packet of an interface that was not added was written")
	}
	w.AddInterface(Interface{LinkType: Ethernet})
	before := buf.Len()
	for _, p := range []Packet{{Interface: -1}, {Interface: 1}, {Data: make([]byte, maxBlock)}} {
		if err := w.WritePacket(&p); err == nil {
			t.Errorf("packet of interface %d with %d bytes was written", p.Interface, len(p.Data))
		}
	}
	if buf.Len() != before {
		t.Error("a refused packet left bytes")
	}
}

// failingWriter fails after n writes.
type failingWriter struct{ n int }

var errDisk = errors.New("disk full")

func (w *failingWriter) Write(b []byte) (int, error) {
	if w.n--; w.n < 0 {
		return 0, errDisk
	}
	return len(b), nil
}

func TestWriteErrorIsFinal(t *testing.T) {
	f := &failingWriter{n: 2}
	w, err := NewWriter(f, Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.AddInterface(Interface{LinkType: Ethernet}); err != nil {
		t.Fatal(err)
	}
	if err := w.WritePacket(&Packet{Data: frame}); err != errDisk {
		t.Errorf("WritePacket = %v, want %v", err, errDisk)
	}
	f.n = 100
	if err := w.WritePacket(&Packet{Data: frame}); err != errDisk {
		t.Errorf("WritePacket after an error = %v, want %v", err, errDisk)
	}
	if _, err := w.AddInterface(Interface{}); err != errDisk {
		t.Errorf("AddInterface after an error = %v, want %v", err, errDisk)
	}
	if _, err := NewWriter(&failingWriter{}, Config{}); err != errDisk {
		t.Errorf("NewWriter = %v, want %v", err, errDisk)
	}
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

func TestNoAllocs(t *testing.T) {
	w, _ := NewWriter(discard{}, Config{})
	w.AddInterface(Interface{LinkType: Ethernet})
	w.Capture(1, 0, true, frame)
	if n := testing.AllocsPerRun(100, func() { w.Capture(1, 0, true, frame) }); n != 0 {
		t.Errorf("Capture allocates %v times", n)
	}
}

func BenchmarkCapture(b *testing.B) {
	w, _ := NewWriter(discard{}, Config{})
	w.AddInterface(Interface{LinkType: Ethernet})
	data := make([]byte, 1514)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		w.Capture(1, 0, true, data)
	}
}

// decode returns what gopacket makes of udp4: the tests' packets are packets.
func TestSamplePacketsAreValid(t *testing.T) {
	p := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.Default)
	udp, ok := p.Layer(layers.LayerTypeUDP).(*layers.UDP)
	if !ok || p.ErrorLayer() != nil || string(udp.Payload) != "abc" {
		t.Errorf("gopacket: %v", p)
	}
}
