//go:build !race

package vl1

const raceEnabled = false
