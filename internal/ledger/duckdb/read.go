package duckdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"os"
	"slices"
	"strconv"
	"time"

	duck "github.com/duckdb/duckdb-go/v2"
)

// ReaderOptions say how a ledger is read.
type ReaderOptions struct {
	TimeZone string // decides the borders of days, such as Europe/Berlin; "" = UTC
	Output   bool   // for [OpenConfined]: [CopyConfined] may write
}

// OpenReader opens a ledger read-only, in a way that shuts out no other reader. The settings
// are locked: no statement reaches other files, the network or the configuration. A fold that
// runs at that moment gives a [BusyError]; a missing file an error that is fs.ErrNotExist.
func OpenReader(ctx context.Context, file string, opt ReaderOptions) (*sql.DB, error) {
	return openReader(ctx, file, opt, "")
}

// openReader runs more settings before it locks them.
func openReader(ctx context.Context, file string, opt ReaderOptions, more string) (*sql.DB, error) {
	if err := checkPath(file); err != nil {
		return nil, err
	}
	if _, err := os.Stat(file); err != nil { //nolint:gosec // the path that the user named
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	if opt.TimeZone == "" {
		opt.TimeZone = "UTC"
	}
	settings := guards + "set TimeZone = " + quote(opt.TimeZone) + `;
		set threads = 2;
		set memory_limit = '1GB';
		` + more + `
		set enable_external_access = false;
		set lock_configuration = true;`
	db, err := connect(ctx, file+"?access_mode=read_only", settings)
	if b := busy(err); b != nil {
		return nil, b
	}
	if err != nil {
		return nil, fmt.Errorf("open ledger %s: %w", file, err)
	}
	return db, nil
}

// Column is a column of a result.
type Column struct {
	Name string
	Type string // as SQL writes it: DECIMAL(18,10), VARCHAR[]
}

// Columns are the columns of a result, in order.
type Columns []Column

// Rows are the rows of a result. A value is nil for NULL, bool, int64, float64, string,
// time.Time, []byte, []any for a LIST, or map[string]any for a STRUCT, a MAP or JSON that is an object. A
// DECIMAL is a string with all its decimals, and so is an integer beyond 64 bits.
type Rows [][]any

// Query runs one statement and returns its result.
func Query(ctx context.Context, db *sql.DB, statement string, args []any) (Columns, Rows, error) {
	var all Rows
	columns, err := QueryEach(ctx, db, Statement{SQL: statement, Args: args}, func(values []any) error {
		all = append(all, values)
		return nil
	})
	return columns, all, err
}

// Statement is an SQL statement and the values of its parameters.
type Statement struct {
	SQL  string
	Args []any
}

// QueryEach runs one statement and calls fn for each row, which may keep its argument. An
// error of fn ends the query and is returned.
func QueryEach(ctx context.Context, db *sql.DB, q Statement, fn func(values []any) error) (Columns, error) {
	var columns Columns
	err := Stream(ctx, db, q, func(c Columns) error {
		columns = c
		return nil
	}, fn)
	return columns, err
}

// plain turns a value of the driver into one that [Rows] promises. The type is needed for the keys of
// maps only.
func plain(v any, typ string) any {
	switch v := v.(type) {
	case duck.Decimal:
		return decimal(v)
	case *big.Int:
		if v == nil {
			return nil
		}
		if v.IsInt64() {
			return v.Int64()
		}
		return v.String()
	case int8, int16, int32, int, uint8, uint16, uint32, uint64, float32:
		return widen(v)
	case []any:
		for i := range v {
			v[i] = plain(v[i], ElementType(typ))
		}
		return v
	case map[string]any:
		for name := range v {
			v[name] = plain(v[name], MemberType(typ, name))
		}
		return v
	case duck.OrderedMap:
		return plainMap(v.Keys(), v.Values(), typ)
	case duck.Map:
		keys := slices.Collect(maps.Keys(v))
		values := make([]any, len(keys))
		for i, key := range keys {
			values[i] = v[key]
		}
		return plainMap(keys, values, typ)
	case duck.UUID:
		return v.String()
	case duck.Union:
		return plain(v.Value, "")
	case duck.Interval:
		return interval(v)
	}
	return v
}

func widen(v any) any {
	switch v := v.(type) {
	case int8:
		return int64(v)
	case int16:
		return int64(v)
	case int32:
		return int64(v)
	case int:
		return int64(v)
	case uint8:
		return int64(v)
	case uint16:
		return int64(v)
	case uint32:
		return int64(v)
	case uint64:
		if v > 1<<63-1 {
			return fmt.Sprint(v)
		}
		return int64(v)
	case float32:
		return widened(v)
	}
	return v
}

// widened is the number that people write for v: 0.1, where the nearest float64 would be 0.10000000149.
func widened(v float32) float64 {
	f, err := strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64)
	if err != nil {
		return float64(v)
	}
	return f
}

func plainMap(keys, values []any, typ string) map[string]any {
	of := MemberType(typ, "")
	out := make(map[string]any, len(keys))
	for i, key := range keys {
		text := ""
		if at, ok := key.(time.Time); ok {
			text = Instant(at, keyType(typ))
		} else {
			text = fmt.Sprint(plain(key, ""))
		}
		out[text] = plain(values[i], of)
	}
	return out
}

// decimal writes all decimals that the type has, the zeros at the end included.
func decimal(d duck.Decimal) string {
	if d.Value == nil {
		return ""
	}
	digits, sign := d.Value.String(), ""
	if digits[0] == '-' {
		digits, sign = digits[1:], "-"
	}
	scale := int(d.Scale)
	if scale == 0 {
		return sign + digits
	}
	for len(digits) <= scale {
		digits = "0" + digits
	}
	return sign + digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
}

// interval writes months, days and the rest apart, since they cannot be added up.
func interval(v duck.Interval) string {
	sign, micros := "", uint64(v.Micros)
	if v.Micros < 0 {
		sign, micros = "-", -micros
	}
	return fmt.Sprintf("%d months %d days %s%d.%06d s", v.Months, v.Days, sign, micros/1e6, micros%1e6)
}

// IsSelect tells whether a text is exactly one statement, and that one a query. A text that
// does not parse gives an error with DuckDB's explanation.
func IsSelect(ctx context.Context, db *sql.DB, statement string) (bool, error) {
	p, err := parse(ctx, db, statement)
	return err == nil && !p.Error && len(p.Statements) == 1, err
}

// parsed is what DuckDB makes of a text. Error is set for what is not a query.
type parsed struct {
	Error      bool              `json:"error"`
	Type       string            `json:"error_type"`
	Message    string            `json:"error_message"`
	Statements []json.RawMessage `json:"statements"`
}

func parse(ctx context.Context, db *sql.DB, statement string) (parsed, error) {
	var text string
	if err := db.QueryRowContext(ctx, `select json_serialize_sql(?::varchar)::varchar`, statement).Scan(&text); err != nil {
		return parsed{}, fmt.Errorf("parse statement: %w", err)
	}
	var p parsed
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return parsed{}, fmt.Errorf("parse statement: %w", err)
	}
	if p.Error && p.Type == "parser" {
		return parsed{}, fmt.Errorf("parse statement: %s", p.Message)
	}
	return p, nil
}
