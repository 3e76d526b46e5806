package tcp

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unsafe"
)

// notDormant lists the fields of a Conn that Sleep may forget: they say nothing while a connection is quiet, or say the same as
// another one. Whoever adds a field to Conn either lets Dormant keep it or says here why not.
var notDormant = []string{
	"events", "next", "timers", // the keep-alive timer is looked at by itself
	"sent", "rec", "ooo", "err", "soft", "trace", "reset", // nothing is in flight, missing, due or wrong
	"shut.read", "shut.orphan", "shut.counted", // it is open
	"rcv.acked", "rcv.ackNow", "rcv.starved", "rcv.duplicates", "rcv.buf", "rcv.peerClosed", "rcv.dsackStart", "rcv.dsackEnd",
	"rcv.prompt", // the loss that it follows was long ago
	"snd.nxt", "snd.small", "snd.closed", "snd.finSent", "snd.probe", "snd.buf",
	"rack.xmit", "rack.rtt", "rack.end", "rack.dsackEnd", "rack.dsackRound", "rack.probing", "rack.probe", "rack.probeEnd",
	"cc", "bbr", // forgotten after a pause anyhow
	"challenge.end", "challenge.left", // expired
	"snd.meter", "rcv.meter", // of an interval that is over
	"eifel", // of a loss that is repaired
	"keepAlive.sent", "keepAlive.probe",
}

// leaves calls f with every field of v that is no struct, by name. The names in skip, and what is below them, are left out.
func leaves(v reflect.Value, name string, skip []string, f func(name string, v reflect.Value)) {
	if slices.Contains(skip, name) {
		return
	}
	if v.Kind() != reflect.Struct {
		f(name, v)
		return
	}
	for i := range v.NumField() {
		field := v.Type().Field(i).Name
		if name != "" {
			field = name + "." + field
		}
		p := reflect.NewAt(v.Field(i).Type(), unsafe.Pointer(v.Field(i).UnsafeAddr()))
		leaves(p.Elem(), field, skip, f)
	}
}

// fill sets a field to something that is not zero.
func fill(t *testing.T, name string, v reflect.Value, rng *rand.Rand) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(1 + rng.Int64N(100))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(1 + rng.Uint64N(100))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
	case reflect.Interface:
		if name != "cc" {
			t.Fatalf("%s: a test has to know how to fill it", name)
		}
		v.Set(reflect.ValueOf(new(cubic)))
	case reflect.Array:
		for i := range v.Len() {
			fill(t, name, v.Index(i), rng)
		}
	default:
		t.Fatalf("%s is a %v: a test has to know how to fill it", name, v.Kind())
	}
}

// TestDormantKeepsAll: what Sleep is not known to forget is there after Wake.
func TestDormantKeepsAll(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		var c, again Conn
		leaves(reflect.ValueOf(&c).Elem(), "", notDormant, func(name string, v reflect.Value) { fill(t, name, v, rng) })
		c.state = StateEstablished
		c.snd.nxt, c.snd.small, c.rcv.acked = c.snd.una, c.snd.una, c.rcv.nxt
		alive := c.rcv.heard + 1000
		c.setTimer(timerKeepAlive, alive)
		before := map[string]any{}
		leaves(reflect.ValueOf(&c).Elem(), "", notDormant, func(name string, v reflect.Value) { before[name] = v.Interface() })
		var d Dormant
		if !c.Sleep(c.LastActive(), &d) {
			t.Fatal("the connection does not go to sleep")
		}
		d.Wake(&again)
		leaves(reflect.ValueOf(&again).Elem(), "", notDormant, func(name string, v reflect.Value) {
			if !reflect.DeepEqual(before[name], v.Interface()) {
				t.Errorf("%s was %v and is %v", name, before[name], v.Interface())
			}
		})
		if again.timers[timerKeepAlive] != alive || again.Deadline() != alive || d.Deadline() != alive {
			t.Errorf("keep-alive is due at %v, want %v", again.timers[timerKeepAlive], alive)
		}
		if again.snd.nxt != again.snd.una || again.snd.small != again.snd.una || again.rcv.acked != again.rcv.nxt {
			t.Error("sequence numbers that are equal while nothing is in flight are not")
		}
	}
}

// TestSleepsOnlyWhenQuiet: every way of not being quiet keeps a connection awake.
func TestSleepsOnlyWhenQuiet(t *testing.T) {
	const later = 10e9
	for name, disturb := range map[string]func(c *Conn){
		"":               func(c *Conn) {},
		"write":          func(c *Conn) { c.Write(1e9, []byte{1}) },
		"in flight":      func(c *Conn) { c.Write(1e9, []byte{1}); outputs(c) },
		"unread":         func(c *Conn) { receiveData(c, 0, 10) },
		"gap":            func(c *Conn) { receiveData(c, 5, 10) },
		"ack due":        func(c *Conn) { receiveData(c, 0, 10); c.Read(1e9, make([]byte, 20)) },
		"closed":         func(c *Conn) { c.CloseWrite(1e9) },
		"not reading":    func(c *Conn) { c.CloseRead(1e9) },
		"aborted":        func(c *Conn) { c.Abort(1e9) },
		"traced":         func(c *Conn) { c.trace = func(TraceEvent) {} },
		"event":          func(c *Conn) { c.events = Writable },
		"challenged":     func(c *Conn) { c.challenge.allow(later - 1) },
		"probe is due":   func(c *Conn) { c.keepAlive.probe = true },
		"probe was sent": func(c *Conn) { c.keepAlive.sent = 1 },
		"soft error":     func(c *Conn) { c.soft = ErrUnreachable },
	} {
		c := inState(t, "ESTABLISHED")
		c.shut.established = true
		disturb(c)
		if name != "event" {
			c.Events()
		}
		var d Dormant
		if got, want := c.Sleep(later, &d), name == ""; got != want {
			t.Errorf("%q: Sleep = %v, want %v", name, got, want)
		}
		if name != "" {
			continue
		}
		if c.State() != StateClosed || c.pool.InUse() != 0 {
			t.Errorf("the empty shell is %v, %d bytes", c.State(), c.pool.InUse())
		}
		d.Wake(c)
		if n, err := c.Write(later, []byte("hello")); n != 5 || err != nil {
			t.Errorf("Write after waking = %d, %v", n, err)
		}
		if sent, _ := outputs(c); sent != 1 {
			t.Errorf("%d segments after a write, want 1", sent)
		}
	}
}

// receiveData delivers n bytes that begin off bytes after what is expected next.
func receiveData(c *Conn, off, n int) {
	h := Header{SrcPort: 9, DstPort: 80, Seq: c.rcv.nxt.Add(off), Ack: c.snd.nxt, Flags: ACK, Window: 65535}
	c.Receive(1e9, &h, make([]byte, n))
}

// TestDormantSize: an idle connection takes at most 1 KiB in a stack, with the stack's part and the table's.
func TestDormantSize(t *testing.T) {
	if n := unsafe.Sizeof(Dormant{}); n > 448 {
		t.Errorf("a Dormant takes %d bytes, want at most 448", n)
	}
}

// TestNotDormant: the list names fields that exist.
func TestNotDormant(t *testing.T) {
	for _, name := range notDormant {
		typ := reflect.TypeFor[Conn]()
		for part := range strings.SplitSeq(name, ".") {
			f, ok := typ.FieldByName(part)
			if !ok {
				t.Fatalf("Conn has no field %s", name)
			}
			typ = f.Type
		}
	}
}
