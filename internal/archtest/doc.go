// Package archtest holds the rules about which package may import which, and its tests fail when the
// module breaks one.
//
// The rules are data: see rules_test.go. Imports point downwards only, and below a line, in what is called the
// core, packages do no I/O, read no clock, and take nothing from the standard library that does or that
// makes their behaviour depend on anything but their input. Whoever needs another import changes the
// table, and says in docs/adr why.
package archtest
