package duckdb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"prism/internal/ledger"
)

func TestQueryReturnsPlainAndExactValues(t *testing.T) {
	h := sample(t)
	db := h.read("")
	columns, rows, err := Query(context.Background(), db, `select 1.50::decimal(18,10) as d, -0.05::decimal(4,2) as n, 7::decimal(3,0) as z, 9007199254740993 as big,
		170141183460469231731687303715884105727::hugeint as huge, 12::hugeint as small, timestamptz '2026-11-20 12:00:00+00' as at, true as b, 'x' as s, null as nil,
		[1, 2] as l, {'a': 1.5::decimal(2,1)} as st, map {'k': 3} as m, 0.5::float as f, 200::utinyint as u where ? = 1`, []any{1})
	if err != nil {
		t.Fatal(err)
	}
	want := []any{
		"1.5000000000", "-0.05", "7", int64(9007199254740993), "170141183460469231731687303715884105727", int64(12),
		time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), true, "x", nil,
		[]any{int64(1), int64(2)},
		map[string]any{"a": "1.5"},
		map[string]any{"k": int64(3)},
		0.5, int64(200),
	}
	for i := range want {
		got := rows[0][i]
		if at, ok := got.(time.Time); ok {
			got = at.UTC()
		}
		if fmt.Sprintf("%T %v", got, got) != fmt.Sprintf("%T %v", want[i], want[i]) {
			t.Errorf("%s = %T %v, want %T %v", columns[i].Name, got, got, want[i], want[i])
		}
	}
	if columns[0].Type != "DECIMAL(18,10)" || columns[10].Type != "INTEGER[]" {
		t.Errorf("columns = %v", columns)
	}
}

func TestValuesOfTimeAreWrittenAsTheirTypeHasThem(t *testing.T) {
	db := sample(t).read("Europe/Berlin")
	columns, rows, err := Query(t.Context(), db, `select timestamptz '2026-11-20 12:00:00+01', timestamp '2026-11-20 12:00:00.5', timestamp_s '2026-11-20 12:00:00', timestamp_ns '2026-11-20 12:00:00.000000001',
		date '2026-11-20', time '10:00:00.25', timetz '10:00:00+02', 'infinity'::timestamptz, '-infinity'::timestamp, 'infinity'::date, '-infinity'::date`, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		"2026-11-20T11:00:00Z", "2026-11-20T12:00:00.5", "2026-11-20T12:00:00", "2026-11-20T12:00:00.000000001",
		"2026-11-20", "10:00:00.25", "10:00:00+02:00", "infinity", "-infinity", "infinity", "-infinity",
	} {
		if at, ok := rows[0][i].(time.Time); !ok || Instant(at, columns[i].Type) != want {
			t.Errorf("%s: %v was written as %s, want %s", columns[i].Type, rows[0][i], Instant(at, columns[i].Type), want)
		}
	}
}

func TestIntervalsAndSmallFloatsKeepTheirValue(t *testing.T) {
	db := sample(t).read("")
	_, rows, err := Query(t.Context(), db, `select interval '-1.5 seconds', interval '1 month -2 days', 0.1::float, -0.25::float`, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []any{"0 months 0 days -1.500000 s", "1 months -2 days 0.000000 s", 0.1, -0.25} {
		if rows[0][i] != want {
			t.Errorf("%v, want %v", rows[0][i], want)
		}
	}
}

func TestKeysOfMapsAreWrittenAsTheirTypeHasThem(t *testing.T) {
	db := sample(t).read("")
	_, rows, err := Query(t.Context(), db, `select map {date '2026-11-20': 1}, [{'m': map {timestamptz '2026-11-20 12:00:00+01': map {time '10:00:00': 2}}}], map {2: 'b', 1: 'a'}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"map[2026-11-20:1]", "[map[m:map[2026-11-20T11:00:00Z:map[10:00:00:2]]]]", "map[1:a 2:b]"} {
		if got := fmt.Sprint(rows[0][i]); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestTypesOfWhatIsWithin(t *testing.T) {
	db := sample(t).read("")
	columns, _, err := Query(t.Context(), db, `select [[date '2026-11-20']], {'a "b", c': [time '10:00:00'], 'n': {'x, y': 1.5::decimal(4, 1)}, 'd': date '2026-11-20'},
		map {'k': timestamp '2026-11-20 12:00:00'}, array_value(1, 2, 3), map {1.5::decimal(4, 1): {'d': [date '2026-11-20']}}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{
		ElementType(ElementType(columns[0].Type)), ElementType(MemberType(columns[1].Type, `a "b", c`)), MemberType(MemberType(columns[1].Type, "n"), "x, y"), MemberType(columns[1].Type, "d"),
		MemberType(columns[2].Type, "k"), ElementType(columns[3].Type), ElementType(MemberType(MemberType(columns[4].Type, "1.5"), "d")),
		ElementType("DATE"), MemberType("DATE", "d"), MemberType("JSON", "d"), MemberType(columns[1].Type, "none"), MemberType("DECIMAL(4,1)", "d"),
	}
	for i, want := range []string{"DATE", "TIME", "DECIMAL(4,1)", "DATE", "TIMESTAMP", "INTEGER", "DATE", "", "", "", "", ""} {
		if got[i] != want {
			t.Errorf("%d: %q, want %q; the types are %v", i, got[i], want, columns)
		}
	}
}

func TestTheReaderReachesNothingElse(t *testing.T) {
	h := sample(t)
	db := h.read("Europe/Berlin")
	for _, statement := range []string{
		`insert into config_events (generation) values (1)`, `delete from requests`, `drop view daily`, `create table t (i int)`,
		`select * from read_text('/etc/passwd')`, `copy (select 1) to '` + filepath.Join(h.dir, "out.csv") + `'`, `attach '` + filepath.Join(h.dir, "x.duckdb") + `'`,
		`install httpfs`, `load httpfs`, `set threads = 4`, `set TimeZone = 'UTC'`, `set enable_external_access = true`, `reset lock_configuration`,
	} {
		if _, _, err := Query(context.Background(), db, statement, nil); err == nil {
			t.Errorf("%s was not refused", statement)
		}
	}
	if _, err := OpenReader(context.Background(), filepath.Join(h.dir, "none.duckdb"), ReaderOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := OpenReader(context.Background(), h.opt.File+"?access_mode=read_write", ReaderOptions{}); err == nil {
		t.Error("options in the path were accepted")
	}
}

func TestIsSelectTakesExactlyOneQuery(t *testing.T) {
	db := sample(t).read("")
	for statement, want := range map[string]bool{
		`select 1`: true, `from daily`: true, `with t as (select 1) select * from t;`: true, `from spend(grain := 'week')`: true,
		`select 1; select 2`: false, `insert into requests values (1)`: false, `copy requests to 'x'`: false, `pragma database_list`: false,
		`attach 'x'`: false, ``: false, `set threads = 1`: false, `with t as (insert into requests values (1)) select 1`: false,
	} {
		got, err := IsSelect(context.Background(), db, statement)
		if got != want || want && err != nil {
			t.Errorf("%q: %v, %v, want %v", statement, got, err, want)
		}
	}
	if _, err := IsSelect(context.Background(), db, `selec 1`); err == nil || !strings.Contains(err.Error(), "syntax error") {
		t.Errorf("a typing error gives %v", err)
	}
}

func TestHostileTextComesOutAsItWentIn(t *testing.T) {
	h := newHome(t)
	texts := []string{"nul \x00 inside", "'; drop table requests; --", "\u202e\u2028", "tab\tquote\"back\\slash", "😀 ä", "\x1b[31m", `\ud800`}
	for n, s := range texts {
		e := entry(n)
		e.ErrorMessage, e.Project, e.Tags = s, s, map[string]string{s: s}
		e.UsageRaw = []byte(`{"t":"\ud83d\ude00","n":1e999}`)
		h.close(e)
	}
	if res := h.fold(); res.Rows != len(texts) || len(res.Notes) > 0 {
		t.Fatalf("result = %+v", res)
	}
	for i, r := range h.rows(`select error_message, project, tags from requests order by request_id`) {
		if r[0] != texts[i] || r[1] != texts[i] || r[2].(map[string]any)[texts[i]] != texts[i] {
			t.Errorf("%q came out as %q", texts[i], r)
		}
	}
}

func TestEveryColumnOfAnEntryArrives(t *testing.T) {
	h := newHome(t)
	e := entry(1)
	e.AgentID, e.ParentAgentID, e.RequestClass, e.PromptID, e.ServiceTier, e.Speed, e.InferenceGeo = "a", "p", "main", "pr", "standard", "fast", "us"
	e.ErrorType, e.ErrorMessage, e.TranslationNotes, e.RL7dUsed, e.RL7dResetAt = "none", "none", []string{"n"}, 0.5, noon
	e.Iterations = []ledger.Iteration{{Type: "compaction", Model: "claude-opus-5", Usage: e.Usage, PriceID: "p", CostList: 1}}
	e.RetryOf, e.RetryCount = "01K0", 1
	h.close(e)
	h.fold()
	db := h.read("")
	columns, rows, err := Query(context.Background(), db, `select * from requests`, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range columns {
		if rows[0][i] == nil {
			t.Errorf("%s is NULL", c.Name)
		}
	}
	_, rows, err = Query(context.Background(), db, `select started_at, cost_usd, cost_uncached_usd, usage_raw, rl_5h_used, max_tokens, schema_version from requests`, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := rows[0]
	if !got[0].(time.Time).Equal(e.StartedAt) || got[1] != "0.0148750000" || got[2] != "0.0182500000" || got[4] != 0.25 || got[5] != int64(32000) || got[6] != int64(ledger.SchemaVersion) {
		t.Errorf("row = %v", got)
	}
}
