package importer

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"
	"time"

	"prism/internal/ledger"
)

// readText reads one transcript from memory.
func readText(t *testing.T, text []byte, oneByte bool) []*ledger.Entry {
	t.Helper()
	src := newTranscripts(Options{Now: now})
	var list []*ledger.Entry
	s := session{t: src, open: make(map[string]*message), asked: make(map[string]time.Time), fn: func(e *ledger.Entry) error {
		list = append(list, e)
		return nil
	}}
	if oneByte {
		src.lines.reset(iotest.OneByteReader(bytes.NewReader(text)))
	} else {
		src.lines.reset(bytes.NewReader(text))
	}
	if err := s.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := src.release(0, s.fn); err != nil {
		t.Fatal(err)
	}
	return list
}

// FuzzTranscript: any bytes give the same entries however they arrive; each has an identity, a
// time and no count below zero, and survives the journal's form.
func FuzzTranscript(f *testing.F) {
	f.Add([]byte(file(said("a", "", 1), said("b", "end_turn", 7), said("a", "end_turn", 200))))
	f.Add([]byte(`{"type":"api-request","id":"ref-a","timestamp":"2026-11-20T10:00:01Z"}` + "\n" + said("a", "end_turn", 5)))
	if b, err := os.ReadFile(filepath.Join("testdata", "claude-2.1.330", "-home-u-proj", "6459ae52-81cb-419f-9176-e7adbc9742fe.jsonl")); err == nil {
		f.Add(b[:4096])
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		list := readText(t, text, false)
		again := readText(t, text, true)
		if len(list) != len(again) {
			t.Fatalf("%d entries at once, %d byte by byte", len(list), len(again))
		}
		seen := map[string]bool{}
		for i, e := range list {
			line := e.AppendJSON(nil)
			if !bytes.Equal(line, again[i].AppendJSON(nil)) {
				t.Fatalf("%s\nbecame\n%s", line, again[i].AppendJSON(nil))
			}
			var back ledger.Entry
			if err := back.UnmarshalJSON(line); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			u := e.Usage
			switch {
			case e.RequestID == "" || seen[e.RequestID] || e.StartedAt.IsZero() || e.EndedAt.Before(e.StartedAt):
				t.Fatalf("an entry without identity or time: %s", line)
			case min(u.Input, u.Output, u.CacheRead, u.CacheWrite) < -1:
				t.Fatalf("a count below zero: %s", line)
			}
			seen[e.RequestID] = true
		}
	})
}

// FuzzReport: any bytes are refused or give entries with an identity, a time and counts.
func FuzzReport(f *testing.F) {
	for _, s := range reports() {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "report.json")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		src, err := OpenReport(path, ReportOptions{Options: Options{Now: now}})
		if err != nil {
			t.Fatal(err)
		}
		_ = src.Each(t.Context(), func(e *ledger.Entry) error { // a refusal is as good
			if e.RequestID == "" || e.StartedAt.IsZero() || !e.Usage.Input.Known() || e.PromptTokens < 0 {
				t.Fatalf("%s", e.AppendJSON(nil))
			}
			return nil
		})
	})
}
