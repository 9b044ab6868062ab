//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	sim "prism/internal/simulator"
)

// inHouse is a command line of prism for the client to run: it has an environment of its own.
func (h *house) inHouse(args ...string) string {
	words := []string{"env", "-i", "ANTHROPIC_BASE_URL=" + h.url}
	for _, kv := range h.env {
		words = append(words, "'"+kv+"'")
	}
	return strings.Join(append(append(words, "'"+os.Getenv("PRISM_BIN")+"'"), args...), " ")
}

// TestTheHookTellsWhereASessionWorks: a client that was not started by prism run has the hook in
// its settings. The rows of its session carry project, directory and branch, and neither the
// client nor the model sees anything of the hook.
func TestTheHookTellsWhereASessionWorks(t *testing.T) {
	h := open(t)
	h.work.Script(sim.Always(sim.Reply(sim.Text("Hello."), counts(1))))
	c := newClient(t, h)
	if err := os.MkdirAll(filepath.Join(c.home, ".git"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(c.home, ".git", "HEAD"), "ref: refs/heads/topic/x\n")
	settings, err := json.Marshal(map[string]any{"hooks": map[string]any{"SessionStart": []any{
		map[string]any{"hooks": []any{map[string]any{"type": "command", "command": h.inHouse("hook", "session-start")}}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	tr := c.ask(t, "say hello", "--settings", string(settings))
	tr.mustSay(t, "Hello.")
	rows := h.query(t, "select session_id, project, cwd, git_branch from requests where operation = 'messages'")
	if len(rows) == 0 {
		t.Fatal("the ledger has no row")
	}
	for _, r := range rows {
		if r.text("session_id") != tr.last(t).SessionID || r.text("project") != filepath.Base(c.home) || r.text("cwd") != c.home || r.text("git_branch") != "topic/x" {
			t.Errorf("row %v of session %s in %s", r, tr.last(t).SessionID, c.home)
		}
	}

	// The status line of that session shows what it cost: the client's own figure, since prices
	// and names are the provider's here.
	command := h.inHouse("statusline", "--template", "'{{.Session}} {{.Project}} {{.Branch}}'")
	input := fmt.Sprintf(`{"session_id":%q,"cwd":%q}`, tr.last(t).SessionID, c.home)
	want := fmt.Sprintf("$%.2f %s topic/x", tr.total(t), filepath.Base(c.home))
	h.wait(t, "the status line says "+want, func() bool {
		line := exec.CommandContext(t.Context(), "sh", "-c", command)
		line.Stdin = strings.NewReader(input)
		out, err := line.Output()
		return err == nil && strings.TrimSpace(string(out)) == want
	})
}
