package tcp

import (
	"os"
	"regexp"
	"strconv"
	"testing"
)

// TestRequirements: what REQUIREMENTS.md refers to in this package exists, and no MUST of RFC 9293, Appendix B is left out.
func TestRequirements(t *testing.T) {
	b, err := os.ReadFile("REQUIREMENTS.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile(`[a-z0-9-]+\.txt`).FindAllString(string(b), -1) {
		if _, err := os.Stat("testdata/" + name); err != nil {
			t.Error(err)
		}
	}
	for _, m := range regexp.MustCompile("`([a-z_]+\\.go)").FindAllStringSubmatch(string(b), -1) {
		if _, err := os.Stat(m[1]); err != nil {
			t.Error(err)
		}
	}
	have := map[string]bool{}
	for _, id := range regexp.MustCompile(`(MUST|SHLD)-[0-9]+`).FindAllString(string(b), -1) {
		have[id] = true
	}
	for _, r := range []struct {
		kind string
		last int
	}{{"MUST", 69}, {"SHLD", 31}} {
		for i := 1; i <= r.last; i++ {
			if id := r.kind + "-" + strconv.Itoa(i); !have[id] {
				t.Errorf("%s is missing", id)
			}
		}
	}
}
