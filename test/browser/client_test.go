//go:build e2e

package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// prism runs a command and returns what it printed.
func (h *house) prism(t *testing.T, args ...string) string {
	t.Helper()
	out, err := h.run(t, args...)
	if err != nil {
		t.Fatalf("prism %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(out)
}

func (h *house) run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Getenv("PRISM_BIN"), args...)
	cmd.Env, cmd.Dir = h.env, h.dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return string(out) + stderr.String(), err
	}
	return string(out), nil
}

// rows returns the answer of a query.
func (h *house) rows(t *testing.T, query string) (rows []map[string]any) {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(h.prism(t, "sql", "--json", query)))
	dec.UseNumber()
	if err := dec.Decode(&rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

// number asks the ledger for one number.
func (h *house) number(t *testing.T, query string) string {
	t.Helper()
	for _, v := range h.rows(t, query)[0] {
		return mustJSON(v)
	}
	return ""
}

// send sends one message as a client does, with headers in pairs, and returns the whole answer.
func (h *house) send(ctx context.Context, model string, headers ...string) (int, string, error) {
	var answer strings.Builder
	status, err := h.sendTo(ctx, &answer, model, headers...)
	return status, answer.String(), err
}

// sendTo is send whose answer goes to w as it comes.
func (h *house) sendTo(ctx context.Context, w io.Writer, model string, headers ...string) (int, error) {
	body, err := json.Marshal(map[string]any{
		"model": model, "messages": []any{map[string]any{"role": "user", "content": "hi"}}, "max_tokens": 100, "stream": true,
	})
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url+"/v1/messages?beta=true", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+h.token)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(w, resp.Body)
	return resp.StatusCode, err
}

// ask is send for a message that must be answered well.
func (h *house) ask(t *testing.T, model string, headers ...string) {
	t.Helper()
	if status, body, err := h.send(t.Context(), model, headers...); err != nil || status != http.StatusOK || !strings.Contains(body, "message_stop") {
		t.Fatalf("status %d, %v: %s", status, err, body)
	}
}
