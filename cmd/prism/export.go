package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

type exportOptions struct {
	selection
	out string
	by  string
}

func newExport(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export requests|config -o FILE",
		Short: "Write the rows of the ledger, or the configuration, to files",
		Args:  args(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newExportRequests(a), newExportConfig(a))
	return cmd
}

func newExportRequests(a *app) *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "requests -o FILE|DIR",
		Short: "Write the rows of the ledger to files: Parquet, CSV or NDJSON",
		Long: `Export writes the requests with all their columns; where a price was corrected, the corrected
costs. The format is that of --format, else of the name: .parquet, .csv, .ndjson or .jsonl.
With --by day or month one file for each is written into the directory DIR, named for the
local day or month; writing them again replaces them. A file appears whole or not at all.
-o - writes CSV or NDJSON to stdout. CSV is safe to open in a spreadsheet.`,
		Example: `  prism export requests -o requests.parquet
  prism export requests --by month -o ledger/
  prism export requests --since 30d --project shop --format csv -o -`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			return a.export(cmd.Context(), r, o)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.out, "output", "o", "", "the `file`, or with --by the directory; - is stdout")
	f.StringVar(&o.by, "by", "", "one file for each `day|month`")
	o.timeFlags(f)
	o.nameFlags(f)
	return cmd
}

// exportFormats are those that hold a ledger of any size, by the ends of file names.
func exportFormats() map[string]string {
	return map[string]string{".parquet": formatParquet, ".csv": formatCSV, ".ndjson": formatNDJSON, ".jsonl": formatNDJSON}
}

// formatOfExport is what --format says, else the name of the file, else Parquet.
func (a *app) formatOfExport(o exportOptions) (string, error) {
	format := a.format
	if format == "" && o.by == "" {
		format = exportFormats()[strings.ToLower(filepath.Ext(o.out))]
	}
	if format == "" && o.by != "" {
		format = formatParquet
	}
	const fix = "--format parquet|csv|ndjson, or a file that ends with .parquet, .csv or .ndjson"
	switch {
	case a.jq != "" || a.asJSON:
		return "", usagef(fix, "an export is not filtered and not one JSON value")
	case format == "":
		return "", usagef(fix, "in which format?")
	case !slices.Contains([]string{formatParquet, formatCSV, formatNDJSON}, format):
		return "", usagef(fix, "%s is not a format for exports", format)
	case format == formatParquet && o.out == "-":
		return "", usagef("prism export requests -o requests.parquet", "Parquet is not for a pipe")
	}
	return format, nil
}

func (a *app) export(ctx context.Context, r room, o exportOptions) error {
	switch {
	case o.out == "":
		return usagef("prism export requests -o requests.parquet", "where to? -o is missing")
	case o.by != "" && o.by != "day" && o.by != "month":
		return usagef("prism export requests --by day|month -o DIR", "there is no file for each %q", o.by)
	case o.by != "" && o.out == "-":
		return usagef("prism export requests --by "+o.by+" -o DIR", "--by writes several files")
	}
	format, err := a.formatOfExport(o)
	if err != nil {
		return err
	}
	dir, err := a.exportDir(o)
	if err != nil {
		return err
	}
	// Files are made here first: beside their place, so that a rename puts them there.
	tmp, err := os.MkdirTemp(dir, ".prism-export-")
	if err != nil {
		return pathError(dir, err)
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	db, err := a.exporter(ctx, r, tmp)
	if errors.Is(err, errNoLedger) {
		return notFound("prism serve, and send a request through it", "there is no ledger yet")
	}
	if err != nil {
		return err
	}
	defer db.Close()
	e := &export{a: a, db: db, o: o, format: format, dir: dir, tmp: tmp}
	return e.run(ctx)
}

// exportDir is the absolute directory that files are written into; with --by it is made.
func (a *app) exportDir(o exportOptions) (string, error) {
	dir := filepath.Dir(o.out)
	switch {
	case o.out == "-":
		dir = os.TempDir()
	case o.by != "":
		dir = o.out
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return "", pathError(dir, err)
		}
	default:
		if info, err := os.Stat(o.out); err == nil && info.IsDir() {
			return "", usagef("prism export requests -o "+shellQuote(filepath.Join(o.out, "requests.parquet")), "%s is a directory", o.out)
		}
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", pathError(dir, err)
	}
	return abs, nil
}

func pathError(path string, err error) error {
	return notFound("a directory that exists and can be written", "cannot write into %s: %v", path, err)
}

// exportPart is a stretch of time and the number of its rows.
type exportPart struct {
	from, to time.Time
	rows     int64
}

// exportFile is one file and what goes into it: days that follow each other.
type exportFile struct {
	name string
	days []exportPart
}

// rows is how many rows the file will have.
func (f exportFile) rows() int64 {
	var n int64
	for _, d := range f.days {
		n += d.rows
	}
	return n
}

// whole is all of the file's time at once.
func (f exportFile) whole() exportPart {
	last := len(f.days) - 1
	return exportPart{f.days[0].from, f.days[last].to, f.rows()}
}

// stretchRows is how many rows one query returns, unless a day has more: the library holds the
// whole result of a query.
const stretchRows = 20_000

// stretches are the days of the file, put together as far as the memory for them is small. A
// file without rows has one stretch, so that it names its columns.
func (f exportFile) stretches() []exportPart {
	out := []exportPart{}
	for _, d := range f.days {
		if last := len(out) - 1; last >= 0 && out[last].rows+d.rows <= stretchRows {
			out[last].to, out[last].rows = d.to, out[last].rows+d.rows
			continue
		}
		out = append(out, d)
	}
	if len(out) == 0 {
		out = append(out, exportPart{})
	}
	return out
}
