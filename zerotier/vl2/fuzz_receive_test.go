package vl2_test

import (
	"testing"
	"time"

	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// FuzzReceive gives arbitrary messages, from a member, the controller, a stranger or the node itself, to a node that is on a network,
// and to one that was denied, after genuine ones of every kind as seeds. No frame of a stranger may come through, and none to one.
func FuzzReceive(f *testing.F) {
	w := newWorld(f, nil)
	w.join("a", "b")
	a, b, g, root := w.nodes["a"], w.nodes["b"], w.nodes["g"], w.nodes["root"]
	a.arpRequest(b.ipv4())
	b.sendFrame(a.mac(), b.mac(), 0x0800, []byte("x"))
	g.nets.Join(w.now, w.network, "")
	w.run(time.Second)
	root.ctrl.Authorize(w.now, w.network, b.id.Address, false)
	w.run(time.Second)
	w.authorize("b")
	w.run(time.Second)
	for _, m := range w.log {
		f.Add(uint8(m.m.Verb), uint8(m.m.InRe), uint8(m.m.Code), uint8(0), m.m.Payload)
	}
	now := w.now
	f.Fuzz(func(t *testing.T, verb, inRe, code, who uint8, payload []byte) {
		from := []identity.Address{b.id.Address, root.id.Address, g.id.Address, a.id.Address}[who&3]
		now = now.Add(time.Millisecond)
		m := vl2.Message{From: from, Verb: packet.Verb(verb), ID: 1, Payload: payload, InRe: packet.Verb(inRe), Code: packet.ErrorCode(code)}
		frame, v := a.nets.Receive(now, &m)
		if v == vl2.HasFrame && from == g.id.Address {
			t.Fatalf("a stranger's frame came through: %+v", frame)
		}
		if _, v := g.nets.Receive(now, &m); v == vl2.HasFrame {
			t.Fatal("a frame came through to who is no member")
		}
		w.now = now
		for _, nd := range []*node{a, g} {
			nd.nets.Poll(now)
			nd.drain()
		}
		w.flight, w.log = nil, nil
	})
}
