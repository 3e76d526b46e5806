// Package sim is a deterministic network: a World with a seed and a virtual clock, links that delay, lose,
// duplicate, reorder and corrupt, hosts that are stacks, and an internet of datagrams for ZeroTier nodes
// and the like. The same seed gives the same captures, byte for byte.
//
//	w := sim.New(1)
//	a, b := w.AddHost("a", stack.Config{}), w.AddHost("b", stack.Config{})
//	l := w.Connect(sim.LinkConfig{MTU: 1500, Delay: 10 * time.Millisecond, Loss: 0.01}, a, b)
//	…
//	ok := w.DriveUntil(func() bool { … }, time.Minute)
//
// Nothing here sleeps or starts a goroutine: driving a World for an hour takes as long as its packets take
// to process. A World is not safe for concurrent use.
//
// Not supported yet: NATs and firewalls.
package sim
