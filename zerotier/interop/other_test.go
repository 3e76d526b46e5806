//go:build !linux

package interop

import "testing"

func TestInterop(t *testing.T) { t.Skip("needs Linux, for network namespaces") }
