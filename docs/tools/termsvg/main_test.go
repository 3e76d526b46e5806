package main

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestScreen(t *testing.T) {
	for _, test := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{"\n\n", nil},
		{"a\n\n b  \n\n", []string{"a", "", " b"}},
		{"10%\r50%\r100%\ndone\r\n", []string{"100%", "done"}},
		{"\x1b[1;32mgreen\x1b[0m\x1b[2K µs", []string{"green µs"}},
	} {
		if got := screen(test.text); !slices.Equal(got, test.want) {
			t.Errorf("screen(%q) = %q, want %q", test.text, got, test.want)
		}
	}
}

// TestPicture reads the picture back as XML: the lines are in it, in order and unharmed.
func TestPicture(t *testing.T) {
	var svg strings.Builder
	if err := run(strings.NewReader("  <a> & \"b\"\n\nc  d\n"), &svg, "zt demo"); err != nil {
		t.Fatal(err)
	}
	var texts []string
	for d := xml.NewDecoder(strings.NewReader(svg.String())); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, &svg)
		}
		if data, ok := token.(xml.CharData); ok && strings.TrimSpace(string(data)) != "" {
			texts = append(texts, string(data))
		}
	}
	if want := []string{"$ zt demo", `<a> & "b"`, "c  d"}; !slices.Equal(texts, want) {
		t.Errorf("the picture has the lines %q, want %q", texts, want)
	}
	if err := run(strings.NewReader(" \n"), io.Discard, ""); err == nil {
		t.Error("nothing was drawn without an error")
	}
}
