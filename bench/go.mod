module github.com/ztstack/ztstack/bench

go 1.26.0

replace github.com/ztstack/ztstack => ../

require (
	github.com/ztstack/ztstack v0.0.0
	golang.zx2c4.com/wireguard v0.0.0-20260522210424-ecfc5a8d5446
	gvisor.dev/gvisor v0.0.0-20250503011706-39ed1f5ac29c
)

require (
	github.com/google/btree v1.1.2 // indirect
	github.com/pierrec/lz4/v4 v4.1.33 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/time v0.7.0 // indirect
	golang.zx2c4.com/wintun v0.0.0-20230126152724-0fa3db229ce2 // indirect
)

// wireguard-go asks for a later gVisor. It is held at the version that the published comparisons of this project are made with, so
// that numbers of different dates can be compared, and wireguard-go's netstack runs on the same one. wireguard-go compiles with it.
replace gvisor.dev/gvisor => gvisor.dev/gvisor v0.0.0-20240722211153-64c016c92987
