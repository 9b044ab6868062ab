//go:build unix

package daemon_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"prism/internal/admin"
	"prism/internal/daemon"
)

// shell is a worker that does something else than it should.
func shell(script string) *daemon.SQLRunner { return daemon.NewSQLRunner("/bin/sh", "-c", script) }

func TestAQueryThatDoesNotEndIsKilledSoonAfterItsDeadline(t *testing.T) {
	for name, script := range map[string]string{
		"it sleeps":             "exec sleep 60",
		"it ignores all it can": `trap "" TERM INT HUP; while :; do :; done`,
		"it never reads":        "exec sleep 60 <&-",
		"it talks on":           "while :; do sleep 0.05; printf ' '; done",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			res, err := shell(script).Run(t.Context(), admin.QueryBatch{Queries: []admin.Query{{SQL: "select 1"}}, DeadlineMS: 200})
			if err != nil || res.Problem == nil || !strings.Contains(res.Problem.Message, "given up after 200ms") {
				t.Errorf("%+v, %v", res, err)
			}
			if took := time.Since(began); took < 700*time.Millisecond || took > 10*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestAnAnswerThatIsNoneCostsBoundedMemoryAndIsAnError(t *testing.T) {
	if _, err := shell("exec cat /dev/zero").Run(t.Context(), admin.QueryBatch{DeadlineMS: 5000}); !errors.Is(err, daemon.ErrSQLOutput) {
		t.Errorf("without an end: %v", err)
	}
	if _, err := shell("echo nonsense").Run(t.Context(), admin.QueryBatch{}); err == nil {
		t.Error("nonsense was taken for a result")
	}
	if _, err := daemon.NewSQLRunner("/nonexistent/prism").Run(t.Context(), admin.QueryBatch{}); err == nil {
		t.Error("a program that is not there gave a result")
	}
	if _, err := shell("echo 'the reason' >&2; exit 1").Run(t.Context(), admin.QueryBatch{}); err == nil || !strings.Contains(err.Error(), "the reason") {
		t.Errorf("a worker that cannot work: %v", err)
	}
	res, err := shell("kill -9 $$").Run(t.Context(), admin.QueryBatch{})
	if err != nil || res.Problem == nil || !strings.Contains(res.Problem.Message, "more memory or processor time") {
		t.Errorf("a child that was killed: %+v, %v", res, err)
	}
}

func TestTheWorkerGetsNothingOfTheEnvironmentAndItsBoundsInTheRequest(t *testing.T) {
	t.Setenv("PRISM_CANARY", "canary")
	res, err := shell(`read -r q; printf '{"results":[{"columns":[],"rows":["%s"],"count":1}]}' "$(tr '\0' ' ' </proc/$$/environ)$PRISM_CANARY$HOME"`).Run(t.Context(), admin.QueryBatch{})
	if err != nil || strings.Contains(string(res.Results[0].Rows), "canary") || strings.Contains(string(res.Results[0].Rows), "HOME") {
		t.Errorf("%+v, %v", res, err)
	}
	one := func(rows int, deadline int64) admin.QueryBatch {
		return admin.QueryBatch{Queries: []admin.Query{{SQL: "q", MaxRows: rows}}, DeadlineMS: deadline}
	}
	for _, c := range []struct {
		b    admin.QueryBatch
		want string
	}{
		{one(0, 0), `"max_rows":10000}],"deadline_ms":10000`},
		{one(1<<40, 1<<40), `"max_rows":10000}],"deadline_ms":10000`},
		{one(-1, -1), `"max_rows":10000}],"deadline_ms":10000`},
		{one(5, 700), `"max_rows":5}],"deadline_ms":700`},
	} {
		res, err := shell(`printf '{"results":[{"columns":[],"rows":[%s]}]}' "$(cat)"`).Run(t.Context(), c.b)
		if err != nil || !strings.Contains(string(res.Results[0].Rows), c.want) {
			t.Errorf("%+v: %+v, %v", c.b, res, err)
		}
	}
}

func TestAFileIsSentWholeOrNotAtAll(t *testing.T) {
	var got bytes.Buffer
	heads := 0
	export := func(script string, deadline int64) error {
		got.Reset()
		heads = 0
		return shell(script).Export(t.Context(), admin.QueryBatch{Queries: []admin.Query{{SQL: "select 1"}}, Export: "csv", DeadlineMS: deadline}, func(admin.QueryFile) io.Writer {
			heads++
			return &got
		})
	}
	if err := export(`printf '{"rows":1,"bytes":5}\nab\ncd'`, 0); err != nil || got.String() != "ab\ncd" || heads != 1 {
		t.Errorf("%v, %q", err, got.String())
	}
	for name, c := range map[string]struct {
		script, want string
		begun        int
	}{
		"what is wrong with the query": {`echo '{"problem":{"code":"sql_error","message":"the reason"}}'`, "the reason", 0},
		"a worker that says nothing":   {`echo 'the cause' >&2; exit 1`, "the cause", 0},
		"a worker that was killed":     {`kill -9 $$`, "more memory or processor time", 0},
		"a query without an end":       {`exec sleep 60`, "given up after 300ms", 0},
		"nonsense":                     {`echo nonsense`, "answer of the SQL worker", 0},
		"a line without an end":        {`exec cat /dev/zero`, "given up after 300ms", 0},
		"a file beyond the bound":      {`echo '{"bytes":99999999999}'`, "too large", 0},
		"a worker that dies half-way":  {`printf '{"bytes":500}\nab'`, "EOF", 1},
	} {
		if err := export(c.script, 300); err == nil || !strings.Contains(err.Error(), c.want) || heads != c.begun {
			t.Errorf("%s: %v, begun %d times", name, err, heads)
		}
	}
}

func TestFewQueriesRunAtOnceAndWhoGivesUpWaitsNoLonger(t *testing.T) {
	dir := t.TempDir()
	run := shell(`mkdir ` + dir + `/$$; n=$(ls ` + dir + ` | wc -l); sleep 0.2; rmdir ` + dir + `/$$; printf '{"results":[{"columns":[],"rows":[],"count":%d}]}' $n`)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			res, err := run.Run(t.Context(), admin.QueryBatch{})
			if err != nil || res.Results[0].Count < 1 || res.Results[0].Count > 2 {
				t.Errorf("at once: %+v, %v", res, err)
			}
		})
	}
	wg.Wait()
	slow := shell("exec sleep 60")
	ctx, cancel := context.WithCancel(t.Context())
	for range 4 { // two of them wait for a place
		wg.Go(func() {
			if _, err := slow.Run(ctx, admin.QueryBatch{}); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
		})
	}
	cancel()
	wg.Wait()
}
