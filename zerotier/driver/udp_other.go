//go:build !linux

package driver

import "net/netip"

// oobLen is the room for control messages, of which there are none.
const oobLen = 1

// setup asks for a large receive buffer.
func (s *socket) setup() (rcvbuf int) {
	s.conn.SetReadBuffer(socketBuffer)
	return socketBuffer
}

// read reads one datagram.
func (s *socket) read(b []byte, _ *[oobLen]byte) (n, seg int, from netip.AddrPort, err error) {
	n, from, err = s.conn.ReadFromUDPAddrPort(b)
	return n, n, from, err
}

func (w *writer) control(*socket, int, int) []byte { return nil }

func (s *socket) refusesRuns(error) bool { return false }
