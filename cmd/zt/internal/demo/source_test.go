package demo

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"
)

func TestGeneratedReadsTheSameInEveryWay(t *testing.T) {
	const size = 2*blockSize + 12345
	g := newGenerated(size, 7)
	want, err := io.ReadAll(io.NewSectionReader(g, 0, size))
	if err != nil || len(want) != size {
		t.Fatalf("read %d bytes, %v", len(want), err)
	}
	if bytes.Equal(want[:blockSize], want[blockSize:2*blockSize]) {
		t.Error("two blocks are alike")
	}
	got := make([]byte, 0, size)
	for off := int64(0); off < size; {
		b := make([]byte, min(4093, size-off))
		if _, err := g.ReadAt(b, off); err != nil {
			t.Fatal(err)
		}
		got = append(got, b...)
		off += int64(len(b))
	}
	if !bytes.Equal(got, want) {
		t.Error("reading in pieces gives other bytes")
	}
	if err := iotest.TestReader(io.NewSectionReader(g, blockSize-100, 300), want[blockSize-100:blockSize+200]); err != nil {
		t.Error(err)
	}
	if bytes.Equal(want[:100], mustRead(t, newGenerated(100, 8))) {
		t.Error("another seed gives the same bytes")
	}
}

func mustRead(t *testing.T, g *generated) []byte {
	t.Helper()
	b, err := io.ReadAll(io.NewSectionReader(g, 0, g.size))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
