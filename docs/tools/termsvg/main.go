// Command termsvg draws what a program has printed as a picture of a terminal.
//
//	go run ./cmd/zt demo | go run ./docs/tools/termsvg -command 'go run ./cmd/zt demo' >docs/demo.svg
//
// It reads standard input to its end and writes an SVG to standard output. Escape sequences are left out, and what a
// carriage return overwrites; colours are not kept.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"unicode/utf8"
)

func main() {
	command := flag.String("command", "", "command line to show above the output, behind a prompt")
	flag.Parse()
	if err := run(os.Stdin, os.Stdout, *command); err != nil {
		fmt.Fprintln(os.Stderr, "termsvg:", err)
		os.Exit(1)
	}
}

func run(r io.Reader, w io.Writer, command string) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	lines := screen(string(text))
	if len(lines) == 0 {
		return fmt.Errorf("there is nothing to draw on standard input")
	}
	out := bufio.NewWriter(w)
	draw(out, command, lines)
	return out.Flush()
}

// escape matches the escape sequences of terminals: control sequences, and those of two characters.
var escape = regexp.MustCompile("\x1b(\\[[0-?]*[ -/]*[@-~]|[@-Z\\\\-_])")

// screen returns the lines as they stand on the screen at the end, without blanks behind them.
func screen(text string) []string {
	var lines []string
	for line := range strings.Lines(strings.TrimRight(text, " \r\n")) {
		line = strings.TrimRight(line, "\r\n")
		if i := strings.LastIndexByte(line, '\r'); i >= 0 {
			line = line[i+1:]
		}
		lines = append(lines, strings.TrimRight(escape.ReplaceAllString(line, ""), " "))
	}
	return lines
}

// Sizes in pixels. A character's width is that of common monospaced fonts of this size; every line is stretched to it, so
// that columns align whatever font the viewer has.
const (
	fontSize   = 13
	charWidth  = 7.8
	lineHeight = 18
	margin     = 16
)

// draw writes the picture.
func draw(w io.Writer, command string, lines []string) {
	if command != "" {
		lines = append([]string{"$ " + command}, lines...)
	}
	columns := 0
	for _, line := range lines {
		columns = max(columns, utf8.RuneCountInString(line))
	}
	width := int(float64(columns)*charWidth) + 2*margin
	height := len(lines)*lineHeight + 2*margin
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d">`+"\n", width, height, width, height)
	fmt.Fprintf(w, `<rect width="100%%" height="100%%" rx="8" fill="#16191f"/>`+"\n")
	fmt.Fprintf(w, `<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="%d" fill="#d7dae0">`+"\n", fontSize)
	for i, line := range lines {
		if line == "" {
			continue
		}
		style := ""
		if i == 0 && command != "" {
			style = ` fill="#98c379" font-weight="bold"`
		}
		// Blanks at the beginning become an offset: not every viewer keeps them.
		body := strings.TrimLeft(line, " ")
		x := margin + float64(len(line)-len(body))*charWidth
		fmt.Fprintf(w, `<text x="%.1f" y="%d" textLength="%.1f" lengthAdjust="spacingAndGlyphs" xml:space="preserve"%s>%s</text>`+"\n",
			x, margin+i*lineHeight+fontSize, float64(utf8.RuneCountInString(body))*charWidth, style, markup.Replace(body))
	}
	fmt.Fprint(w, "</g>\n</svg>\n")
}

var markup = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
