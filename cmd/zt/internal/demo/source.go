package demo

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
)

// A source is what is transferred.
type source interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

func openSource(args ServeArgs) (source, error) {
	if args.File == "" {
		return newGenerated(args.Bytes, args.Seed), nil
	}
	f, err := os.Open(args.File)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", args.File)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &file{f, info.Size()}, nil
}

type file struct {
	*os.File
	size int64
}

func (f *file) Size() int64 { return f.size }

// generated is a stream of bytes made from a seed: one random block over and over, XORed in its first bytes with
// its number, so that no two blocks are alike and a block in the wrong place shows in the hash.
type generated struct {
	block []byte
	size  int64
}

const blockSize = 1 << 20

func newGenerated(size int64, seed uint64) *generated {
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	g := &generated{block: make([]byte, blockSize), size: size}
	rand.NewChaCha8(key).Read(g.block)
	return g
}

// Size implements source.
func (g *generated) Size() int64 { return g.size }

// Close implements source.
func (g *generated) Close() error { return nil }

// ReadAt implements source.
func (g *generated) ReadAt(b []byte, off int64) (n int, err error) {
	for n < len(b) && off < g.size {
		in := int(off % blockSize)
		m := copy(b[n:], g.block[in:min(blockSize, in+int(g.size-off))])
		for i := in; i < 8 && i < in+m; i++ {
			b[n+i-in] ^= byte(off / blockSize >> (8 * i))
		}
		n += m
		off += int64(m)
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}
