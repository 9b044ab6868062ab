package sdk

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"

	"prism/internal/translate/translatetest"
)

// TestSDKPutsEveryGoldenStreamTogether reads the streams that the translated golden cases
// want, and finds in each the blocks that the grammar finds.
func TestSDKPutsEveryGoldenStreamTogether(t *testing.T) {
	paths, err := filepath.Glob(filepath.FromSlash("../../openai/testdata/stream/*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden streams: %v", err)
	}
	for _, path := range paths {
		a, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range a.Files {
			if f.Name == "want.sse" {
				holds(t, path, string(f.Data))
			}
		}
	}
}

func holds(t *testing.T, path, stream string) {
	t.Helper()
	answer, err := translatetest.Check(stream)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return
	}
	m, err := Accumulate(stream)
	if err != nil {
		t.Errorf("%s: the SDK: %v", path, err)
		return
	}
	if len(m.Content) != len(answer.Blocks) || string(m.StopReason) != answer.StopReason {
		t.Errorf("%s: the SDK has %d blocks and %s, want %d and %s", path, len(m.Content), m.StopReason, len(answer.Blocks), answer.StopReason)
		return
	}
	for i, b := range m.Content {
		want := answer.Blocks[i]
		said := b.Text + b.Thinking
		if want.Name != "" { // a call; of an input that was cut, the SDK makes its own
			if said = want.Text; json.Valid([]byte(want.Text)) {
				said = string(b.Input)
			}
		}
		if b.Type != want.Type || b.ID != want.ID || b.Name != want.Name || said != want.Text {
			t.Errorf("%s: block %d of the SDK is %s, want %+v", path, i, b.RawJSON(), want)
		}
	}
}
