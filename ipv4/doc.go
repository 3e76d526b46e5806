// Package ipv4 implements the Internet Protocol's header, fragments and addresses.
package ipv4
