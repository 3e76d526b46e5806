package sockets

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"

	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/zerotier"
	"github.com/ztstack/ztstack/zerotier/driver"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// A Network is a ZeroTier network that a Node has joined, and the TCP/IP host that the node is on it.
type Network struct {
	id   NetworkID
	node *Node
	host *Host
	dev  *driver.Device
	link *Link

	mu      sync.Mutex
	status  vl2.Status         // guarded by mu
	applied *vl2.NetworkConfig // what the host's addresses and routes follow; guarded by mu
	changed chan struct{}      // closed and replaced at every change of status; guarded by mu
}

// Reasons of a JoinError.
var (
	ErrNotAuthorized = errors.New("the controller has not authorised this node")
	ErrNotFound      = errors.New("the controller knows no network of this ID")
	ErrTooOld        = errors.New("the controller speaks a format that is not supported")
	ErrLoginRequired = errors.New("the controller wants a login first")
	ErrNoAnswer      = errors.New("the controller has not answered")
)

// A JoinError says why a network could not be joined in time. The network stays joined: the node goes on asking.
type JoinError struct {
	Network NetworkID
	Reason  error // one of those above
	Err     error // the context's
}

// Error implements error.
func (e *JoinError) Error() string {
	return fmt.Sprintf("sockets: joining network %v: %v (%v)", e.Network, e.Reason, e.Err)
}

// Unwrap makes errors.Is find both causes.
func (e *JoinError) Unwrap() []error { return []error{e.Reason, e.Err} }

// Timeout implements net.Error.
func (e *JoinError) Timeout() bool { return errors.Is(e.Err, context.DeadlineExceeded) }

// Temporary implements net.Error.
func (e *JoinError) Temporary() bool { return true }

// Join joins a network and waits until it is configured, or until ctx is done: then the error is a *JoinError that tells what is
// missing, and the node goes on asking the controller. Joining again waits again.
func (n *Node) Join(ctx context.Context, id NetworkID) (*Network, error) {
	return n.JoinToken(ctx, id, "")
}

// JoinToken is Join with a token that the controller may want.
func (n *Node) JoinToken(ctx context.Context, id NetworkID, token string) (*Network, error) {
	if err := n.Start(); err != nil {
		return nil, err
	}
	nw, err := n.network(id, token)
	if err != nil {
		return nil, fmt.Errorf("sockets: joining network %v: %w", id, err)
	}
	for {
		nw.mu.Lock()
		status, changed := nw.status, nw.changed
		nw.mu.Unlock()
		if status == vl2.StatusOK {
			return nw, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, &JoinError{Network: id, Reason: reason(status), Err: ctxError(ctx.Err())}
		}
		if n.running() == nil {
			return nil, ErrNodeClosed
		}
	}
}

func reason(s vl2.Status) error {
	switch s {
	case vl2.StatusDenied:
		return ErrNotAuthorized
	case vl2.StatusNotFound:
		return ErrNotFound
	case vl2.StatusTooOld:
		return ErrTooOld
	case vl2.StatusAuthenticationRequired:
		return ErrLoginRequired
	}
	return ErrNoAnswer
}

// network returns the network of that ID, joining it if it is new.
func (n *Node) network(id NetworkID, token string) (*Network, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.state != nodeRunning {
		return nil, ErrNodeClosed
	}
	if nw := n.networks[id]; nw != nil {
		return nw, nil
	}
	cfg := n.Host
	cfg.Seed = [32]byte{}
	host, err := NewHost(cfg)
	if err != nil {
		return nil, err
	}
	dev, err := n.drv.JoinToken(id, token)
	if err != nil {
		host.Close()
		return nil, err
	}
	nw := &Network{id: id, node: n, host: host, dev: dev, changed: make(chan struct{})}
	nw.link, err = host.Attach(dev, LinkConfig{Name: "zt" + id.String(), NoDAD: true})
	if err != nil {
		host.Close()
		return nil, errors.Join(err, dev.Close())
	}
	n.networks[id] = nw
	if info, ok := n.drv.Network(id); ok {
		nw.apply(info)
	}
	return nw, nil
}

// Leave leaves a network and closes its connections.
func (n *Node) Leave(id NetworkID) error {
	n.mu.Lock()
	nw := n.networks[id]
	delete(n.networks, id)
	d := n.drv
	n.mu.Unlock()
	if nw == nil {
		return fmt.Errorf("sockets: leaving network %v: not joined", id)
	}
	return errors.Join(nw.close(), d.Leave(id))
}

// Close leaves the network.
func (nw *Network) Close() error { return nw.node.Leave(nw.id) }

func (nw *Network) close() error {
	err := nw.host.Close()
	nw.mu.Lock()
	nw.announce()
	nw.mu.Unlock()
	return err
}

// announce wakes those who wait for a change of status. The caller holds nw.mu.
func (nw *Network) announce() {
	close(nw.changed)
	nw.changed = make(chan struct{})
}

// event follows the node's events.
func (nw *Network) event(zerotier.Event) {
	d := nw.node.running()
	if d == nil {
		return
	}
	if info, ok := d.Network(nw.id); ok {
		nw.apply(info)
	}
}

// apply makes the host's addresses and routes what info says.
func (nw *Network) apply(info zerotier.NetworkStatus) {
	nw.mu.Lock()
	defer nw.mu.Unlock()
	if info.Config != nil && info.Config != nw.applied {
		nw.configure(nw.applied, info.Config)
		nw.applied = info.Config
	}
	if info.Status != nw.status {
		nw.status = info.Status
		nw.announce()
	}
}

// configure replaces the addresses and routes of old by those of cfg. What both have stays untouched. The
// caller holds nw.mu.
func (nw *Network) configure(old, cfg *vl2.NetworkConfig) {
	if old == nil {
		old = new(vl2.NetworkConfig)
	}
	// The stack refuses what makes no sense, such as a route without a next hop; the rest of the configuration holds.
	for _, r := range old.Routes {
		if !slices.Contains(cfg.Routes, r) && r.Via.IsValid() {
			_ = nw.host.RemoveRoute(nw.link, r.Target, r.Via)
		}
	}
	for _, p := range old.Addresses {
		if !slices.Contains(cfg.Addresses, p) {
			_ = nw.host.RemoveAddress(nw.link, p)
		}
	}
	for _, p := range cfg.Addresses {
		if !slices.Contains(old.Addresses, p) {
			_ = nw.host.AddAddress(nw.link, p)
		}
	}
	for _, r := range cfg.Routes {
		if !slices.Contains(old.Routes, r) {
			_ = nw.host.AddRoute(nw.link, r.Target, r.Via, int(r.Metric))
		}
	}
}

// ID returns the network's ID.
func (nw *Network) ID() NetworkID { return nw.id }

// Host returns the host that the node is on the network.
func (nw *Network) Host() *Host { return nw.host }

// Link returns the link of the host that is the network.
func (nw *Network) Link() *Link { return nw.link }

// Config returns the configuration that the controller has sent, which must not be changed, or nil.
func (nw *Network) Config() *vl2.NetworkConfig {
	nw.mu.Lock()
	defer nw.mu.Unlock()
	return nw.applied
}

// Status returns the state of the network.
func (nw *Network) Status() vl2.Status {
	nw.mu.Lock()
	defer nw.mu.Unlock()
	return nw.status
}

// MAC returns the node's Ethernet address on the network.
func (nw *Network) MAC() ethernet.Addr { return nw.dev.Info().Addr }

// Addrs returns the addresses that the controller has assigned.
func (nw *Network) Addrs() []netip.Addr {
	var out []netip.Addr
	if cfg := nw.Config(); cfg != nil {
		for _, p := range cfg.Addresses {
			out = append(out, p.Addr())
		}
	}
	return out
}

// Dial is Host.Dial.
func (nw *Network) Dial(network, address string) (net.Conn, error) {
	return nw.host.Dial(network, address)
}

// DialContext is Host.DialContext.
func (nw *Network) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return nw.host.DialContext(ctx, network, address)
}

// Listen is Host.Listen.
func (nw *Network) Listen(network, address string) (net.Listener, error) {
	return nw.host.Listen(network, address)
}

// ListenPacket is Host.ListenPacket.
func (nw *Network) ListenPacket(network, address string) (net.PacketConn, error) {
	return nw.host.ListenPacket(network, address)
}

// HTTPClient returns a client whose connections run over the network.
func (nw *Network) HTTPClient() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: nw.DialContext, ForceAttemptHTTP2: true}}
}
