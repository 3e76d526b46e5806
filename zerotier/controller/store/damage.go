package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"go.etcd.io/bbolt"
)

// DamagedError says that a file was damaged and what became of it.
type DamagedError struct {
	Path     string // where the file was, and where there is a new one
	Aside    string // where it is now
	Networks int    // how many could be kept
	Members  int
	Err      error // what was wrong
}

// Error names the file and the place where it was put.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("store: %s is damaged (%v): put aside as %s; %d networks and %d members of it were kept in a new file: look for missing ones, or put back a copy",
		e.Path, e.Err, e.Aside, e.Networks, e.Members)
}

// Unwrap returns what was wrong.
func (e *DamagedError) Unwrap() error { return e.Err }

// damage is an error that is the file's fault.
type damage struct{ err error }

func (d *damage) Error() string { return "damaged: " + d.err.Error() }

func (d *damage) Unwrap() error { return d.err }

// asDamage marks an error as damage, once.
func asDamage(err error) error {
	var d *damage
	if errors.As(err, &d) {
		return err
	}
	return &damage{err}
}

// saved is a record that could be read.
type saved struct{ bucket, key, json []byte }

// recoverFile puts a damaged file aside and makes a new one of what can be read. f is the damaged file, or nil if it cannot be
// opened at all.
func recoverFile(path string, f *File, d *damage) (*File, error) {
	var records []saved
	if f != nil {
		records = f.salvage()
		_ = f.Close() // its state is the point
	}
	aside, err := putAside(path)
	if err != nil {
		return nil, fmt.Errorf("store: %s is damaged (%w) and cannot be put aside: %w", path, d.err, err)
	}
	out := &DamagedError{Path: path, Aside: aside, Err: d.err}
	f, err = open(path)
	if err != nil {
		return nil, errors.Join(out, err)
	}
	err = f.update("keep what was read", func(tx *bbolt.Tx) error {
		for _, r := range records {
			if err := tx.Bucket(r.bucket).Put(r.key, f.seal(r.key, r.json)); err != nil {
				return err
			}
			if len(r.key) == networkKeyLen {
				out.Networks++
			} else {
				out.Members++
			}
		}
		return nil
	})
	if err != nil {
		f.Close()
		return nil, errors.Join(out, err)
	}
	return f, out
}

// salvage returns the records that are intact. In each bucket it goes forwards until something cannot be read, and then
// backwards from the end.
func (f *File) salvage() (records []saved) {
	for _, name := range [][]byte{networksBucket, membersBucket} {
		seen := make(map[string]bool)
		take := func(key, value []byte) {
			if !seen[string(key)] && f.check(key, value) == nil {
				seen[string(key)] = true
				records = append(records, saved{name, bytes.Clone(key), bytes.Clone(value[checksumLen:])})
			}
		}
		walk := func(first, next func(*bbolt.Cursor) (key, value []byte)) error {
			return guard(func() error {
				return f.db.View(func(tx *bbolt.Tx) error {
					b := tx.Bucket(name)
					if b == nil {
						return nil
					}
					c, steps := b.Cursor(), 0
					// A damaged tree may lead in circles.
					for k, v := first(c); k != nil && steps < maxRecords; k, v = next(c) {
						take(k, v)
						steps++
					}
					return nil
				})
			})
		}
		if walk((*bbolt.Cursor).First, (*bbolt.Cursor).Next) != nil {
			_ = walk((*bbolt.Cursor).Last, (*bbolt.Cursor).Prev)
		}
	}
	return records
}

// maxRecords bounds the search for records in a damaged file.
const maxRecords = 1 << 22

// putAside renames a file to a name that is free.
func putAside(path string) (string, error) {
	for i := 1; ; i++ {
		aside := path + ".damaged"
		if i > 1 {
			aside = fmt.Sprintf("%s.damaged-%d", path, i)
		}
		if _, err := os.Lstat(aside); !errors.Is(err, fs.ErrNotExist) {
			if err != nil {
				return "", err
			}
			continue
		}
		return aside, os.Rename(path, aside)
	}
}
