//go:build unix

package daemon_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

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
			res, err := shell(script).Run(t.Context(), daemon.SQLRequest{SQL: "select 1", DeadlineMS: 200})
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
	if _, err := shell("exec cat /dev/zero").Run(t.Context(), daemon.SQLRequest{DeadlineMS: 5000}); !errors.Is(err, daemon.ErrSQLOutput) {
		t.Errorf("without an end: %v", err)
	}
	if _, err := shell("echo nonsense").Run(t.Context(), daemon.SQLRequest{}); err == nil {
		t.Error("nonsense was taken for a result")
	}
	if _, err := daemon.NewSQLRunner("/nonexistent/prism").Run(t.Context(), daemon.SQLRequest{}); err == nil {
		t.Error("a program that is not there gave a result")
	}
	if _, err := shell("echo 'the reason' >&2; exit 1").Run(t.Context(), daemon.SQLRequest{}); err == nil || !strings.Contains(err.Error(), "the reason") {
		t.Errorf("a worker that cannot work: %v", err)
	}
	res, err := shell("kill -9 $$").Run(t.Context(), daemon.SQLRequest{})
	if err != nil || res.Problem == nil || !strings.Contains(res.Problem.Message, "more memory or processor time") {
		t.Errorf("a child that was killed: %+v, %v", res, err)
	}
}

func TestTheWorkerGetsNothingOfTheEnvironmentAndItsBoundsInTheRequest(t *testing.T) {
	t.Setenv("PRISM_CANARY", "canary")
	res, err := shell(`read -r q; printf '{"columns":[],"rows":["%s"],"count":1}' "$(tr '\0' ' ' </proc/$$/environ)$PRISM_CANARY$HOME"`).Run(t.Context(), daemon.SQLRequest{})
	if err != nil || strings.Contains(string(res.Rows), "canary") || strings.Contains(string(res.Rows), "HOME") {
		t.Errorf("%s, %v", res.Rows, err)
	}
	for _, c := range []struct {
		q    daemon.SQLRequest
		want string
	}{
		{daemon.SQLRequest{}, `"max_rows":10000,"deadline_ms":10000`},
		{daemon.SQLRequest{MaxRows: 1 << 40, DeadlineMS: 1 << 40}, `"max_rows":10000,"deadline_ms":10000`},
		{daemon.SQLRequest{MaxRows: -1, DeadlineMS: -1}, `"max_rows":10000,"deadline_ms":10000`},
		{daemon.SQLRequest{MaxRows: 5, DeadlineMS: 700}, `"max_rows":5,"deadline_ms":700`},
	} {
		res, err := shell(`printf '{"columns":[],"rows":[%s]}' "$(cat)"`).Run(t.Context(), c.q)
		if err != nil || !strings.Contains(string(res.Rows), c.want) {
			t.Errorf("%+v: %s, %v", c.q, res.Rows, err)
		}
	}
}

func TestFewQueriesRunAtOnceAndWhoGivesUpWaitsNoLonger(t *testing.T) {
	dir := t.TempDir()
	run := shell(`mkdir ` + dir + `/$$; n=$(ls ` + dir + ` | wc -l); sleep 0.2; rmdir ` + dir + `/$$; printf '{"columns":[],"rows":[],"count":%d}' $n`)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			res, err := run.Run(t.Context(), daemon.SQLRequest{})
			if err != nil || res.Count < 1 || res.Count > 2 {
				t.Errorf("%d at once, %v", res.Count, err)
			}
		})
	}
	wg.Wait()
	slow := shell("exec sleep 60")
	ctx, cancel := context.WithCancel(t.Context())
	for range 4 { // two of them wait for a place
		wg.Go(func() {
			if _, err := slow.Run(ctx, daemon.SQLRequest{}); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
		})
	}
	cancel()
	wg.Wait()
}
