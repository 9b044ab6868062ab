package main

import (
	"context"
	"encoding/json"
	"io"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// clientInput is what Claude Code writes to the standard input of a status line and of a hook,
// as far as it is used. Everything may be missing.
type clientInput struct {
	SessionID string `json:"session_id"`
	Cwd       string `json:"cwd"`
	Model     struct {
		ID string `json:"id"`
	} `json:"model"`
	Workspace struct {
		CurrentDir string `json:"current_dir"`
	} `json:"workspace"`
	Cost struct {
		Total json.Number `json:"total_cost_usd"`
	} `json:"cost"`
	Context struct {
		Used  json.Number `json:"used_percentage"`
		Input json.Number `json:"total_input_tokens"`
		Size  json.Number `json:"context_window_size"`
	} `json:"context_window"`
	Limits struct {
		FiveHour planLimit `json:"five_hour"`
		SevenDay planLimit `json:"seven_day"`
	} `json:"rate_limits"`
}

// planLimit is a window of the plan, as the client knows it from a login.
type planLimit struct {
	Used     json.Number     `json:"used_percentage"`
	ResetsAt json.RawMessage `json:"resets_at"` // seconds since 1970, or an instant as text
}

// maxInput bounds what is read from the client, in bytes; it writes some two thousand.
const maxInput = 1 << 20

// readInput reads one JSON object, and does not wait for the end of the input. What comes too
// late, is too large or is no object counts as nothing; a field that has another type than
// expected is passed over.
func readInput(ctx context.Context, r io.Reader) clientInput {
	done := make(chan clientInput, 1)
	go func() {
		var in clientInput
		// The error tells of one field, or of the whole; what could be read is in the struct.
		_ = json.NewDecoder(io.LimitReader(r, maxInput)).Decode(&in)
		done <- in
	}()
	select {
	case in := <-done:
		return in
	case <-ctx.Done():
		return clientInput{}
	}
}

// directory is where the client works now.
func (in clientInput) directory() string { return firstOf(in.Workspace.CurrentDir, in.Cwd) }

// plainNumber is what is taken for a number: a longer one would take long to compute with.
var plainNumber = regexp.MustCompile(`^[0-9]{1,15}(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,2})?$`)

// fraction reads a number that is not negative.
func fraction(n json.Number) (*big.Rat, bool) {
	if !plainNumber.MatchString(string(n)) {
		return nil, false
	}
	return new(big.Rat).SetString(string(n))
}

// percent writes a share of one hundred without places; "" where it is not known.
func percent(n json.Number) string {
	r, ok := fraction(n)
	if !ok || r.Cmp(big.NewRat(1000, 1)) >= 0 {
		return ""
	}
	return r.FloatString(0) + "%"
}

// contextUsed is how full the context window is.
func (in clientInput) contextUsed() string {
	if s := percent(in.Context.Used); s != "" {
		return s
	}
	used, known := fraction(in.Context.Input)
	size, sized := fraction(in.Context.Size)
	if !known || !sized || size.Sign() == 0 {
		return ""
	}
	return percent(json.Number(used.Mul(used, big.NewRat(100, 1)).Quo(used, size).FloatString(2)))
}

// resetsAt reads the end of a window; zero where it is not known.
func (l planLimit) resetsAt() time.Time {
	text := strings.Trim(string(l.ResetsAt), `"`)
	if sec, err := strconv.ParseInt(text, 10, 64); err == nil && sec > 0 && sec < 1<<40 {
		return time.Unix(sec, 0)
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return at
}
