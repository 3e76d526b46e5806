// Package interop holds tests that let our node and the stock ZeroTier service talk to each other. It exports nothing.
//
// They need Linux, root, the program ip of iproute2 and /dev/net/tun, and are skipped without. ZEROTIER_ONE names the stock
// binary:
//
//	ZEROTIER_ONE=/usr/sbin/zerotier-one go test -v ./zerotier/interop
//
// Every test makes a little world: a bridge in a network namespace, and a namespace on it for each node, without any way out. A
// stock node runs in its namespace as it would on a machine of its own, with a TAP interface and the kernel's TCP/IP. Ours
// is an agent: this test binary again, started in the namespace, with a sockets.Node inside. Stock nodes have an agent beside
// them too, which uses the kernel's sockets; so the same transfers and pings are asked of either in the same words. What
// is asked crosses the pipes of the agent as net/rpc, see Agent.
//
// The underlay is 10.98.0.0/24 and fd98::/64, the networks are 10.147.20.0/24 with RFC 4193 and 6PLANE addresses. A
// failing test prints the counters and states of all its nodes. With INTEROP_KEEP=DIR, the identities, the homes of the
// stock nodes and a capture of the bridge stay in DIR, so that the packets can be decrypted.
//
// docs/interop.md has the results.
package interop
