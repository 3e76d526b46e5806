// Package driver runs a zerotier.Node: it owns the UDP sockets, the goroutines, the lock around the Node and the timers, and
// gives every joined network a link.Device.
//
// # How a packet travels
//
// One goroutine per socket reads a batch of datagrams (with UDP_GRO up to 64 KiB in one call), puts a packet and its fragment that lie
// side by side together where they are, looks the sender's session up in an atomic table, opens the packet in place, asks the
// published membership gate, writes an Ethernet header over the end of the packet's header, and delivers the frames of the
// batch to the network's receiver while they still lie in the read buffer. Everything else, from HELLO to a packet whose sender is
// not known, goes to the Node under its lock.
//
// Device.Send works the other way round: it writes packet headers into the headroom of a super, seals the packets in place, cuts
// them into datagrams of equal length and hands runs of equal datagrams that lie one after another to the kernel in one call
// (UDP_SEGMENT). Frames for groups, or for members to whom no session is published, go to the Node.
//
// # Locks
//
// Driver.mu guards the Node and what is marked with it. While it is held nobody sleeps, sends to the kernel or delivers: a turn
// (turn.go) takes the lock, lets the Node work, copies out what it has to say, gives the lock back, and only then sends and delivers.
//
// # Reading order
//
// driver.go (open, close, questions), turn.go, socket.go with udp_linux.go and udp_other.go, reader.go and flows.go (the way in),
// device.go and send.go (the way out), timer.go, impair.go, state.go.
//
// Not supported: port mapping, the TCP relay, and IP_TTL for hole punching on systems other than Linux, where the datagrams that
// open a NAT reach the other side and are ignored there.
package driver
