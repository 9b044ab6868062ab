package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"prism/internal/admin"
)

// ledgerOf is a ledger that answers what a test says.
type ledgerOf func(ctx context.Context, b admin.QueryBatch) (admin.QueryAnswer, error)

func (f ledgerOf) Ask(ctx context.Context, b admin.QueryBatch) (admin.QueryAnswer, error) {
	return f(ctx, b)
}

func (f ledgerOf) Export(ctx context.Context, b admin.QueryBatch, to func(admin.QueryFile) io.Writer) error {
	a, err := f(ctx, b)
	if err != nil || a.Problem != nil {
		return errors.Join(err, a.Problem)
	}
	_, err = to(admin.QueryFile{Rows: 1, Bytes: 2}).Write([]byte("a\n"))
	return err
}

// nothing is the result of queries that find no rows.
func nothing(b admin.QueryBatch) admin.QueryAnswer {
	a := admin.QueryAnswer{Results: make([]admin.QueryResult, len(b.Queries))}
	for i := range a.Results {
		a.Results[i] = admin.QueryResult{Columns: []admin.QueryColumn{}, Rows: json.RawMessage("[]")}
	}
	return a
}

func newData(t *testing.T, l ledgerOf, now func() time.Time) (*Data, *http.ServeMux) {
	t.Helper()
	d, err := NewData(DataOptions{Pages: l, Typed: l, Zone: "Europe/Berlin", Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	mux := http.NewServeMux()
	d.Register(mux)
	return d, mux
}

func ask(ctx context.Context, mux *http.ServeMux, target string) (int, map[string]any) {
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, target, nil))
	var v map[string]any
	_ = json.Unmarshal(w.Body.Bytes(), &v)
	return w.Code, v
}

func TestPagesThatAskTheSameCostOneQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		asked := 0
		_, mux := newData(t, func(_ context.Context, b admin.QueryBatch) (admin.QueryAnswer, error) {
			mu.Lock()
			asked++
			mu.Unlock()
			time.Sleep(300 * time.Millisecond)
			return nothing(b), nil
		}, time.Now)
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if code, v := ask(t.Context(), mux, "/api/facets?profile=a"); code != http.StatusOK || v["stale"] != false {
					t.Errorf("%d %v", code, v)
				}
			})
		}
		wg.Wait()
		ask(t.Context(), mux, "/api/facets?profile=a") // at once: nothing new
		if asked != 1 {
			t.Errorf("asked %d times", asked)
		}
		time.Sleep(2 * time.Second)
		ask(t.Context(), mux, "/api/facets?profile=a")
		if asked != 2 {
			t.Errorf("asked %d times, want anew after a second", asked)
		}
	})
}

func TestAQuestionIsGivenUpWhenTheLastOneHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		given := make(chan error, 1)
		_, mux := newData(t, func(ctx context.Context, _ admin.QueryBatch) (admin.QueryAnswer, error) {
			<-ctx.Done()
			given <- ctx.Err()
			return admin.QueryAnswer{}, ctx.Err()
		}, time.Now)
		first, leave := context.WithCancel(t.Context())
		second, leaveToo := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { ask(first, mux, "/api/requests") })
		wg.Go(func() { ask(second, mux, "/api/requests") })
		synctest.Wait()
		leave()
		synctest.Wait()
		if len(given) != 0 {
			t.Error("given up while somebody waits")
		}
		leaveToo()
		wg.Wait()
		if err := <-given; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestAHeldLedgerIsAnsweredWithTheLastAnswerAndItsAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		held := false
		_, mux := newData(t, func(_ context.Context, b admin.QueryBatch) (admin.QueryAnswer, error) {
			if held {
				return admin.QueryAnswer{Problem: &admin.Error{Code: admin.CodeLedgerBusy, Message: "held by dbeaver", Fix: "close it"}}, nil
			}
			return nothing(b), nil
		}, time.Now)
		if code, _ := ask(t.Context(), mux, "/api/requests"); code != http.StatusOK {
			t.Fatal(code)
		}
		held = true
		time.Sleep(time.Minute)
		code, v := ask(t.Context(), mux, "/api/requests")
		if code != http.StatusOK || v["stale"] != true || v["age_s"] != 60.0 || v["rows"] == nil {
			t.Errorf("%d %v", code, v)
		}
		if code, v = ask(t.Context(), mux, "/api/requests?range=7d"); code != http.StatusServiceUnavailable || fmt.Sprint(v["error"]) == "" {
			t.Errorf("without a last answer: %d %v", code, v)
		}
		time.Sleep(25 * time.Hour)
		if code, _ = ask(t.Context(), mux, "/api/requests"); code != http.StatusServiceUnavailable {
			t.Errorf("an answer of the day before: %d", code)
		}
	})
}

func TestAnswersDoNotPileUp(t *testing.T) {
	d, mux := newData(t, func(_ context.Context, b admin.QueryBatch) (admin.QueryAnswer, error) { return nothing(b), nil }, time.Now)
	for i := range 3 * keptAnswers {
		ask(t.Context(), mux, fmt.Sprintf("/api/requests?profile=p%d", i))
	}
	if n := len(d.kept.answers); n != keptAnswers {
		t.Errorf("%d answers are kept", n)
	}
}

func TestNoLedgerIsAnEmptyAnswer(t *testing.T) {
	_, mux := newData(t, func(context.Context, admin.QueryBatch) (admin.QueryAnswer, error) {
		return admin.QueryAnswer{Problem: &admin.Error{Code: admin.CodeNoLedger}}, nil
	}, time.Now)
	for _, path := range []string{"/api/requests", "/api/facets", "/api/spend", "/api/whatif?model_if=a&provider_if=b", "/api/hours", "/api/sql/schema"} {
		if code, v := ask(t.Context(), mux, path); code != http.StatusOK || v["empty"] != true {
			t.Errorf("%s: %d %v", path, code, v)
		}
	}
}

func TestValuesStandBesideTheTextOfAQuery(t *testing.T) {
	const evil = `x' or '1'='1"; drop table requests; -- $from :to`
	var seen []admin.Query
	_, mux := newData(t, func(_ context.Context, b admin.QueryBatch) (admin.QueryAnswer, error) {
		seen = append(seen, b.Queries...)
		return nothing(b), nil
	}, time.Now)
	q := url.Values{"range": {"all"}, "q": {evil}, "tag": {evil, evil + "=" + evil}, "split": {"tag:" + evil}, "by": {"tag:" + evil}, "find": {evil}}
	for _, dim := range dimensions() {
		q[dim.name] = []string{evil, "", "other"}
	}
	q["outcome"] = []string{evil}
	for _, path := range []string{"/api/requests", "/api/facets", "/api/spend", "/api/whatif", "/api/requests/x", "/api/request", "/api/requests.csv"} {
		own := q
		if path == "/api/request" {
			own = url.Values{"id": {evil}}
		}
		if code, v := ask(t.Context(), mux, path+"?"+own.Encode()); code != http.StatusOK && code != http.StatusNotFound {
			t.Errorf("%s: %d %v", path, code, v)
		}
	}
	if len(seen) < 20 {
		t.Fatalf("%d queries", len(seen))
	}
	for _, query := range seen {
		if strings.Contains(query.SQL, "drop table") || strings.Contains(query.SQL, `'1'`) {
			t.Errorf("a value is a part of the text: %s", query.SQL)
		}
		for _, name := range placeholder.FindAllString(query.SQL, -1) {
			if _, given := query.Params[name[1:]]; !given {
				t.Errorf("%s has no value in %s", name, query.SQL)
			}
		}
	}
}

func TestALiteralIsQuoted(t *testing.T) {
	var c clause
	c.and("project = $project0", "project0", `o'clock' -- $from`)
	if got := c.literal("where " + c.String()); got != `where project = 'o''clock'' -- $from'` {
		t.Error(got)
	}
}

func TestRangesFollowTheCalendarOfTheGateway(t *testing.T) {
	now := time.Date(2026, 3, 29, 22, 30, 0, 0, time.UTC) // the night on which the clocks went forward in Berlin; there it is the 30th
	d, _ := newData(t, nil, func() time.Time { return now })
	checkRanges(t, d, []rangeCase{
		{"range=today", "2026-03-29T22:00:00Z", "2026-03-30T22:00:00Z"},
		{"range=yesterday", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"}, // of 23 hours
		{"range=week", "2026-03-29T22:00:00Z", "2026-04-05T22:00:00Z"},
		{"range=month", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z"},
		{"range=24h", "2026-03-28T22:30:00Z", ""},
		{"range=7d", "2026-03-22T23:00:00Z", ""}, // from midnight, as --since 7d
		{"range=all", "", ""},
		{"from=2026-03-29&to=2026-03-30", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},
		{"from=2026-03-29T10:00:00Z", "2026-03-29T10:00:00Z", ""},
	})
	for _, bad := range []string{"range=x", "range=0d", "range=-1h", "range=999999999d", "range=h", "from=yesterday", "from=2026-03-30&to=2026-03-29", "from=0001-01-01"} {
		v, err := url.ParseQuery(bad)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := d.spanOf(v, "24h"); err == nil {
			t.Errorf("%s: %+v", bad, s)
		}
	}
}

type rangeCase struct{ query, from, to string }

func checkRanges(t *testing.T, d *Data, cases []rangeCase) {
	t.Helper()
	show := func(at time.Time) string {
		if at.IsZero() {
			return ""
		}
		return at.UTC().Format(time.RFC3339)
	}
	for _, c := range cases {
		v, err := url.ParseQuery(c.query)
		if err != nil {
			t.Fatal(err)
		}
		s, err := d.spanOf(v, "24h")
		if err != nil || show(s.From) != c.from || show(s.To) != c.to {
			t.Errorf("%s: %s to %s, %v", c.query, show(s.From), show(s.To), err)
		}
	}
}

// In Santiago the clocks go forward at midnight: the day begins at one.
func TestADayWithoutMidnightBeginsWhenItBegins(t *testing.T) {
	now := time.Date(2026, 9, 6, 15, 0, 0, 0, time.UTC)
	d, err := NewData(DataOptions{Pages: ledgerOf(nil), Typed: ledgerOf(nil), Zone: "America/Santiago", Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	checkRanges(t, d, []rangeCase{
		{"range=today", "2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"},
		{"range=yesterday", "2026-09-05T04:00:00Z", "2026-09-06T04:00:00Z"},
		{"range=week", "2026-08-31T04:00:00Z", "2026-09-07T03:00:00Z"},
		{"range=month", "2026-09-01T04:00:00Z", "2026-10-01T03:00:00Z"},
		{"range=year", "2026-01-01T03:00:00Z", "2027-01-01T03:00:00Z"},
		{"range=7d", "2026-08-30T04:00:00Z", ""},
		{"from=2026-09-06&to=2026-09-07", "2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"},
	})
	for name, from := range map[string]string{
		"today": "2026-09-05T04:00:00Z", "week": "2026-08-24T04:00:00Z", "month": "2026-08-01T04:00:00Z", "year": "2025-01-01T03:00:00Z",
	} {
		s, err := d.spanOf(url.Values{"range": {name}}, "")
		before, ok := s.before(now.In(d.zone))
		if got := before.From.UTC().Format(time.RFC3339); err != nil || !ok || got != from {
			t.Errorf("before %s: from %s, want %s, %v", name, got, from, err)
		}
	}
}

func TestASearchGoesBackInTimeAndSaysHowFarItCame(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	var batch admin.QueryBatch
	_, mux := newData(t, func(_ context.Context, b admin.QueryBatch) (admin.QueryAnswer, error) {
		batch = b
		a := nothing(b)
		for i := range a.Results {
			a.Results[i].Skipped = i >= 3 // the time was up
		}
		return a, nil
	}, func() time.Time { return now })
	code, v := ask(t.Context(), mux, "/api/requests?range=all&q=needle")
	if code != http.StatusOK || v["searched_to"] != "2026-11-19T13:00:00Z" || v["next"] == nil {
		t.Fatalf("%d %v", code, v)
	}
	first := len(batch.Queries)
	code, v = ask(t.Context(), mux, "/api/requests?range=all&q=needle&after="+v["next"].(string))
	if to := batch.Queries[0].Params["window_to"]; code != http.StatusOK || to != "2026-11-19 13:00:00.000001+00" || len(batch.Queries) >= first {
		t.Errorf("%d, from %s on, %d queries, then %d: %v", code, to, first, len(batch.Queries), v["searched_to"])
	}
}

func TestASearchFromTheBeginningGoesForwardInTime(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	var batch admin.QueryBatch
	_, mux := newData(t, func(_ context.Context, b admin.QueryBatch) (admin.QueryAnswer, error) {
		batch = b
		a := nothing(b)
		for i := range a.Results {
			a.Results[i].Skipped = i >= 2 // the time was up
		}
		return a, nil
	}, func() time.Time { return now })
	code, v := ask(t.Context(), mux, "/api/requests?from=2026-01-01&q=needle&sort=started_at")
	if code != http.StatusOK || v["next"] == nil || v["searched_to"] == nil {
		t.Fatalf("%d %v", code, v)
	}
	edge := batch.Queries[1].Params["window_to"]
	if batch.Queries[0].Params["window_from"] != "2025-12-31 23:00:00+00" || batch.Queries[0].Params["window_to"] != batch.Queries[1].Params["window_from"] || v["searched_to"] != strings.Replace(strings.Replace(edge, " ", "T", 1), "+00", "Z", 1) {
		t.Errorf("from %v, then to %s; searched to %v", batch.Queries[0].Params, edge, v["searched_to"])
	}
	first := len(batch.Queries)
	code, _ = ask(t.Context(), mux, "/api/requests?from=2026-01-01&q=needle&sort=started_at&after="+v["next"].(string))
	q := batch.Queries[0]
	at, err := parseStamp(q.Params["window_from"])
	if err != nil || code != http.StatusOK || stamp(at.Add(time.Microsecond)) != edge || len(batch.Queries) >= first {
		t.Errorf("%d: goes on from %s, not from %s, with %d queries after %d", code, q.Params["window_from"], edge, len(batch.Queries), first)
	}
}

func TestASearchInAnotherOrderHasALimitAndSaysWhatHelps(t *testing.T) {
	_, mux := newData(t, func(_ context.Context, b admin.QueryBatch) (admin.QueryAnswer, error) {
		a := nothing(b)
		if b.Queries[0].LimitMS == 0 {
			t.Error("no limit")
		}
		a.Results[0].Problem = &admin.Error{Code: admin.CodeSQLLimit, Message: "given up"}
		return a, nil
	}, time.Now)
	if code, v := ask(t.Context(), mux, "/api/requests?range=all&q=needle&sort=-cost_usd"); code != http.StatusConflict || !strings.Contains(fmt.Sprint(v["error"]), "sort by time") {
		t.Errorf("%d %v", code, v)
	}
}

func TestFailedIsOneMoreOutcomeToChoose(t *testing.T) {
	for query, want := range map[string]string{
		"outcome=failed":                             "_failed(outcome)",
		"outcome=failed&outcome=ok":                  "(outcome = $outcome0 or _failed(outcome))",
		"outcome=ok&outcome=client_abort&outcome=":   "(outcome in ($outcome0, $outcome1) or outcome is null)",
		"outcome=failed&outcome=failed&range=all":    "_failed(outcome)",
		"outcome=error&outcome=failed&outcome=error": "(outcome in ($outcome0, $outcome1) or _failed(outcome))",
	} {
		d, _ := newData(t, nil, time.Now)
		v, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		f, err := d.filterOf(v, "all")
		if c := f.condition(""); err != nil || c.String() != want {
			t.Errorf("%s: %s, %v", query, c.String(), err)
		}
	}
}

func TestWhatIsTooLongToFindIsRefused(t *testing.T) {
	_, mux := newData(t, func(_ context.Context, b admin.QueryBatch) (admin.QueryAnswer, error) { return nothing(b), nil }, time.Now)
	for find, want := range map[string]int{"main": http.StatusOK, strings.Repeat("x", maxValue): http.StatusOK, strings.Repeat("x", maxValue+1): http.StatusBadRequest, "%ff": http.StatusBadRequest} {
		if code, v := ask(t.Context(), mux, "/api/facets?only=branch&find="+find); code != want {
			t.Errorf("%d bytes: %d %v", len(find), code, v)
		}
	}
}

func TestIntegersThatABrowserWouldRoundAreTexts(t *testing.T) {
	for in, want := range map[string]string{
		`[]`: `[]`,
		`[[9007199254740991,-9007199254740991,12]]`:                          `[[9007199254740991,-9007199254740991,12]]`,
		`[[9007199254740992,-9007199254740993]]`:                             `[["9007199254740992","-9007199254740993"]]`,
		`[[1,{"a":[9223372036854775807]},"9007199254740993"]]`:               `[[1,{"a":["9223372036854775807"]},"9007199254740993"]]`,
		`[["\"9007199254740993",9007199254740993,"\\\\",10000000000000000]]`: `[["\"9007199254740993","9007199254740993","\\\\","10000000000000000"]]`,
		`[[1e30,1.5e+300,9007199254740993.5,null,true]]`:                     `[[1e30,1.5e+300,9007199254740993.5,null,true]]`,
	} {
		if got := string(exact(raw(in))); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestACursorIsWorthNoMoreThanAnotherValue(t *testing.T) {
	_, mux := newData(t, func(_ context.Context, b admin.QueryBatch) (admin.QueryAnswer, error) { return nothing(b), nil }, time.Now)
	value := func(s string) *string { return &s }
	for name, c := range map[string]cursor{
		"of another order":   {Sort: "cost_usd", Value: value("1")},
		"no instant":         {Sort: "-started_at", Value: value("1; drop table requests")},
		"before all rows":    {Sort: "-started_at", Value: value("2026-11-26 12:00:00+00"), Row: -5},
		"a text of a number": {Sort: "-duration_ms", Value: value("x")},
	} {
		text, err := c.String()
		if err != nil {
			t.Fatal(err)
		}
		sort := "-started_at"
		if c.Sort == "-duration_ms" {
			sort = c.Sort
		}
		if code, _ := ask(t.Context(), mux, "/api/requests?sort="+sort+"&after="+url.QueryEscape(text)); code != http.StatusBadRequest {
			t.Errorf("%s: %d", name, code)
		}
	}
	if code, _ := ask(t.Context(), mux, "/api/requests?after=!!"); code != http.StatusBadRequest {
		t.Errorf("nonsense: %d", code)
	}
}
