package rules

import (
	"fmt"

	"github.com/ztstack/ztstack/zerotier/vl2"
)

// Limits of what is compiled (PROTOCOL 28).
const (
	MaxSource       = 256 << 10 // bytes of a source
	MaxRules        = vl2.MaxRules
	MaxCapabilities = vl2.MaxCapabilities
	MaxTags         = vl2.MaxTags

	maxIncludes = 4096 // expanded in one source
	maxDepth    = 64   // of includes in macros
	maxParams   = 64   // of a macro
	maxNames    = 1024 // of a tag's values
)

// Program is what a source says: the rules of a network, its capabilities and tags.
type Program struct {
	Rules        []vl2.Rule
	Capabilities []Capability // in the order of the source
	Tags         []Tag        // likewise
	Warnings     []Warning    // what is allowed but hardly meant
}

// Capability is a set of rules that members can be given.
type Capability struct {
	Name    string // lower case; may be empty in what was not compiled
	ID      uint32
	Default bool // new members get it
	Rules   []vl2.Rule
}

// Tag is a number that each member can have.
type Tag struct {
	Name       string // lower case; may be empty in what was not compiled
	ID         uint32
	Default    uint32 // for members that were given none
	HasDefault bool   // otherwise such members have no tag at all
	Enums      []Named
	Flags      []Named // values have one bit set
}

// Named is a value with a name, for use in sources and in user interfaces.
type Named struct {
	Name  string
	Value uint32
}

// value returns the value that the tag has under a name.
func (t *Tag) value(name string) (uint32, bool) {
	for _, list := range [...][]Named{t.Enums, t.Flags} {
		for i := range list {
			if list[i].Name == name {
				return list[i].Value, true
			}
		}
	}
	return 0, false
}

// Position is a place in a source. Lines and columns count from 1, columns in characters.
type Position struct{ Line, Column int }

// Error says what is wrong with a source, where, and what was expected instead.
type Error struct {
	Position
	Text string
}

// Error returns the text with the position.
func (e *Error) Error() string {
	return fmt.Sprintf("rules: line %d, column %d: %s", e.Line, e.Column, e.Text)
}

// Warning says what looks like a mistake, and where.
type Warning struct {
	Position
	Text string
}

// String returns the text with the position.
func (w Warning) String() string {
	return fmt.Sprintf("line %d, column %d: %s", w.Line, w.Column, w.Text)
}
