//go:build !amd64 || purego

package cksum

var vector func([]byte) uint16
