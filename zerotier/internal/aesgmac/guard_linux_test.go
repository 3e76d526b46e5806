package aesgmac

import (
	"math/rand/v2"
	"syscall"
	"testing"
)

// A message that ends, or begins, at memory that nobody may touch: the assembly neither reads nor writes beyond it.
func TestNothingIsTouchedOutside(t *testing.T) {
	page := syscall.Getpagesize()
	mem, err := syscall.Mmap(-1, 0, 3*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Skipf("mmap: %v", err)
	}
	defer syscall.Munmap(mem)
	for _, guard := range [][]byte{mem[:page], mem[2*page:]} {
		if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
			t.Skipf("mprotect: %v", err)
		}
	}
	middle := mem[page : 2*page]
	for _, k := range keys(rand.New(rand.NewPCG(6, 6))) {
		for n := AADLen; n <= 1100; n++ {
			for _, msg := range [][]byte{middle[:n], middle[page-n:]} {
				var tag [TagLen]byte
				k.Seal(msg, &[8]byte{byte(n)}, &tag)
				if !k.Open(msg, &tag) {
					t.Fatalf("%v: %d bytes do not open", k.impl, n)
				}
			}
		}
	}
}
