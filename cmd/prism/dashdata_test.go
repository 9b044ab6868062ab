package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"prism/internal/admin"
	"prism/internal/daemon"
	"prism/internal/dashboard"
	"prism/internal/ledger"
	"prism/internal/ledger/duckdb"
	"prism/internal/stream"
)

// hostileNames are names that a model, a session, a project or an error may have.
func hostileNames() []string {
	return []string{
		"", "plain", "100%", "a_b", "%%%%", `<img src=x onerror=alert(1)>`, `'; drop table requests; --`, `=cmd|'/C calc'!A0`, "\x1b[2J\x1b]0;x\a", `"quoted"`, `$from`, ":to", "$1", `back\slash`, "中文 模型", "\u202etxt.exe", "a\nb", "x' or '1'='1", `{"json":1}`, "' union select 1 --",
	}
}

// hostileEntries are exchanges whose names mean to do harm; some have no price, some a correction.
func hostileEntries(n int, now time.Time) func(yield func(ledger.Appendable, error) bool) {
	names := hostileNames()
	name := func(i, step int) string { return names[(i*step+i/len(names))%len(names)] }
	return func(yield func(ledger.Appendable, error) bool) {
		for i := range n {
			var e ledger.Entry
			e.Reset()
			e.RequestID, e.Source, e.Operation, e.UsageSource = fmt.Sprintf("01TEST%06d", i), "import:test", ledger.OpMessages, ledger.UsageFinal
			// Several begin at the same instant, and they were not recorded in order.
			e.StartedAt = now.Add(-time.Duration(i*7919%n/3) * 17 * time.Minute)
			e.EndedAt = e.StartedAt.Add(time.Second)
			e.Profile, e.Provider = []string{"work", "kimi", "local"}[i%3], "anthropic"
			e.RequestModel, e.ResponseModel, e.Project, e.GitBranch, e.SessionID = "asked", name(i, 1), name(i, 3), name(i, 7), name(i, 9)
			e.Outcome, e.HTTPStatus = []string{ledger.OutcomeOK, ledger.OutcomeOK, ledger.OutcomeError, ledger.OutcomeClientAbort}[i%4], []int{200, 200, 529, 200}[i%4]
			if e.Outcome == ledger.OutcomeError {
				e.ErrorType, e.ErrorMessage = "overloaded_error", name(i, 11)
			}
			if i%5 != 0 {
				e.PriceID, e.CostInput, e.CostList, e.Cost, e.CostUncached = "p", ledger.Money(i%40)*1e8, ledger.Money(i%40)*1e8, ledger.Money(i%40)*1e8, ledger.Money(i%40)*3e8
				e.DurationMS, e.PromptTokens = stream.Count(i*31%97), stream.Count(i%50)
			}
			e.Attempts = []ledger.Attempt{{N: 1, Profile: e.Profile, Outcome: "ok", HTTPStatus: 200, StartedAt: e.StartedAt}}
			if !yield(&e, nil) {
				return
			}
			if i%6 == 0 {
				c := ledger.Correction{RequestID: e.RequestID, CorrectedAt: now, Reason: "reprice", PriceID: "q", CostList: 5e8, Cost: 5e8, CostUncached: 9e8}
				if !yield(&c, nil) {
					return
				}
			}
		}
	}
}

// dash is the data of the dashboard over a ledger of such entries, in the real child.
type dash struct {
	*testing.T
	mux  *http.ServeMux
	db   *sql.DB
	rows int
}

// askedLedger asks one ledger.
type askedLedger struct {
	run  *daemon.SQLRunner
	file string
}

func (l askedLedger) Ask(ctx context.Context, b admin.QueryBatch) (admin.QueryAnswer, error) {
	b.File = l.file
	return l.run.Run(ctx, b)
}

func (l askedLedger) Export(ctx context.Context, b admin.QueryBatch, to func(admin.QueryFile) io.Writer) error {
	b.File = l.file
	return l.run.Export(ctx, b, to)
}

func newDash(t *testing.T, rows int) *dash {
	t.Helper()
	d := newDashOf(t, func(now time.Time) func(func(ledger.Appendable, error) bool) { return hostileEntries(rows, now) }, dashOptions{})
	d.rows = rows
	return d
}

// dashOptions are what differs between tests.
type dashOptions struct {
	zone    string
	budgets []admin.BudgetStatus
}

func newDashOf(t *testing.T, entries func(now time.Time) func(func(ledger.Appendable, error) bool), opt dashOptions) *dash {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux confines a process")
	}
	a, r := ledgerApp(t)
	record(t, r.paths.Journal, entries(a.now()))
	db, err := a.reader(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	l := askedLedger{worker(t), r.paths.LedgerFile}
	data, err := dashboard.NewData(dashboard.DataOptions{
		Pages: l, Typed: l, File: r.paths.LedgerFile, Zone: opt.zone, Now: a.now, Queries: func() ([]admin.NamedQuery, error) { return offered(r.paths.Queries) },
		Budgets: func() []admin.BudgetStatus { return opt.budgets },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(data.Close)
	d := &dash{T: t, mux: http.NewServeMux(), db: db}
	data.Register(d.mux)
	return d
}

// record writes records as the gateway does.
func record(t *testing.T, dir string, records func(yield func(ledger.Appendable, error) bool)) {
	t.Helper()
	j, _, err := ledger.OpenJournal(ledger.JournalOptions{Dir: dir, Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	for one, err := range records {
		if err != nil {
			t.Fatal(err)
		}
		switch v := one.(type) {
		case *ledger.Entry:
			err = j.Close(v)
		case *ledger.Correction:
			err = j.Correct(v)
		case *ledger.AlertEvent:
			err = j.Alert(v)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// get asks a path, and reads the answer into v.
func (d *dash) get(path string, query url.Values, v any) int {
	d.Helper()
	w := httptest.NewRecorder()
	d.mux.ServeHTTP(w, httptest.NewRequestWithContext(d.Context(), http.MethodGet, path+"?"+query.Encode(), nil))
	if w.Code == http.StatusServiceUnavailable { // the machine is: a page would ask again, too
		w = httptest.NewRecorder()
		d.mux.ServeHTTP(w, httptest.NewRequestWithContext(d.Context(), http.MethodGet, path+"?"+query.Encode(), nil))
	}
	if w.Code == http.StatusOK && v != nil {
		if err := json.Unmarshal(w.Body.Bytes(), v); err != nil {
			d.Fatalf("%s: %v: %.300s", path, err, w.Body)
		}
	}
	if w.Code >= http.StatusInternalServerError {
		d.Errorf("%s?%s: %d %s", path, query.Encode(), w.Code, w.Body)
	}
	return w.Code
}

// figure asks the ledger itself.
func (d *dash) figure(query string) string {
	d.Helper()
	_, rows, err := duckdb.Query(d.Context(), d.db, query, nil)
	if err != nil {
		d.Fatal(err)
	}
	return fmt.Sprint(rows[0][0])
}

type dashPage struct {
	Rows  []map[string]any `json:"rows"`
	Next  *string          `json:"next"`
	Total *int             `json:"total"`
	SQL   string           `json:"sql"`
}

func TestPagesOfRequestsHoldEveryRowOnceInOrder(t *testing.T) {
	t.Parallel()
	d := newDash(t, 260)
	for _, sort := range []string{
		"-started_at", "started_at", "-duration_ms", "duration_ms", "-cost_usd", "cost_usd", "-model", "model", "project", "-project", "http_status", "-prompt_tokens", "profile",
	} {
		column := strings.TrimPrefix(sort, "-")
		expr, direction := column, " asc"
		if column == "model" {
			expr = modelSQL
		}
		if column != sort {
			direction = " desc"
		}
		_, want, err := duckdb.Query(t.Context(), d.db, "select "+expr+"::varchar from priced order by "+expr+direction+" nulls last", nil)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		q := url.Values{"range": {"all"}, "sort": {sort}, "limit": {"37"}}
		n := 0
		for range 20 {
			var p dashPage
			if code := d.get("/api/requests", q, &p); code != http.StatusOK {
				t.Fatalf("%s: %d", sort, code)
			}
			for _, row := range p.Rows {
				seen[row["request_id"].(string)] = true
				if got := fmt.Sprint(row[column]); column != "started_at" && n < len(want) && got != fmt.Sprint(want[n][0]) {
					t.Fatalf("sort=%s: row %d is %q, want %q", sort, n, got, want[n][0])
				}
				n++
			}
			if p.Next == nil {
				break
			}
			q.Set("after", *p.Next)
		}
		if n != d.rows || len(seen) != d.rows {
			t.Errorf("sort=%s: %d rows, %d of them different, want %d", sort, n, len(seen), d.rows)
		}
	}
}

func TestEveryFacetCountsWhatItsChoiceShows(t *testing.T) {
	t.Parallel()
	d := newDash(t, 120)
	for _, base := range []url.Values{{"range": {"all"}}, {"range": {"all"}, "profile": {"work", "kimi"}}, {"range": {"all"}, "outcome": {"failed"}}, {"range": {"all"}, "unpriced": {"1"}}} {
		var f struct {
			Facets map[string][]struct {
				Value *string
				Count int
			}
			Late []string
		}
		q := url.Values{"patience": {"1"}}
		maps.Copy(q, base)
		d.get("/api/facets", q, &f)
		if len(f.Facets) != 8 || len(f.Late) != 0 {
			t.Fatalf("%d facets, late %v", len(f.Facets), f.Late)
		}
		for name, values := range f.Facets {
			for _, v := range values[:min(len(values), 6)] {
				choice := url.Values{"limit": {"1"}, "patience": {"1"}}
				maps.Copy(choice, base)
				choice[name] = []string{""}
				if v.Value != nil {
					choice[name] = []string{*v.Value}
				}
				var p dashPage
				d.get("/api/requests", choice, &p)
				if p.Total == nil || *p.Total != v.Count {
					t.Errorf("%s under %v: %d counted, %v shown", choice[name], base, v.Count, p.Total)
				}
			}
		}
	}
}

func TestASearchTakesEveryCharacterAsItself(t *testing.T) {
	t.Parallel()
	d := newDash(t, 200)
	for _, name := range append(hostileNames(), "overloaded", "01test0000", "WORK", "no such text", "%", "_", "..", "[", "*") {
		if strings.TrimSpace(name) == "" {
			continue
		}
		term := "'" + strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), "'", "''") + "'"
		var terms []string
		for _, column := range []string{"request_id", "session_id", "project", "git_branch", "profile", "request_model", "response_model", "error_type", "error_message"} {
			terms = append(terms, "contains(lower("+column+"), "+term+")")
		}
		want := d.figure("select count(*) from requests where " + strings.Join(terms, " or "))
		var p dashPage
		d.get("/api/requests", url.Values{"range": {"all"}, "q": {name}, "limit": {"500"}, "patience": {"1"}}, &p)
		if got := fmt.Sprint(len(p.Rows)); got != want || p.Next != nil || p.Total == nil || fmt.Sprint(*p.Total) != want {
			t.Errorf("q=%q: %s rows, total %v, want %s", name, got, p.Total, want)
		}
	}
}

func TestNothingInAnAddressBecomesSQL(t *testing.T) {
	t.Parallel()
	d := newDash(t, 40)
	before := d.figure("select count(*) || ' ' || sum(hash(request_id))::varchar from requests")
	values := append(hostileNames(), "0", "-1", "1e309", "9999999999999999999", "null", "true", strings.Repeat("x", 600), "\xff", "a\x00b", "eyJzIjoiLXN0YXJ0ZWRfYXQiLCJ2IjoiMTsgZHJvcCIsInIiOjF9", "1999999h", "d", "h", "2026-13-45", "2026-11-01")
	names := []string{"model_if", "provider_if", "range", "from", "to", "profile", "model", "project", "branch", "source", "session", "operation", "host", "agent", "outcome", "status", "tag", "q", "sort", "after", "limit", "only", "find", "by", "split", "grain", "part", "provider", "id"}
	for n, path := range []string{"/api/requests", "/api/facets", "/api/request", "/api/whatif", "/api/spend", "/api/hours"} {
		for i, value := range values {
			if n > 2 && i%3 != 0 {
				continue // a sum costs more than a list
			}
			q := url.Values{names[(i+n)%len(names)]: {value}, names[(i*3+n+9)%len(names)]: {value}}
			if code := d.get(path, q, nil); code != http.StatusOK && code != http.StatusBadRequest && code != http.StatusNotFound {
				t.Errorf("%s?%v: %d", path, q, code)
			}
		}
	}
	if after := d.figure("select count(*) || ' ' || sum(hash(request_id))::varchar from requests"); after != before {
		t.Errorf("the ledger changed: %s, then %s", before, after)
	}
}

func TestSpendAddsUpToTheLastDigit(t *testing.T) {
	t.Parallel()
	d := newDash(t, 300)
	for _, by := range []string{"day", "week", "model", "session", "tag:team"} {
		for _, split := range []string{"none", "profile"} {
			var s struct {
				Totals struct {
					Requests int
					Unpriced int
					Cost     *string `json:"cost_usd"`
					Saved    *string `json:"saved_usd"`
				}
				Groups, Series []struct {
					Requests int
					Cost     *string `json:"cost_usd"`
				}
				Waste struct {
					Cost *string `json:"cost_usd"`
				}
			}
			d.get("/api/spend", url.Values{"range": {"7d"}, "by": {by}, "split": {split}, "part": {"sums"}}, &s)
			where := " from priced where operation = 'messages' and started_at >= timestamptz '2026-11-19 00:00:00+00'"
			if want := d.figure("select sum(cost_usd)::varchar || ' ' || sum(cost_uncached_usd - cost_list_usd) || ' ' || count(*) || ' ' || count(*) filter (cost_list_usd is null)" + where); s.Totals.Cost == nil || fmt.Sprintf("%s %s %d %d", *s.Totals.Cost, *s.Totals.Saved, s.Totals.Requests, s.Totals.Unpriced) != want {
				t.Fatalf("totals %+v, want %s", s.Totals, want)
			}
			if want := d.figure("select sum(cost_usd)::varchar" + where + " and outcome in ('client_abort', 'error')"); *s.Waste.Cost != want {
				t.Errorf("waste %s, want %s", *s.Waste.Cost, want)
			}
			for what, list := range map[string][]struct {
				Requests int
				Cost     *string `json:"cost_usd"`
			}{"groups": s.Groups, "series": s.Series} {
				total, n := "0", 0
				for _, g := range list {
					n += g.Requests
					if g.Cost != nil {
						total = minus(total, minus("0", *g.Cost))
					}
				}
				if n != s.Totals.Requests || compareMoney(total, *s.Totals.Cost) != 0 {
					t.Errorf("by %s, split %s: the %s add up to %d requests, %s; want %d, %s", by, split, what, n, total, s.Totals.Requests, *s.Totals.Cost)
				}
			}
		}
	}
}

func TestOneRequestIsShownWithAllThatIsKnown(t *testing.T) {
	t.Parallel()
	d := newDash(t, 60)
	var one struct {
		Request  map[string]any   `json:"request"`
		Attempts []map[string]any `json:"attempts"`
		Cost     map[string]any   `json:"cost"`
		Session  map[string]any   `json:"session"`
	}
	if code := d.get("/api/requests/01TEST000006", nil, &one); code != http.StatusOK {
		t.Fatal(code)
	}
	if one.Request["request_id"] != "01TEST000006" || len(one.Attempts) != 1 || one.Attempts[0]["profile"] != one.Request["profile"] || one.Cost["paid"] != "0.0500000000" {
		t.Errorf("%+v", one)
	}
	if one.Session["session_id"] != one.Request["session_id"] {
		t.Errorf("session %v of %v", one.Session, one.Request["session_id"])
	}
	for _, id := range []string{"nobody", "' or true --"} {
		if code := d.get("/api/request", url.Values{"id": {id}}, nil); code != http.StatusNotFound {
			t.Errorf("%q: %d", id, code)
		}
	}
}

func TestDownloadsHoldTheRowsOfTheFilter(t *testing.T) {
	t.Parallel()
	d := newDash(t, 90)
	file := func(path string, q url.Values) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		d.mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path+"?"+q.Encode(), nil))
		return w
	}
	q := url.Values{"range": {"all"}, "profile": {"kimi"}}
	w := file("/api/requests.csv", q)
	rows, err := csv.NewReader(bytes.NewReader(w.Body.Bytes())).ReadAll()
	if err != nil || len(rows) != 31 || !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment; ") || strings.ContainsAny(w.Body.String(), "\x1b\x07") {
		t.Errorf("%d rows, %v, %v", len(rows), err, w.Header())
	}
	for _, row := range rows {
		if slices.ContainsFunc(row, func(s string) bool { return s != "" && strings.ContainsRune("=+@", rune(s[0])) }) {
			t.Errorf("a formula: %q", row)
		}
	}
	var objects []map[string]any
	if w = file("/api/requests.json", q); json.Unmarshal(w.Body.Bytes(), &objects) != nil || len(objects) != 30 {
		t.Errorf("%d objects: %.200s", len(objects), w.Body)
	}
	if w = file("/api/requests.parquet", q); !strings.HasPrefix(w.Body.String(), "PAR1") || w.Header().Get("Content-Length") != fmt.Sprint(w.Body.Len()) {
		t.Errorf("%d bytes, %v", w.Body.Len(), w.Header())
	}
	if w = file("/api/sql.csv", url.Values{"q": {"drop table requests"}}); w.Code != http.StatusBadRequest || w.Header().Get("Content-Disposition") != "" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if w = file("/api/sql.csv", url.Values{"q": {"from range(200000)"}}); w.Code != http.StatusConflict {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestTheSQLPageGetsResultsPlansAndTheSchema(t *testing.T) {
	t.Parallel()
	d := newDash(t, 30)
	var res struct {
		Columns   []admin.QueryColumn
		Rows      [][]any
		Truncated bool
	}
	d.get("/api/sql.json", url.Values{"q": {"select :a || 'x' as t, count(*) as n from requests"}, "p.a": {"'; --"}}, &res)
	if len(res.Rows) != 1 || res.Rows[0][0] != "'; --x" || res.Rows[0][1] != 30.0 || res.Columns[0].Name != "t" {
		t.Errorf("%+v", res)
	}
	d.get("/api/sql.json", url.Values{"q": {"from range(5000)"}}, &res)
	if len(res.Rows) != 2000 || !res.Truncated {
		t.Errorf("%d rows, truncated %v", len(res.Rows), res.Truncated)
	}
	var plan struct{ Plan string }
	if d.get("/api/sql/explain", url.Values{"q": {"select count(*) from requests"}}, &plan); plan.Plan == "" {
		t.Error("no plan")
	}
	var schema struct {
		Relations []struct {
			Name, Kind string
			Columns    []any
			Params     []string
		}
		Functions []any
		Builtin   []string
	}
	d.get("/api/sql/schema", nil, &schema)
	kinds := map[string]string{}
	for _, r := range schema.Relations {
		kinds[r.Name] = r.Kind
		if r.Kind != "macro" && len(r.Columns) == 0 || r.Kind == "macro" && len(r.Params) == 0 {
			t.Errorf("%+v", r)
		}
	}
	if kinds["requests"] != "table" || kinds["priced"] != "view" || kinds["spend"] != "macro" || len(schema.Builtin) < 300 || len(schema.Functions) == 0 {
		t.Errorf("%v, %d functions, %d of DuckDB", kinds, len(schema.Functions), len(schema.Builtin))
	}
	var queries struct{ Queries []admin.NamedQuery }
	d.get("/api/queries", nil, &queries)
	if len(queries.Queries) < 10 {
		t.Errorf("%d queries", len(queries.Queries))
	}
	for _, q := range queries.Queries {
		v := url.Values{"q": {q.SQL}}
		for _, p := range q.Params {
			v.Set("p."+p.Name, p.Value)
		}
		if code := d.get("/api/sql.json", v, nil); code != http.StatusOK {
			t.Errorf("query %s: %d", q.Name, code)
		}
	}
}
