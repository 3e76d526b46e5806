// Package packet implements ZeroTier's VL1 packets: header, armour, fragments, compression and the
// payload of every verb, as PROTOCOL sections 4 to 11 and 16 describe them.
//
// Functions on a []byte named p take a whole packet from its first header byte. Structs named for a
// verb hold its payload, the bytes from offset 28 on: Append writes it, Parse reads it and reports
// whether it is well formed. What Parse stores in byte slices aliases its input; the other slices
// are reused from call to call. Fields that older nodes leave out may be missing at the end, and each
// struct says which; every other truncation is refused, and bytes after the last field are ignored.
//
// Read header.go first, then seal.go (ciphers), fragment.go and assembler.go, and the verb files.
// Network IDs are plain 64-bit integers here: they have a type only in the layer above.
package packet
