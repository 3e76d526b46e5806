package main

import (
	"math"
	"slices"
)

// median returns the middle of v, which it does not change, or the mean of the two in the middle.
func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(v))
	n := len(s)
	if n%2 == 1 {
		return s[n/2]
	}
	return (s[n/2-1] + s[n/2]) / 2
}

// percentile returns the smallest value that at least p percent of sorted are not above.
func percentile(sorted []uint32, p float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	i := int(math.Ceil(p/100*float64(len(sorted)))) - 1
	return float64(sorted[min(max(i, 0), len(sorted)-1)])
}

// ratio compares ours with theirs, turned so that more is better. It is 0 when they cannot be compared.
func ratio(ours, theirs float64, lowerIsBetter bool) float64 {
	if lowerIsBetter {
		ours, theirs = theirs, ours
	}
	r := ours / theirs
	if math.IsNaN(r) || math.IsInf(r, 0) {
		return 0
	}
	return r
}

// round keeps four significant digits: more would pretend to a precision that no run has.
func round(x float64) float64 {
	if x == 0 || math.IsNaN(x) || math.IsInf(x, 0) {
		return 0
	}
	scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(x))))
	return math.Round(x*scale) / scale
}
