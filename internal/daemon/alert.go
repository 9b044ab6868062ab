package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"prism/internal/alert"
)

// queryTimeout bounds all the queries that are due together.
const queryTimeout = time.Minute

// QueryRequest is what an alert worker reads from its standard input, as JSON. It answers with
// a list of [alert.Answer], in the order of the queries.
type QueryRequest struct {
	File    string   `json:"file"`    // the ledger
	Queries string   `json:"queries"` // folder of the named ones
	Ask     []string `json:"ask"`     // names, or SQL
}

// openAlerts makes what watches and what tells. The tally knows which alerts fire.
func (d *Daemon) openAlerts() error {
	rules := make([]alert.Rule, len(d.opt.Settings.Alerts))
	for i, a := range d.opt.Settings.Alerts {
		rules[i] = alert.Rule{Name: a.Name, Query: a.Query, Above: a.Above, Below: a.Below, Every: a.Every, Profile: a.Profile, Then: a.Then}
	}
	var err error
	d.alerts, err = alert.New(alert.Options{Rules: rules, Ask: d.askLedger, Event: d.attend, Last: d.tally.LastAlert, Now: d.opt.Now})
	return err
}

func (d *Daemon) openNotices() error {
	s := d.opt.Settings.Notify
	opt := alert.NotifierOptions{Logger: d.log, Webhook: s.Webhook, Host: hostName()}
	if s.Desktop {
		opt.Desktop = d.showOnDesktop
	}
	var err error
	d.notices, err = alert.NewNotifier(opt)
	return err
}

// showOnDesktop shows a notice, unless somebody who follows does: a tray knows the language, the
// desktop, and whether notices are paused.
func (d *Daemon) showOnDesktop(ctx context.Context, title, text string) error {
	if d.feed.ShownOnDesktop() {
		return nil
	}
	return alert.Desktop(ctx, title, d.inLanguage(text))
}

// inLanguage says a notice in the language of who started the gateway.
func (d *Daemon) inLanguage(text string) string {
	say := d.opt.Lang
	message, fix, mended := strings.Cut(text, "\nfix: ")
	if !mended {
		return say.Translate(message)
	}
	return say.Translate(message) + "\n" + say.Text("fix: %s", say.Translate(fix))
}

// askLedger runs queries on what is recorded up to now. DuckDB lives in a child, as for the
// fold, and the ledger is opened read-only there.
func (d *Daemon) askLedger(ctx context.Context, queries []string) ([]alert.Answer, error) {
	if res, err := d.loop.FoldNow(ctx); err != nil {
		return nil, err
	} else if res.Holder != "" {
		return nil, fmt.Errorf("the ledger is held by %s", res.Holder)
	}
	if d.opt.Query != nil {
		return d.opt.Query(ctx, queries)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the program file: %w", err)
	}
	var answers []alert.Answer
	q := QueryRequest{File: d.opt.Paths.LedgerFile, Queries: d.opt.Paths.Queries, Ask: queries}
	if err := (child{[]string{self, "alert-worker"}, workerEnv(), queryTimeout}).ask(ctx, q, &answers); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return nil, fmt.Errorf("no answer within %s", queryTimeout)
		}
		return nil, err
	}
	return answers, nil
}
