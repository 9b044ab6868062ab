package main

import (
	"slices"
	"testing"
	"time"

	"prism/internal/alert"
	"prism/internal/daemon"
)

func TestAQueryWithoutAnEndDoesNotKeepTheOthersFromAnAnswer(t *testing.T) {
	a, r := ledgerApp(t)
	if _, err := a.appendRecords(t.Context(), r, randomEntries(3)); err != nil {
		t.Fatal(err)
	}
	db, err := a.reader(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	q := daemon.QueryRequest{Queries: r.paths.Queries, Ask: []string{
		"select count(*) from range(10000000) a, range(10000000) b where a.range * b.range % 7 = 3", "select count(*) from requests", "select nothing",
	}}
	const limit = 500 * time.Millisecond
	got := a.figures(t.Context(), db, q, limit)
	want := []alert.Answer{{Err: "no figure within 500ms"}, {Value: "3"}}
	if !slices.Equal(got[:2], want) {
		t.Errorf("answers %+v, want %+v", got[:2], want)
	}
	if got[2].Err == "" || got[2].Err == want[0].Err {
		t.Errorf("a query that cannot run: %+v", got[2])
	}
}
