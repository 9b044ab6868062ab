package proxy_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/proxy"
	"prism/internal/simulator"
	"prism/internal/upstream"
)

// TestAMessageEndsCleanlyThoughItsUpstreamIsSilentForLongerThanAWriteMayTake lets the end of a
// complete answer come late, or not at all: nothing is written then but what ends the body.
func TestAMessageEndsCleanlyThoughItsUpstreamIsSilentForLongerThanAWriteMayTake(t *testing.T) {
	const stall = 100 * time.Millisecond
	s := simulator.New(simulator.Options{Key: testKey})
	up := s.Start()
	defer up.Close()
	limits := proxy.Limits{WriteStall: stall}
	late := simulator.Reply(simulator.Text("hello"), simulator.Usage{Input: 3, Output: 2}, simulator.InsertEvents(1000, simulator.Event{Raw: []byte(": late\n\n"), Wait: 5 * stall}))
	s.Script(late)
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}, limits: limits, timeouts: upstream.Timeouts{FirstByte: 10 * time.Second, Idle: 3 * stall}})
	got := r.post(streamBody)
	if e := r.Journal.wait(t, 1)[0]; got.err != nil || e.Outcome != ledger.OutcomeOK {
		t.Errorf("the upstream is given up: the client reads %q and %v; the row says %s", got.body, got.err, e.Outcome)
	}

	raw := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"input_tokens": 3}`)
		_ = http.NewResponseController(w).Flush()
		time.Sleep(5 * stall) // the end of the body comes late
	}))
	defer raw.Close()
	r = newRig(t, rigOptions{profiles: []config.Profile{profile("work", raw.URL)}, limits: limits})
	if got := r.do(http.MethodPost, "/v1/messages/count_tokens", `{"model":"m","messages":[]}`); got.err != nil || got.status != http.StatusOK {
		t.Errorf("a plain body: %d %s %v", got.status, got.body, got.err)
	}
}

// TestAnAnswerIsReadThoughTheUploadTookAsLongAsAnAnswerMay sends a body that the upstream takes
// slowly. What it then answers came in time.
func TestAnAnswerIsReadThoughTheUploadTookAsLongAsAnAnswerMay(t *testing.T) {
	const firstByte = 300 * time.Millisecond
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(2 * firstByte) // before it reads
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_ = http.NewResponseController(w).Flush()
		time.Sleep(firstByte / 4)
		_, _ = io.WriteString(w, `{"id":"file_1"}`)
	}))
	defer up.Close()
	r := newRig(t, rigOptions{
		profiles: []config.Profile{profile("work", up.URL)}, limits: proxy.Limits{FirstByte: firstByte},
		timeouts: upstream.Timeouts{Dial: 5 * time.Second, Write: 10 * time.Second, FirstByte: firstByte, Idle: 10 * time.Second},
	})
	got := r.do(http.MethodPost, "/v1/files", strings.Repeat("x", 24<<20))
	if got.status != http.StatusOK || got.err != nil {
		t.Errorf("status %d, %v: %s", got.status, got.err, got.body)
	}
}

// TestALargeBodyComesThroughAnOutboundProxyInPieces would not end in time if each byte took a
// goroutine.
func TestALargeBodyComesThroughAnOutboundProxyInPieces(t *testing.T) {
	const size = 64 << 20
	out := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Length", strconv.Itoa(size))
		_, _ = w.Write(bytes.Repeat([]byte("b"), size))
	}))
	defer out.Close()
	via, err := url.Parse(out.URL)
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, rigOptions{
		profiles: []config.Profile{profile("work", "http://provider.invalid")},
		outbound: func(*http.Request) (*url.URL, error) { return via, nil },
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL+"/v1/files/f/content", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := r.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if n != size || err != nil {
		t.Errorf("%d of %d bytes, %v", n, size, err)
	}
}

// TestWhiteSpaceThatKeepsAConnectionAliveIsFollowedByAMessageThatIsMetered has it come for longer
// than the beginning of an answer is held back.
func TestWhiteSpaceThatKeepsAConnectionAliveIsFollowedByAMessageThatIsMetered(t *testing.T) {
	const message = `{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":11,"output_tokens":5}}`
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for range 6 {
			_, _ = io.WriteString(w, "\n")
			_ = http.NewResponseController(w).Flush()
			time.Sleep(20 * time.Millisecond)
		}
		_, _ = io.WriteString(w, message)
	}))
	defer up.Close()
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}, limits: proxy.Limits{Hold: 40 * time.Millisecond}})
	got := r.post(streamBody)
	if strings.TrimSpace(string(got.body)) != message || got.err != nil {
		t.Errorf("%d %s %v", got.status, got.body, got.err)
	}
	if e := r.Journal.wait(t, 1)[0]; e.Usage.Input != 11 || e.Usage.Output != 5 || len(e.UsageNotes) > 0 || e.Outcome != ledger.OutcomeOK {
		t.Errorf("entry %s, usage %+v, notes %v", e.Outcome, e.Usage, e.UsageNotes)
	}
}
