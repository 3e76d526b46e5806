package tcp

// ListenAction is what a segment for a listening port without a connection calls for.
type ListenAction uint8

const (
	ListenDrop   ListenAction = iota // nothing
	ListenReset                      // answer with Reset
	ListenAccept                     // a SYN: Conn.Accept may take it
)
