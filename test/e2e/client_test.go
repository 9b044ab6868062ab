//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// client is the real client with a home of its own.
type client struct {
	h    *house
	home string
	env  []string // beside what every client gets
}

// newClient makes a client that was never started before.
func newClient(t *testing.T, h *house, env ...string) *client {
	t.Helper()
	return &client{h: h, home: t.TempDir(), env: env}
}

// command is the client in print mode. As root it refuses to skip its permission checks, so
// tests name the tools they allow.
func (c *client) command(ctx context.Context, t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	bin := os.Getenv("CLAUDE_BIN")
	if bin == "" {
		t.Fatal("CLAUDE_BIN is not set: run make e2e")
	}
	cmd := exec.CommandContext(ctx, bin, append(args, "--output-format", "stream-json", "--verbose")...)
	cmd.Dir = c.home
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + c.home,
		"ANTHROPIC_BASE_URL=" + c.h.front(), "ANTHROPIC_AUTH_TOKEN=" + c.h.token,
		"NO_PROXY=127.0.0.1", "DISABLE_TELEMETRY=1", "DISABLE_AUTOUPDATER=1",
		"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1",
	}, c.env...)
	return cmd
}

// transcript is what the client printed.
type transcript struct {
	exit    int
	texts   []string // of the assistant, in order
	retries []string // the error kinds it waited for
	results []result
}

// result is one result line of the client's stream-json.
type result struct {
	Result     string                `json:"result"`
	IsError    bool                  `json:"is_error"`
	SessionID  string                `json:"session_id"`
	NumTurns   int                   `json:"num_turns"`
	TotalCost  json.Number           `json:"total_cost_usd"`
	ModelUsage map[string]modelUsage `json:"modelUsage"`
}

// modelUsage is the client's own account of one model, over its process and the sessions that
// it continued.
type modelUsage struct {
	Input        int64   `json:"inputTokens"`
	Output       int64   `json:"outputTokens"`
	CacheRead    int64   `json:"cacheReadInputTokens"`
	CacheWrite   int64   `json:"cacheCreationInputTokens"`
	CacheWrite5m int64   `json:"cacheCreationEphemeral5mInputTokens"`
	CacheWrite1h int64   `json:"cacheCreationEphemeral1hInputTokens"`
	WebSearches  int64   `json:"webSearchRequests"`
	Cost         float64 `json:"costUSD"`
	CostBasis    string  `json:"costBasis"`

	renamed bool // of the ledger: another model was asked than the client thinks
}

// last returns the result that covers everything.
func (tr *transcript) last(t *testing.T) result {
	t.Helper()
	if len(tr.results) == 0 {
		t.Fatal("the client printed no result")
	}
	return tr.results[len(tr.results)-1]
}

// total is what the client says everything cost.
func (tr *transcript) total(t *testing.T) float64 {
	t.Helper()
	f, err := tr.last(t).TotalCost.Float64()
	if err != nil {
		t.Fatalf("total_cost_usd: %v", err)
	}
	return f
}

// ask starts the client with one prompt and waits for its end.
func (c *client) ask(t *testing.T, prompt string, args ...string) *transcript {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := c.command(ctx, t, append([]string{"-p", prompt}, args...)...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("start the client: %v", err)
	}
	c.h.idle(t)
	tr := &transcript{exit: cmd.ProcessState.ExitCode()}
	for line := range strings.Lines(string(out)) {
		tr.read(t, line)
	}
	return tr
}

// read takes in one line of output.
func (tr *transcript) read(t *testing.T, line string) {
	t.Helper()
	var l struct {
		Type, Subtype, Error string
		Message              struct {
			Content json.RawMessage `json:"content"`
		} `json:"message"`
	}
	if err := json.Unmarshal([]byte(line), &l); err != nil {
		t.Fatalf("the client printed %q: %v", line, err)
	}
	switch {
	case l.Type == "assistant":
		var blocks []struct{ Type, Text string }
		if err := json.Unmarshal(l.Message.Content, &blocks); err != nil {
			t.Fatalf("the client printed %q: %v", line, err)
		}
		for _, b := range blocks {
			if b.Type == "text" {
				tr.texts = append(tr.texts, b.Text)
			}
		}
	case l.Type == "system" && l.Subtype == "api_retry":
		tr.retries = append(tr.retries, l.Error)
	case l.Type == "result":
		var r result
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("the client printed %q: %v", line, err)
		}
		tr.results = append(tr.results, r)
	}
}

// talk is a client that stays, and is given one turn after the other.
type talk struct {
	h   *house
	in  io.WriteCloser
	out *bufio.Reader
	tr  *transcript
	cmd *exec.Cmd
}

// start starts a client for several turns.
func (c *client) start(t *testing.T, args ...string) *talk {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*limit)
	cmd := c.command(ctx, t, append([]string{"-p", "--input-format", "stream-json"}, args...)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cancel)
	return &talk{h: c.h, in: in, out: bufio.NewReader(out), tr: &transcript{}, cmd: cmd}
}

// turn says something and waits for the result of the turn.
func (k *talk) turn(t *testing.T, prompt string) result {
	t.Helper()
	line, err := json.Marshal(map[string]any{
		"type": "user", "message": map[string]any{"role": "user", "content": prompt},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.in.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
	before := len(k.tr.results)
	for len(k.tr.results) == before {
		line, err := k.out.ReadString('\n')
		if err != nil {
			t.Fatalf("the client ended in mid-turn: %v", err)
		}
		k.tr.read(t, line)
	}
	return k.tr.last(t)
}

// end says goodbye and returns everything that was said.
func (k *talk) end(t *testing.T) *transcript {
	t.Helper()
	k.in.Close()
	for {
		line, err := k.out.ReadString('\n')
		if err != nil {
			break
		}
		k.tr.read(t, line)
	}
	if err := k.cmd.Wait(); err != nil {
		t.Errorf("the client: %v", err)
	}
	k.h.idle(t)
	return k.tr
}
