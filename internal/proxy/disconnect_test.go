package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/proxy"
	"prism/internal/simulator"
	"prism/internal/stream"
)

// drained is a profile whose answers are read on when their client leaves.
func drained(url string) []config.Profile {
	p := profile("work", url)
	p.OnClientDisconnect = "drain"
	return []config.Profile{p}
}

// trickle is an answer of many events, 2 ms apart from the fourth one on.
func trickle(n int) simulator.Answer {
	pings := slices.Repeat([]simulator.Event{{Name: "ping", Data: []byte(`{"type":"ping"}`), Wait: 2 * time.Millisecond}}, n)
	return simulator.Reply(simulator.Text("hello"), simulator.Usage{Input: 1000, CacheRead: 50, Output: 77}, simulator.InsertEvents(4, pings...))
}

// goAway asks for a message and leaves once the beginning of the answer is there.
func (r *rig) goAway(t *testing.T, body string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, r.URL+"/v1/messages", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := r.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
}

func TestAnAnswerIsReadOnForItsExactUsageWhereTheProfileWantsThat(t *testing.T) {
	for _, drain := range []bool{true, false} {
		t.Run(fmt.Sprintf("drain %v", drain), func(t *testing.T) {
			s := simulator.New(simulator.Options{Key: testKey})
			up := s.Start()
			defer up.Close()
			s.Script(simulator.Always(trickle(200)))
			profiles := drained(up.URL)
			if !drain {
				profiles[0].OnClientDisconnect = "cancel"
			}
			r := newRig(t, rigOptions{profiles: profiles})
			r.goAway(t, streamBody)
			e := r.Journal.wait(t, 1)[0]
			if e.Outcome != ledger.OutcomeClientAbort {
				t.Errorf("outcome %s", e.Outcome)
			}
			ending, source, billed := simulator.EndCancelled, ledger.UsageEstimated, true
			if drain {
				ending, source, billed = simulator.EndComplete, ledger.UsageFinal, false
			}
			if (e.UsageSource == ledger.UsageFinal) != drain || drain && (e.Usage.Output != 77 || e.Usage.CacheRead != 50) || e.Attempts[0].MaybeBilled != billed {
				t.Errorf("usage %+v from %s, want %s; maybe billed: %v", e.Usage, e.UsageSource, source, e.Attempts[0].MaybeBilled)
			}
			waitFor(t, func() bool { return s.Bill()[0].Ending == ending })
			if drain && e.ResponseBytes >= stream.Count(len(s.Bill()[0].ResponseBody)) {
				t.Errorf("%d bytes went to a client that had left", e.ResponseBytes)
			}
		})
	}
}

// waitFor waits until cond holds.
func waitFor(t *testing.T, cond func() bool) {
	t.Helper()
	for range 2000 {
		if cond() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("it does not become true")
}

func TestAnAnswerIsNotReadOnForLongerThanItsBound(t *testing.T) {
	s := simulator.New(simulator.Options{Key: testKey})
	up := s.Start()
	defer up.Close()
	s.Script(simulator.Always(trickle(5_000)))
	r := newRig(t, rigOptions{profiles: drained(up.URL), limits: proxy.Limits{Drain: 150 * time.Millisecond}})
	began := time.Now()
	r.goAway(t, streamBody)
	e := r.Journal.wait(t, 1)[0]
	if took := time.Since(began); took < 150*time.Millisecond || took > 8*time.Second {
		t.Errorf("it took %v", took)
	}
	if e.Outcome != ledger.OutcomeClientAbort || e.UsageSource == ledger.UsageFinal || !e.Attempts[0].MaybeBilled {
		t.Errorf("entry %s, usage from %s", e.Outcome, e.UsageSource)
	}
	waitFor(t, func() bool { return s.Bill()[0].Ending == simulator.EndCancelled })
}

func TestFourAnswersAreReadOnAtOnceAndNoMore(t *testing.T) {
	s := simulator.New(simulator.Options{Key: testKey})
	up := s.Start()
	defer up.Close()
	s.Script(simulator.Always(trickle(400)))
	r := newRig(t, rigOptions{profiles: drained(up.URL)})
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() { r.goAway(t, streamBody) })
	}
	wg.Wait()
	final := 0
	for _, e := range r.Journal.wait(t, 12) {
		if e.Outcome != ledger.OutcomeClientAbort {
			t.Errorf("outcome %s", e.Outcome)
		}
		if e.UsageSource == ledger.UsageFinal {
			final++
		}
	}
	if final < 4 || final > 11 {
		t.Errorf("%d of 12 were read to their end, want 4 or a few more that came later", final)
	}
}

func TestABrokenAnswerThatIsReadOnIsNoUpstreamsSuccess(t *testing.T) {
	s := simulator.New(simulator.Options{Key: testKey})
	up := s.Start()
	defer up.Close()
	s.Script(simulator.Always(simulator.Reply(trickle(60), simulator.CutAfter(50, simulator.CutRST))))
	r := newRig(t, rigOptions{profiles: drained(up.URL)})
	r.goAway(t, streamBody)
	e := r.Journal.wait(t, 1)[0]
	if e.Outcome != ledger.OutcomeClientAbort || e.UsageSource == ledger.UsageFinal || !e.Attempts[0].MaybeBilled {
		t.Errorf("entry %s, usage from %s", e.Outcome, e.UsageSource)
	}
}
