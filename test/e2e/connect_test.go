//go:build e2e

package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	sim "prism/internal/simulator"
)

// TestAConnectedClientAsksPrismHoweverItIsStarted: prism connect writes the client's settings; a client that
// is told nothing by its environment, or the wrong thing, asks the gateway, and after --undo no more.
func TestAConnectedClientAsksPrismHoweverItIsStarted(t *testing.T) {
	h := open(t)
	for _, p := range []*provider{h.work, h.spare} {
		p.Script(sim.Always(sim.Reply(sim.Text("Hello."), counts(1))))
	}
	c := newClient(t, h)
	settings := filepath.Join(c.home, ".claude", "settings.json")
	if err := os.Mkdir(filepath.Dir(settings), 0o700); err != nil {
		t.Fatal(err)
	}
	// As after the instructions of some other provider.
	const before = "{\n  \"env\": {\n    \"ANTHROPIC_BASE_URL\": \"http://127.0.0.1:9\",\n    \"ANTHROPIC_AUTH_TOKEN\": \"sk-somebody-elses-0123456789\",\n    \"ANTHROPIC_MODEL\": \"kimi-k3\"\n  },\n  \"includeCoAuthoredBy\": false\n}\n"
	write(t, settings, before)
	const sent = "select profile, request_model from requests where operation = 'messages'"

	h.connect(t, c)
	tr := c.told(t)
	tr.mustSay(t, "Hello.")
	rows := h.query(t, sent)
	if len(rows) == 0 {
		t.Fatal("the ledger has no row")
	}
	for _, r := range rows {
		if r.text("profile") != "work" || !strings.HasPrefix(r.text("request_model"), "claude-") {
			t.Errorf("row %v", r)
		}
	}

	// What the shell says gives way: an address, a key, a proxy that leads nowhere.
	tr = c.told(t, "ANTHROPIC_BASE_URL=http://127.0.0.1:9", "ANTHROPIC_API_KEY=sk-ant-api03-of-the-shell-0123456789", "HTTP_PROXY=http://127.0.0.1:9")
	tr.mustSay(t, "Hello.")
	more := h.query(t, sent)
	if len(more) <= len(rows) {
		t.Error("the ledger has no row of the client with other variables")
	}
	h.books(t, 0)

	// Another profile for good, while another one is active.
	h.connect(t, c, "--profile", "spare")
	tr = c.told(t)
	tr.mustSay(t, "Hello.")
	if last := h.query(t, sent+" and profile = 'spare'"); len(last) == 0 {
		t.Error("no request went to the profile that was fixed")
	}

	h.connect(t, c, "--undo")
	if text, err := os.ReadFile(settings); err != nil || string(text) != before {
		t.Errorf("%v: the settings are\n%s", err, text)
	}
	rows = h.query(t, sent)
	write(t, settings, "{}")
	if tr = c.told(t); tr.exit == 0 {
		t.Errorf("a client without any credential said %q", tr.texts)
	}
	tr = c.told(t, "ANTHROPIC_BASE_URL="+h.spare.url, "ANTHROPIC_AUTH_TOKEN="+h.spare.key)
	tr.mustSay(t, "Hello.")
	if after := h.query(t, sent); len(after) != len(rows) {
		t.Errorf("%d rows became %d after --undo", len(rows), len(after))
	}
}

// TestASessionThatRunsFollowsItsSettings: a session that asks a provider by itself asks prism soon after prism
// connect, and the provider again after --undo.
func TestASessionThatRunsFollowsItsSettings(t *testing.T) {
	h := open(t)
	for _, p := range []*provider{h.work, h.spare} {
		p.Script(sim.Always(sim.Reply(sim.Text("Hello."), counts(1))))
	}
	c := newClient(t, h)
	settings := filepath.Join(c.home, ".claude", "settings.json")
	if err := os.Mkdir(filepath.Dir(settings), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, settings, `{"env":{"ANTHROPIC_BASE_URL":"`+h.spare.url+`","ANTHROPIC_AUTH_TOKEN":"`+h.spare.key+`"}}`)
	k := c.start(t)
	k.turn(t, "hello")
	if seen, _ := h.work.Requests(); seen > 0 {
		t.Fatal("the settings do not lead past prism")
	}
	follows := func(to *provider) {
		before, _ := to.Requests()
		h.wait(t, "the session asks "+to.name, func() bool {
			k.turn(t, "hello again")
			seen, _ := to.Requests()
			return seen > before
		})
	}
	h.connect(t, c)
	follows(h.work)
	h.connect(t, c, "--undo")
	follows(h.spare)
	k.end(t)
}

// connect runs prism connect for the user whose client it is.
func (h *house) connect(t *testing.T, c *client, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Getenv("PRISM_BIN"), append([]string{"connect"}, args...)...)
	cmd.Env, cmd.Dir = append(slices.Clone(h.env), "HOME="+c.home), c.home
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("prism connect %q: %v\n%s", args, err, out)
	}
}

// told starts the client with one prompt. Of where to ask, and as whom, it is told what env says and nothing else.
func (c *client) told(t *testing.T, env ...string) *transcript {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := c.command(ctx, t, "-p", "say hello")
	cmd.Env = append(slices.DeleteFunc(cmd.Env, func(kv string) bool {
		return strings.HasPrefix(kv, "ANTHROPIC_") || strings.HasPrefix(kv, "NO_PROXY=")
	}), env...)
	out, err := cmd.Output()
	if cmd.ProcessState == nil {
		t.Fatalf("start the client: %v", err)
	}
	c.h.idle(t)
	tr := &transcript{exit: cmd.ProcessState.ExitCode()}
	for line := range strings.Lines(string(out)) {
		tr.read(t, line)
	}
	return tr
}
