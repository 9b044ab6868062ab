package daemon

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"prism/internal/admin"
	"prism/internal/attribution"
	"prism/internal/ledger"
	"prism/internal/simulator"
)

func entryOf(n int) *ledger.Entry {
	e := &ledger.Entry{}
	e.Reset()
	e.RequestID, e.Profile, e.Operation, e.Outcome = fmt.Sprint(n), "work", ledger.OpMessages, ledger.OutcomeOK
	e.SessionID, e.RequestModel, e.UpstreamModel = "s", "claude-sonnet-5-5", fmt.Sprintf("model-%d", n)
	return e
}

func ids(list []admin.Exchange) string {
	var out []string
	for _, x := range list {
		out = append(out, x.RequestID)
	}
	return strings.Join(out, " ")
}

func TestThePulseGivesEachFinishedExchangeOnce(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	var p pulse
	if got, seq := p.since(0); len(got) != 0 || seq != 0 {
		t.Errorf("%d exchanges, number %d, before the first", len(got), seq)
	}
	for n := 1; n <= 3; n++ {
		p.see(entryOf(n), now)
	}
	for _, c := range []struct {
		after int64
		want  string
	}{{0, "1 2 3"}, {1, "2 3"}, {3, ""}, {4, "1 2 3"}, {-1, "1 2 3"}} {
		if got, seq := p.since(c.after); ids(got) != c.want || seq != 3 {
			t.Errorf("after %d: %q up to %d, want %q", c.after, ids(got), seq, c.want)
		}
	}
	for n := 4; n <= keptRecent+3; n++ {
		p.see(entryOf(n), now)
	}
	got, seq := p.since(1)
	if len(got) != keptRecent || got[0].RequestID != "4" || got[keptRecent-1].RequestID != fmt.Sprint(keptRecent+3) || seq != keptRecent+3 {
		t.Errorf("%d exchanges from %s to %s, number %d", len(got), got[0].RequestID, got[len(got)-1].RequestID, seq)
	}
}

func TestThePulseKeepsTheLastWordOfAPlan(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	var p pulse
	for n, used := range []float64{0.1, -1, 0.58} {
		e := entryOf(n)
		e.RL5hUsed, e.RL5hResetAt = used, now.Add(time.Hour)
		p.see(e, now)
	}
	other := entryOf(9)
	other.Profile, other.RL7dUsed = "other", 0.2
	p.see(other, now)
	w := p.running("work", now)
	if len(w) != 1 || w[0].Name != admin.Window5h || w[0].Used != 0.58 {
		t.Errorf("%+v, want five hours at 0.58", w)
	}
	if all := p.running("", now.Add(time.Minute)); len(all) != 2 {
		t.Errorf("%+v, want the windows of both profiles", all)
	}
	if w := p.running("work", now.Add(time.Hour)); len(w) != 0 {
		t.Errorf("%+v after its end", w)
	}
}

func TestTheMainConversationIsNotItsSideCalls(t *testing.T) {
	var p pulse
	if _, ok := p.last("s", "claude-sonnet-5-5"); ok {
		t.Error("something was found in nothing")
	}
	main, side, agent, count, other := entryOf(1), entryOf(2), entryOf(3), entryOf(4), entryOf(5)
	side.RequestModel = "claude-haiku-5-5"
	agent.AgentID = "a"
	count.Operation = ledger.OpCountTokens
	other.SessionID = "t"
	for _, e := range []*ledger.Entry{main, side, agent, count, other} {
		p.see(e, time.Now())
	}
	if x, ok := p.last("s", "claude-sonnet-5-5"); !ok || x.UpstreamModel != "model-1" {
		t.Errorf("%+v, %v; want model-1", x, ok)
	}
	for range keptRecent {
		p.see(other, time.Now())
	}
	if _, ok := p.last("s", "claude-sonnet-5-5"); ok {
		t.Error("what was forgotten was found")
	}
}

// postAs is post within a session.
func (r *rig) postAs(session string) int {
	r.t.Helper()
	return r.postUntil(context.Background(), session)
}

// postUntil gives the answer up when ctx ends.
func (r *rig) postUntil(ctx context.Context, session string) int {
	r.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url+"/v1/messages", strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("X-Claude-Code-Session-Id", session)
	resp, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// closes are the entries of the journal.
func (r *rig) closes() []*ledger.Entry {
	r.t.Helper()
	var all []*ledger.Entry
	_, err := ledger.ReadSegments(r.paths.Journal, ledger.Watermark{}, func(rec ledger.Record) error {
		if rec.Kind != ledger.KindClose {
			return nil
		}
		e := &ledger.Entry{}
		all = append(all, e)
		return rec.Entry(e)
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}

func TestASessionsPlaceReachesItsEntriesAndOutlivesTheGateway(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	r.start()
	c := admin.Dial(r.paths.Socket)
	place := admin.SessionPlace{SessionID: "s-1", Project: "shop", Cwd: "/home/u/shop", GitBranch: "fix", Model: "claude-opus-5-5"}
	line, err := c.Place(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	if line.Active != "a" || line.Profile != "a" || line.Model != "claude-opus-5-5" || line.Session != nil {
		t.Errorf("before the first request: %+v", line)
	}
	r.a.Script(simulator.Always(simulator.Reply(simulator.Text("hi"), simulator.Usage{Input: 1000, Output: 10},
		simulator.Header("anthropic-ratelimit-unified-5h-utilization", "0.58"), simulator.Header("anthropic-ratelimit-unified-5h-reset", "4102444800"))))
	if status := r.postAs("s-1"); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	r.until("the exchange is seen", func() bool {
		l, err := c.Live(t.Context(), 0)
		return err == nil && len(l.Recent) == 1 && l.Recent[0].Project == "shop"
	})
	if line, err = c.Place(t.Context(), place); err != nil || line.Session == nil || line.Session.Totals.Requests != 1 || len(line.Windows) != 1 || line.Windows[0].Used != 0.58 {
		t.Errorf("after it: %+v, %v", line, err)
	}
	if line, err = c.Place(t.Context(), admin.SessionPlace{}); err != nil || line.Active != "a" {
		t.Errorf("without a session: %+v, %v", line, err)
	}
	if p := r.status().Profiles[0]; !p.TTFTP95MS.Known() {
		t.Errorf("the time to the first content is not known: %+v", p)
	}
	if p := r.status().Profiles[1]; p.TTFTP95MS.Known() {
		t.Errorf("the other profile answered in %d ms, and was not asked", p.TTFTP95MS)
	}
	r.halt()
	if err := attribution.Record(r.paths.Sessions, attribution.Session{ID: "s-2", Place: attribution.Place{Project: "hooked"}, SeenAt: time.Now()}); err != nil {
		t.Fatal(err)
	}
	r.start()
	for _, session := range []string{"s-1", "s-2", "s-3"} {
		r.postAs(session)
	}
	r.halt()
	var got []string
	for _, e := range r.closes() {
		got = append(got, e.SessionID+":"+e.Project+":"+e.GitBranch)
	}
	slices.Sort(got) // a record may come after the next request
	if want := "s-1:shop:fix s-1:shop:fix s-2:hooked: s-3::"; strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
}

func TestAttributionThatIsOffRecordsNothing(t *testing.T) {
	r := newRig(t)
	r.settings.Attribution = false
	r.write(r.seal(r.two("a")))
	r.start()
	if _, err := admin.Dial(r.paths.Socket).Place(t.Context(), admin.SessionPlace{SessionID: "s-1", Project: "shop", Cwd: "/home/u/shop"}); err != nil {
		t.Fatal(err)
	}
	r.postAs("s-1")
	r.halt()
	if e := r.closes()[0]; e.Project != "" || e.Cwd != "" {
		t.Errorf("project %q, directory %q", e.Project, e.Cwd)
	}
	if _, ok := r.d.places.Place("s-1"); ok {
		t.Error("the session is remembered")
	}
}

func TestWhatIsInFlightIsLive(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	r.start()
	r.a.Script(simulator.Reply(simulator.TextPieces(strings.Repeat("word ", 100), 20), simulator.Pause(8, time.Hour)))
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	var client sync.WaitGroup
	client.Go(func() { r.postUntil(ctx, "s-1") })
	c := admin.Dial(r.paths.Socket)
	var l admin.Live
	r.until("the request is in flight", func() bool {
		var err error
		l, err = c.Live(t.Context(), 0)
		return err == nil && len(l.InFlight) == 1 && l.InFlight[0].Stage == admin.StageStreaming
	})
	f := l.InFlight[0]
	if f.Profile != "a" || f.SessionID != "s-1" || f.RequestModel != "claude-opus-5-5" || l.Active != "a" || len(l.Recent) != 0 || l.Attention != "" {
		t.Errorf("%+v in %+v", f, l)
	}
	leave()
	client.Wait()
	r.until("it is over", func() bool {
		l, err := c.Live(t.Context(), 0)
		return err == nil && len(l.InFlight) == 0 && len(l.Recent) == 1 && l.Recent[0].Outcome == ledger.OutcomeClientAbort
	})
}

func TestWhatCannotWaitIsSaid(t *testing.T) {
	for _, c := range []struct {
		st   admin.Status
		want string
	}{
		{admin.Status{File: admin.FileStatus{OK: true}}, ""},
		{admin.Status{File: admin.FileStatus{OK: false}}, "profiles.yaml was refused"},
		{admin.Status{Ledger: admin.LedgerStatus{Degraded: "no space"}}, "the journal cannot be written"},
	} {
		if got := attention(c.st); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
