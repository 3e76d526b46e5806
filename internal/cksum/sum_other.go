//go:build !amd64 || purego

package cksum

func sum(b []byte) uint16 { return sumGeneric(b) }
