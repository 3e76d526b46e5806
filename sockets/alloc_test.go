package sockets

import "testing"

func TestNoAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	a, b := newPair(t, 1500, HostConfig{})
	ca, cb := connect(t, a, b)
	buf := make([]byte, 64<<10)
	turn := func() {
		n, err := ca.Write(buf)
		if err != nil {
			t.Fatal(err)
		}
		for n > 0 {
			m, err := cb.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			n -= m
		}
	}
	for range 50 { // slow start, buffers and pools
		turn()
	}
	if n := testing.AllocsPerRun(200, turn); n != 0 {
		t.Errorf("64 KiB written and read cost %v allocations", n)
	}
	ua, err := a.ListenPacket("udp", "10.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ub, err := b.ListenPacket("udp", "10.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	to := ub.(*UDPConn).local
	datagram := func() {
		if _, err := ua.(*UDPConn).WriteToUDPAddrPort(buf[:1400], to); err != nil {
			t.Fatal(err)
		}
		if _, _, err := ub.(*UDPConn).ReadFromUDPAddrPort(buf); err != nil {
			t.Fatal(err)
		}
	}
	datagram()
	if n := testing.AllocsPerRun(200, datagram); n != 0 {
		t.Errorf("a datagram sent and received costs %v allocations", n)
	}
}
