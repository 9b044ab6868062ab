package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"prism/internal/ledger"
	"prism/internal/pricing"
)

// FoldRequest is what a fold worker reads from its standard input, as JSON. It answers with a
// [ledger.FoldResult] on its standard output.
type FoldRequest struct {
	File    string        `json:"file"`
	Journal string        `json:"journal"`
	Archive string        `json:"archive"`
	Prices  []pricing.Row `json:"prices"`
	Days    int           `json:"days,omitempty"` // rows that are older are let go of, once a day; 0 = none are
}

// Worker folds in a child process. DuckDB ends its process when one of its assertions fails,
// and it keeps tens of megabytes: neither is to happen to the process that serves.
type Worker struct {
	Command []string // program and arguments of the child
	Request func() FoldRequest
	Timeout time.Duration // default five minutes: a rebuild of a large ledger takes its time
}

var _ ledger.Folder = (*Worker)(nil)

const (
	foldTimeout = 5 * time.Minute
	// A retention writes the whole database anew.
	collectTimeout = 30 * time.Minute
)

// maxWorkerError bounds what is kept of a child's complaint.
const maxWorkerError = 400

// Fold implements [ledger.Folder].
func (w *Worker) Fold(ctx context.Context) (ledger.FoldResult, error) {
	limit := w.Timeout
	if limit == 0 {
		limit = foldTimeout
	}
	q := w.Request()
	if q.Days > 0 {
		limit = max(limit, collectTimeout)
	}
	var res ledger.FoldResult
	if err := (child{w.Command, workerEnv(), limit}).ask(ctx, q, &res); err != nil {
		return res, fmt.Errorf("fold: %w", err)
	}
	if res.Err != "" {
		return res, errors.New(res.Err) // it says that it is about a fold
	}
	return res, nil
}

// workerEnv is the environment without what a worker has no business with: keys of sops and
// of providers.
func workerEnv() []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		switch name {
		case "PATH", "HOME", "TMPDIR", "TZ", "LANG", "LC_ALL", "SystemRoot", "TEMP", "TMP":
			env = append(env, kv)
		}
	}
	return env
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	if i := strings.LastIndexByte(s, '\n'); i >= 0 {
		s = s[i+1:]
	}
	if len(s) > maxWorkerError {
		s = s[:maxWorkerError]
	}
	return s
}
