package main

import (
	"math"
	"testing"
	"time"
)

// TestAValueOfAQueryIsWhatTheLedgerHas: in a table, in CSV and in JSON, alone and within another value.
func TestAValueOfAQueryIsWhatTheLedgerHas(t *testing.T) {
	at := time.Date(2026, 11, 20, 12, 0, 0, 500_000_000, time.UTC)
	id := []byte{0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}
	for _, c := range []struct {
		value      any
		typ        string
		text, json string
	}{
		{at, "TIMESTAMPTZ", "2026-11-20T12:00:00.5Z", `"2026-11-20T12:00:00.5Z"`},
		{at, "TIMESTAMP", "2026-11-20T12:00:00.5", `"2026-11-20T12:00:00.5"`},
		{id, "UUID", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", `"6ba7b810-9dad-11d1-80b4-00c04fd430c8"`},
		{id[:2], "BLOB", "6ba7", `"6ba7"`},
		{12345678.9, "DOUBLE", "12345678.9", "12345678.9"},
		{1e6, "DOUBLE", "1000000", "1000000"},
		{1e-5, "DOUBLE", "0.00001", "0.00001"},
		{2.5e22, "DOUBLE", "2.5e+22", "2.5e+22"},
		{0.0, "DOUBLE", "0", "0"},
		{math.Inf(-1), "DOUBLE", "-Inf", `"-Inf"`},
		{[]any{math.NaN(), 1.5, nil}, "DOUBLE[]", `["NaN",1.5,null]`, `["NaN",1.5,null]`},
		{[]any{at, nil}, "DATE[]", `["2026-11-20",null]`, `["2026-11-20",null]`},
		{[]any{id}, "UUID[]", `["6ba7b810-9dad-11d1-80b4-00c04fd430c8"]`, `["6ba7b810-9dad-11d1-80b4-00c04fd430c8"]`},
		{map[string]any{"d": at, "b": id[:1], "m": map[string]any{"k": []any{at}}}, `STRUCT("d" DATE, "b" BLOB, "m" MAP(VARCHAR, TIME[]))`, `{"b":"6b","d":"2026-11-20","m":{"k":["12:00:00.5"]}}`, `{"b":"6b","d":"2026-11-20","m":{"k":["12:00:00.5"]}}`},
		{map[string]any{"n": 1e6}, "JSON", `{"n":1000000}`, `{"n":1000000}`},
	} {
		got := sqlCell(c.value, c.typ)
		b, err := marshal(got.value)
		if got.text != c.text || err != nil || string(b) != c.json || got.raw() != c.text {
			t.Errorf("%v (%s): %s, in CSV %s, in JSON %s %v; want %s and %s", c.value, c.typ, got.text, got.raw(), b, err, c.text, c.json)
		}
	}
}
