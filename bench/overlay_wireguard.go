package main

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"

	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"
	"golang.zx2c4.com/wireguard/tun/netstack"
)

// wireguardMTU is what wireguard-go and wg-quick use.
const wireguardMTU = 1420

// WireGuardArgs describes one end of a tunnel. Keys are in hexadecimal.
type WireGuardArgs struct {
	Private, PeerPublic string
	Addr, PeerAddr      netip.Addr
	Port, PeerPort      int // on loopback
}

// wireguardEnd is wireguard-go with its netstack: gVisor's TCP over an encrypted tunnel, all in one process.
type wireguardEnd struct {
	device *device.Device
	net    *netstack.Net
	addr   netip.Addr
}

// wireguardKind starts two processes with a tunnel between them.
func wireguardKind(string) (started []*process, address string, err error) {
	started, err = startChildren(2)
	if err != nil {
		return started, "", err
	}
	var args [2]WireGuardArgs
	for i, addr := range []netip.Addr{clientAddr, serverAddr} {
		key, err := ecdh.X25519().GenerateKey(rand.Reader)
		if err != nil {
			return started, "", err
		}
		port, err := freePort()
		if err != nil {
			return started, "", err
		}
		peer := &args[1-i]
		args[i].Private, args[i].Addr, args[i].Port = hex.EncodeToString(key.Bytes()), addr, int(port.Port())
		peer.PeerPublic, peer.PeerAddr, peer.PeerPort = hex.EncodeToString(key.PublicKey().Bytes()), addr, int(port.Port())
	}
	for i, p := range started {
		var reply OpenReply
		if err := p.call("Open", OpenArgs{WireGuard: &args[i], Server: i == 1}, &reply, openLimit); err != nil {
			return started, "", err
		}
		address = reply.Address
	}
	return started, address, nil
}

// freePort finds a free UDP port of loopback: the other end must know it before this one is started.
func freePort() (netip.AddrPort, error) {
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("looking for a free UDP port on 127.0.0.1: %w", err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort(), nil
}

func openWireGuard(args *WireGuardArgs) (end, error) {
	tun, n, err := netstack.CreateNetTUN([]netip.Addr{args.Addr}, nil, wireguardMTU)
	if err != nil {
		return nil, fmt.Errorf("wireguard-go: %w", err)
	}
	d := device.NewDevice(tun, conn.NewDefaultBind(), device.NewLogger(device.LogLevelError, "wireguard-go: "))
	err = d.IpcSet(fmt.Sprintf("private_key=%s\nlisten_port=%d\npublic_key=%s\nendpoint=127.0.0.1:%d\nallowed_ip=%s/32\n",
		args.Private, args.Port, args.PeerPublic, args.PeerPort, args.PeerAddr))
	if err == nil {
		err = d.Up()
	}
	if err != nil {
		d.Close()
		return nil, fmt.Errorf("wireguard-go: %w", err)
	}
	return &wireguardEnd{device: d, net: n, addr: args.Addr}, nil
}

func (e *wireguardEnd) listen() (net.Listener, error) {
	return e.net.ListenTCPAddrPort(netip.AddrPortFrom(e.addr, serverPort))
}

func (e *wireguardEnd) address() string { return netip.AddrPortFrom(e.addr, serverPort).String() }

func (e *wireguardEnd) dial(ctx context.Context, to string) (net.Conn, error) {
	return e.net.DialContext(ctx, "tcp", to)
}

func (e *wireguardEnd) ready(_ context.Context, _ string, trip func() error) error { return trip() }

func (e *wireguardEnd) close() error {
	e.device.Close()
	return nil
}
