package icmp

import (
	"bytes"
	"net"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"pgregory.net/rapid"
)

var (
	group = addr6("ff02::1:ff00:9")
	mld   = Envelope{Src: them, Dst: addr6("ff02::1"), HopLimit: 1, RouterAlert: true}
)

func queryV2(maxResp uint32, sources int) Message {
	body := append(bytes.Clone(group[:]), 0x0a, 125, byte(sources>>8), byte(sources))
	for i := range sources {
		body = append(body, router[:]...)
		body[len(body)-1] = byte(i)
	}
	return Message{Type: Type6MLDQuery, Rest: maxResp << 16, Body: body}
}

func TestMLDQuery(t *testing.T) {
	var q MLDQuery
	m := Message{Type: Type6MLDQuery, Rest: 10000 << 16, Body: make([]byte, 16)}
	if !q.Parse(&m, &mld) || q.Version != 1 || q.MaxResponse != 10*time.Second || q.Group != [16]byte{} {
		t.Errorf("version 1 general query: %+v", q)
	}
	m = queryV2(1000, 2)
	if !q.Parse(&m, &mld) || q.Version != 2 || q.MaxResponse != time.Second || q.Group != group || !q.Suppress || q.Robustness != 2 ||
		q.Interval != 125*time.Second || len(q.Sources) != 32 {
		t.Errorf("version 2 query: %+v", q)
	}
	m = queryV2(0, 0)
	if !q.Parse(&m, &mld) || q.MaxResponse != 0 || len(q.Sources) != 0 {
		t.Errorf("a query to be answered at once: %+v", q)
	}
	// The largest codes: mantissa 0xfff, exponent 7; mantissa 15, exponent 7.
	m = queryV2(0xffff, 0)
	m.Body[17] = 0xff
	if !q.Parse(&m, &mld) || q.MaxResponse != 0x1fff<<10*time.Millisecond || q.Interval != 0x1f<<10*time.Second {
		t.Errorf("largest codes: %+v", q)
	}
	m = queryV2(0x8000, 0)
	if !q.Parse(&m, &mld) || q.MaxResponse != 0x1000<<3*time.Millisecond {
		t.Errorf("least floating-point code: %v", q.MaxResponse)
	}
}

func TestMLDQueryDefects(t *testing.T) {
	for name, breakIt := range map[string]func(m *Message, e *Envelope){
		"hop limit 2":               func(m *Message, e *Envelope) { e.HopLimit = 2 },
		"hop limit 255":             func(m *Message, e *Envelope) { e.HopLimit = 255 },
		"from a global address":     func(m *Message, e *Envelope) { e.Src = router },
		"from nobody":               func(m *Message, e *Envelope) { e.Src = [16]byte{} },
		"without router alert":      func(m *Message, e *Envelope) { e.RouterAlert = false },
		"another type":              func(m *Message, e *Envelope) { m.Type = Type6MLDv2Report },
		"for a unicast address":     func(m *Message, e *Envelope) { copy(m.Body, router[:]) },
		"65535 sources":             func(m *Message, e *Envelope) { m.Body[18], m.Body[19] = 0xff, 0xff },
		"one source too many":       func(m *Message, e *Envelope) { m.Body[19]++ },
		"length between 1 and 2":    func(m *Message, e *Envelope) { m.Body = m.Body[:18] },
		"length below version 1":    func(m *Message, e *Envelope) { m.Body = m.Body[:15] },
		"no body":                   func(m *Message, e *Envelope) { m.Body = nil },
		"cut in a source's address": func(m *Message, e *Envelope) { m.Body = m.Body[:30] },
	} {
		m, e := queryV2(1000, 1), mld
		var q MLDQuery
		if !q.Parse(&m, &e) {
			t.Fatal("a valid query is refused")
		}
		breakIt(&m, &e)
		if q.Parse(&m, &e) {
			t.Errorf("%s: %+v", name, q)
		}
	}
}

func TestMLDv1Report(t *testing.T) {
	var buf [16]byte
	for _, done := range []bool{false, true} {
		m := MLDv1Report(buf[:], done, group)
		if got, gotDone, ok := ParseMLDv1Report(&m, &mld); !ok || got != group || gotDone != done {
			t.Errorf("ParseMLDv1Report = %x, %v, %v", got, gotDone, ok)
		}
		for name, breakIt := range map[string]func(m *Message, e *Envelope){
			"hop limit":    func(m *Message, e *Envelope) { e.HopLimit = 255 },
			"source":       func(m *Message, e *Envelope) { e.Src = router },
			"router alert": func(m *Message, e *Envelope) { e.RouterAlert = false },
			"type":         func(m *Message, e *Envelope) { m.Type = Type6MLDQuery },
			"group":        func(m *Message, e *Envelope) { m.Body = router[:] },
			"length":       func(m *Message, e *Envelope) { m.Body = m.Body[:15] },
		} {
			bad, e := m, mld
			breakIt(&bad, &e)
			if _, _, ok := ParseMLDv1Report(&bad, &e); ok {
				t.Errorf("bad %s is taken", name)
			}
		}
		layer := layers.MLDv1Message{}
		if err := layer.DecodeFromBytes(append(make([]byte, 4), m.Body...), gopacket.NilDecodeFeedback); err != nil || !layer.MulticastAddress.Equal(group[:]) {
			t.Errorf("gopacket reads %+v, %v", layer, err)
		}
	}
}

// TestMLDReport writes reports that gopacket reads, and reads them itself.
func TestMLDReport(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var records []MLDRecord
		for range rapid.IntRange(0, 5).Draw(t, "records") {
			r := MLDRecord{Type: rapid.Uint8Range(1, 6).Draw(t, "type"), Group: group}
			r.Group[15] = rapid.Byte().Draw(t, "group")
			for range rapid.IntRange(0, 3).Draw(t, "sources") {
				s := router
				s[15] = rapid.Byte().Draw(t, "source")
				r.Sources = append(r.Sources, s)
			}
			records = append(records, r)
		}
		buf := make([]byte, rapid.IntRange(0, 400).Draw(t, "room"))
		m, n := MLDReport(buf, records)
		if len(m.Body) > len(buf) || n < len(records) && len(m.Body)+20+16*len(records[n].Sources) <= len(buf) {
			t.Fatalf("%d of %d records in %d of %d bytes", n, len(records), len(m.Body), len(buf))
		}
		raw := append(appendUint32(nil, m.Rest), m.Body...)
		var theirs layers.MLDv2MulticastListenerReportMessage
		if err := theirs.DecodeFromBytes(raw, gopacket.NilDecodeFeedback); err != nil {
			t.Fatal(err)
		}
		if int(theirs.NumberOfMulticastAddressRecords) != n || len(theirs.MulticastAddressRecords) != n {
			t.Fatalf("gopacket reads %d records, want %d", len(theirs.MulticastAddressRecords), n)
		}
		body := m.Body
		for i := range n {
			want, got := &records[i], &theirs.MulticastAddressRecords[i]
			if uint8(got.RecordType) != want.Type || !got.MulticastAddress.Equal(want.Group[:]) || len(got.SourceAddresses) != len(want.Sources) {
				t.Fatalf("gopacket reads %+v, want %+v", got, want)
			}
			typ, group, sources, rest, ok := NextMLDRecord(body)
			if !ok || typ != want.Type || group != want.Group || len(sources) != 16*len(want.Sources) {
				t.Fatalf("NextMLDRecord = %d, %x, %x, %v", typ, group, sources, ok)
			}
			for j := range want.Sources {
				if !got.SourceAddresses[j].Equal(net.IP(want.Sources[j][:])) || !bytes.Equal(sources[16*j:16*j+16], want.Sources[j][:]) {
					t.Fatalf("source %d of record %d", j, i)
				}
			}
			body = rest
		}
		if _, _, _, _, ok := NextMLDRecord(body); ok || len(body) != 0 {
			t.Fatalf("%d bytes are left", len(body))
		}
	})
}

func FuzzMLD(f *testing.F) {
	m := queryV2(1000, 2)
	f.Add(m.Type, m.Rest, m.Body)
	m, _ = MLDReport(make([]byte, 100), []MLDRecord{{Type: MLDToExclude, Group: group, Sources: [][16]byte{router}}})
	f.Add(m.Type, m.Rest, m.Body)
	m = MLDv1Report(make([]byte, 16), true, group)
	f.Add(m.Type, m.Rest, m.Body)
	f.Fuzz(func(t *testing.T, typ uint8, rest uint32, body []byte) {
		m := Message{Type: typ, Rest: rest, Body: body}
		var q MLDQuery
		if q.Parse(&m, &mld) && (len(q.Sources)%16 != 0 || q.MaxResponse < 0 || q.Interval < 0) {
			t.Errorf("query %+v", q)
		}
		ParseMLDv1Report(&m, &mld)
		for raw, n := body, 0; ; n++ {
			_, _, sources, next, ok := NextMLDRecord(raw)
			if !ok {
				break
			}
			if len(sources)%16 != 0 || n > len(body)/20 {
				t.Fatalf("records of %x", body)
			}
			raw = next
		}
	})
}
