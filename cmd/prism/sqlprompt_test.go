package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func names(all []candidate) string {
	out := make([]string, len(all))
	for i, c := range all {
		out[i] = c.text
	}
	return strings.Join(out, " ")
}

func TestThePromptCompletesWhatCanFollow(t *testing.T) {
	c := &catalog{
		relations: []candidate{{text: "daily"}, {text: "priced"}, {text: "prices"}, {text: "requests"}, {text: "spend("}},
		columns: map[string][]candidate{
			"requests": {{text: "profile"}, {text: "project"}}, "priced": {{text: "profile"}, {text: "corrected_at"}}, "prices": {{text: "price_id"}},
		},
		functions: []candidate{{text: "usd("}},
	}
	for text, want := range map[string]string{
		"from pr":                                   "priced prices",
		"select * from PRICED p join sp":            "spend(",
		"describe d":                                "daily",
		"select pro":                                "profile project",
		"select cor":                                "",
		"select profile from priced where cor":      "corrected_at",
		"select p.cor":                              "",
		"select * from priced as p where p.":        "profile corrected_at",
		"select * from priced p where p.pro":        "profile",
		"select prices.":                            "price_id",
		"select u":                                  "usd( using union unnest",
		"select 'from pr":                           "",
		"select 1 -- from pr":                       "",
		"select count(*) from requests group by pr": "profile project",
	} {
		if _, got := c.complete(text); names(got) != want {
			t.Errorf("%q: %q, want %q", text, names(got), want)
		}
	}
	if word, got := completeDot(".fo"); word != ".fo" || names(got) != ".format" {
		t.Errorf("%q %q", word, names(got))
	}
	if word, got := completeDot(".format pa"); word != "pa" || names(got) != "parquet" {
		t.Errorf("%q %q", word, names(got))
	}
}

func TestTheCatalogKnowsWhatTheLedgerHas(t *testing.T) {
	b := week(t)
	if err := b.journal.Sync(); err != nil {
		t.Fatal(err)
	}
	db, err := b.a.reader(context.Background(), b.r)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	c, err := readCatalog(context.Background(), db)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"requests", "priced", "spend(", "blocks("} {
		if i := slices.IndexFunc(c.relations, func(r candidate) bool { return r.text == want }); i < 0 || c.relations[i].about == "" {
			t.Errorf("%s is missing or says nothing", want)
		}
	}
	if len(c.columns["priced"]) < 70 || !strings.Contains(names(c.functions), "usd(") {
		t.Errorf("%d columns, functions %s", len(c.columns["priced"]), names(c.functions))
	}
	for _, r := range append(c.relations, c.functions...) {
		if strings.HasPrefix(r.text, "_") {
			t.Errorf("%s is internal", r.text)
		}
	}
}

func TestALineIsReadUntilItsStatementEnds(t *testing.T) {
	for line, want := range map[string]bool{
		"": true, "  ": true, ".tables": true, "select 1": false, "select 1;": true, "select ';": false, "select 1; select 2": false,
		"select 1; -- done": true, "select 1\n;": true, "-- only this": true,
	} {
		if got := complete(line); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
}

func TestTheHistoryOutlivesThePromptAndStaysShort(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history")
	h, err := loadHistory(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"select 1\nfrom x;", "select 1\nfrom x;", " ", "größe \"quoted\";"} {
		if _, err := h.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.save(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	again, err := loadHistory(file)
	if err != nil || !slices.Equal(again.lines, []string{"select 1\nfrom x;", "größe \"quoted\";"}) {
		t.Errorf("%q, %v", again.lines, err)
	}
	for i := range 2 * historyLines {
		_, _ = again.Write(strings.Repeat("x", i+1))
	}
	if again.Len() != historyLines {
		t.Errorf("%d lines", again.Len())
	}
	if _, err := again.GetLine(historyLines); err == nil {
		t.Error("a line beyond the end")
	}
	if err := os.WriteFile(file, []byte("torn\n\"whole;\"\n\"to"), 0o600); err != nil {
		t.Fatal(err)
	}
	if torn, err := loadHistory(file); err != nil || !slices.Equal(torn.lines, []string{"whole;"}) {
		t.Errorf("%q, %v", torn.lines, err)
	}
}

func TestAProgramIsHandedThePathWhole(t *testing.T) {
	const path = `/home/o'brien "x" $HOME/ledger.duckdb`
	for _, o := range openers(path) {
		words, err := exec.CommandContext(context.Background(), "sh", "-c", "printf '%s\\n' "+o.command).Output()
		if err != nil {
			t.Skip("no shell here")
		}
		if !strings.Contains(strings.ReplaceAll(string(words), `\'`, "'"), path) {
			t.Errorf("%s: a shell takes it for %s", o.program, words)
		}
	}
	if got := openers("/d/ledger.duckdb")[0].command; got != "duckdb -readonly /d/ledger.duckdb" {
		t.Error(got)
	}
}

func FuzzWildcardsMatchWhatTheyStandFor(f *testing.F) {
	f.Add("claude-*", "claude-a")
	f.Add("a?c[1m].+", "abc[1m].+")
	f.Fuzz(func(t *testing.T, name, other string) {
		re, err := regexp.Compile(wildcard(name))
		if err != nil {
			t.Skip("not a text") // DuckDB takes no such text either
		}
		if plain := !strings.ContainsAny(name+other, "\n\r") && !strings.ContainsAny(name, "*?…"); plain && re.MatchString(other) != (name == other) {
			t.Fatalf("%q matches %q: %v", name, other, name != other)
		}
		if strings.Contains(name, "\n") {
			return
		}
		if filled := strings.NewReplacer("*", "xyz", "…", "", "?", "q").Replace(name); !re.MatchString(filled) {
			t.Fatalf("%q does not match %q", name, filled)
		}
	})
}

func TestAPeriodIsComparedWithTheOneBefore(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no time zones here")
	}
	at := func(m time.Month, d, h int) time.Time { return time.Date(2026, m, d, h, 0, 0, 0, berlin) }
	for _, c := range []struct {
		name             string
		now              time.Time
		sel              selection
		from, to         time.Time
		before, beforeTo time.Time
	}{
		{"a day in progress", at(11, 26, 12), selection{}, at(11, 26, 0), at(11, 27, 0), at(11, 25, 0), at(11, 25, 12)},
		{"a day of 25 hours", at(10, 26, 0), selection{period: "yesterday"}, at(10, 25, 0), at(10, 26, 0), at(10, 24, 0), at(10, 25, 0)},
		{"a week", at(11, 26, 12), selection{period: "week"}, at(11, 23, 0), at(11, 30, 0), at(11, 16, 0), at(11, 19, 12)},
		{"a month after a shorter one", at(3, 31, 12), selection{period: "month"}, at(3, 1, 0), at(4, 1, 0), at(2, 1, 0), at(3, 1, 0)},
		{"a span", at(11, 26, 12), selection{since: "2026-11-10", until: "2026-11-12"}, at(11, 10, 0), at(11, 12, 0), at(11, 8, 0), at(11, 10, 0)},
	} {
		a := &app{now: func() time.Time { return c.now }}
		w, err := a.window(c.sel)
		if err != nil {
			t.Fatal(err)
		}
		b := w.before(c.now)
		if !w.from.Equal(c.from) || !w.to.Equal(c.to) || !b.from.Equal(c.before) || !b.to.Equal(c.beforeTo) {
			t.Errorf("%s: %s to %s after %s to %s", c.name, w.from, w.to, b.from, b.to)
		}
	}
}
