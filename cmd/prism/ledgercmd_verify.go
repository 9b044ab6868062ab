package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"prism/internal/ledger/duckdb"
)

func newLedgerVerify(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Read every byte and compare journal, archive and DuckDB file row by row",
		Long: `Verify reads the whole journal, the whole archive and every block of the DuckDB file, and
compares each row with the record it came from. It changes nothing. It ends with 7 if
something is damaged or differs, and names the place of the first difference.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			opt := a.foldOptions(r)
			bar := a.progressBytes("verify", diskBytes(opt))
			report, err := duckdb.Verify(cmd.Context(), duckdb.VerifyOptions{
				File: opt.File, JournalDir: opt.JournalDir, ArchiveDir: opt.ArchiveDir, Prices: a.foldPrices(r),
				Growing: a.running(cmd.Context(), r), Progress: bar.add,
			})
			bar.done()
			if err != nil {
				return a.upkeepError(r, err)
			}
			if err := a.show(view{object: report, text: func(w io.Writer) { a.verifyText(w, report) }}); err != nil {
				return err
			}
			if !report.Sound() {
				return quietError{codeUnhealthy}
			}
			return nil
		},
	}
}

// shownFindings is how many findings people want to read.
const shownFindings = 10

func (a *app) verifyText(w io.Writer, report *duckdb.Report) {
	fmt.Fprintln(w, a.text("journal    %s, archive %s: %s intact, %s not folded yet", plural(report.Segments, "%d segments"), plural(report.Archived, "%d segments"),
		plural(int(report.Records), "%d records"), grouped(report.Waiting)))
	rows := a.text("its rows were not compared")
	if report.Compared {
		rows = a.text("compared %s requests, %s corrections, %s config events, %s alerts, %s health events", grouped(report.Rows["requests"]),
			grouped(report.Rows["corrections"]), grouped(report.Rows["config_events"]), grouped(report.Rows["alerts"]), grouped(report.Rows["health_events"]))
	}
	fmt.Fprintln(w, a.text("database   %s; %s", plural(int(report.Blocks), "%d blocks"), rows))
	for _, n := range report.Notes {
		fmt.Fprintln(w, escape(a.text("note       %s", a.said(n)), false))
	}
	if report.Sound() {
		fmt.Fprintln(w, a.text("sound"))
		return
	}
	fmt.Fprintf(w, "\n%s\n", plural(int(report.Count), "%d findings").In(a.lang))
	for i, f := range report.Findings {
		if i == shownFindings {
			fmt.Fprintln(w, "   "+a.text("and %d more; --json has the first %d", report.Count-shownFindings, len(report.Findings)))
			break
		}
		fmt.Fprintln(w, "   "+escape(a.findingText(f), false))
	}
	fmt.Fprintln(w, a.fixText(verifyFix(report)))
}

// findingText is one line: where, then what.
func (a *app) findingText(f duckdb.Finding) string {
	var b strings.Builder
	b.WriteString(a.said(f.Store))
	if f.File != "" {
		b.WriteString(" " + filepath.Base(f.File))
	}
	if f.Offset >= 0 {
		b.WriteString(a.text(", byte %d", f.Offset))
	}
	if f.Table != "" {
		b.WriteString(a.text(", table %s", f.Table))
	}
	if f.Row >= 0 {
		b.WriteString(a.text(", row %d", f.Row))
	}
	if f.RequestID != "" {
		b.WriteString(a.text(", request %s", f.RequestID))
	}
	if f.Column != "" {
		b.WriteString(a.text(", column %s: journal %s, database %s", f.Column, excerpt(f.Journal), excerpt(f.Database)))
		return b.String()
	}
	b.WriteString(": " + a.said(f.What))
	return b.String()
}

// excerpt keeps a long value from filling the screen.
func excerpt(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// verifyFix depends on where the truth is still whole.
func verifyFix(report *duckdb.Report) string {
	stores := map[string]bool{}
	for _, f := range report.Findings {
		stores[f.Store] = true
	}
	torn := stores[duckdb.StoreJournal] || stores[duckdb.StoreArchive]
	switch {
	case !torn:
		return "prism ledger rebuild; where that would lose rows, restore what journal and archive lack from a backup"
	case report.Compared && !stores[duckdb.StoreDatabase]:
		return "restore the damaged file from a backup; until then keep the DuckDB file, which has what it lacks"
	default:
		return "restore the damaged files from a backup; else prism ledger rebuild saves every intact record"
	}
}
