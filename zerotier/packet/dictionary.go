package packet

import "github.com/ztstack/ztstack/zerotier/identity"

// A Dict is a dictionary in its coded form (PROTOCOL 16): lines key=value with escapes. Reading takes the
// first entry of a key, writing appends: the zero Dict is empty and ready.
type Dict []byte

// Get returns the unescaped value of key, appended to dst, and whether there is one.
func (d Dict) Get(dst []byte, key string) (value []byte, ok bool) { panic("TODO") }

// Has reports whether there is an entry for key.
func (d Dict) Has(key string) bool { panic("TODO") }

// Text returns the value of key as a string, or "".
func (d Dict) Text(key string) string { panic("TODO") }

// Uint returns the value of key as a hexadecimal integer, or otherwise.
func (d Dict) Uint(key string, otherwise uint64) uint64 { panic("TODO") }

// Int returns the value of key as a hexadecimal integer that may have a minus sign, or otherwise.
func (d Dict) Int(key string, otherwise int64) int64 { panic("TODO") }

// Bool returns the value of key as a truth value, or otherwise.
func (d Dict) Bool(key string, otherwise bool) bool { panic("TODO") }

// At returns the entry at offset off, in coded form, and the offset of the next, or ok false at the end. It is how
// to list a dictionary: start with offset 0.
func (d Dict) At(off int) (key, coded []byte, next int, ok bool) { panic("TODO") }

// Put appends an entry with any bytes as its value.
func (d *Dict) Put(key string, value []byte) { panic("TODO") }

// PutText appends an entry with a string as its value.
func (d *Dict) PutText(key, value string) { panic("TODO") }

// PutUint appends an entry with 16 hexadecimal digits.
func (d *Dict) PutUint(key string, v uint64) { panic("TODO") }

// PutInt appends an entry with 16 hexadecimal digits, after a minus sign when v is negative.
func (d *Dict) PutInt(key string, v int64) { panic("TODO") }

// PutBool appends an entry "1" or "0".
func (d *Dict) PutBool(key string, v bool) { panic("TODO") }

// PutAddress appends an entry with the ten digits of an address.
func (d *Dict) PutAddress(key string, a identity.Address) { panic("TODO") }

// Unescape appends to dst the bytes that a coded value stands for.
func Unescape(dst, coded []byte) []byte { panic("TODO") }
