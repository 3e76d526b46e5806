package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

// gvisorQueue is the length of a channel endpoint's queue, in packets: more than eight connections have in flight, so that nothing
// is lost.
const gvisorQueue = 8192

// gvisorNet is a pair of gVisor stacks joined by channel endpoints: the peer. A goroutine in each direction carries the
// packets, without copying them. Addresses are on bare IP links, without Ethernet and ARP.
type gvisorNet struct {
	hosts [2]gvisorHost
	stop  context.CancelFunc
	pumps sync.WaitGroup
}

type gvisorHost struct {
	stack *stack.Stack
	ep    *channel.Endpoint
}

// gvisorWorld returns an opener for two gVisor stacks: SACK, CUBIC and the loss recovery that is its default (RACK), buffers of fixed
// size, checksums made and verified in software.
func gvisorWorld(mtu, buffer int) opener {
	return func() (world, error) {
		ctx, stop := context.WithCancel(context.Background())
		w := &gvisorNet{stop: stop}
		for i, addr := range []netip.Addr{clientAddr, serverAddr} {
			if err := w.hosts[i].init(addr, mtu, buffer); err != nil {
				w.close()
				return nil, err
			}
		}
		for i := range w.hosts {
			w.pumps.Go(func() { pump(ctx, w.hosts[i].ep, w.hosts[1-i].ep) })
		}
		return w, nil
	}
}

func (h *gvisorHost) init(addr netip.Addr, mtu, buffer int) error {
	h.ep = channel.New(gvisorQueue, uint32(mtu), "")
	h.stack = stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocolCUBIC},
	})
	sack := tcpip.TCPSACKEnabled(true)
	tune := tcpip.TCPModerateReceiveBufferOption(false)
	snd := tcpip.TCPSendBufferSizeRangeOption{Min: 4096, Default: buffer, Max: buffer}
	rcv := tcpip.TCPReceiveBufferSizeRangeOption{Min: 4096, Default: buffer, Max: buffer}
	for _, o := range []tcpip.SettableTransportProtocolOption{&sack, &tune, &snd, &rcv} {
		if err := h.stack.SetTransportProtocolOption(tcp.ProtocolNumber, o); err != nil {
			return fmt.Errorf("gvisor: setting %T: %v", o, err)
		}
	}
	if err := h.stack.CreateNIC(1, h.ep); err != nil {
		return fmt.Errorf("gvisor: CreateNIC: %v", err)
	}
	a := tcpip.ProtocolAddress{Protocol: ipv4.ProtocolNumber, AddressWithPrefix: tcpip.AddrFrom4(addr.As4()).WithPrefix()}
	if err := h.stack.AddProtocolAddress(1, a, stack.AddressProperties{}); err != nil {
		return fmt.Errorf("gvisor: AddProtocolAddress: %v", err)
	}
	h.stack.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: 1}})
	return nil
}

// pump carries packets from one endpoint to the other.
func pump(ctx context.Context, from, to *channel.Endpoint) {
	for {
		p := from.ReadContext(ctx)
		if p == nil {
			return
		}
		in := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: p.ToBuffer()})
		p.DecRef()
		to.InjectInbound(ipv4.ProtocolNumber, in)
		in.DecRef()
	}
}

func (w *gvisorNet) server() tcpip.FullAddress {
	return tcpip.FullAddress{NIC: 1, Addr: tcpip.AddrFrom4(serverAddr.As4()), Port: serverPort}
}

func (w *gvisorNet) listen() (net.Listener, error) {
	return gonet.ListenTCP(w.hosts[1].stack, w.server(), ipv4.ProtocolNumber)
}

func (w *gvisorNet) dial(ctx context.Context) (net.Conn, error) {
	return gonet.DialContextTCP(ctx, w.hosts[0].stack, w.server(), ipv4.ProtocolNumber)
}

func (w *gvisorNet) close() {
	w.stop()
	w.pumps.Wait()
	for _, h := range w.hosts {
		if h.stack != nil {
			h.stack.Destroy()
			h.ep.Close()
		}
	}
}
