package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"prism/internal/admin"
)

type statusOptions struct {
	check bool
	watch bool
}

func newStatus(a *app) *cobra.Command {
	var o statusOptions
	cmd := &cobra.Command{
		Use:   "status",
		Short: "The gateway: active profile, health, spend of the day, file, ledger",
		Long: `Status asks the running gateway how it is. --check prints the same and ends with 7 if
profiles.yaml was refused, entries are lost or the active profile fails.

--format waybar|swiftbar|tmux|polybar is for the bars of desktops and terminals: it never fails
and answers at once. With --watch it prints whenever something has changed. docs/desktop.md shows
how they are set up.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.format == formatSwiftbar {
				limit := barLimit
				if o.watch {
					limit = localeLimit
				}
				a.speakAsDesktop(cmd.Context(), limit, runtime.GOOS, appleLocale()...)
			}
			if slices.Contains(barFormats(), a.format) {
				a.statusBar(cmd.Context(), o.watch)
				return nil
			}
			if o.watch {
				return a.watchStatus(cmd, o)
			}
			return a.status(cmd, o)
		},
	}
	cmd.Flags().BoolVar(&o.check, "check", false, "fail with 7 if something is wrong")
	cmd.Flags().BoolVar(&o.watch, "watch", false, "print it again every two seconds")
	return cmd
}

func (a *app) watchStatus(cmd *cobra.Command, o statusOptions) error {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		if a.outTTY {
			fmt.Fprint(a.out, "\x1b[H\x1b[2J")
		}
		if err := a.status(cmd, o); err != nil {
			return err
		}
		select {
		case <-cmd.Context().Done():
			return nil
		case <-tick.C:
		}
	}
}

func (a *app) status(cmd *cobra.Command, o statusOptions) error {
	r, err := a.room(cmd)
	if err != nil {
		return err
	}
	st, err := r.client.Status(cmd.Context())
	if err != nil {
		return err
	}
	var windows []planWindow
	if !o.check {
		windows = a.windowsNow(cmd.Context(), r)
		// Looking at the ledger has folded what waited.
		if st, err = r.client.Status(cmd.Context()); err != nil {
			return err
		}
	}
	if err := a.show(a.statusView(st, windows)); err != nil {
		return err
	}
	if wrong := a.illness(st); o.check && wrong != "" {
		a.note("unhealthy: %s", wrong)
		return quietError{codeUnhealthy}
	}
	return nil
}

// illness names the first thing that somebody should look after; "" = none.
func (a *app) illness(st admin.Status) string {
	switch {
	case !st.File.OK:
		return a.text("profiles.yaml was refused")
	case st.Ledger.Degraded != "":
		return a.text("the journal cannot be written: %s", st.Ledger.Degraded)
	case st.Ledger.Dropped > 0:
		return a.text("%s lost", plural(int(st.Ledger.Dropped), "%d entries"))
	}
	for _, p := range st.Profiles {
		if wrong := a.ailment(p); p.Name == st.Active && wrong != "" {
			return a.text("the active profile %s", wrong)
		}
	}
	return ""
}

func money(d *string) cell {
	if d == nil {
		return centsCell("")
	}
	return centsCell(*d)
}

// windowsNow asks the ledger for the windows that run, as far as it answers: a status is never
// late for want of them. What the gateway has heard since comes on top.
func (a *app) windowsNow(ctx context.Context, r room) []planWindow {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	var windows []planWindow
	if db, err := a.reader(ctx, r); err == nil {
		defer db.Close()
		windows, _ = planWindows(ctx, db, a.now())
	}
	if l, err := r.client.Live(ctx, 0); err == nil {
		windows = withReported(windows, l.Windows, a.now())
	}
	return windows
}

func (a *app) statusView(st admin.Status, windows []planWindow) view {
	v := view{columns: []column{
		{name: "profile"},
		{name: "active"},
		{name: "host"},
		{name: "health"},
		{name: "last_ok", spare: true},
		{name: "ttft_p95_ms", head: "TTFT P95", right: true},
		{name: "errors_1h", head: "ERR 1H", right: true},
		{name: "requests_1h", head: "REQ 1H", right: true},
		{name: "in_flight", right: true, spare: true},
		{name: "today", right: true},
	}}
	for _, p := range st.Profiles {
		mark := cell{"", false}
		if p.Name == st.Active {
			mark = cell{"*", true}
		}
		lastOK := cell{unknown, nil}
		if p.LastOK != nil {
			lastOK = cell{ago(a.now(), *p.LastOK).In(a.lang), p.LastOK.UTC().Format(time.RFC3339)}
		}
		inFlight := int64(p.InFlight)
		v.rows = append(v.rows, []cell{
			textCell(p.Name), mark, textCell(hostOf(p.Origin)), textAs(a.health(p, true), a.english().health(p, true)), lastOK,
			msCell(countOf(p.TTFTP95MS)), countCell(&p.Errors1h), countCell(&p.Requests1h), countCell(&inFlight), a.dayCell(p, st.Budgets),
		})
	}
	v.object = struct {
		admin.Status
		Windows []windowJSON `json:"windows"`
	}{st, windowsJSON(windows)}
	table := v
	v.text = func(w io.Writer) { a.writeStatus(w, st, table, windows) }
	return v
}

// dayCell is what a profile has cost today, and of how much, where its day has a limit.
func (a *app) dayCell(p admin.ProfileStatus, budgets []admin.BudgetStatus) cell {
	if p.Today.Requests == 0 {
		return cell{unknown, nil}
	}
	c := money(p.Today.CostUSD)
	for _, b := range budgets {
		if b.Scope == "profile:"+p.Name && b.Per == "day" {
			c.text = a.text("%s of %s", c.text, dollars(b.LimitUSD, 2))
			break
		}
	}
	return c
}

func (a *app) writeStatus(w io.Writer, st admin.Status, table view, windows []planWindow) {
	line := func(format string, args ...any) { fmt.Fprintln(w, escape(a.text(format, args...), false)) }
	at := a.text("gateway http://%s", st.Listen)
	if st.Dashboard != "" {
		at += "   " + a.text("dashboard http://%s", st.Dashboard)
	}
	line("● running %s   pid %d   %s   %s", span(a.now().Sub(st.StartedAt)), st.PID, at, st.Version)
	if st.OtherBuild {
		line("build    the program on the disk is another build than the one that runs   fix: prism restart")
	}
	line("active   %s   from %s   generation %d", a.activeLine(st), a.tilde(st.ActiveFrom), st.Generation)
	fmt.Fprintln(w, a.render(table, formatTable))
	for _, p := range st.Profiles {
		for _, text := range a.healthLines(p) {
			line("%s", text)
		}
	}
	if text := a.todayText(st.Today); text != "" {
		line("today    %s", text)
	}
	for _, win := range windows {
		line("5h       %s", a.windowText(win))
	}
	for _, b := range st.Budgets {
		line("budget   %s", a.budgetText(b))
	}
	for _, al := range st.Alerts {
		if al.State == admin.AlertFiring || al.State == admin.AlertFailed {
			line("alert    %s", a.alertText(al))
		}
	}
	line("requests %s since the start   %d in flight   %d refused", grouped(st.Requests), st.InFlight, st.Refused)
	a.writeFileStatus(w, st)
	line("%s", a.ledgerLine(st.Ledger))
	if len(st.Unpriced) > 0 {
		names, more := st.Unpriced, ""
		if n := len(names) - maxUnpriced; n > 0 {
			names, more = names[:maxUnpriced], a.text(" and %d more", n)
		}
		line("unpriced %s%s   fix: prism prices", strings.Join(names, ", "), more)
	}
}

func (a *app) activeLine(st admin.Status) string {
	parts := []string{st.Active}
	for _, p := range st.Profiles {
		if p.Name != st.Active {
			continue
		}
		parts = append(parts, hostOf(p.Origin))
		if p.KeyMasked != "" {
			parts = append(parts, a.text("key %s", p.KeyMasked))
		}
		if p.Pinned {
			parts = append(parts, a.text("pinned"))
		}
	}
	return strings.Join(parts, "   ")
}

func (a *app) writeFileStatus(w io.Writer, st admin.Status) {
	f := st.File
	word := a.text("ok")
	if !f.OK {
		word = a.text("REFUSED; generation %d goes on", st.Generation)
	}
	watching := a.text("watching %s", plural(len(f.Dirs), "%d directories"))
	text := a.text("file     %s   %s   sha %s   %s", word, f.LoadedAt.Local().Format(time.TimeOnly), firstRunes(f.Hash, 4), watching)
	if f.Mode != "inotify" {
		text += "   watch=" + f.Mode
	}
	fmt.Fprintln(w, escape(text, false))
	if len(f.Problems) > 0 {
		fmt.Fprint(w, escape(a.problemsText(f.Problems), true))
	}
}

func firstRunes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "…"
}

func (a *app) ledgerLine(l admin.LedgerStatus) string {
	switch {
	case l.Degraded != "":
		return a.text("ledger   DEGRADED: %s; %s lost", l.Degraded, plural(int(l.Dropped), "%d entries"))
	case l.Holder != "":
		return a.text("ledger   waiting: %s is held by %s; %s in the journal, nothing is lost", a.tilde(l.File), l.Holder, plural(int(l.Waiting), "%d entries"))
	case l.FoldError != "":
		return a.text("ledger   waiting: %s; %s in the journal, nothing is lost", l.FoldError, plural(int(l.Waiting), "%d entries"))
	}
	return a.text("ledger   ok   folded %s   %s waiting in the journal", ago(a.now(), l.LastFold), plural(int(l.Waiting), "%d entries"))
}

// hostOf drops the port that the scheme implies, and the scheme where it is https.
func hostOf(origin string) string {
	if host, ok := strings.CutPrefix(origin, "https://"); ok {
		return strings.TrimSuffix(host, ":443")
	}
	return strings.TrimPrefix(origin, "http://")
}
