package main

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	const table = "## Part\n\n| # | Input | How | Spec | Expected |\n|---|---|---|---|---|\n" +
		"| A1 | a \\| b | Raw | RFC 1 | drop |\n| A2 | c | Raw | RFC 2 | keep |\n| A3 | d | Raw | RFC 3 | keep |\n"
	results, err := parse(strings.NewReader(`# a compiler's complaint
{"Action":"run","Test":"TestCase_A1"}
{"Action":"pass","Test":"TestCase_A1/sub"}
{"Action":"fail","Test":"TestCase_A1"}
{"Action":"pass","Test":"TestCase_A1"}
{"Action":"pass","Test":"TestCase_A1_A2"}
{"Action":"pass","Test":"TestOther"}
{"Action":"fail"}
`))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if failed := report(&b, table, results); failed != 1 {
		t.Errorf("%d cases failed, want 1", failed)
	}
	for _, want := range []string{
		"1 cases pass, 1 fail, 1 have no test", "## Part",
		"| A1 | RFC 1 | a \\| b | drop | **FAIL** |", "| A2 | RFC 2 | c | keep | pass |", "| A3 | RFC 3 | d | keep | no test |",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, b.String())
		}
	}
}

// Every case has an identifier of its own.
func TestCases(t *testing.T) {
	seen := map[string]bool{}
	for line := range strings.Lines(cases) {
		c := cells(strings.TrimSpace(line))
		if len(c) == 0 || c[0] == "#" || strings.HasPrefix(c[0], "-") {
			continue
		}
		if len(c) != 5 || seen[c[0]] {
			t.Errorf("%d cells, or a case twice: %s", len(c), line)
		}
		seen[c[0]] = true
	}
	if len(seen) < 100 {
		t.Errorf("%d cases", len(seen))
	}
}
