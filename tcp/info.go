package tcp

import "time"

// Info describes a connection at one instant.
type Info struct {
	State                                 State
	SRTT, RTTVar, RTO, MinRTT             time.Duration
	CWND, SSThresh, Flight, Pipe          int // bytes
	SendWindow, ReceiveWindow             int // bytes
	MSS, PeerMSS                          int // bytes of payload in a full segment; what the peer's SYN announced
	SendQueued, ReceiveQueued             int // bytes
	WindowScaling, SACK, Timestamps       bool
	SendScale, ReceiveScale               uint8
	Congestion                            string
	SndUNA, SndNXT, RcvNXT, RcvRight, ISS Seq
	InRecovery                            bool
	Stats                                 Stats
}

// Stats are a connection's counters.
type Stats struct {
	SegsIn, SegsOut, BytesIn, BytesOut uint64
	Retransmits, BytesRetransmitted    uint64
	Timeouts                           uint32
}
