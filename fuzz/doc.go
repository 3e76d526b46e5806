// Package fuzz holds harnesses that drive the core with actions in any order and check after each what
// must always hold.
//
// Machine is two TCP endpoints and a network that loses, duplicates, reorders, corrupts and forges. Its tests
// drive it with rapid, which shrinks what fails to a short script, and with Go's own fuzzer, which finds
// its way by coverage:
//
//	go test ./fuzz                          # 500 checks
//	go test ./fuzz -rapid.checks=10000
//	go test ./fuzz -fuzz FuzzMachine
package fuzz
