package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"prism/internal/admin"
)

// Ledger answers queries about what was recorded. What is wrong with the ledger or with a query stands
// in the answer; an error is a fault of the gateway.
type Ledger interface {
	Ask(ctx context.Context, b admin.QueryBatch) (admin.QueryAnswer, error)
	Export(ctx context.Context, b admin.QueryBatch, to func(admin.QueryFile) io.Writer) error
}

// DataOptions says what [Data] answers from. Pages and Typed are needed.
type DataOptions struct {
	Pages Ledger // for what the pages show
	Typed Ledger // for queries that people write, and for downloads: they must not keep the pages waiting

	File   string              // of the ledger, for people who open it with other programs
	Zone   string              // decides where a day ends, such as Europe/Berlin; "" = UTC
	Redact func([]byte) []byte // takes keys out of answers and files, Parquet excepted; nil = there are none

	// Budgets says how far each budget is used up; nil = there are none.
	Budgets func() []admin.BudgetStatus
	// Queries are the named queries; nil = there are none.
	Queries func() ([]admin.NamedQuery, error)
	Now     func() time.Time // nil = time.Now
}

// Data answers what the pages ask of the ledger. Each question is a few queries in one child process:
// the gateway itself never opens the database. It is safe for concurrent use.
type Data struct {
	opt  DataOptions
	zone *time.Location
	kept *keeper
}

// NewData returns Data; [Data.Close] ends what it does.
func NewData(opt DataOptions) (*Data, error) {
	if opt.Pages == nil || opt.Typed == nil {
		return nil, errors.New("dashboard: Pages and Typed are needed")
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Zone == "" {
		opt.Zone = time.UTC.String()
	}
	zone, err := time.LoadLocation(opt.Zone)
	if err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	return &Data{opt: opt, zone: zone, kept: newKeeper(opt.Now)}, nil
}

// Close ends the questions that are being answered, and waits for them.
func (d *Data) Close() { d.kept.close() }

// Register adds the paths of the data to those of the pages.
func (d *Data) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/requests", d.answered(d.requests))
	mux.HandleFunc("GET /api/facets", d.answered(d.facets))
	mux.HandleFunc("GET /api/requests/{id}", d.answered(d.detail))
	mux.HandleFunc("GET /api/request", d.answered(d.detail)) // ids of imports may hold anything
	mux.HandleFunc("GET /api/hours", d.answered(d.hours))
	mux.HandleFunc("GET /api/spend", d.answered(d.spend))
	mux.HandleFunc("GET /api/whatif", d.answered(d.whatIf))
	mux.HandleFunc("GET /api/sql/schema", d.answered(d.schema))
	mux.HandleFunc("GET /api/sql/explain", d.answered(d.explain))
	mux.HandleFunc("GET /api/queries", d.queries)
	for _, format := range []string{"csv", "json", "parquet"} {
		mux.HandleFunc("GET /api/requests."+format, d.requestsFile(format))
	}
	d.RegisterSQL(mux, "/api/sql")
}

// RegisterSQL adds the paths that run a query under a prefix: they are those of the control socket too.
func (d *Data) RegisterSQL(mux *http.ServeMux, prefix string) {
	mux.HandleFunc("GET "+prefix+".json", d.sqlJSON)
	mux.HandleFunc("GET "+prefix+".csv", d.sqlFile("csv"))
	mux.HandleFunc("GET "+prefix+".parquet", d.sqlFile("parquet"))
}

// raw is a value as the ledger gave it: an amount stays the exact decimal that it is.
type raw = json.RawMessage

// ask runs queries for a page. A result whose query failed is an error, unless the query had a limit
// of its own.
func (d *Data) ask(ctx context.Context, deadline time.Duration, queries []admin.Query) ([]admin.QueryResult, error) {
	a, err := d.opt.Pages.Ask(ctx, admin.QueryBatch{TimeZone: d.opt.Zone, Queries: queries, DeadlineMS: deadline.Milliseconds()})
	if err != nil {
		return nil, err
	}
	if a.Problem != nil {
		return nil, a.Problem
	}
	if len(a.Results) != len(queries) {
		return nil, fmt.Errorf("dashboard: %d results of %d queries", len(a.Results), len(queries))
	}
	for i, q := range queries {
		if p := a.Results[i].Problem; p != nil && q.LimitMS == 0 && q.Series == nil {
			return nil, p
		}
	}
	return a.Results, nil
}

// missed tells whether a query brought nothing: it was skipped, or given up.
func missed(res *admin.QueryResult) bool { return res.Skipped || res.Problem != nil }

// rowsOf reads the rows of a result.
func rowsOf(res *admin.QueryResult) ([][]raw, error) {
	var rows [][]raw
	if missed(res) {
		return nil, nil
	}
	if err := json.Unmarshal(res.Rows, &rows); err != nil {
		return nil, fmt.Errorf("dashboard: rows of a result: %w", err)
	}
	for _, row := range rows {
		if len(row) != len(res.Columns) {
			return nil, fmt.Errorf("dashboard: %d values of %d columns", len(row), len(res.Columns))
		}
	}
	return rows, nil
}

// objectsOf reads the rows of a result as objects with the columns in their order.
func objectsOf(res *admin.QueryResult) ([]raw, error) {
	rows, err := rowsOf(res)
	if err != nil {
		return nil, err
	}
	names := make([][]byte, len(res.Columns))
	for i, c := range res.Columns {
		if names[i], err = json.Marshal(c.Name); err != nil {
			return nil, fmt.Errorf("dashboard: name of a column: %w", err)
		}
	}
	objects := make([]raw, len(rows))
	for i, row := range rows {
		objects[i] = objectOf(names, row)
	}
	return objects, nil
}

func objectOf(names [][]byte, row []raw) raw {
	object := []byte{'{'}
	for i := range row {
		if i > 0 {
			object = append(object, ',')
		}
		object = append(append(append(object, names[i]...), ':'), row[i]...)
	}
	return append(object, '}')
}

// into reads the rows of a result into a list of structs whose JSON names are the columns.
func into[T any](res *admin.QueryResult) ([]T, error) {
	objects, err := objectsOf(res)
	if err != nil {
		return nil, err
	}
	all := make([]T, len(objects))
	for i, o := range objects {
		if err := json.Unmarshal(o, &all[i]); err != nil {
			return nil, fmt.Errorf("dashboard: a row: %w", err)
		}
	}
	return all, nil
}
