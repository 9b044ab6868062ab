package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"prism/internal/admin"
	"prism/internal/ledger"
	"prism/internal/ledger/duckdb"
)

func newLedger(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ledger",
		Short: "The files of the ledger: look, check, make anew, let go of what is old",
		Long: `The ledger is a journal, which is the truth, its packed segments in the archive, and a
DuckDB file, which is made of both and can be made anew at any time. These commands work
with and without a gateway that runs.

Tables and views of your own do not belong into the file: they are gone when it is made
anew. Keep them in a file that attaches this one.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newLedgerInfo(a), newLedgerVerify(a), newLedgerRebuild(a), newLedgerCompact(a), newLedgerCollect(a), newLedgerFold(a), newLedgerPath(a))
	return cmd
}

func newLedgerPath(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "path",
		Short: "Where the DuckDB file is",
		Args:  args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			p, err := a.paths()
			if err != nil {
				return err
			}
			return a.show(view{
				object: map[string]string{"path": p.LedgerFile},
				text:   func(w io.Writer) { fmt.Fprintln(w, p.LedgerFile) },
			})
		},
	}
}

func newLedgerFold(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "fold",
		Short: "Move what waits in the journal into the DuckDB file now",
		Args:  args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			res, err := a.fold(cmd.Context(), r)
			if err != nil {
				return a.upkeepError(r, err)
			}
			if res.Holder != "" {
				return busyError("the ledger is held by " + res.Holder + "; nothing is lost, the journal waits")
			}
			for _, n := range res.Notes {
				a.note("note: %s", n)
			}
			return a.show(view{object: res, text: func(w io.Writer) {
				fmt.Fprintln(w, a.text("%s folded, %s packed", plural(res.Rows, "%d rows"), plural(res.Archived, "%d segments")))
			}})
		},
	}
}

func newLedgerInfo(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "info",
		Short: "How large it is, how far back it goes, who holds it",
		Args:  args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			info, err := duckdb.Look(cmd.Context(), a.foldOptions(r))
			if err != nil {
				return ledgerError(r.paths.LedgerFile, err)
			}
			return a.show(view{object: info, text: func(w io.Writer) { a.infoText(w, r, info) }})
		},
	}
}

// foldOptions say which ledger is meant. They carry no price book.
func (a *app) foldOptions(r room) duckdb.FoldOptions {
	return duckdb.FoldOptions{File: r.paths.LedgerFile, JournalDir: r.paths.Journal, ArchiveDir: r.paths.Archive, Now: a.now}
}

// infoWidth is how wide the words are that begin the lines about a ledger.
const infoWidth = 10

func (a *app) infoText(w io.Writer, r room, info duckdb.Info) {
	line := func(name, format string, args ...any) {
		fmt.Fprintln(w, pad(a.said(name), infoWidth, false)+" "+escape(a.text(format, args...), false))
	}
	switch {
	case info.Bytes == 0:
		line("database", "%s, not made yet", a.tilde(info.File))
	case info.Holder != "":
		line("database", "%s, %s, held by %s", a.tilde(info.File), bytesText(info.Bytes), info.Holder)
	default:
		line("database", "%s, %s, %s of it free", a.tilde(info.File), bytesText(info.Bytes), bytesText(info.FreeBytes))
		line("rows", "%s requests, %s corrections, %s config events, %s alerts, %s health events", grouped(info.Counts.Requests),
			grouped(info.Counts.Corrections), grouped(info.Counts.Events), grouped(info.Counts.Alerts), grouped(info.Counts.Health))
		line("from", "%s   to %s", instantText(info.First), instantText(info.Last))
		line("folded", "%s", instantText(info.FoldedAt))
	}
	line("journal", "%s, %s, %s", a.tilde(r.paths.Journal), plural(info.Segments, "%d segments"), bytesText(info.Journal))
	line("archive", "%s, %s, %s", a.tilde(r.paths.Archive), plural(info.Archived, "%d segments"), bytesText(info.Archive))
	keeps := a.text("everything")
	if info.KeepFrom != nil {
		keeps = a.text("everything from %s on", instantText(info.KeepFrom))
	}
	if days := r.settings.Retention.Days(); days > 0 {
		keeps += a.text(", for %d days", days)
	}
	line("kept", "%s", keeps)
}

func instantText(t *time.Time) string {
	if t == nil {
		return unknown
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// bytesText shows a size in the unit that leaves one to three digits before the point.
func bytesText(n int64) string {
	const step = 1024
	if n < step {
		return fmt.Sprintf("%d B", n)
	}
	units := "KMGTP"
	value, unit := n*10/step, 0 // in tenths
	for value >= step*10 && unit < len(units)-1 {
		value /= step
		unit++
	}
	return fmt.Sprintf("%d.%d %ciB", value/10, value%10, units[unit])
}

// running tells whether a gateway serves this ledger.
func (a *app) running(ctx context.Context, r room) bool {
	_, err := r.client.Status(ctx)
	return err == nil
}

// diskBytes is how many bytes the ledger has in all its files.
func diskBytes(opt duckdb.FoldOptions) int64 {
	var sum int64
	if st, err := os.Stat(opt.File); err == nil {
		sum = st.Size()
	}
	list, err := ledger.Segments(opt.JournalDir, opt.ArchiveDir)
	if err != nil {
		return sum // it only measures progress
	}
	for _, s := range list {
		sum += s.Bytes
	}
	return sum
}

func busyError(message string) error {
	return &admin.Error{Code: codeBusy, Message: message, Fix: "close the program that holds it, and try again"}
}

// upkeepError says what is in the way of making the ledger anew.
func (a *app) upkeepError(r room, err error) error {
	switch {
	case errors.Is(err, errNoLedger):
		return notFound("prism serve, or look around first: prism demo", "%v", err)
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, ledger.ErrHorizon):
		return &admin.Error{
			Code: codeInternal, Message: err.Error() + "; it says from when on rows are kept",
			Fix: "prism ledger rebuild; if that does not help restore it from a backup, or remove it: then everything is kept that the archive has",
		}
	case errors.Is(err, duckdb.ErrFewer):
		return &admin.Error{
			Code: codeFewer, Message: err.Error() + "; nothing was changed",
			Fix: "prism ledger verify says what is missing; prism ledger rebuild --force goes on without it",
		}
	}
	if known, is := errors.AsType[*admin.Error](err); is {
		return known
	}
	return ledgerError(r.paths.LedgerFile, err)
}
