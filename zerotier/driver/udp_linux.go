package driver

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// oobLen is the room for two control messages.
const oobLen = 64

// setup asks for a large receive buffer, UDP_GRO and UDP_SEGMENT, and lets packets be fragmented on the way rather than
// lost. It returns the receive buffer that the kernel granted, in bytes.
func (s *socket) setup() (rcvbuf int) {
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return 0
	}
	raw.Control(func(p uintptr) {
		fd := int(p)
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, socketBuffer) != nil {
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, socketBuffer)
		}
		rcvbuf, _ = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
		if s.is4 {
			unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DONT)
		} else {
			unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_DONT)
		}
		s.gro = unix.SetsockoptInt(fd, unix.SOL_UDP, unix.UDP_GRO, 1) == nil
		// A kernel that does not know UDP_SEGMENT would ignore the control message and send one huge datagram.
		_, err := unix.GetsockoptInt(fd, unix.SOL_UDP, unix.UDP_SEGMENT)
		s.gso.Store(err == nil)
	})
	return rcvbuf
}

// read reads one datagram, or with UDP_GRO several from the same sender: all of seg bytes, the last one perhaps shorter.
func (s *socket) read(b []byte, oob *[oobLen]byte) (n, seg int, from netip.AddrPort, err error) {
	n, oobn, flags, from, err := s.conn.ReadMsgUDPAddrPort(b, oob[:])
	if err != nil {
		return 0, 0, from, err
	}
	if flags&unix.MSG_TRUNC != 0 {
		return 0, 0, from, nil
	}
	if seg = segmentSize(oob[:oobn]); seg <= 0 || seg > n {
		seg = n
	}
	return n, seg, from, nil
}

// A control message is a header of length, level and type, each in native order, and then data; the length has as many
// bytes as a pointer. lengthLen is that number.
const lengthLen = unix.SizeofCmsghdr - 8

func controlLen(b []byte) int {
	if lengthLen == 8 {
		return int(binary.NativeEndian.Uint64(b))
	}
	return int(binary.NativeEndian.Uint32(b))
}

// segmentSize returns what UDP_GRO says in the control messages b, or 0.
func segmentSize(b []byte) int {
	for len(b) >= unix.SizeofCmsghdr {
		size := controlLen(b)
		if size < unix.SizeofCmsghdr || size > len(b) {
			return 0
		}
		level, kind := binary.NativeEndian.Uint32(b[lengthLen:]), binary.NativeEndian.Uint32(b[lengthLen+4:])
		if level == unix.SOL_UDP && kind == unix.UDP_GRO && size >= unix.CmsgLen(4) {
			return int(int32(binary.NativeEndian.Uint32(b[unix.SizeofCmsghdr:])))
		}
		if size = unix.CmsgSpace(size - unix.SizeofCmsghdr); size > len(b) {
			return 0
		}
		b = b[size:]
	}
	return 0
}

// control writes the control messages for a call: UDP_SEGMENT when seg is not zero, the time to live when ttl is not.
func (w *writer) control(s *socket, seg, ttl int) []byte {
	n := 0
	if seg != 0 {
		n += putControl(w.oob[n:], unix.SOL_UDP, unix.UDP_SEGMENT, 2)
		binary.NativeEndian.PutUint16(w.oob[unix.SizeofCmsghdr:], uint16(seg))
	}
	if ttl != 0 && s.is4 {
		at := n + unix.SizeofCmsghdr
		n += putControl(w.oob[n:], unix.SOL_IP, unix.IP_TTL, 4)
		binary.NativeEndian.PutUint32(w.oob[at:], uint32(ttl))
	}
	return w.oob[:n]
}

// putControl writes the header of a control message with size bytes of data, and returns the space that it takes.
func putControl(b []byte, level, kind uint32, size int) int {
	if lengthLen == 8 {
		binary.NativeEndian.PutUint64(b, uint64(unix.CmsgLen(size)))
	} else {
		binary.NativeEndian.PutUint32(b, uint32(unix.CmsgLen(size)))
	}
	binary.NativeEndian.PutUint32(b[lengthLen:], level)
	binary.NativeEndian.PutUint32(b[lengthLen+4:], kind)
	return unix.CmsgSpace(size)
}

// refusesRuns reports whether err says that this socket cannot send runs, and remembers it when it never will: EIO comes from an
// interface that cannot compute checksums, EINVAL from a path whose MTU is below the segment's size.
func (s *socket) refusesRuns(err error) bool {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return false
	}
	switch errno {
	case unix.EIO, unix.EOPNOTSUPP, unix.ENOPROTOOPT:
		s.gso.Store(false)
		return true
	case unix.EINVAL, unix.EMSGSIZE:
		return true
	}
	return false
}
