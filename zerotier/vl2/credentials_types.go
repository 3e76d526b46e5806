package vl2

import "github.com/ztstack/ztstack/zerotier/identity"

type (
	COM        struct{}
	Capability struct{}
	Tag        struct{}
	Ownership  struct{}
	Revocation struct{}
	Rule       struct{}
	Stats      struct{}
)

var _ identity.Address
