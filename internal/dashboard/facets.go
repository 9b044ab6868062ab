package dashboard

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"prism/internal/admin"
)

// Bounds of the facets.
const (
	facetValues  = 200                    // of one
	facetsFor    = 900 * time.Millisecond // all together
	facetsOnFor  = 8 * time.Second        // where a person rather waits
	facetsAtOnce = 10 * time.Second       // what the child may take
)

// facet is one value that occurs, and how often. A null value counts the rows without one.
type facet struct {
	Value *string `json:"value"`
	Count int64   `json:"count"`
}

type facetsReply struct {
	Facets map[string][]facet `json:"facets"`
	More   map[string]bool    `json:"more"` // there are more values than are told
	Late   []string           `json:"late"` // were not counted in time
	Range  spanView           `json:"range"`
	Empty  bool               `json:"empty,omitempty"`
}

// facetDimensions are what the page offers filters for, those first that people use most.
func facetDimensions() []dimension {
	all := []dimension{{"outcome", "outcome"}, {"status", "http_status"}}
	for _, d := range dimensions() {
		if slices.Contains([]string{"profile", "model", "project", "source", "branch", "operation"}, d.name) {
			all = append(all, d)
		}
	}
	return all
}

// facets counts the values of each dimension under the filters of all others: what a choice would
// show. Those that cannot be counted in time are named, and can be asked for again.
func (d *Data) facets(ctx context.Context, v url.Values) (any, error) {
	f, err := d.filterOf(v, "24h")
	if err != nil {
		return nil, err
	}
	if err := checkValues("find", v["find"]); err != nil {
		return nil, err
	}
	dims := facetDimensions()
	if only := v.Get("only"); only != "" {
		wanted := strings.Split(only, ",")
		dims = slices.DeleteFunc(dims, func(dim dimension) bool { return !slices.Contains(wanted, dim.name) })
		if len(dims) == 0 {
			return nil, usage("only= names nothing that is counted", "only=profile,model")
		}
	}
	series := &admin.QuerySeries{Name: "facets", Enough: facetValues * 100, LimitMS: facetsFor.Milliseconds()}
	if v.Get("patience") == "1" {
		series.LimitMS = facetsOnFor.Milliseconds()
	}
	queries := make([]admin.Query, len(dims))
	for i, dim := range dims {
		queries[i] = f.facet(dim, v.Get("find"))
		queries[i].Series = series
	}
	reply := facetsReply{Facets: map[string][]facet{}, More: map[string]bool{}, Late: []string{}, Range: d.view(f.span)}
	results, err := d.ask(ctx, facetsAtOnce, queries)
	if noLedger(err) {
		reply.Empty = true
		return reply, nil
	}
	if err != nil {
		return nil, err
	}
	for i := range results {
		if missed(&results[i]) {
			reply.Late = append(reply.Late, dims[i].name)
			continue
		}
		if reply.Facets[dims[i].name], err = into[facet](&results[i]); err != nil {
			return nil, err
		}
		reply.More[dims[i].name] = results[i].Truncated
	}
	return reply, nil
}

// facet counts the values of one dimension. The values are sorted by number after they were counted:
// the text of a number costs more than the counting.
func (f *filter) facet(dim dimension, find string) admin.Query {
	c := f.condition(dim.name)
	if find != "" {
		c.and("contains(lower("+dim.expr+"::varchar), $find)", "find", strings.ToLower(find))
	}
	with, base := f.table()
	return admin.Query{
		SQL:    with + " select v::varchar as value, n as count from (select " + dim.expr + " as v, count(*) as n from " + base + " where " + c.String() + " group by v) order by n desc, value",
		Params: c.params, MaxRows: facetValues,
	}
}

// noLedger tells whether nothing was ever recorded, which is no error for a page.
func noLedger(err error) bool {
	e, ours := errors.AsType[*admin.Error](err)
	return ours && e.Code == admin.CodeNoLedger
}
