//go:build race

package vl1

// raceEnabled says that the race detector makes the memory-hard function some thirty times slower.
const raceEnabled = true
