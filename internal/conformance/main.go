// Command conformance runs the tests named after the cases in testdata/cases.md, TestCase_T20 for case T20 and
// TestCase_C6_C7 for two, and writes docs/conformance.md: each case, the specification behind it, and whether its test passes.
//
// Run it from the module's root:
//
//	go run ./internal/conformance [-o docs/conformance.md] [package ...]
//
// It exits with status 1 if a test fails. A case without a test is said to have none.
package main

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

//go:embed testdata/cases.md
var cases string

func main() {
	out := flag.String("o", "docs/conformance.md", "`file` to write")
	flag.Parse()
	packages := flag.Args()
	if len(packages) == 0 {
		packages = []string{"./stack"}
	}
	results, err := run(packages)
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(2)
	}
	var b bytes.Buffer
	failed := report(&b, cases, results)
	if err := os.WriteFile(*out, b.Bytes(), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(2)
	}
	if failed > 0 {
		fmt.Fprintf(os.Stderr, "conformance: %d cases fail: see %s\n", failed, *out)
		os.Exit(1)
	}
}

// run runs the tests and returns what became of them, by case: pass, fail or skip.
func run(packages []string) (map[string]string, error) {
	cmd := exec.Command("go", append([]string{"test", "-json", "-count=1", "-run", "^TestCase_"}, packages...)...)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	results, err := parse(pipe)
	if werr := cmd.Wait(); err == nil && len(results) == 0 && werr != nil {
		err = fmt.Errorf("go test ran no case: %w", werr)
	}
	return results, err
}

// parse reads what go test -json prints.
func parse(r io.Reader) (map[string]string, error) {
	results := map[string]string{}
	in := bufio.NewScanner(r)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var event struct{ Action, Test string }
		if json.Unmarshal(in.Bytes(), &event) != nil {
			continue // a compiler's complaint
		}
		ids, ok := strings.CutPrefix(event.Test, "TestCase_")
		if !ok || strings.Contains(ids, "/") {
			continue
		}
		switch event.Action {
		case "pass", "fail", "skip":
			for id := range strings.SplitSeq(ids, "_") {
				// A case may have more than one test: the worst counts.
				if results[id] != "fail" {
					results[id] = event.Action
				}
			}
		}
	}
	return results, in.Err()
}

// report writes the table and returns how many cases fail.
func report(w io.Writer, cases string, results map[string]string) (failed int) {
	var passed, missing int
	var b strings.Builder
	for line := range strings.Lines(cases) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "## ") {
			fmt.Fprintf(&b, "\n%s\n\n| Case | Specification | Input | Expected | Result |\n|---|---|---|---|---|\n", line)
			continue
		}
		c := cells(line)
		if len(c) != 5 || c[0] == "#" || strings.HasPrefix(c[0], "-") {
			continue
		}
		result := results[c[0]]
		switch result {
		case "pass":
			passed++
		case "fail":
			failed++
			result = "**FAIL**"
		case "":
			missing++
			result = "no test"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", c[0], c[3], c[1], c[4], result)
	}
	fmt.Fprintf(w, `# Conformance: hostile and edge inputs

Written by `+"`go run ./internal/conformance`"+`. Each case is a test, `+"`TestCase_T20`"+` for T20, that hands frames to a host on virtual
time and looks at what comes back. "drop" means: no reply, no change of state, no memory that outlives the packet.

%d cases pass, %d fail, %d have no test.
`, passed, failed, missing)
	io.WriteString(w, b.String())
	return failed
}

// cells splits a row of a table, minding escaped bars.
func cells(line string) (c []string) {
	if !strings.HasPrefix(line, "|") {
		return nil
	}
	line = strings.TrimSuffix(strings.TrimPrefix(line, "|"), "|")
	start := 0
	for i := range len(line) {
		if line[i] == '|' && (i == 0 || line[i-1] != '\\') {
			c = append(c, strings.TrimSpace(line[start:i]))
			start = i + 1
		}
	}
	return append(c, strings.TrimSpace(line[start:]))
}
