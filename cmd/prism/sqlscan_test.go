package main

import (
	"slices"
	"strings"
	"testing"
)

func TestStatementsAreTakenApartOutsideOfQuotes(t *testing.T) {
	for text, want := range map[string][]string{
		"select 1; select 2":                          {"select 1", "select 2"},
		"select ';'; -- a; b\nselect 2;":              {"select ';'", "-- a; b\nselect 2"},
		`select ";" as "a"";b"; ;`:                    {`select ";" as "a"";b"`},
		"select $$a;b$$, $x$;$$;$x$; /* ; /* ; */;*/": {"select $$a;b$$, $x$;$$;$x$"},
		`select e'it\';s'; select 'it\'; select 3`:    {`select e'it\';s'`, `select 'it\'`, "select 3"},
		"-- only this\n/* and this */":                nil,
		"":                                            nil,
		"select 'it''s;' ; ":                          {"select 'it''s;'"},
		"select 1 -- no end":                          {"select 1 -- no end"},
	} {
		if got := allStatements(text); !slices.Equal(got, want) {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
	if done, rest := statements("select 1; select ';"); len(done) != 1 || rest != "select ';" {
		t.Errorf("what is not complete: %q, %q", done, rest)
	}
}

func TestParametersAreFoundWhereTheyStandForAValue(t *testing.T) {
	for _, c := range []struct {
		text, want string
		names      string
	}{
		{"select :a, $b, :a", "select $a, $b, $a", "a b"},
		{"where x=:a and y>:b_1", "where x=$a and y>$b_1", "a b_1"},
		{"select x::int, l[1:n], {'k':v}, {k: v}, f(a := 1)", "select x::int, l[1:n], {'k':v}, {k: v}, f(a := 1)", ""},
		{"select ':a', \":b\", -- :c\n/* :d */ $$ :e $$, $t$ :f $t$", "select ':a', \":b\", -- :c\n/* :d */ $$ :e $$, $t$ :f $t$", ""},
		{"select :größe, $1, ?", "select $größe, $1, ?", "größe"},
		{"select (:a)::date", "select ($a)::date", "a"},
		{":a", "$a", "a"},
	} {
		got, names := parameters(c.text)
		if got != c.want || strings.Join(names, " ") != c.names {
			t.Errorf("%q became %q with %q", c.text, got, names)
		}
	}
}

func FuzzStatementsLoseNothing(f *testing.F) {
	for _, s := range []string{"select 1; select ':a;'", "e'\\';", "$a$;$a$ :b", "/*/**/;*/;", "--\n;", "\"\";''", "$é$;$é$", "\xff:é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		done, rest := statements(text)
		joined := strings.Join(append(slices.Clone(done), rest), "\n;")
		if again, last := statements(joined); !slices.Equal(again, done) || last != rest {
			t.Fatalf("%q became %q and %q, and those %q and %q", text, done, rest, again, last)
		}
		for _, s := range done {
			if again, more := statements(s); len(again) > 0 || more != strings.TrimSpace(s) && !blankSQL(s) {
				t.Fatalf("a statement of %q, %q, is taken apart further: %q, %q", text, s, again, more)
			}
		}
		rewritten, names := parameters(text)
		twice, again := parameters(rewritten)
		if twice != rewritten || !slices.Equal(names, again) {
			t.Fatalf("parameters of %q: %q %q, then %q %q", text, rewritten, names, twice, again)
		}
	})
}
