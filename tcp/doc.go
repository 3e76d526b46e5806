// Package tcp implements the Transmission Control Protocol: the wire format and one connection.
package tcp
