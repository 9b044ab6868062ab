package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/alert"
	"prism/internal/ledger"
	"prism/internal/pricing"
)

// ask sends one request and returns the answer, its body read.
func (r *rig) ask(edit func(*http.Request)) (*http.Response, string) {
	r.t.Helper()
	req, err := http.NewRequest(http.MethodPost, r.url+"/v1/messages", strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	if edit != nil {
		edit(req)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp, string(b)
}

// entries reads the close records, and the states of the alert events, from the journal.
func (r *rig) entries() (closed []ledger.Entry, alerts []ledger.AlertEvent) {
	r.t.Helper()
	_, err := ledger.ReadSegments(r.paths.Journal, ledger.Watermark{}, func(rec ledger.Record) error {
		switch rec.Kind { //nolint:exhaustive // the rest is not looked at
		case ledger.KindClose:
			var e ledger.Entry
			if err := rec.Entry(&e); err != nil {
				return err
			}
			closed = append(closed, e)
		case ledger.KindAlert:
			ev, err := rec.Alert()
			if err != nil {
				return err
			}
			alerts = append(alerts, *ev)
		}
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return closed, alerts
}

func states(alerts []ledger.AlertEvent) (all []string) {
	for _, ev := range alerts {
		all = append(all, ev.Name+" "+ev.State)
	}
	return all
}

func TestABudgetThatIsUsedUpRefusesInAWayThatTheClientUnderstands(t *testing.T) {
	r := newRig(t)
	r.settings.Budgets = []config.BudgetRule{{Name: "month", USD: "0.0000000001", Per: "month", Then: "block", WarnAt: "0.8"}}
	r.write(r.seal(r.two("a")))
	r.start()
	if resp, _ := r.ask(nil); resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	r.until("the first request is counted", func() bool { return r.status().Budgets[0].State == admin.BudgetOver })
	for _, edit := range []func(*http.Request){
		nil,
		func(q *http.Request) { q.Header.Set("X-Prism-Profile", "b") },
		func(q *http.Request) { q.URL.Path = "/p/b/v1/messages" },
		func(q *http.Request) { q.URL.Path = "/v1/messages/batches" },
	} {
		resp, text := r.ask(edit)
		var answer struct {
			Type  string
			Error struct{ Type, Message string }
			ID    string `json:"request_id"`
		}
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		h := resp.Header
		if resp.StatusCode != http.StatusTooManyRequests || h.Get("X-Should-Retry") != "false" || h.Get("X-Prism-Error") != "budget" || h.Get("Retry-After") != "" {
			t.Errorf("%s %v", resp.Status, h)
		}
		if answer.Type != "error" || answer.Error.Type != "rate_limit_error" || answer.ID == "" || !strings.HasPrefix(answer.Error.Message, `prism: budget "month" is used up: $`) {
			t.Errorf("%s", text)
		}
	}
	if resp, _ := r.ask(func(q *http.Request) { q.URL.Path = "/v1/messages/count_tokens" }); resp.StatusCode == http.StatusTooManyRequests {
		t.Error("counting tokens costs nothing, and was refused")
	}
	closed, alerts := r.entries()
	blocked := 0
	for _, e := range closed {
		if e.Outcome != ledger.OutcomeBlocked {
			continue
		}
		blocked++
		if e.ErrorType != "budget" || e.HTTPStatus != 429 || len(e.Attempts) != 0 || e.Cost.Known() || !strings.Contains(e.ErrorMessage, "month") {
			t.Errorf("%+v", e)
		}
	}
	if blocked != 4 {
		t.Errorf("%d rows of refused requests, want 4", blocked)
	}
	if got := states(alerts); !slices.Equal(got, []string{"month reached", "month blocked"}) {
		t.Errorf("events: %q", got)
	}
	seen, _ := r.a.Requests()
	if other, _ := r.b.Requests(); seen+other != 2 { // the first one, and the counting
		t.Errorf("%d requests reached a provider, want 2", seen+other)
	}
	if p := r.status().Profiles[0]; p.Errors1h != 0 {
		t.Errorf("a refusal of ours was blamed on the provider: %+v", p)
	}

	r.halt()
	r.start()
	if resp, _ := r.ask(nil); resp.StatusCode != http.StatusTooManyRequests {
		t.Errorf("after a restart: %s", resp.Status)
	}
	if _, alerts := r.entries(); len(alerts) != 2 {
		t.Errorf("a restart told again: %q", states(alerts))
	}
}

func TestABudgetFallsBackToTheFirstProfileThatMay(t *testing.T) {
	r := newRig(t)
	file := "active: a\nprofiles:\n" +
		"  - {name: a, base_url: \"" + r.upA.URL + "\", api_key: " + keyA + ", provider: anthropic, fallback: [c, b], budget: {daily_usd: 0.0000000001, then: fallback}}\n" +
		"  - {name: b, base_url: \"" + r.upB.URL + "\", api_key: " + keyB + ", provider: anthropic, budget: {monthly_usd: 0.0000000001, then: block}}\n" +
		"  - {name: c, base_url: \"" + r.upB.URL + "\", api_key: " + keyB + ", provider: anthropic, budget: {weekly_usd: 0.0000000001, then: warn}}\n" +
		"client_token: " + token + "\n"
	r.write(r.seal(file))
	r.start()
	to := func(edit func(*http.Request)) string {
		t.Helper()
		before, _ := r.entries()
		resp, _ := r.ask(edit)
		var after []ledger.Entry
		r.until("the row is there", func() bool { after, _ = r.entries(); return len(after) > len(before) })
		e := after[len(after)-1]
		if (resp.StatusCode == http.StatusOK) != (e.Outcome == ledger.OutcomeOK) {
			t.Errorf("%s and outcome %s", resp.Status, e.Outcome)
		}
		return e.Profile + " " + e.RouteReason + " " + e.Outcome
	}
	named := func(name string) func(*http.Request) {
		return func(q *http.Request) { q.Header.Set("X-Prism-Profile", name) }
	}
	over := func(names ...string) {
		t.Helper()
		r.until("budgets are used up", func() bool {
			for _, b := range r.status().Budgets {
				if (b.State == admin.BudgetOver) != slices.Contains(names, b.Name) {
					return false
				}
			}
			return true
		})
	}
	steps := []struct {
		edit func(*http.Request)
		want string
		over []string
	}{
		{nil, "a active ok", []string{"a"}},
		{nil, "c fallback ok", []string{"a", "c"}},
		{nil, "c fallback ok", []string{"a", "c"}}, // c is over too, and only says so
		{named("a"), "c fallback ok", []string{"a", "c"}},
		{named("b"), "b header ok", []string{"a", "b", "c"}},
		{named("b"), "b header blocked", []string{"a", "b", "c"}},
	}
	for i, s := range steps {
		if got := to(s.edit); got != s.want {
			t.Errorf("step %d: %s, want %s", i+1, got, s.want)
		}
		over(s.over...)
	}
	// A budget is as hot as the file: with c blocked as well, nobody is left.
	r.write(r.seal(strings.Replace(file, "then: warn", "then: block", 1)))
	r.until("the file is live", func() bool { return r.status().Generation == 2 })
	if got := to(nil); got != "a active blocked" {
		t.Errorf("nobody left: %s", got)
	}
	// And so is a raised one.
	r.write(r.seal(strings.Replace(file, "daily_usd: 0.0000000001", "daily_usd: 1000", 1)))
	r.until("the file is live", func() bool { return r.status().Generation == 3 })
	if got := to(nil); got != "a active ok" {
		t.Errorf("raised: %s", got)
	}
	_, alerts := r.entries()
	if got := states(alerts); !slices.Equal(got, []string{"a reached", "a fallback", "c reached", "b reached", "b blocked", "a blocked", "a cleared"}) {
		t.Errorf("events: %q", got)
	}
}

func TestAProfilePaidByTheMonthIsWithinEveryBudget(t *testing.T) {
	r := newRig(t)
	r.settings.Budgets = []config.BudgetRule{{Name: "all", USD: "0.0000000001", Per: "week", Then: "fallback"}}
	r.write(r.seal("active: a\nprofiles:\n" +
		"  - {name: a, base_url: \"" + r.upA.URL + "\", api_key: " + keyA + ", provider: anthropic, fallback: [b]}\n" +
		"  - {name: b, base_url: \"" + r.upB.URL + "\", api_key: " + keyB + ", provider: anthropic, flat_fee: true}\n" +
		"client_token: " + token + "\n"))
	r.start()
	r.ask(nil)
	r.until("the budget is used up", func() bool { return r.status().Budgets[0].State == admin.BudgetOver })
	for range 3 {
		if resp, text := r.ask(nil); resp.StatusCode != http.StatusOK {
			t.Fatalf("%s %s", resp.Status, text)
		}
	}
	r.until("three rows at b", func() bool {
		closed, _ := r.entries()
		n := 0
		for _, e := range closed {
			if e.Profile == "b" && e.Cost == 0 && e.RouteReason == "fallback" {
				n++
			}
		}
		return n == 3
	})
}

func TestStatusAndSessionsTellWhatWasSpent(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	r.start()
	client := admin.Dial(r.paths.Socket)
	if st := r.status(); st.Today.Requests != 0 || *st.Today.CostUSD != "0.0000000000" || st.Budgets == nil || st.Alerts == nil {
		t.Errorf("before the first request: %+v", st.Today)
	}
	_, err := client.Session(t.Context(), "s1")
	if refused, ok := errors.AsType[*admin.Error](err); !ok || refused.Code != admin.CodeNotFound {
		t.Errorf("%v", err)
	}
	for range 2 {
		r.ask(func(q *http.Request) {
			q.Header.Set("X-Claude-Code-Session-Id", "s1")
			q.Header.Set("X-Prism-Project", "website")
		})
	}
	r.ask(nil)
	r.until("all are counted", func() bool { return r.status().Today.Requests == 3 })
	closed, _ := r.entries()
	var sum ledger.Money
	for _, e := range closed {
		sum += e.Cost
	}
	st := r.status()
	if want := pricing.USD(sum).String(); *st.Today.CostUSD != want || *st.Profiles[0].Today.CostUSD != want || st.Profiles[1].Today.Requests != 0 || st.Today.OutputTokens == 0 {
		t.Errorf("today %+v, want %s", st.Today, want)
	}
	v, err := client.Session(t.Context(), "s1")
	if err != nil || v.Totals.Requests != 2 || v.Day.Requests != 3 || v.Profile != "a" || v.Project != "website" || v.LastAt.IsZero() {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestAnAlertIsRecordedToldAndHeldAgainstRequests(t *testing.T) {
	r := newRig(t)
	var figure atomic.Value
	figure.Store(alert.Answer{Value: "0.5"})
	hook := make(chan []byte, 16)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		b, _ := io.ReadAll(q.Body)
		hook <- b
	}))
	defer server.Close()
	r.settings.Notify.Webhook = server.URL + "/secret-part-of-the-address"
	r.settings.Alerts = []config.AlertRule{{Name: "errors", Query: "select 1", Above: "10", Every: 10 * time.Millisecond, Then: "block"}}
	r.edit = func(o *Options) {
		o.Query = func(context.Context, []string) ([]alert.Answer, error) {
			return []alert.Answer{figure.Load().(alert.Answer)}, nil
		}
	}
	r.write(r.seal(r.two("a")))
	r.start()
	state := func(want string) {
		t.Helper()
		r.until("the alert is "+want, func() bool { return r.status().Alerts[0].State == want })
	}
	state(admin.AlertQuiet)
	figure.Store(alert.Answer{Value: "10.5"})
	state(admin.AlertFiring)
	resp, text := r.ask(nil)
	if resp.StatusCode != http.StatusTooManyRequests || !strings.Contains(text, `alert \"errors\" fires since`) {
		t.Errorf("%s %s", resp.Status, text)
	}
	told := string(<-hook)
	if !strings.Contains(told, `"state":"reached"`) || !strings.Contains(told, `"text":"prism: alert \"errors\" fires: 10.5 is above 10"`) || !json.Valid([]byte(told)) {
		t.Errorf("webhook: %s", told)
	}
	r.halt()
	r.start() // it fires before the first query
	if resp, _ := r.ask(nil); resp.StatusCode != http.StatusTooManyRequests {
		t.Errorf("after a restart: %s", resp.Status)
	}
	figure.Store(alert.Answer{Err: "no such table"})
	state(admin.AlertFailed)
	if resp, _ := r.ask(nil); resp.StatusCode != http.StatusTooManyRequests {
		t.Errorf("a query that fails ended the alert: %s", resp.Status)
	}
	r.halt()
	r.start()
	if resp, _ := r.ask(nil); resp.StatusCode != http.StatusTooManyRequests {
		t.Errorf("a restart while the query fails ended the alert: %s", resp.Status)
	}
	state(admin.AlertFailed)
	figure.Store(alert.Answer{Value: "3"})
	state(admin.AlertQuiet)
	if resp, _ := r.ask(nil); resp.StatusCode != http.StatusOK {
		t.Errorf("after it was over: %s", resp.Status)
	}
	_, alerts := r.entries()
	if got := states(alerts); !slices.Equal(got, []string{"errors reached", "errors blocked", "errors failed", "errors failed", "errors cleared"}) {
		t.Errorf("events: %q", got)
	}
	if bytes.Contains([]byte(r.log.String()), []byte("secret-part")) {
		t.Error("the address of the webhook is in the log")
	}
}

func TestTotalsAreWrittenAtTheStop(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	r.start()
	r.ask(nil)
	r.until("it is counted", func() bool { return r.status().Today.Requests == 1 })
	r.halt()
	st, err := os.Stat(r.paths.Totals)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st, err)
	}
	// Without a gateway the same figures come from there.
	settings := r.settings
	settings.Budgets = []config.BudgetRule{{Name: "all", USD: "100", Per: "day", Then: "block", WarnAt: "0.8"}}
	closed, _ := r.entries()
	budgets, err := Budgets(r.paths, settings, []config.Profile{{Name: "a", Budget: &config.Budget{WeeklyUSD: "0.0000000001", Then: "warn"}}})
	if err != nil || len(budgets) != 2 || budgets[0].State != admin.BudgetOK || budgets[1].State != admin.BudgetOver || budgets[0].SpentUSD != pricing.USD(closed[0].Cost).String() {
		t.Errorf("%+v, %v", budgets, err)
	}
}

func TestAmountsAreExact(t *testing.T) {
	for text, want := range map[string]ledger.Money{
		"20": 20e10, "0.0000000001": 1, "12.345": 12_3450000000, "999999999999": 1<<63 - 1,
	} {
		if got := amount(text); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
	for _, tt := range []struct {
		limit ledger.Money
		part  string
		want  ledger.Money
	}{{20e10, "0.8", 16e10}, {1, "0.8", 1}, {10, "0.25", 3}, {1<<63 - 1, "1", 1<<63 - 1}} {
		if got := share(tt.limit, tt.part); got != tt.want {
			t.Errorf("%s of %d: %d, want %d", tt.part, tt.limit, got, tt.want)
		}
	}
}
