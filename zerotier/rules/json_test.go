package rules

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ztstack/ztstack/zerotier/vl2"
)

func readFile(t testing.TB, name string, v any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

func compact(t testing.TB, raw []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// What a stock controller accepted and answered, and what it issued to members.
func TestVectors(t *testing.T) {
	var file struct {
		Binary string
		Rules  []struct {
			JSON  json.RawMessage
			T     byte
			Field string
		}
	}
	readFile(t, "rules.json", &file)
	want, err := hex.DecodeString(file.Binary)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for i, e := range file.Rules {
		all = append(all, e.JSON)
		list, err := ParseJSON(slices.Concat([]byte("["), e.JSON, []byte("]")), 1)
		if err != nil {
			t.Errorf("rule %d: %v", i, err)
			continue
		}
		got := vl2.AppendRules(nil, list)
		if got[0] != e.T || hex.EncodeToString(got[2:]) != e.Field {
			t.Errorf("rule %d: %x, want %02x and field %s", i, got, e.T, e.Field)
		}
		if got, want := string(AppendJSON(nil, list)), "["+compact(t, e.JSON)+"]"; got != want {
			t.Errorf("rule %d: JSON %s, want %s", i, got, want)
		}
	}
	list, err := ParseJSON(slices.Concat([]byte("["), bytes.Join(all, []byte(",")), []byte("]")), len(all))
	if err != nil {
		t.Fatal(err)
	}
	if got := vl2.AppendRules(nil, list); !bytes.Equal(got, want) {
		t.Errorf("coded rules %x, want %x", got, want)
	}
	if _, err := ParseJSON(slices.Concat([]byte("["), bytes.Join(all, []byte(",")), []byte("]")), len(all)-1); err == nil {
		t.Error("more rules than the limit were parsed")
	}

	text, err := Decompile(&Program{Rules: list})
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if got := vl2.AppendRules(nil, p.Rules); !bytes.Equal(got, want) {
		t.Errorf("compiled\n%s\nto %x, want %x", text, got, want)
	}
}

// The record of a network as a stock controller gives it.
func TestNetworkRecord(t *testing.T) {
	var file map[string]json.RawMessage
	readFile(t, "api_samples.json", &file)
	var p Program
	if err := json.Unmarshal(file["controller-network"], &p); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(&p)
	if err != nil {
		t.Fatal(err)
	}
	var got, want map[string]json.RawMessage
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(file["controller-network"], &want); err != nil {
		t.Fatal(err)
	}
	for name, raw := range got {
		if compact(t, raw) != compact(t, want[name]) {
			t.Errorf("%s: %s, want %s", name, raw, compact(t, want[name]))
		}
	}
	const text = `tag tag1000
  id 1000
  default 42
;

cap cap7
  id 7
  accept
    ipprotocol tcp
    and dport 80-443
  ;
;

drop
  not ethertype ipv4
  and not ethertype arp
  and not ethertype ipv6
;
drop
  icmp 8 -1
  and teq tag1000 99
;
accept
  chr tcp_syn
  and dport 22
  and ipsrc 10.147.20.0/24
;
accept;
`
	if got, err := Decompile(&p); err != nil || got != text {
		t.Errorf("%v: decompiled to\n%s\nwant\n%s", err, got, text)
	}
}

// Names survive in the fields that ZeroTier Central keeps them in.
func TestNames(t *testing.T) {
	p, err := Compile("tag t id 5 enum 1 one flag 2 two; tag u id 6 default 7; cap c id 9 default accept; ;")
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"capabilities":[{"default":true,"id":9,"rules":[{"type":"ACTION_ACCEPT"}]}],"capabilitiesByName":{"c":9},"rules":[],` +
		`"tags":[{"default":null,"id":5},{"default":7,"id":6}],"tagsByName":{"t":{"default":null,"enums":{"one":1},"flags":{"two":4},"id":5},"u":{"default":7,"enums":{},"flags":{},"id":6}}}`
	b, err := json.Marshal(p)
	if err != nil || string(b) != want {
		t.Errorf("%v: JSON\n%s, want\n%s", err, b, want)
	}
}

// Forms that stock controllers take although they do not write them.
func TestParseJSONLenient(t *testing.T) {
	for in, want := range map[string]string{
		`{"type":"ACTION_TEE","address":"DEADBEEF11","length":-1}`:                           `{"address":"deadbeef11","flags":0,"length":65535,"type":"ACTION_TEE"}`,
		`{"type":"ACTION_REDIRECT","address":"deadbeef11","length":9,"not":true}`:            `{"address":"deadbeef11","flags":0,"type":"ACTION_REDIRECT"}`,
		`{"type":"MATCH_IP_DEST_PORT_RANGE","start":"80","other":[]}`:                        `{"end":80,"not":false,"or":false,"start":80,"type":"MATCH_IP_DEST_PORT_RANGE"}`,
		`{"type":"MATCH_CHARACTERISTICS","mask":"12"}`:                                       `{"mask":"0000000000000012","not":false,"or":false,"type":"MATCH_CHARACTERISTICS"}`,
		`{"type":"MATCH_CHARACTERISTICS","mask":12}`:                                         `{"mask":"000000000000000c","not":false,"or":false,"type":"MATCH_CHARACTERISTICS"}`,
		`{"type":"MATCH_MAC_SOURCE","mac":"001122334455","not":1}`:                           `{"mac":"00:11:22:33:44:55","not":true,"or":false,"type":"MATCH_MAC_SOURCE"}`,
		`{"type":"MATCH_ICMP","icmpType":8}`:                                                 `{"icmpCode":null,"icmpType":8,"not":false,"or":false,"type":"MATCH_ICMP"}`,
		`{"type":"MATCH_INTEGER_RANGE","start":1,"end":"ff","idx":4,"bits":8,"little":true}`: `{"bits":8,"end":"00000000000000ff","idx":4,"little":true,"not":false,"or":false,"start":"0000000000000001","type":"INTEGER_RANGE"}`,
	} {
		list, err := ParseJSON([]byte("["+in+"]"), 1)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got := string(AppendJSON(nil, list)); got != "["+want+"]" {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
	}
}

func TestParseJSONErrors(t *testing.T) {
	for in, want := range map[string]string{
		`{}`:     "expected an array",
		`[1]`:    "entry 0",
		`[null]`: "unknown type \"\"",
		`[{"type":"ACTION_ACCEPT"},{"type":"MATCH_EVERYTHING"}]`:               `entry 1: unknown type "MATCH_EVERYTHING"`,
		`[{"type":"MATCH_ETHERTYPE"}]`:                                         `MATCH_ETHERTYPE has no "etherType": expected a number from 0 to 65535`,
		`[{"type":"MATCH_ETHERTYPE","etherType":65536}]`:                       "found 65536",
		`[{"type":"MATCH_ETHERTYPE","etherType":-1}]`:                          "found -1",
		`[{"type":"MATCH_ETHERTYPE","etherType":1.5}]`:                         "found 1.5",
		`[{"type":"MATCH_ETHERTYPE","etherType":{"a":1}}]`:                     "found {",
		`[{"type":"MATCH_ETHERTYPE","etherType":1,"not":2}]`:                   "true or false",
		`[{"type":"MATCH_IPV4_SOURCE","ip":"fd00::/8"}]`:                       "family",
		`[{"type":"MATCH_IPV6_SOURCE","ip":"10.0.0.0/8"}]`:                     "family",
		`[{"type":"MATCH_IPV4_SOURCE","ip":"10.0.0.0/33"}]`:                    "length of its prefix",
		`[{"type":"MATCH_SOURCE_ZEROTIER_ADDRESS","zt":"1"}]`:                  "10 hexadecimal digits",
		`[{"type":"MATCH_CHARACTERISTICS","mask":"0x1"}]`:                      "hexadecimal digits in quotes",
		`[{"type":"ACTION_TEE","address":"deadbeef11","length":65536}]`:        "found 65536",
		`[{"type":"INTEGER_RANGE","start":"0","end":"1","bits":65}]`:           "found 65",
		`[{"type":"MATCH_MAC_DEST","mac":"` + strings.Repeat("0", 200) + `"}]`: "0...",
	} {
		list, err := ParseJSON([]byte(in), 10)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v, want %q", in, list, err, want)
		}
	}
	for in, want := range map[string]string{
		`[]`:                       "rules: ",
		`{"rules":[{"type":"X"}]}`: "entry 0",
		`{"capabilities":[{"id":5,"rules":[{"type":"X"}]}]}`:              "capability 5",
		`{"tags":[{"id":-1}]}`:                                            "rules: ",
		`{"tags":[` + strings.Repeat(`{"id":1},`, MaxTags) + `{"id":2}]}`: "at most 128",
	} {
		var p Program
		if err := p.UnmarshalJSON([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %q", in, err, want)
		}
	}
}

// What the language has no words for is refused, not changed.
func TestDecompileErrors(t *testing.T) {
	port := func(from, to byte) vl2.Rule { return vl2.NewRule(vl2.MatchDestPort, 0, from, 0, to) }
	accept := vl2.NewRule(vl2.ActionAccept)
	flags := make([]byte, 14)
	flags[11] = 1
	unknown, _ := vl2.ParseRules([]byte{0x3f, 0}, 1)
	for want, list := range map[string][]vl2.Rule{
		"entry 1: matches at the end":       {accept, port(1, 1)},
		"entry 0: type 63 is unknown":       append(unknown, accept),
		"entry 0: ACTION_TEE has flags":     {vl2.NewRule(vl2.ActionTee, flags...)},
		"entry 0: MATCH_IP_DEST_PORT_RANGE": {port(2, 1), accept},
		"entry 0: MATCH_CHARACTERISTICS":    {vl2.NewRule(vl2.MatchCharacteristics, make([]byte, 8)...), accept},
		"entry 0: MATCH_IPV4_SOURCE":        {vl2.NewRule(vl2.MatchSourceIPv4, 1, 2, 3, 4, 33), accept},
		"entry 0: MATCH_IP_TOS":             {vl2.NewRule(vl2.MatchTOS, 255, 2, 1), accept},
		"entry 0: MATCH_ICMP":               {vl2.NewRule(vl2.MatchICMP, 8, 1, 0), accept},
	} {
		if text, err := Decompile(&Program{Rules: list}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("decompiled to %q, %v, want %q", text, err, want)
		}
		p := &Program{Capabilities: []Capability{{Name: "x", Rules: list}}}
		if text, err := Decompile(p); err == nil || !strings.Contains(err.Error(), "cap x: "+want) {
			t.Errorf("decompiled to %q, %v, want cap x and %q", text, err, want)
		}
	}
}

// Names that the language does not take are replaced.
func TestDecompileNames(t *testing.T) {
	p := &Program{
		Tags: []Tag{
			{Name: "drop", ID: 1, Enums: []Named{{"a b", 1}, {"ok", 2}, {"not", 3}}, Flags: []Named{{"ok", 1}, {"two", 3}}},
			{Name: "tag1", ID: 2}, {ID: 3},
		},
		Rules: []vl2.Rule{vl2.NewRule(vl2.MatchTagsEqual, 0, 0, 0, 1, 0, 0, 0, 2), vl2.NewRule(vl2.ActionDrop)},
	}
	const want = "tag tag1\n  id 1\n;\n\ntag tag2\n  id 2\n;\n\ntag tag3\n  id 3\n;\n\ndrop teq tag1 2;\n"
	if text, err := Decompile(p); err != nil || text != want {
		t.Errorf("%v: decompiled to\n%s\nwant\n%s", err, text, want)
	}
}

// Whatever is parsed is written in a form that is parsed to the same.
func FuzzParseJSON(f *testing.F) {
	f.Fuzz(func(t *testing.T, in []byte) {
		list, err := ParseJSON(in, MaxRules)
		if err != nil {
			return
		}
		out := AppendJSON(nil, list)
		again, err := ParseJSON(out, MaxRules)
		if err != nil || !slices.Equal(list, again) {
			t.Fatalf("%s became %s: %v", in, out, err)
		}
		if coded, ok := vl2.ParseRules(vl2.AppendRules(nil, list), MaxRules); !ok || !slices.Equal(list, coded) {
			t.Fatalf("%s: rules %v became %v", in, list, coded)
		}
	})
}
