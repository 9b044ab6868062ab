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
	fmt.Fprintf(w, "journal    %s, archive %s: %s intact, %s not folded yet\n", plural(report.Segments, "segment"), plural(report.Archived, "segment"),
		plural(int(report.Records), "record"), grouped(report.Waiting))
	rows := "its rows were not compared"
	if report.Compared {
		rows = fmt.Sprintf("compared %s requests, %s corrections, %s config events, %s alerts, %s health events", grouped(report.Rows["requests"]),
			grouped(report.Rows["corrections"]), grouped(report.Rows["config_events"]), grouped(report.Rows["alerts"]), grouped(report.Rows["health_events"]))
	}
	fmt.Fprintf(w, "database   %s; %s\n", plural(int(report.Blocks), "block"), rows)
	for _, n := range report.Notes {
		fmt.Fprintln(w, "note       "+escape(n, false))
	}
	if report.Sound() {
		fmt.Fprintln(w, "sound")
		return
	}
	fmt.Fprintf(w, "\n%s\n", plural(int(report.Count), "finding"))
	for i, f := range report.Findings {
		if i == shownFindings {
			fmt.Fprintf(w, "   and %d more; --json has the first %d\n", report.Count-shownFindings, len(report.Findings))
			break
		}
		fmt.Fprintln(w, "   "+escape(a.findingText(f), false))
	}
	fmt.Fprintln(w, "fix: "+verifyFix(report))
}

// findingText is one line: where, then what.
func (a *app) findingText(f duckdb.Finding) string {
	var b strings.Builder
	b.WriteString(f.Store)
	if f.File != "" {
		b.WriteString(" " + filepath.Base(f.File))
	}
	if f.Offset >= 0 {
		fmt.Fprintf(&b, ", byte %d", f.Offset)
	}
	if f.Table != "" {
		fmt.Fprintf(&b, ", table %s", f.Table)
	}
	if f.Row >= 0 {
		fmt.Fprintf(&b, ", row %d", f.Row)
	}
	if f.RequestID != "" {
		fmt.Fprintf(&b, ", request %s", f.RequestID)
	}
	if f.Column != "" {
		fmt.Fprintf(&b, ", column %s: journal %s, database %s", f.Column, excerpt(f.Journal), excerpt(f.Database))
		return b.String()
	}
	b.WriteString(": " + f.What)
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
