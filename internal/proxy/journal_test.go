package proxy_test

import (
	"fmt"
	"net/http"
	"testing"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/simulator"
)

func TestAStrictJournalThatCannotBeWrittenRefusesBeforeAnythingIsPaid(t *testing.T) {
	s := simulator.New(simulator.Options{})
	up := s.Start()
	t.Cleanup(up.Close)
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}})
	r.Journal.mu.Lock()
	r.Journal.refuse = fmt.Errorf("no space: %w", ledger.ErrUnavailable)
	r.Journal.mu.Unlock()
	got := r.post(streamBody)
	if got.status != http.StatusServiceUnavailable || got.header.Get("X-Prism-Error") != "audit_unavailable" || got.header.Get("Retry-After") != "5" || got.header.Get("X-Should-Retry") != "" {
		t.Errorf("status %d, headers %v: %s", got.status, got.header, got.body)
	}
	if n, _ := s.Requests(); n != 0 {
		t.Errorf("the upstream saw %d requests", n)
	}
	r.Journal.mu.Lock()
	r.Journal.refuse = nil
	r.Journal.mu.Unlock()
	if got := r.post(streamBody); got.status != http.StatusOK {
		t.Errorf("with space again: status %d: %s", got.status, got.body)
	}
}

// TestAProviderThatRepeatsItsIDsGetsARowForEveryRequest answers with the same request-id, and
// then with none.
func TestAProviderThatRepeatsItsIDsGetsARowForEveryRequest(t *testing.T) {
	for _, id := range []string{"req_the_same", ""} {
		t.Run("id "+id, func(t *testing.T) {
			s := simulator.New(simulator.Options{})
			up := s.Start()
			t.Cleanup(up.Close)
			s.Script(simulator.Always(text(simulator.ExtraHeaders(http.Header{"Request-Id": {id}}))))
			r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}})
			const requests = 5
			for range requests {
				if got := r.post(streamBody); got.status != http.StatusOK || got.err != nil {
					t.Fatalf("status %d, %v", got.status, got.err)
				}
			}
			ours := map[string]bool{}
			for _, e := range r.Journal.wait(t, requests) {
				if e.UpstreamRequestID != id {
					t.Errorf("the provider's id is %q, want %q", e.UpstreamRequestID, id)
				}
				ours[e.RequestID] = true
			}
			if len(ours) != requests || ours[""] {
				t.Errorf("%d rows of their own, want %d: %v", len(ours), requests, ours)
			}
		})
	}
}
