// Package ipv6 implements the IPv6 header, its extension headers, fragments and addresses.
package ipv6
