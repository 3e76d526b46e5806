package demo

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"sync"
)

// A source is what is transferred.
type source interface {
	io.ReaderAt
	io.Closer
	Size() int64
	Err() error // what has gone wrong with it since it was opened
}

func openSource(args ServeArgs) (source, error) {
	if args.File == "" {
		return newGenerated(args.Bytes, args.Seed), nil
	}
	return openFile(args.File)
}

// A file is a source that others may change while it is read.
type file struct {
	*os.File
	info fs.FileInfo
	mu   sync.Mutex
	err  error // of the first failed read; guarded by mu
}

func openFile(name string) (*file, error) {
	info, err := os.Stat(name) // before opening, which would wait for the writer of a pipe
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		return nil, err
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err != nil {
		f.Close()
		return nil, err
	}
	return &file{File: f, info: info}, nil
}

// Size implements source: it is that at the time of opening.
func (f *file) Size() int64 { return f.info.Size() }

// ReadAt implements source.
func (f *file) ReadAt(b []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(b, off)
	if err != nil && err != io.EOF {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.err == nil {
			f.err = err
		}
	}
	return n, err
}

// Err implements source.
func (f *file) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return f.err
	}
	info, err := f.Stat()
	if err == nil && (info.Size() != f.info.Size() || !info.ModTime().Equal(f.info.ModTime())) {
		err = fmt.Errorf("%s was changed while it was sent", f.Name())
	}
	return err
}

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

// Err implements source.
func (g *generated) Err() error { return nil }

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
