// Package controller answers network configuration requests: it keeps networks and members as values, assigns addresses,
// issues and signs credentials, and pushes changes (PROTOCOL sections 17, 18, 24).
//
// A Controller does no I/O and reads no clock. What it has to say is pulled from Output, what changed from Event; records
// live behind the Store interface. It is not safe for concurrent use.
package controller
