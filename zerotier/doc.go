// Package zerotier is one ZeroTier node without its sockets: vl1 (encrypted packets between peers), vl2 (virtual
// Ethernet) and, when one is given, a controller, glued together behind three verbs.
//
//   - Receive takes a datagram and may return an Ethernet frame; SendFrame takes an Ethernet frame.
//   - Poll runs what is due and returns the next deadline.
//   - Output returns the next datagram to send.
//
// A Node does no I/O, reads no clock and starts no goroutine. It is not safe for concurrent use; Flow is the exception: what
// FlowChanged announced may be used by any goroutine, so that a driver opens and seals the bulk of the traffic beside the Node.
//
// The roles follow from the configuration: a node whose own identity is a root of its planet or of a moon is a root, a
// node with a Controller answers configuration requests, and every node is a leaf besides.
//
// Read config.go and status.go for what goes in and comes out, node.go for the verbs, glue.go for how messages travel between
// the layers, and flow.go for the fast path.
package zerotier
