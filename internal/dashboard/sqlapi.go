package dashboard

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"prism/internal/admin"
)

// Bounds of a query that a person writes.
const (
	typedRows     = 2000
	typedDeadline = 10 * time.Second
	maxQuery      = 24 << 10 // bytes; the whole address has less than 32 KiB
	maxTyped      = 50       // parameters
	typedParam    = "p."     // before the name of a parameter
)

type sqlReply struct {
	Columns   []admin.QueryColumn `json:"columns"`
	Rows      raw                 `json:"rows"` // a list of lists; integers that a browser would round are texts
	Count     int                 `json:"count"`
	Truncated bool                `json:"truncated"` // there are more
	TookMS    float64             `json:"took_ms"`   // in the database
}

// typed reads a query and its parameters from an address.
func typed(v url.Values) (admin.Query, error) {
	q := admin.Query{SQL: v.Get("q"), Params: map[string]string{}, MaxRows: typedRows}
	if strings.TrimSpace(q.SQL) == "" {
		return q, usage("there is no query", "q=select count(*) from requests")
	}
	if len(q.SQL) > maxQuery {
		return q, usage("the query is too long", "a shorter one, or prism sql -f FILE")
	}
	for name, values := range v {
		if name, ok := strings.CutPrefix(name, typedParam); ok {
			q.Params[name] = values[0]
		}
	}
	if len(q.Params) > maxTyped {
		return q, usage("the query has too many parameters", "fewer of them")
	}
	return q, nil
}

// askTyped runs one query that somebody wrote.
func (d *Data) askTyped(ctx context.Context, q admin.Query) (*admin.QueryResult, error) {
	a, err := d.opt.Typed.Ask(ctx, admin.QueryBatch{TimeZone: d.opt.Zone, Queries: []admin.Query{q}, DeadlineMS: typedDeadline.Milliseconds()})
	if err != nil {
		return nil, d.told(err)
	}
	if a.Problem != nil {
		return nil, a.Problem
	}
	res := &a.Results[0]
	if res.Problem != nil {
		return nil, res.Problem
	}
	return res, nil
}

// sqlJSON answers with the result of a query. It changes nothing, but it is not for links either: a
// page of ours asks, after a person has said so.
func (d *Data) sqlJSON(w http.ResponseWriter, r *http.Request) {
	v := r.URL.Query()
	if v.Get("download") == "1" {
		d.sqlFile("json")(w, r)
		return
	}
	q, err := typed(v)
	if err != nil {
		d.reply(w, nil, err)
		return
	}
	patient(w)
	res, err := d.askTyped(r.Context(), q)
	if err != nil {
		d.reply(w, nil, err)
		return
	}
	d.reply(w, sqlReply{res.Columns, exact(res.Rows), res.Count, res.Truncated, res.TookMS}, nil)
}

// maxExact is the largest integer that a number of a browser tells from the next one: 2^53 - 1.
const maxExact = "9007199254740991"

// exact writes the integers in a JSON text that a browser would round as texts.
func exact(text raw) raw {
	var out []byte
	from, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted || c != '-' && (c < '0' || c > '9'):
		default:
			end := i + 1
			for end < len(text) && strings.IndexByte("0123456789+-.eE", text[end]) >= 0 {
				end++
			}
			if number := string(text[i:end]); rounded(number) {
				out = append(append(append(out, text[from:i]...), '"'), number+`"`...)
				from = end
			}
			i = end - 1
		}
	}
	if out == nil {
		return text
	}
	return append(out, text[from:]...)
}

// rounded tells whether a number of JSON is an integer beyond [maxExact].
func rounded(number string) bool {
	digits := strings.TrimPrefix(number, "-")
	return !strings.ContainsAny(digits, ".eE") && (len(digits) > len(maxExact) || len(digits) == len(maxExact) && digits > maxExact)
}

type explainReply struct {
	Plan string `json:"plan"`
}

// explain answers with the plan of a query, which is not run.
func (d *Data) explain(ctx context.Context, v url.Values) (any, error) {
	q, err := typed(v)
	if err != nil {
		return nil, err
	}
	q.Explain = true
	res, err := d.askTyped(ctx, q)
	if err != nil {
		return nil, err
	}
	plans, err := into[struct {
		Value string `json:"explain_value"`
	}](res)
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	for _, p := range plans {
		text.WriteString(p.Value)
	}
	return explainReply{text.String()}, nil
}

type queriesReply struct {
	Queries []admin.NamedQuery `json:"queries"`
}

// queries lists the named queries.
func (d *Data) queries(w http.ResponseWriter, _ *http.Request) {
	out := queriesReply{Queries: []admin.NamedQuery{}}
	if d.opt.Queries != nil {
		all, err := d.opt.Queries()
		if err != nil {
			d.reply(w, nil, err)
			return
		}
		out.Queries = append(out.Queries, all...)
	}
	d.reply(w, out, nil)
}
