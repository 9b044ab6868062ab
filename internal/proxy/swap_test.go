package proxy_test

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/simulator"
)

// TestKeyAndHostStayTogetherThroughFiveHundredSwaps alternates the key and the host of one
// profile under load. Each simulator demands its own key and answers 401 to the other one.
func TestKeyAndHostStayTogetherThroughFiveHundredSwaps(t *testing.T) {
	const swaps, clients = 500, 32
	var sims [2]*simulator.Server
	var pair [2]config.Profile
	for i := range sims {
		key := fmt.Sprintf("canary-key-of-host-%d-0123456789", i)
		sims[i] = simulator.New(simulator.Options{Key: key, Record: simulator.RecordHashes, Default: text(simulator.Jitter(uint64(i), 0, time.Millisecond))})
		up := sims[i].Start()
		t.Cleanup(up.Close)
		pair[i] = profile("work", up.URL)
		pair[i].APIKey = config.NewSecret(key)
		pair[i].Provider = fmt.Sprintf("host-%d", i)
	}
	r := newRig(t, rigOptions{profiles: pair[:1]})
	var sent atomic.Int64
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for !stop.Load() {
				sent.Add(1)
				if got := r.post(streamBody); got.status != http.StatusOK || got.err != nil {
					t.Errorf("status %d, error %v: %s", got.status, got.err, got.body)
				}
			}
		})
	}
	for i := range swaps {
		r.swap([]config.Profile{pair[(i+1)%2]}, nil, "")
		// Swaps must meet exchanges under way, so at least one begins before the next.
		for before := r.Proxy.Counts().Requests; r.Proxy.Counts().Requests == before && !t.Failed(); {
			time.Sleep(100 * time.Microsecond)
		}
	}
	stop.Store(true)
	wg.Wait()
	n := int(sent.Load())
	rows := r.Journal.wait(t, n)
	if len(rows) != n {
		t.Errorf("%d rows for %d requests", len(rows), n)
	}
	for i, s := range sims {
		for _, b := range s.Bill() {
			if b.Status != http.StatusOK || len(b.Credentials) != 1 {
				t.Errorf("host %d: status %d, credentials %v", i, b.Status, b.Credentials)
			}
		}
		if seen, _ := s.Requests(); seen < n/10 {
			t.Errorf("host %d saw %d of %d requests", i, seen, n)
		}
	}
	for _, e := range rows {
		// Odd generations are of host 0.
		want := int(e.Generation+1) % 2
		if e.Provider != fmt.Sprintf("host-%d", want) || e.Outcome != ledger.OutcomeOK || len(e.Attempts) != 1 {
			t.Errorf("generation %d: provider %s, outcome %s", e.Generation, e.Provider, e.Outcome)
		}
	}
	t.Logf("%d requests through %d swaps", n, swaps)
}

func TestAStreamEndsOnTheTableItBeganWith(t *testing.T) {
	var sims [2]*simulator.Server
	var profiles []config.Profile
	for i, name := range []string{"old", "new"} {
		sims[i] = simulator.New(simulator.Options{})
		up := sims[i].Start()
		t.Cleanup(up.Close)
		profiles = append(profiles, profile(name, up.URL))
	}
	release := make(chan struct{})
	sims[0].Script(simulator.Always(simulator.AnswerFunc(func(simulator.Request) simulator.Answer {
		<-release
		return text()
	})))
	r := newRig(t, rigOptions{profiles: profiles[:1]})
	done := make(chan answer, 1)
	go func() { done <- r.post(streamBody) }()
	untilSeen(t, sims[0], 1)
	r.swap(profiles[1:], nil, "") // the active profile is gone
	if got := r.post(streamBody); got.status != 200 {
		t.Errorf("after the swap: status %d: %s", got.status, got.body)
	}
	close(release)
	if got := <-done; got.status != 200 || got.err != nil {
		t.Errorf("the stream of before: status %d, error %v", got.status, got.err)
	}
	rows := r.Journal.wait(t, 2)
	slices.SortFunc(rows, func(a, b ledger.Entry) int { return int(a.Generation) - int(b.Generation) })
	if rows[0].Generation != 1 || rows[0].Profile != "old" || rows[1].Generation != 2 || rows[1].Profile != "new" || !rows[0].Cost.Known() {
		t.Errorf("rows %+v", rows)
	}
	if got := r.post(streamBody, "X-Prism-Profile", "old"); got.status != 404 {
		t.Errorf("the removed profile: status %d", got.status)
	}
}
