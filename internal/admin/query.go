package admin

import "encoding/json"

// QueryBatch is what is asked of the ledger at once: one process opens it, runs one query after the
// other, and ends. It opens the ledger once more for the next batch, so that a fold gets its turn.
type QueryBatch struct {
	File       string  `json:"file"` // the ledger
	TimeZone   string  `json:"time_zone,omitempty"`
	Queries    []Query `json:"queries"`
	DeadlineMS int64   `json:"deadline_ms"`       // of all together
	WaitMS     int64   `json:"wait_ms,omitempty"` // how long a program that holds the ledger is waited for
	Export     string  `json:"export,omitempty"`  // csv, json, parquet: the result of the only query as a file
}

// Query is one SQL statement that only reads. Its parameters are written :name or $name, and get
// their values beside the text, never within it.
type Query struct {
	SQL     string            `json:"sql"`
	Params  map[string]string `json:"params,omitempty"`
	Explain bool              `json:"explain,omitempty"` // the plan instead of the result
	MaxRows int               `json:"max_rows,omitempty"`

	// LimitMS is how long this one may take. When it has passed, the query is given up and the next
	// one begins. 0 = as long as there is time for the batch.
	LimitMS int64 `json:"limit_ms,omitempty"`

	Series *QuerySeries `json:"series,omitempty"` // nil = it stands alone
}

// QuerySeries joins queries of a batch that look for more of the same, such as ever older rows. Once
// they have found enough or taken too long together, the others of the series are not run; and none
// is run after one that was given up.
type QuerySeries struct {
	Name    string `json:"name"`
	Enough  int    `json:"enough"`             // rows
	LimitMS int64  `json:"limit_ms,omitempty"` // 0 = as long as there is time for the batch
	FirstMS int64  `json:"first_ms,omitempty"` // of the first one, where it may take longer than all together
}

// QueryAnswer is what a batch brought. Either there is a result for each query, or Problem says why
// none could be run.
type QueryAnswer struct {
	Results []QueryResult `json:"results"`
	Problem *Error        `json:"problem,omitempty"`
}

// QueryResult is the result of one query. Either there are columns, or it was skipped, or Problem
// says what is wrong.
type QueryResult struct {
	Columns   []QueryColumn   `json:"columns"`
	Rows      json.RawMessage `json:"rows"` // a list of lists
	Count     int             `json:"count"`
	Truncated bool            `json:"truncated"` // there are more rows, or they were too large
	Skipped   bool            `json:"skipped,omitempty"`
	TookMS    float64         `json:"took_ms"`
	Problem   *Error          `json:"problem,omitempty"`
}

// QueryColumn is a column of a result.
type QueryColumn struct {
	Name string `json:"name"`
	Type string `json:"type"` // as SQL writes it
}

// QueryFile is what stands before the bytes of an export. It is one line of JSON.
type QueryFile struct {
	Rows    int    `json:"rows"`
	Bytes   int64  `json:"bytes"`
	Problem *Error `json:"problem,omitempty"` // then there are no bytes
}

// NamedQuery is a query that has a name: it comes with prism, or lies in the user's folder.
type NamedQuery struct {
	Name   string       `json:"name"`
	Title  string       `json:"title"`
	Chart  string       `json:"chart,omitempty"` // such as: line x=period y=cost_usd
	SQL    string       `json:"sql"`
	Params []QueryParam `json:"params"`
	Own    bool         `json:"own"` // the user's
}

// QueryParam is a parameter of a query, and the value that it has unless another one is given.
type QueryParam struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Codes of an [Error] about a query.
const (
	CodeSQL         = "sql_error"      // DuckDB does not understand it, or it failed
	CodeNotSelect   = "sql_not_select" // it is not one statement that only reads
	CodeSQLLimit    = "sql_limit"      // it took more than it may
	CodeLedgerBusy  = "ledger_busy"    // another program holds the ledger
	CodeNoLedger    = "no_ledger"      // nothing was ever recorded
	CodeNotConfined = "not_confined"   // this system has no limits that hold for a process
)
