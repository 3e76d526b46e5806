// Package icmp implements the messages of ICMP for IPv4 and IPv6.
package icmp
