package wheel

import (
	"testing"

	"github.com/ztstack/ztstack/clock"
)

func TestSmoke(t *testing.T) {
	var w Wheel
	w.Init(1000)
	var a, b Timer
	w.Arm(&a, 5e9)
	w.Arm(&b, 3e12)
	for i := 0; ; i++ {
		next := w.Next()
		if next == clock.Never {
			t.Log(i)
			break
		}
		w.Advance(next)
		for {
			x := w.Expired()
			if x == nil {
				break
			}
			t.Log(next, x == &a)
		}
	}
}
