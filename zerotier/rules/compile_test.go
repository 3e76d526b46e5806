package rules

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ztstack/ztstack/zerotier/vl2"
)

// What sources mean, with rules as the controller has them.
func TestCompile(t *testing.T) {
	const accept = `{"type":"ACTION_ACCEPT"}`
	match := func(typ, fields string) string {
		before, after := fields, ""
		if b, a, cut := strings.Cut(fields, "|"); cut {
			before, after = b, ","+a
		}
		if before != "" {
			before += ","
		}
		if strings.HasPrefix(after, ",~") {
			return fmt.Sprintf(`{%s"not":false,"or":false,%s,"type":"MATCH_%s"}`, before, after[2:], typ)
		}
		return fmt.Sprintf(`{%s"not":false,"or":false,"type":"MATCH_%s"%s}`, before, typ, after)
	}
	tcp := match("IP_PROTOCOL", `"ipProtocol":6`)
	for _, tt := range []struct {
		src  string
		want []string // the rules
	}{
		{"", nil},
		{" \t# nothing but a comment ; accept", nil},
		{"\ufeffaccept;", []string{accept}},
		{"accept; drop;break ;", []string{accept, `{"type":"ACTION_DROP"}`, `{"type":"ACTION_BREAK"}`}},
		{"ACCEPT IPProtocol TCP;", []string{tcp, accept}},
		{"accept#c\r\nipprotocol# ;\ntcp#\n;", []string{tcp, accept}},
		{"priority ipprotocol tcp;", []string{tcp, `{"type":"ACTION_PRIORITY"}`}},
		{"tee -1 deadbeef11;", []string{`{"address":"deadbeef11","flags":0,"length":65535,"type":"ACTION_TEE"}`}},
		{"watch 128 DEADBEEF11 ipprotocol tcp;", []string{tcp, `{"address":"deadbeef11","flags":0,"length":128,"type":"ACTION_WATCH"}`}},
		{"redirect deadbeef11;", []string{`{"address":"deadbeef11","flags":0,"type":"ACTION_REDIRECT"}`}},
		{"accept not ethertype ipv4 and not ethertype 0x0806 or ethertype 34525;", []string{
			`{"etherType":2048,"not":true,"or":false,"type":"MATCH_ETHERTYPE"}`,
			`{"etherType":2054,"not":true,"or":false,"type":"MATCH_ETHERTYPE"}`,
			`{"etherType":34525,"not":false,"or":true,"type":"MATCH_ETHERTYPE"}`, accept}},
		{"accept ipprotocol tcp or not ipprotocol tcp not or ipprotocol tcp;", []string{tcp,
			`{"ipProtocol":6,"not":true,"or":true,"type":"MATCH_IP_PROTOCOL"}`, `{"ipProtocol":6,"not":true,"or":true,"type":"MATCH_IP_PROTOCOL"}`, accept}},
		{"accept ztsrc 08c349852a ztdest A56960B9E2;", []string{
			match("SOURCE_ZEROTIER_ADDRESS", `|"zt":"08c349852a"`), match("DEST_ZEROTIER_ADDRESS", `|"zt":"a56960b9e2"`), accept}},
		{"accept macsrc 00:11:22:33:44:Aa macdest 00-11-22-33-44-55 macsrc 001122334455;", []string{
			match("MAC_SOURCE", `"mac":"00:11:22:33:44:aa"`), match("MAC_DEST", `"mac":"00:11:22:33:44:55"`), match("MAC_SOURCE", `"mac":"00:11:22:33:44:55"`), accept}},
		{"accept ipsrc 10.1.2.3/8 ipdest FD00::1/128 ipdest 1.2.3.4/32 ipsrc ::/0;", []string{
			match("IPV4_SOURCE", `"ip":"10.1.2.3/8"`), match("IPV6_DEST", `"ip":"fd00::1/128"`),
			match("IPV4_DEST", `"ip":"1.2.3.4/32"`), match("IPV6_SOURCE", `"ip":"::/0"`), accept}},
		{"accept vlan 5 vlanpcp 3 vlandei 1;", []string{
			match("VLAN_ID", `|"vlanId":5`), match("VLAN_PCP", `|"vlanPcp":3`), match("VLAN_DEI", `|"vlanDei":1`), accept}},
		{"accept iptos 0xfc 8-16 iptos 255 7;", []string{
			`{"end":16,"mask":252,"not":false,"or":false,"start":8,"type":"MATCH_IP_TOS"}`,
			`{"end":7,"mask":255,"not":false,"or":false,"start":7,"type":"MATCH_IP_TOS"}`, accept}},
		{"accept icmp 8 -1 icmp 3 0 ipprotocol icmp ipprotocol icmpv6 ipprotocol 200;", []string{
			match("ICMP", `"icmpCode":null,"icmpType":8`), match("ICMP", `"icmpCode":0,"icmpType":3`),
			match("IP_PROTOCOL", `"ipProtocol":1`), match("IP_PROTOCOL", `"ipProtocol":58`), match("IP_PROTOCOL", `"ipProtocol":200`), accept}},
		{"accept sport 0x50-0x60 dport 53 framesize 0-65535;", []string{
			match("IP_SOURCE_PORT_RANGE", `"end":96|~"start":80`), match("IP_DEST_PORT_RANGE", `"end":53|~"start":53`), match("FRAME_SIZE_RANGE", `"end":65535|~"start":0`), accept}},
		{"accept chr tcp_syn,tcp_ack chr inbound , multicast chr 63 chr 0;", []string{
			match("CHARACTERISTICS", `"mask":"0000000000000012"`), match("CHARACTERISTICS", `"mask":"c000000000000000"`),
			match("CHARACTERISTICS", `"mask":"8000000000000000"`), match("CHARACTERISTICS", `"mask":"0000000000000001"`), accept}},
		{"accept random 0.5 random 0 random 1 random .1;", []string{
			`{"not":false,"or":false,"probability":2147483647,"type":"MATCH_RANDOM"}`, `{"not":false,"or":false,"probability":0,"type":"MATCH_RANDOM"}`,
			`{"not":false,"or":false,"probability":4294967295,"type":"MATCH_RANDOM"}`, `{"not":false,"or":false,"probability":429496729,"type":"MATCH_RANDOM"}`, accept}},
		{"accept tdiff 1 2 tand 1 2 tor 1 2 txor 1 2 teq 1 2 tseq 1 2 treq 0x1 4294967295;", []string{
			match("TAGS_DIFFERENCE", `"id":1|"value":2`), match("TAGS_BITWISE_AND", `"id":1|"value":2`), match("TAGS_BITWISE_OR", `"id":1|"value":2`),
			match("TAGS_BITWISE_XOR", `"id":1|"value":2`), match("TAGS_EQUAL", `"id":1|"value":2`), match("TAG_SENDER", `"id":1|"value":2`), match("TAG_RECEIVER", `"id":1|"value":4294967295`), accept}},
		{"accept intrange 20 16 big 1-0x10 intrange 4 1 little 1;", []string{
			`{"bits":16,"end":"0000000000000010","idx":20,"little":false,"not":false,"or":false,"start":"0000000000000001","type":"INTEGER_RANGE"}`,
			`{"bits":1,"end":"0000000000000001","idx":4,"little":true,"not":false,"or":false,"start":"0000000000000001","type":"INTEGER_RANGE"}`, accept}},
		{"macro m($p) accept dport $p; ; include m(22) include m( 80 );\ninclude m (443-444)", []string{
			match("IP_DEST_PORT_RANGE", `"end":22|~"start":22`), accept, match("IP_DEST_PORT_RANGE", `"end":80|~"start":80`), accept,
			match("IP_DEST_PORT_RANGE", `"end":444|~"start":443`), accept}},
		{"include out(tcp) macro out($p) include in($p, deadbeef11) ; macro in ( $proto , $to ) redirect $to ipprotocol $proto; ;", []string{tcp,
			`{"address":"deadbeef11","flags":0,"type":"ACTION_REDIRECT"}`}},
		{"macro m($a) accept chr $a,tcp_ack; ; include m(tcp_syn)", []string{match("CHARACTERISTICS", `"mask":"0000000000000012"`), accept}},
		{"macro none() ; include none include none()", nil},
	} {
		p, err := Compile(tt.src)
		if err != nil {
			t.Errorf("Compile(%q): %v", tt.src, err)
			continue
		}
		if got, want := string(AppendJSON(nil, p.Rules)), "["+strings.Join(tt.want, ",")+"]"; got != want {
			t.Errorf("Compile(%q) =\n%s, want\n%s", tt.src, got, want)
		}
	}
}

// Tags and capabilities, with names used before and after their definitions.
func TestCompileDefinitions(t *testing.T) {
	src, err := os.ReadFile("testdata/office.ztrules")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(string(src))
	if err != nil {
		t.Fatal(err)
	}
	wantTags := []Tag{
		{Name: "department", ID: 1000, Default: 100, HasDefault: true, Enums: []Named{{"none", 100}, {"sales", 200}, {"lab", 300}}},
		{Name: "clearance", ID: 1001, Default: 0, HasDefault: true, Flags: []Named{{"staging", 1}, {"live", 8}, {"production", 8}, {"top", 1 << 31}}},
	}
	if !reflect.DeepEqual(p.Tags, wantTags) {
		t.Errorf("tags %+v, want %+v", p.Tags, wantTags)
	}
	if len(p.Capabilities) != 2 || p.Capabilities[0].Name != "ssh" || p.Capabilities[0].ID != 1000 || p.Capabilities[0].Default ||
		p.Capabilities[1].Name != "everything" || !p.Capabilities[1].Default {
		t.Errorf("capabilities %+v, want ssh, and everything by default", p.Capabilities)
	}
	if got, want := len(p.Capabilities[0].Rules), 5; got != want {
		t.Errorf("cap ssh has %d entries, want %d", got, want)
	}
	const want = `[{"etherType":2048,"not":true,"or":false,"type":"MATCH_ETHERTYPE"},{"etherType":2054,"not":true,"or":false,"type":"MATCH_ETHERTYPE"},` +
		`{"etherType":34525,"not":true,"or":false,"type":"MATCH_ETHERTYPE"},{"mask":"1000000000000000","not":true,"or":true,"type":"MATCH_CHARACTERISTICS"},{"type":"ACTION_DROP"},` +
		`{"id":1000,"not":false,"or":false,"type":"MATCH_TAG_SENDER","value":200},{"id":1001,"not":false,"or":false,"type":"MATCH_TAGS_BITWISE_AND","value":8},{"type":"ACTION_ACCEPT"},` +
		`{"mask":"0000000000000002","not":false,"or":false,"type":"MATCH_CHARACTERISTICS"},{"mask":"0000000000000010","not":true,"or":false,"type":"MATCH_CHARACTERISTICS"},{"type":"ACTION_BREAK"},` +
		`{"type":"ACTION_ACCEPT"}]`
	if got := string(AppendJSON(nil, p.Rules)); got != want {
		t.Errorf("rules\n%s, want\n%s", got, want)
	}
	if len(p.Warnings) != 0 {
		t.Errorf("warnings %v, want none", p.Warnings)
	}
}

// Errors say where and what was expected. The place is that of the word which is wrong.
func TestCompileErrors(t *testing.T) {
	for _, tt := range []struct {
		src          string
		line, column int
		want         string
	}{
		{"foo;", 1, 1, `expected an action or one of tag cap macro include, found "foo"`},
		{"accpet;", 1, 1, "did you mean accept?"},
		{";", 1, 1, "no block is open"},
		{"accept;;", 1, 8, "no block is open"},
		{"dport 80;", 1, 1, "without an action"},
		{"accept", 1, 7, "\"accept\" in line 1 is not closed"},
		{"accept\n  dport 80\n", 3, 1, "in line 1 is not closed"},
		{"accept dport 80\ndrop;", 2, 1, "\"accept\" in line 1 is still open"},
		{"accept\n  dprot 80;", 2, 3, "did you mean dport?"},
		{"accept not;", 1, 11, "expected a match, found \";\""},
		{"accept and or dport 1;", 1, 12, "\"or\" after \"and\""},
		{"accept not not dport 1;", 1, 12, "second not"},
		{"accept dport 80 and;", 1, 20, "expected a match"},
		{"accept dport 80 xor dport 81;", 1, 17, "and, or, not"},
		{"accept dport 80, 81;", 1, 16, "found \",\""},
		{"accept ethertype;", 1, 17, "expected a number from 0 to 65535 or one of ipv4 arp"},
		{"accept ethertype not ipv4;", 1, 18, "found \"not\""},
		{"accept ethertype 65536;", 1, 18, "found \"65536\""},
		{"accept ethertype 0x;", 1, 18, "expected"},
		{"accept ethertype 1e3;", 1, 18, "expected"},
		{"accept ethertype +1;", 1, 18, "expected"},
		{"accept ethertype 1_0;", 1, 18, "expected"},
		{"accept ipprotocol 256;", 1, 19, "expected"},
		{"accept ipprotocol drop;", 1, 19, "expected"},
		{"accept dport 90-80;", 1, 14, "range"},
		{"accept dport 80-;", 1, 14, "range"},
		{"accept dport -80;", 1, 14, "range"},
		{"accept dport 1-2-3;", 1, 14, "range"},
		{"accept vlanpcp 256;", 1, 16, "255"},
		{"accept iptos 256 1;", 1, 14, "255"},
		{"accept iptos 1 2-256;", 1, 16, "255"},
		{"accept icmp 8;", 1, 14, "-1 for any code"},
		{"accept icmp 8 -2;", 1, 15, "-1 for any code"},
		{"accept chr tcp_sny;", 1, 12, "did you mean tcp_syn?"},
		{"accept chr 64;", 1, 12, "0 to 63"},
		{"accept chr tcp_syn,;", 1, 20, "after \"chr\""},
		{"accept random 1.1;", 1, 15, "from 0 to 1"},
		{"accept random nan;", 1, 15, "from 0 to 1"},
		{"accept random 0x1;", 1, 15, "from 0 to 1"},
		{"accept random 50%;", 1, 15, "from 0 to 1"},
		{"accept ztsrc 8c349852a;", 1, 14, "10 hexadecimal digits"},
		{"accept ztsrc 08c349852ag;", 1, 14, "10 hexadecimal digits"},
		{"accept macsrc 0:1:2:3:4:5;", 1, 15, "12 hexadecimal digits"},
		{"accept macsrc 00112233445g;", 1, 15, "12 hexadecimal digits"},
		{"accept ipsrc 10.0.0.1;", 1, 14, "length of its prefix"},
		{"accept ipsrc 10.0.0.0/33;", 1, 14, "length of its prefix"},
		{"accept ipsrc fe80::1%eth0/64;", 1, 14, "length of its prefix"},
		{"accept intrange 0 65 big 1;", 1, 19, "1 to 64"},
		{"accept intrange 0 8 middle 1;", 1, 21, "big or little"},
		{"accept intrange 0 64 big 0-0x100000000;", 1, 26, "2^32"},
		{"tee deadbeef11;", 1, 5, "a length"},
		{"tee 65535 deadbeef11;", 1, 5, "65534"},
		{"tee 5;", 1, 6, "a ZeroTier address"},
		{"accept ethertype ivp4;", 1, 18, "did you mean ipv4?"},
		{"macro unused($p) accept dport http; ;", 1, 31, "65535"},
		{"redirect 5 deadbeef11;", 1, 10, "a ZeroTier address"},
		{"priority 3;", 1, 10, "expected a match"},
		{"accept tdiff nosuch 0;", 1, 14, "there is no tag nosuch"},
		{"tag department id 1 default 0; accept tdiff departmnet 0;", 1, 45, "did you mean department?"},
		{"tag t id 5 default 0 enum 1 sales; accept tdiff t sale;", 1, 51, "did you mean sales?"},
		{"accept tdiff 1 4294967296;", 1, 16, "4294967295"},
		{"tag", 1, 4, "expected the name of the tag, found the end of the source"},
		{"tag accept id 1;", 1, 5, "word of the language"},
		{"tag 5x id 1;", 1, 5, "letters, digits and underscores"},
		{"tag t;", 1, 6, "has no id"},
		{"tag t id;", 1, 9, "expected a number after \"id\""},
		{"tag t id x;", 1, 10, "as id"},
		{"tag t id 4294967296;", 1, 10, "as id"},
		{"tag t id 1 id 2;", 1, 12, "second id"},
		{"tag t id 1 default 1 default 2;", 1, 22, "second default"},
		{"tag t id 1 default x;", 1, 20, "found \"x\""},
		{"tag t id 1 defualt 1;", 1, 12, "did you mean default?"},
		{"tag t id 1 enum x a;", 1, 17, "as value"},
		{"tag t id 1 enum 1 a enum 2 a;", 1, 28, "two values"},
		{"tag t id 1 enum 1 a flag 2 a;", 1, 28, "two values"},
		{"tag t id 1 flag 32 a;", 1, 17, "0 to 31"},
		{"tag t id 1\nenum 1", 2, 7, "the name of the enum"},
		{"tag t id 1; tag T id 2;", 1, 17, "second tag"},
		{"tag t id 1; tag u id 1;", 1, 22, "has the id of tag t"},
		{"cap c id 1 accept;", 1, 19, "is not closed"},
		{"cap c accept; ;", 1, 15, "has no id"},
		{"cap c id 1 ; cap c id 2 ;", 1, 18, "second cap"},
		{"cap c id 1 ; cap d id 1 ;", 1, 23, "has the id of cap c"},
		{"cap c id 1 accept;\ntag t id 2;", 2, 1, "which is still open"},
		{"macro m", 1, 8, "is not closed"},
		{"macro m(p) ;", 1, 9, "a parameter of macro m, such as $port"},
		{"macro m($p,$p) ;", 1, 12, "two parameters"},
		{"macro m($p accept;", 1, 12, "expected , or )"},
		{"macro m($p) accept dport $q; ;", 1, 26, "macro m has no parameter \"$q\"; did you mean $p?"},
		{"accept dport $p;", 1, 14, "outside of a macro"},
		{"macro m ; macro m ;", 1, 17, "second macro"},
		{"macro m cap c id 1 ; ;", 1, 9, "cannot stand in macro m"},
		{"include", 1, 8, "the name of the macro to include"},
		{"include nosuch", 1, 9, "there is no macro nosuch"},
		{"macro m($p) ; include m", 1, 23, "has 1 parameters"},
		{"macro m($p) ; include m(1,2)", 1, 23, "found 2"},
		{"macro m($p) ; include m(", 1, 25, "expected a value"},
		{"macro m($p) ; include m(1", 1, 26, "expected , or )"},
		{"macro m($p)\naccept dport $p; ;\ninclude m(http)", 3, 11, "found \"http\" (in macro m, included in line 3)"},
		{"macro m include m ; include m", 1, 17, "includes itself (in macro m, included in line 1)"},
		{"macro a include b ;\nmacro b include a ;\ninclude a", 2, 17, "(in macro b, included in line 1) (in macro a, included in line 3)"},
		{"# ä\n  ääöü;", 2, 3, "expected an action"},
		{"# ä\naccept ethertype ipv4 ä;", 2, 23, "expected a match"},
		{"accept \x00\xff;", 1, 8, `found "\x00\xff"`},
		{"accept " + strings.Repeat("x", 1000) + ";", 1, 8, strings.Repeat("x", 40) + `"...`},
	} {
		p, err := Compile(tt.src)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("Compile(%q) = %v, %v, want an *Error", tt.src, p, err)
			continue
		}
		if e.Line != tt.line || e.Column != tt.column || !strings.Contains(e.Text, tt.want) {
			t.Errorf("Compile(%q):\n%v, want line %d, column %d: ... %s ...", tt.src, e, tt.line, tt.column, tt.want)
		}
		if want := fmt.Sprintf("rules: line %d, column %d: ", tt.line, tt.column); !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %q, want it to begin with %q", err, want)
		}
	}
}

// Whatever a source asks for, the work and the result are bounded.
func TestLimits(t *testing.T) {
	chain := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "macro m%d include m%d ;\n", i, i+1)
		}
		fmt.Fprintf(&b, "macro m%d accept; ;\ninclude m0", n)
		return b.String()
	}
	doubling := "macro m0 ;\n"
	for i := range 40 {
		doubling += fmt.Sprintf("macro m%d include m%d include m%d ;\n", i+1, i, i)
	}
	tags := func(n int) (s string) {
		for i := range n {
			s += fmt.Sprintf("tag t%d id %d default 0;\ncap c%d id %d ;\n", i, i, i, i)
		}
		return s
	}
	for name, tt := range map[string]struct {
		src, want string // want: the error, or "" for none
	}{
		"rules":               {strings.Repeat("accept;", MaxRules), ""},
		"too many rules":      {strings.Repeat("accept;", MaxRules+1), "more than 1024 entries in the rules of a network"},
		"matches":             {"accept" + strings.Repeat(" dport 1", MaxRules-1) + ";", ""},
		"too many matches":    {"accept" + strings.Repeat(" dport 1", MaxRules) + ";", "more than 1024 entries"},
		"capability":          {"cap c id 1 " + strings.Repeat("accept;", vl2.MaxCapabilityRules) + ";", ""},
		"too much capability": {"cap c id 1 " + strings.Repeat("accept;", vl2.MaxCapabilityRules+1) + ";", "more than 64 entries in cap c"},
		"tags":                {tags(MaxTags), ""},
		"too many tags":       {tags(MaxTags + 1), "more than 128 tags"},
		"too many caps":       {strings.Repeat("cap c id 1 ;", MaxCapabilities+1), "more than 128 capabilities"},
		"names":               {"tag t id 1 " + strings.Repeat("enum 1 a ", maxNames+1) + ";", "more than 1024 values"},
		"parameters":          {"macro m($p" + strings.Repeat("a,$p", maxParams+1) + ") ;", "parameters"},
		"depth":               {chain(maxDepth - 1), ""},
		"too deep":            {chain(maxDepth), "include one another"},
		"doubling":            {doubling + "include m11", ""},
		"doubling too often":  {doubling + "include m40", "more than 4096 includes"},
		"includes":            {"macro m accept; ;" + strings.Repeat("include m ", MaxRules+1), "more than 1024 entries"},
		"length":              {strings.Repeat(" ", MaxSource), ""},
		"too long":            {strings.Repeat(" ", MaxSource+1), "expected at most 262144"},
	} {
		_, err := Compile(tt.src)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: error %v, want %q", name, err, tt.want)
		}
	}
}

func TestWarnings(t *testing.T) {
	for _, tt := range []struct{ src, want string }{
		{"accept or dport 80;", "line 1, column 11: or before the first match makes it match every frame"},
		{"tag t id 1;", "line 1, column 5: tag t has no default"},
		{"tee -1 deadbeef11;\naccept;\ndrop dport 1;\nbreak;", "line 3, column 1: nothing comes this far: \"accept\" in line 2"},
		{"accept dport 1; drop;", ""},
	} {
		p, err := Compile(tt.src)
		if err != nil {
			t.Errorf("Compile(%q): %v", tt.src, err)
			continue
		}
		if tt.want == "" && len(p.Warnings) > 0 || tt.want != "" && (len(p.Warnings) != 1 || !strings.HasPrefix(p.Warnings[0].String(), tt.want)) {
			t.Errorf("Compile(%q): warnings %q, want %q", tt.src, p.Warnings, tt.want)
		}
	}
}

// drawRule returns a match or an action with any field.
func drawRule(t *rapid.T) vl2.Rule {
	var known []vl2.RuleType
	for typ := range vl2.RuleType(64) {
		if typ.Known() {
			known = append(known, typ)
		}
	}
	typ := rapid.SampledFrom(known).Draw(t, "type")
	zero := vl2.Rule{Type: typ}
	n := len(zero.Field())
	field := rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "field")
	switch typ {
	case vl2.ActionTee, vl2.ActionWatch:
		clear(field[:3])
		clear(field[8:12])
	case vl2.ActionRedirect:
		clear(field[:3])
		clear(field[8:])
	case vl2.MatchSourceIPv4, vl2.MatchDestIPv4:
		field[4] %= 33
	case vl2.MatchSourceIPv6, vl2.MatchDestIPv6:
		field[16] %= 129
	case vl2.MatchICMP:
		if field[2] &= 1; field[2] == 0 {
			field[1] = 0
		}
	case vl2.MatchCharacteristics:
		field[7] |= 1
	case vl2.MatchTOS:
		field[1], field[2] = min(field[1], field[2]), max(field[1], field[2])
	case vl2.MatchSourcePort, vl2.MatchDestPort, vl2.MatchFrameSize:
		field[0] = min(field[0], field[2])
		if field[0] == field[2] {
			field[1] = 0
		}
	case vl2.MatchIntegerRange:
		copy(field[8:16], bigEndian(nil, load(field[:8])>>1+load(field[12:16]), 8))
		copy(field[:8], bigEndian(nil, load(field[:8])>>1, 8))
		field[18] &= 0xbf
	}
	r := vl2.NewRule(typ, field...)
	if !typ.IsAction() {
		r.Not, r.Or = rapid.Bool().Draw(t, "not"), rapid.Bool().Draw(t, "or")
	}
	return r
}

func drawRules(t *rapid.T, most int) []vl2.Rule {
	list := rapid.SliceOfN(rapid.Custom(drawRule), 0, most-1).Draw(t, "rules")
	if len(list) == 0 {
		return nil
	}
	return append(list, vl2.NewRule(vl2.ActionAccept))
}

func drawProgram(t *rapid.T) *Program {
	p := &Program{Rules: drawRules(t, 30)}
	for i := range rapid.IntRange(0, 3).Draw(t, "caps") {
		p.Capabilities = append(p.Capabilities, Capability{Name: fmt.Sprint("c", i), ID: uint32(i * i), Default: rapid.Bool().Draw(t, "default"), Rules: drawRules(t, 10)})
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "tags") {
		tag := Tag{Name: fmt.Sprint("t", i), ID: uint32(i), HasDefault: rapid.Bool().Draw(t, "default")}
		if tag.HasDefault {
			tag.Default = rapid.Uint32Range(0, 8).Draw(t, "default")
		}
		for j := range rapid.IntRange(0, 3).Draw(t, "names") {
			tag.Enums = append(tag.Enums, Named{fmt.Sprint("e", j), uint32(j)})
			tag.Flags = append(tag.Flags, Named{fmt.Sprint("f", j), 1 << j})
		}
		p.Tags = append(p.Tags, tag)
	}
	return p
}

// Text and JSON keep every program.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawProgram(t)
		text, err := Decompile(p)
		if err != nil {
			t.Fatal(err)
		}
		q, err := Compile(text)
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		q.Warnings = nil
		if !reflect.DeepEqual(p, q) {
			t.Fatalf("compiled\n%s\nto %+v, want %+v", text, q, p)
		}
		b, err := p.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		q = &Program{}
		if err := q.UnmarshalJSON(b); err != nil {
			t.Fatalf("%v in\n%s", err, b)
		}
		if again, _ := q.MarshalJSON(); string(again) != string(b) {
			t.Fatalf("JSON %s became %s", b, again)
		}
		if text2, err := Decompile(q); err != nil || text2 != text {
			t.Fatalf("%v: decompiled to\n%s, want\n%s", err, text2, text)
		}
	})
}

// Nothing that can be written down makes the compiler panic, exceed a limit, or say what Decompile cannot repeat.
func FuzzCompile(f *testing.F) {
	f.Fuzz(func(t *testing.T, src string) {
		p, err := Compile(src)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Line < 1 || e.Column < 1 || e.Text == "" {
				t.Fatalf("error %#v, want an *Error with a position", err)
			}
			return
		}
		if len(p.Rules) > MaxRules || len(p.Tags) > MaxTags || len(p.Capabilities) > MaxCapabilities {
			t.Fatalf("%d rules, %d tags, %d capabilities", len(p.Rules), len(p.Tags), len(p.Capabilities))
		}
		text, err := Decompile(p)
		if err != nil {
			t.Fatalf("Compile(%q) gave what cannot be said: %v", src, err)
		}
		q, err := Compile(text)
		if err != nil {
			t.Fatalf("%v in\n%s\nfrom\n%s", err, text, src)
		}
		p.Warnings, q.Warnings = nil, nil
		if !reflect.DeepEqual(p, q) {
			t.Fatalf("%+v\nbecame\n%+v\nby way of\n%s", p, q, text)
		}
	})
}
