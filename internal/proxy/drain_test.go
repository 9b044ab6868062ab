package proxy_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"prism/internal/ledger"
	"prism/internal/proxy"
	"prism/internal/simulator"
	"prism/internal/upstream"
)

// fallsSilent is an answer that says something and then nothing for an hour.
func fallsSilent() simulator.Answer { return text(simulator.Pause(3, time.Hour)) }

// untilCancelled waits until that many requests were given up, which must not take long.
func untilCancelled(t *testing.T, s *simulator.Server, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	bills, err := s.WaitBills(ctx, n)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bills {
		if b.Ending != "" && b.Ending != simulator.EndCancelled {
			t.Errorf("request %d ended as %s", b.Seq, b.Ending)
		}
	}
}

// silentRig is a proxy with bounds that do not end a silent answer, before a simulator.
func silentRig(t *testing.T, drain time.Duration) (*rig, *simulator.Server) {
	t.Helper()
	s := simulator.New(simulator.Options{Key: testKey})
	up := s.Start()
	t.Cleanup(up.Close)
	s.Script(simulator.Always(fallsSilent()))
	return newRig(t, rigOptions{
		profiles: drained(up.URL), limits: proxy.Limits{Drain: drain},
		timeouts: upstream.Timeouts{Dial: time.Second, Write: time.Second, FirstByte: time.Minute, Idle: time.Minute, IdleConn: time.Minute},
	}), s
}

func TestASilentAnswerIsReadOnForNoLongerThanItsBound(t *testing.T) {
	r, s := silentRig(t, 100*time.Millisecond)
	r.goAway(t, streamBody)
	untilCancelled(t, s, 1)
	if e := r.Journal.wait(t, 1)[0]; e.Outcome != ledger.OutcomeClientAbort || e.UsageSource == ledger.UsageFinal || !e.Attempts[0].MaybeBilled {
		t.Errorf("entry %+v", e)
	}
}

func TestSilentAnswersThatAreReadOnCountAndEndWhenPrismStops(t *testing.T) {
	const left = 7
	r, s := silentRig(t, time.Minute)
	for range left {
		r.goAway(t, streamBody)
	}
	untilCancelled(t, s, left-4) // four are read on
	if n := len(r.Journal.wait(t, left-4)); n != left-4 {
		t.Errorf("%d of %d were given up, want %d", n, left, left-4)
	}
	r.Proxy.Stop()
	untilCancelled(t, s, left)
	r.Journal.wait(t, left)
}

// halfAnswered serves a message in two parts: the second one comes once rest is closed.
func halfAnswered(t *testing.T, message string, at int) (url string, rest chan struct{}) {
	t.Helper()
	rest = make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, message[:at])
		_ = http.NewResponseController(w).Flush()
		<-rest
		_, _ = io.WriteString(w, message[at:])
	}))
	t.Cleanup(srv.Close)
	return srv.URL, rest
}

// TestAPlainAnswerIsReadOnForItsExactUsage has the client leave in the middle of a message. What
// it does not take any more is the part with the usage.
func TestAPlainAnswerIsReadOnForItsExactUsage(t *testing.T) {
	for name, size := range map[string]int{"short": 6 << 10, "long": 200 << 10} {
		t.Run(name, func(t *testing.T) {
			begin := `{"id":"m","type":"message","model":"x","content":[{"type":"text","text":"` + strings.Repeat("x", 1<<10)
			message := begin + strings.Repeat("y", size) + `"}],"stop_reason":"end_turn","usage":{"input_tokens":10,"output_tokens":77}}`
			url, rest := halfAnswered(t, message, len(begin))
			r := newRig(t, rigOptions{profiles: drained(url), limits: proxy.Limits{Hold: 20 * time.Millisecond}})
			c := r.dial(rawPost(plainBody))
			if _, err := io.ReadFull(c, make([]byte, 100)); err != nil {
				t.Fatal(err)
			}
			leave(c, true)
			close(rest)
			e := r.Journal.wait(t, 1)[0]
			if e.Outcome != ledger.OutcomeClientAbort || e.UsageSource != ledger.UsageFinal || e.Usage.Output != 77 || e.Attempts[0].MaybeBilled {
				t.Errorf("entry %s, usage %+v from %s", e.Outcome, e.Usage, e.UsageSource)
			}
		})
	}
}
