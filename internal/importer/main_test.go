package importer

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"prism/internal/ledger"
)

// now is long after everything in these tests.
func now() time.Time { return time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC) }

// folder writes transcripts, the first one being the oldest, and returns their folder.
func folder(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i, text := range files {
		path := filepath.Join(dir, "-home-u-proj", fmt.Sprintf("session-%c.jsonl", 'z'-i))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		at := now().Add(time.Duration(i-len(files)) * time.Hour)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// take reads all transcripts of a folder.
func take(t *testing.T, dir string, opt Options) ([]*ledger.Entry, *Tally) {
	t.Helper()
	if opt.Now == nil {
		opt.Now = now
	}
	src, err := OpenTranscripts(dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	var list []*ledger.Entry
	if err := src.Each(t.Context(), func(e *ledger.Entry) error {
		list = append(list, e)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if src.Entries != len(list) {
		t.Errorf("%d entries are counted, %d came", src.Entries, len(list))
	}
	return list, src.Counts()
}

// said is a line of a message; stop = "" is one from before its end.
func said(id, stop string, output int) string {
	reason := "null"
	if stop != "" {
		reason = `"` + stop + `"`
	}
	return fmt.Sprintf(`{"parentUuid":"p","isSidechain":false,"message":{"model":"claude-opus-5-5","id":"msg_%s","type":"message",`+
		`"role":"assistant","content":[{"type":"text","text":"..."}],"stop_reason":%s,"usage":{"input_tokens":10,"cache_creation_input_tokens":300,`+
		`"cache_read_input_tokens":2000,"output_tokens":%d,"service_tier":"standard"}},"requestId":"req_%s","requestRef":"ref-%s",`+
		`"requestedModel":"claude-opus-5-5","promptCacheRequested":"1h","type":"assistant","uuid":"u-%s-%d","timestamp":"2026-11-20T10:00:05.000Z",`+
		`"cwd":"/home/u/proj","sessionId":"session","version":"2.1.330","gitBranch":"main"}`, id, reason, output, id, id, id, output)
}

// file joins lines to a transcript.
func file(lines ...string) string { return strings.Join(lines, "\n") + "\n" }
