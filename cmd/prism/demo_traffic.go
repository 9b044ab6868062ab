package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"prism/config"
	"prism/internal/simulator"
)

// demoTurn is one request of a sample session.
type demoTurn struct {
	session string
	model   string
	profile string // "" = the active one
	prompt  string
	stream  bool
	leave   bool // the client leaves in the middle of the answer
}

// demoReport is what was sent and what came of it.
type demoReport struct {
	Requests int      `json:"requests"`
	Sessions int      `json:"sessions"`
	Broken   int      `json:"broken"` // streams that were reported as broken
	Left     int      `json:"left"`   // requests whose client left
	Seconds  float64  `json:"seconds"`
	Rows     int      `json:"rows"`  // in the ledger
	Wrong    []string `json:"wrong"` // where the ledger and the bills differ
}

const (
	promptBreak = "break the stream"
	promptLeave = "take your time"
)

// demoAnswers answers like a provider with a prompt cache: the first turn of a session writes
// it, later ones read it and add what is new. Some providers cache by themselves and report
// no writes.
func demoAnswers(writes bool) simulator.AnswerFunc {
	return func(r simulator.Request) simulator.Answer { return demoAnswer(r, writes) }
}

func demoAnswer(r simulator.Request, writes bool) simulator.Answer {
	turn := int64(r.Turns)
	usage := simulator.Usage{Input: 12 + 3*turn, Output: 180 + 41*turn, CacheRead: 24_000 + 900*turn, CacheWrite5m: 900}
	if turn == 0 {
		usage.CacheRead, usage.CacheWrite5m = 0, 24_000
	}
	if turn%5 == 4 {
		usage.CacheWrite5m, usage.CacheWrite1h = 0, 1_400
	}
	if !writes {
		usage.Input += usage.CacheWrite5m + usage.CacheWrite1h
		usage.CacheWrite5m, usage.CacheWrite1h = 0, 0
	}
	answer := simulator.Reply(simulator.Text(fmt.Sprintf("This is answer %d, with some words to stream.", turn+1)), usage,
		simulator.Delay(time.Duration(20+7*turn)*time.Millisecond), simulator.EventDelay(time.Millisecond))
	switch {
	case strings.Contains(r.Prompt, promptBreak):
		return answer.With(simulator.CutAfter(5, simulator.CutRST))
	case strings.Contains(r.Prompt, promptLeave):
		return answer.With(simulator.EventDelay(300 * time.Millisecond))
	}
	return answer
}

// turns is the sample: one session at work, one that is swapped in its middle, one at a
// profile of its own.
func demoTurns() (before, after []demoTurn) {
	add := func(list *[]demoTurn, n int, t demoTurn) {
		for i := range n {
			t.prompt, t.stream, t.leave = fmt.Sprintf("question %d", i+1), i%4 != 3, false
			*list = append(*list, t)
		}
	}
	docs := demoTurn{session: "11111111-1111-4111-8111-111111111111", model: "claude-sonnet-5-5"}
	code := demoTurn{session: "22222222-2222-4222-8222-222222222222", model: "claude-opus-5-5"}
	test := demoTurn{session: "33333333-3333-4333-8333-333333333333", model: "claude-haiku-5-5", profile: "local"}
	add(&before, 12, docs)
	add(&before, 8, code)
	add(&after, 10, code)
	add(&after, 8, test)
	broken, left := docs, docs
	broken.prompt, broken.stream = promptBreak, true
	left.prompt, left.stream, left.leave = promptLeave, true, true
	return append(before, broken), append(after, left)
}

func (d *demo) traffic(ctx context.Context) (*demoReport, error) {
	began := time.Now()
	r := &demoReport{Sessions: 3, Wrong: []string{}}
	before, after := demoTurns()
	history := map[string]int{}
	if err := d.sendAll(ctx, before, history, r); err != nil {
		return nil, err
	}
	if err := d.swap(ctx, "kimi"); err != nil {
		return nil, err
	}
	if err := d.sendAll(ctx, after, history, r); err != nil {
		return nil, err
	}
	r.Seconds = time.Since(began).Seconds()
	d.say("traffic   %d requests, %d sessions: one swap in mid-session, one broken stream, one client that left   %.1f s", r.Requests, r.Sessions, r.Seconds)
	return r, nil
}

func (d *demo) sendAll(ctx context.Context, turns []demoTurn, history map[string]int, r *demoReport) error {
	for _, t := range turns {
		broken, err := d.send(ctx, t, history[t.session])
		if err != nil {
			return fmt.Errorf("sample request: %w", err)
		}
		r.Requests++
		history[t.session]++
		if broken {
			r.Broken++
		}
		if t.leave {
			r.Left++
		}
	}
	return nil
}

// swap saves the file the way an editor does and waits until the gateway has seen it.
func (d *demo) swap(ctx context.Context, name string) error {
	path := d.room.paths.Profiles
	src, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	out, err := config.SpliceActive(src, name)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, out, 0o600); err != nil { //nolint:gosec // a directory that the demo has made
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		st, err := d.room.client.Status(ctx)
		if err != nil {
			return fmt.Errorf("wait for the swap: %w", err)
		}
		if st.Active == name {
			d.say("swap      active: work → %s, by saving the file   generation %d", name, st.Generation)
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the swap: %w", ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// send plays one turn and tells whether the stream was reported as broken.
func (d *demo) send(ctx context.Context, t demoTurn, turn int) (broken bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	url := d.base + "/v1/messages?beta=true"
	if t.profile != "" {
		url = d.base + "/p/" + t.profile + "/v1/messages?beta=true"
	}
	body, err := json.Marshal(demoBody(t, turn))
	if err != nil {
		return false, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	req.Header.Set("Authorization", "Bearer "+d.token.Reveal())
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Anthropic-Version", "2023-06-01")
	req.Header.Set("User-Agent", "prism-demo/1")
	req.Header.Set("X-Claude-Code-Session-Id", t.session)
	req.Header.Set("X-Prism-Project", "demo")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(io.LimitReader(resp.Body, 500))
		return false, fmt.Errorf("%s: %s", resp.Status, b)
	}
	if t.leave {
		_, err = resp.Body.Read(make([]byte, 64))
		cancel()
		return false, err
	}
	text, err := io.ReadAll(resp.Body)
	// A stream that the provider cut ends with an error event and an aborted connection.
	broken = bytes.Contains(text, []byte("event: error"))
	if broken && (errors.Is(err, io.ErrUnexpectedEOF) || err == nil) {
		return true, nil
	}
	return broken, err
}

func demoBody(t demoTurn, turn int) map[string]any {
	messages := []map[string]any{}
	for i := range turn {
		messages = append(messages, map[string]any{"role": "user", "content": fmt.Sprintf("question %d", i+1)},
			map[string]any{"role": "assistant", "content": "an answer"})
	}
	messages = append(messages, map[string]any{"role": "user", "content": t.prompt})
	return map[string]any{"model": t.model, "max_tokens": 1024, "stream": t.stream, "messages": messages}
}
