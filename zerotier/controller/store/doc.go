// Package store keeps the records of a controller: in one file, crash-safe, and as the JSON files that stock controllers keep.
//
// A File implements controller.Store on an embedded B+ tree (go.etcd.io/bbolt). A Put or Delete that has returned is on
// the disk; one that a crash interrupts has happened entirely or not at all. One process at a time has the file open, the next
// one is told so. A damaged file is renamed, what can be read of it is kept, and the error of Open names both.
//
// In the home directory of a stock node the file must not be called controller.db: a stock node takes a file of that name for
// an old version's and does not start.
//
// Import, Export, ReadDir and WriteDir handle the directory controller.d of a stock node:
//
//	network/<16 digits>.json                       a network
//	network/<16 digits>/member/<10 digits>.json    a member
//
// with the fields of PROTOCOL 25. Records keep the fields that this controller has no use for, such as creationTime or
// rulesSource, so that what is exported says as much as what was imported. ParseNetwork, AppendNetwork, ParseMember and AppendMember
// convert single records, which are also what the controller's API sends and receives.
//
// # Where meanings differ
//
// A network with an empty list of rules drops everything at a stock controller, and accepts everything at ours, so it gets a
// rule that drops. Tokens that expire are not taken over, as ours do not expire. A tag without a default is only a
// declaration and is not in controller.Network; it stays in the record. anchor and replicator are fields of our own.
//
// # Not supported
//
// A network with single sign-on is refused: without it, its members would be admitted unasked.
package store
