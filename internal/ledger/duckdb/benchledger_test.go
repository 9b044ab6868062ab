package duckdb

import (
	"context"
	_ "embed" // the generator
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"prism/internal/ledger"
	"prism/internal/stream"
)

//go:embed testdata/bench.sql
var benchSQL string

// What `make bench-ledger` sets.
const (
	benchRows  = "PRISM_BENCH_ROWS"  // rows of the large ledger
	benchDir   = "PRISM_BENCH_DIR"   // keeps the large ledger, and finds it again
	benchQuery = "PRISM_BENCH_QUERY" // set for the child that runs one query
	benchFile  = "PRISM_BENCH_FILE"
)

// answerWithin is what each of the questions of a day may take from a cold open.
const answerWithin = 500 * time.Millisecond

// timing is what a child measured.
type timing struct {
	Open, Query, CPU time.Duration
	Rows             int
}

// TestBenchQuery is the child: a process that opens the ledger, asks one question and ends.
func TestBenchQuery(t *testing.T) {
	query := os.Getenv(benchQuery)
	if query == "" {
		t.Skip("the child of TestBenchLedger")
	}
	began := time.Now()
	db, err := OpenReader(t.Context(), os.Getenv(benchFile), ReaderOptions{TimeZone: "Europe/Berlin"})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	opened := time.Now()
	_, rows, err := Query(t.Context(), db, query, nil)
	if err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(timing{opened.Sub(began), time.Since(opened), cpu(t), len(rows)})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("timing %s\n", out)
}

// ask runs one query in a process of its own.
func ask(t *testing.T, file, query string) timing {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestBenchQuery$", "-test.v")
	child.Env = append(os.Environ(), benchQuery+"="+query, benchFile+"="+file)
	out, err := child.CombinedOutput()
	_, text, found := strings.Cut(string(out), "timing ")
	if err != nil || !found {
		t.Fatalf("%s: %v\n%s", query, err, out)
	}
	line, _, _ := strings.Cut(text, "\n")
	var took timing
	if err := json.Unmarshal([]byte(line), &took); err != nil {
		t.Fatal(err)
	}
	return took
}

// TestBenchLedger measures what `make bench-ledger` prints, and fails where a question of a day takes longer than it may.
func TestBenchLedger(t *testing.T) {
	rows, err := strconv.Atoi(os.Getenv(benchRows))
	if err != nil || os.Getenv(benchQuery) != "" {
		t.Skip("make bench-ledger runs it")
	}
	file := largeLedger(t, rows)
	t.Logf("%d rows in one file: %.0f bytes per row", rows, float64(size(t, file))/float64(rows))
	t.Log("\n" + askAll(t, file))
	foldThroughput(t, min(rows, 300_000))
}

// TestLargeLedger only makes the file that `make browser-large` measures.
func TestLargeLedger(t *testing.T) {
	rows, err := strconv.Atoi(os.Getenv(benchRows))
	if err != nil || os.Getenv(benchDir) == "" {
		t.Skip("make browser-large runs it")
	}
	t.Log(largeLedger(t, rows))
}

// questions are timed, in this order; those that are marked must be answered in time.
func questions() []struct {
	query  string
	strict bool
} {
	return []struct {
		query  string
		strict bool
	}{
		{`select count(*) from requests where started_at >= current_date - 30`, false},
		{`from spend(since := current_date - 30, grain := 'day', by_col := 'model')`, true},
		{`from latency(since := current_date - 30)`, true},
		{`from blocks(since := current_date - 30)`, true},
		{`from sessions(since := current_date - 30)`, true},
		{`from cache_efficiency(since := current_date - 30)`, false},
		{`from cache_breaks(since := current_date - 30)`, false},
		{`from cache_counting(since := current_date - 30)`, false},
		{`from repriced(since := current_date - 30)`, false},
		{`from what_if('kimi-k3', 'moonshot', since := current_date - 30)`, false},
		{`from spend(since := date '2000-01-01', grain := 'month', by_col := 'model')`, false},
		{`select sum(cost_usd) from priced where git_branch = 'feature/7'`, false},
	}
}

// askAll returns a table: the median of five processes for each question.
func askAll(t *testing.T, file string) string {
	t.Helper()
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "open ms\tquery ms\tboth\tworst\tcpu ms\tx scan\trows\t  query\n")
	var scan time.Duration
	for _, q := range questions() {
		var all []timing
		for range 5 {
			all = append(all, ask(t, file, q.query))
		}
		slices.SortFunc(all, func(a, b timing) int { return int(a.Open + a.Query - b.Open - b.Query) })
		mid, worst := all[2], all[4]
		if scan == 0 {
			scan = mid.Query
		}
		fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%d\t%.0f\t%d\t  %s\n", mid.Open.Milliseconds(), mid.Query.Milliseconds(), (mid.Open + mid.Query).Milliseconds(),
			(worst.Open + worst.Query).Milliseconds(), mid.CPU.Milliseconds(), float64(mid.Query)/float64(scan), mid.Rows, q.query)
		if q.strict && mid.Open+mid.Query > answerWithin {
			t.Errorf("%s took %v, more than %v", q.query, mid.Open+mid.Query, answerWithin)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// largeLedger makes the file, or takes the one that an earlier run has kept; the views are the present ones in any case.
func largeLedger(t *testing.T, rows int) string {
	t.Helper()
	h := newHome(t)
	if dir := os.Getenv(benchDir); dir != "" {
		h.opt.File = filepath.Join(dir, fmt.Sprintf("ledger-%d.duckdb", rows))
	}
	settings := guards + `set threads = 2; set memory_limit = '4GB'; set TimeZone = 'UTC';`
	_, err := os.Stat(h.opt.File)
	made := err == nil
	if !made {
		_, h.opt.Prices = priceBook(t)
		h.fold()
	}
	db, err := connect(t.Context(), h.opt.File, settings)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	statements := []string{viewsSQL}
	if !made {
		statements = append(statements, fmt.Sprintf(`set variable n = %d; set variable until = now();`, rows), benchSQL,
			`update ledger_meta set requests = (select count(*) from requests) where fold = (select max(fold) from ledger_meta)`) // else a gateway takes the file for a damaged one
	}
	for _, statement := range append(statements, "checkpoint") {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return h.opt.File
}

func size(t *testing.T, path string) (n int64) {
	t.Helper()
	err := filepath.WalkDir(path, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		st, err := d.Info()
		if err == nil {
			n += st.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// workday is an exchange of a working day: its ids are as long and as random as real ones, its session is one of four at a time.
func workday(n int) *ledger.Entry {
	session := n/160*4 + n%4
	read, written := stream.Count(22_000+n/4%40*900), stream.Count(900+n%211)
	e := costs(turn(n, "00:00:00", fmt.Sprintf("%08x-aaaa-4bbb-8ccc-%012x", uint32(session)*2654435761, uint64(session)*11400714819323198485>>16),
		tokens(stream.Count(12+n%40), read, written, 0, stream.Count(120+n%1777))), 600_000, 66_000_000, 33_750_000, 150_000_000, 0, 690_000_000)
	e.RequestID = fmt.Sprintf("01K%07d%016X", n, uint64(n+1)*0x9E3779B97F4A7C15)
	e.StartedAt = noon.Add(time.Duration(n) * 3 * time.Second)
	e.EndedAt = e.StartedAt.Add(time.Duration(3000+n%20_000) * time.Millisecond)
	e.Generation, e.HostName, e.GatewayVersion, e.ClientName, e.ClientVersion = uint64(n/5000), "box", "0.3.0", "claude-cli", "2.1.330"
	e.Project, e.Cwd, e.GitBranch = fmt.Sprintf("p%02d", session%23), fmt.Sprintf("/home/alice/src/p%02d", session%23), fmt.Sprintf("feature/%d", session%97)
	e.ServerAddress, e.RouteReason, e.RequestClass, e.StopReason, e.ServiceTier = "api.anthropic.com:443", "active", "main", "tool_use", "standard"
	e.ResponseID = fmt.Sprintf("msg_01%016x%06x", uint64(n+1)*0xC2B2AE3D27D4EB4F, n)
	e.UpstreamRequestID = fmt.Sprintf("req_01%016x%06x", uint64(n+1)*0x165667B19E3779F9, n)
	e.Stream, e.MaxTokens, e.OverheadUS, e.TTFBMS, e.TTFTMS, e.LongestGapMS = true, 32000, stream.Count(120+n%200), stream.Count(300+n%900), stream.Count(400+n%900), stream.Count(40+n%900)
	e.DurationMS, e.RequestBytes, e.ResponseBytes = stream.Count(3000+n%20_000), stream.Count(30_000+n%160_000), stream.Count(9000+n%90_000)
	e.UsageRaw = fmt.Appendf(nil, `{"input_tokens":%d,"cache_creation_input_tokens":%d,"cache_read_input_tokens":%d,"cache_creation":{"ephemeral_5m_input_tokens":%d,"ephemeral_1h_input_tokens":0},"output_tokens":%d,"service_tier":"standard"}`,
		e.Usage.Input, written, read, written, e.Usage.Output)
	e.Attempts = []ledger.Attempt{{
		N: 1, Profile: "work", ServerAddress: e.ServerAddress, Model: e.UpstreamModel, StartedAt: e.StartedAt, HTTPStatus: 200, TTFBMS: e.TTFBMS,
		DurationMS: e.DurationMS, Outcome: "ok", Usage: e.Usage, CostList: e.CostList,
	}}
	return e
}

// accepted is what is known of an exchange before it is sent.
func accepted(e *ledger.Entry) *ledger.Entry {
	o := &ledger.Entry{}
	o.Reset()
	o.RequestID, o.StartedAt, o.Source, o.Generation, o.HostName, o.GatewayVersion = e.RequestID, e.StartedAt, e.Source, e.Generation, e.HostName, e.GatewayVersion
	o.SessionID, o.ClientName, o.ClientVersion, o.RequestClass, o.Project, o.Cwd, o.GitBranch = e.SessionID, e.ClientName, e.ClientVersion, e.RequestClass, e.Project, e.Cwd, e.GitBranch
	o.Profile, o.Provider, o.ServerAddress, o.RouteReason, o.Operation = e.Profile, e.Provider, e.ServerAddress, e.RouteReason, e.Operation
	o.RequestModel, o.UpstreamModel, o.Stream, o.MaxTokens, o.RequestBytes = e.RequestModel, e.UpstreamModel, e.Stream, e.MaxTokens, e.RequestBytes
	return o
}

// foldThroughput writes a journal as the gateway does, three records an exchange, and folds it.
func foldThroughput(t *testing.T, rows int) {
	t.Helper()
	h := newHome(t)
	h.fold() // makes the file
	empty := size(t, h.opt.File)
	for n := range rows {
		e := workday(n)
		begun := accepted(e)
		first := *begun
		first.Usage, first.UsageSource, first.ResponseModel = e.Usage, ledger.UsagePartial, e.ResponseModel
		if err := errors.Join(h.journal.Open(begun), h.journal.Usage(&first), h.journal.Close(e)); err != nil {
			t.Fatal(err)
		}
	}
	h.reopen(ledger.JournalOptions{}) // so that the last segment is finished, and is packed with the others
	journal := size(t, h.opt.JournalDir)
	began, before := time.Now(), cpu(t)
	res, err := Fold(context.Background(), h.opt)
	took, spent := time.Since(began), cpu(t)-before
	if err != nil || res.Rows != rows {
		t.Fatalf("folded %d rows of %d, %v", res.Rows, rows, err)
	}
	each := func(n int64) float64 { return float64(n) / float64(rows) }
	t.Logf("fold of %d exchanges: %.0f rows/s (%v, %.1f µs of processor time each), packing of %d segments included",
		rows, float64(rows)/took.Seconds(), took.Round(time.Millisecond), float64(spent.Microseconds())/float64(rows), res.Archived)
	t.Logf("bytes per exchange: journal %.0f, archive %.0f, DuckDB %.0f", each(journal), each(size(t, h.opt.ArchiveDir)), each(size(t, h.opt.File)-empty))
}
