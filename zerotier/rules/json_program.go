package rules

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/ztstack/ztstack/zerotier/vl2"
)

// programJSON has the fields of a network's record that a program determines (PROTOCOL 25), and two that the user
// interface of ZeroTier Central keeps the names in.
type programJSON struct {
	Capabilities       []capabilityJSON         `json:"capabilities"`
	CapabilitiesByName map[string]uint32        `json:"capabilitiesByName,omitempty"`
	Rules              json.RawMessage          `json:"rules"`
	Tags               []tagJSON                `json:"tags"`
	TagsByName         map[string]tagByNameJSON `json:"tagsByName,omitempty"`
}

type capabilityJSON struct {
	Default bool            `json:"default"`
	ID      uint32          `json:"id"`
	Rules   json.RawMessage `json:"rules"`
}

type tagJSON struct {
	Default *uint32 `json:"default"`
	ID      uint32  `json:"id"`
}

type tagByNameJSON struct {
	Default *uint32           `json:"default"`
	Enums   map[string]uint32 `json:"enums"`
	Flags   map[string]uint32 `json:"flags"`
	ID      uint32            `json:"id"`
}

// MarshalJSON returns the fields of a network's record that p determines: rules, capabilities and tags, to be posted to
// a controller; and capabilitiesByName and tagsByName, which keep the names that controllers do not.
func (p *Program) MarshalJSON() ([]byte, error) {
	out := programJSON{Capabilities: []capabilityJSON{}, Rules: AppendJSON(nil, p.Rules), Tags: []tagJSON{}}
	for i := range p.Capabilities {
		c := &p.Capabilities[i]
		out.Capabilities = append(out.Capabilities, capabilityJSON{Default: c.Default, ID: c.ID, Rules: AppendJSON(nil, c.Rules)})
		if c.Name != "" {
			out.CapabilitiesByName = put(out.CapabilitiesByName, c.Name, c.ID)
		}
	}
	for i := range p.Tags {
		t := &p.Tags[i]
		var def *uint32
		if t.HasDefault {
			def = &t.Default
		}
		out.Tags = append(out.Tags, tagJSON{ID: t.ID, Default: def})
		if t.Name != "" {
			out.TagsByName = put(out.TagsByName, t.Name, tagByNameJSON{ID: t.ID, Default: def, Enums: byName(t.Enums), Flags: byName(t.Flags)})
		}
	}
	return json.Marshal(&out)
}

// put is an assignment to a map that may not exist yet.
func put[V any](m map[string]V, name string, v V) map[string]V {
	if m == nil {
		m = make(map[string]V)
	}
	m[name] = v
	return m
}

func byName(list []Named) map[string]uint32 {
	m := make(map[string]uint32, len(list))
	for _, n := range list {
		m[n.Name] = n.Value
	}
	return m
}

// UnmarshalJSON reads what MarshalJSON writes, or as much of it as a network's record has.
func (p *Program) UnmarshalJSON(b []byte) error {
	var in programJSON
	if err := json.Unmarshal(b, &in); err != nil {
		return fmt.Errorf("rules: %w", err)
	}
	if len(in.Capabilities) > MaxCapabilities {
		return fmt.Errorf("rules: %d capabilities: expected at most %d", len(in.Capabilities), MaxCapabilities)
	}
	if len(in.Tags) > MaxTags {
		return fmt.Errorf("rules: %d tags: expected at most %d", len(in.Tags), MaxTags)
	}
	*p = Program{}
	var err error
	if !isNull(in.Rules) {
		if p.Rules, err = ParseJSON(in.Rules, MaxRules); err != nil {
			return err
		}
	}
	for i := range in.Capabilities {
		c := Capability{ID: in.Capabilities[i].ID, Default: in.Capabilities[i].Default}
		if raw := in.Capabilities[i].Rules; !isNull(raw) {
			if c.Rules, err = ParseJSON(raw, vl2.MaxCapabilityRules); err != nil {
				return fmt.Errorf("capability %d: %w", c.ID, err)
			}
		}
		p.Capabilities = append(p.Capabilities, c)
	}
	for _, name := range slices.Sorted(maps.Keys(in.CapabilitiesByName)) {
		for i := range p.Capabilities {
			if c := &p.Capabilities[i]; c.ID == in.CapabilitiesByName[name] {
				c.Name = name
			}
		}
	}
	for _, t := range in.Tags {
		tag := Tag{ID: t.ID}
		if t.Default != nil {
			tag.Default, tag.HasDefault = *t.Default, true
		}
		p.Tags = append(p.Tags, tag)
	}
	for _, name := range slices.Sorted(maps.Keys(in.TagsByName)) {
		for i := range p.Tags {
			if t := &p.Tags[i]; t.ID == in.TagsByName[name].ID {
				t.Name = name
				t.Enums, t.Flags = sorted(in.TagsByName[name].Enums), sorted(in.TagsByName[name].Flags)
			}
		}
	}
	return nil
}

// sorted returns names by value, then by name.
func sorted(m map[string]uint32) []Named {
	var list []Named
	for name, v := range m {
		list = append(list, Named{name, v})
	}
	slices.SortFunc(list, func(a, b Named) int { return cmp.Or(cmp.Compare(a.Value, b.Value), cmp.Compare(a.Name, b.Name)) })
	return list
}
