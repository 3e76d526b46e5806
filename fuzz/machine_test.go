package fuzz

import (
	"flag"
	"os"
	"testing"
	"time"

	"github.com/ztstack/ztstack/tcp"
	"pgregory.net/rapid"
)

// TestMain sets how much rapid does by default; the flags still decide.
func TestMain(m *testing.M) {
	flag.Parse()
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	defaults := map[string]string{"rapid.checks": "500", "rapid.steps": "120"}
	if os.Getenv("CI") != "" {
		// A change is judged by what it does, not by what chance finds in the code beside it: that is for nightly runs.
		defaults["rapid.seed"] = "1"
	}
	for name, value := range defaults {
		if !given[name] {
			if err := flag.Set(name, value); err != nil {
				panic(err)
			}
		}
	}
	os.Exit(m.Run())
}

func drawOptions(t *rapid.T) (o Options) {
	for i := range o.MSS {
		o.SendBuffer[i] = rapid.SampledFrom([]int{0, 2048, 5000, 65536, 300_000}).Draw(t, "sndbuf")
		o.ReceiveBuffer[i] = rapid.SampledFrom([]int{0, 2048, 5000, 65535, 65536, 300_000, 1 << 20}).Draw(t, "rcvbuf")
		o.MSS[i] = rapid.SampledFrom([]int{0, 100, 536, 1460, 8960}).Draw(t, "mss")
		o.ISS[i] = rapid.SampledFrom([]uint32{0, 1, 0x7fffff00, 0xfffffff0, 0xffffffff, 0xffff0000}).Draw(t, "iss")
		o.NoDelay[i] = rapid.Bool().Draw(t, "nodelay")
		o.Congestion[i] = rapid.SampledFrom(tcp.CongestionNames()).Draw(t, "congestion")
		o.NoSACK[i] = rapid.Bool().Draw(t, "nosack")
		o.NoTimestamps[i] = rapid.Bool().Draw(t, "nots")
		o.NoWindowScale[i] = rapid.Bool().Draw(t, "nowscale")
	}
	o.MaxSegs = rapid.SampledFrom([]int{1, 1, 4, 44}).Draw(t, "maxsegs")
	o.Simultaneous = rapid.IntRange(0, 9).Draw(t, "simultaneous") == 0
	return o
}

// TestMachine does anything in any order. What ends connections early, and forgery, are rare or left out in two of three
// machines, so that the others get somewhere.
func TestMachine(t *testing.T) {
	for _, v := range []struct {
		name             string
		hostile, closing bool
	}{{"lossy", false, false}, {"closing", false, true}, {"hostile", true, true}} {
		t.Run(v.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				m := New(drawOptions(t))
				if testing.Verbose() {
					m.Log = t.Logf
				}
				t.Repeat(actions(m, v.hostile, v.closing))
				m.Finish()
				if m.Err() != nil {
					t.Fatal(m.Err())
				}
			})
		})
	}
}

func actions(m *Machine, hostile, closing bool) map[string]func(*rapid.T) {
	end := func(t *rapid.T) int { return rapid.IntRange(0, 1).Draw(t, "end") }
	// Mostly the oldest segment, sometimes any.
	which := func(t *rapid.T) int {
		return max(0, rapid.IntRange(-20, 30).Draw(t, "which"))
	}
	size := func(t *rapid.T) int {
		return rapid.OneOf(rapid.IntRange(1, 10), rapid.IntRange(1, 3000), rapid.IntRange(1, 200_000)).Draw(t, "bytes")
	}
	a := map[string]func(*rapid.T){
		"": func(t *rapid.T) {
			if m.Err() != nil {
				t.Fatal(m.Err())
			}
		},
		"write":   func(t *rapid.T) { m.Write(end(t), size(t)) },
		"write2":  func(t *rapid.T) { m.Write(end(t), size(t)) },
		"read":    func(t *rapid.T) { m.Read(end(t), size(t)) },
		"deliver": func(t *rapid.T) { m.Deliver(end(t), which(t)) },
		"deliverMany": func(t *rapid.T) {
			e := end(t)
			for range rapid.IntRange(1, 40).Draw(t, "count") {
				m.Deliver(e, 0)
			}
		},
		"deliverBoth": func(t *rapid.T) {
			for range rapid.IntRange(1, 40).Draw(t, "count") {
				m.Deliver(0, 0)
				m.Deliver(1, 0)
			}
		},
		"drop":      func(t *rapid.T) { m.Drop(end(t), which(t)) },
		"duplicate": func(t *rapid.T) { m.Duplicate(end(t), which(t)) },
		"reorder":   func(t *rapid.T) { m.Reorder(end(t), which(t)) },
		"corrupt": func(t *rapid.T) {
			m.Corrupt(end(t), which(t), rapid.IntRange(0, 12_000).Draw(t, "bit"))
		},
		"advance": func(t *rapid.T) {
			m.Advance(time.Duration(rapid.SampledFrom([]int{1, 10, 40, 200, 500, 1000}).Draw(t, "ms")) * time.Millisecond)
		},
		"advanceFar": func(t *rapid.T) {
			m.Advance(time.Duration(rapid.IntRange(1, 100).Draw(t, "s")) * time.Second)
		},
		"mss": func(t *rapid.T) {
			m.SetMSS(end(t), rapid.SampledFrom([]int{0, 200, 536, 1400, 1460, 9000}).Draw(t, "mss"))
		},
	}
	if closing {
		rarely := func(t *rapid.T, n int) bool { return rapid.IntRange(0, n).Draw(t, "rarely") == 0 }
		a["closeWrite"] = func(t *rapid.T) { m.CloseWrite(end(t)) }
		a["close"] = func(t *rapid.T) {
			if rarely(t, 3) {
				m.Close(end(t))
			}
		}
		a["abort"] = func(t *rapid.T) {
			if rarely(t, 15) {
				m.Abort(end(t))
			}
		}
	}
	if hostile {
		a["forge"] = func(t *rapid.T) {
			value := rapid.OneOf(rapid.Uint32Range(0, 3000), rapid.Uint32()).Draw(t, "value")
			m.Forge(end(t), which(t), rapid.IntRange(0, 4).Draw(t, "field"), value)
		}
	}
	return a
}
