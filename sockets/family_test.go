package sockets

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
)

// "tcp6" and "udp6" on the unspecified address leave IPv4 to others, "tcp4" and "udp4" leave IPv6; without a number
// both families are served, as package net has it.
func TestFamilies(t *testing.T) {
	a, b := newPair(t, 1500, HostConfig{})
	for _, tt := range []struct {
		suffix, host string
		v4, v6       bool
	}{{"", "", true, true}, {"", "[::]", true, true}, {"6", "", false, true}, {"6", "[::]", false, true}, {"4", "", true, false}, {"4", "0.0.0.0", true, false}} {
		name := fmt.Sprintf("tcp%s %s", tt.suffix, tt.host)
		l, err := b.Listen("tcp"+tt.suffix, tt.host+":80")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		u, err := b.ListenPacket("udp"+tt.suffix, tt.host+":80")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, to := range []netip.Addr{addr4[1], addr6[1]} {
			want := tt.v4
			if to.Is6() {
				want = tt.v6
			}
			c, err := a.Dial("tcp", netip.AddrPortFrom(to, 80).String())
			if (err == nil) != want {
				t.Errorf("%s: a connection to %v: %v", name, to, err)
			}
			if err == nil {
				c.Close()
			}
		}
		// The other family's place is free.
		other := map[string]string{"4": "6", "6": "4"}[tt.suffix]
		l2, err := b.Listen("tcp"+other, ":80")
		if free := tt.suffix != ""; (err == nil) != free {
			t.Errorf("%s: listening on tcp%s besides: %v", name, other, err)
		}
		if err == nil {
			l2.Close()
		}
		u2, err := b.ListenPacket("udp"+other, ":80")
		if free := tt.suffix != ""; (err == nil) != free {
			t.Errorf("%s: listening on udp%s besides: %v", name, other, err)
		}
		if err == nil {
			u2.Close()
		}
		if got := u.LocalAddr().(*net.UDPAddr); got.Port != 80 {
			t.Errorf("%s: bound to %v", name, got)
		}
		l.Close()
		u.Close()
	}
}
