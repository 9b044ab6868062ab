package ccswitch

import (
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"prism/internal/importer"
	"prism/internal/ledger"
)

// schema is the log as cc-switch 3.20 makes it, as far as it is read.
const schema = `create table proxy_request_logs (
	request_id text primary key, provider_id text not null, app_type text not null, model text not null, request_model text, pricing_model text,
	input_tokens integer not null default 0, output_tokens integer not null default 0, cache_read_tokens integer not null default 0,
	cache_creation_tokens integer not null default 0, input_token_semantics integer not null default 0, total_cost_usd text not null default '0',
	latency_ms integer not null, first_token_ms integer, duration_ms integer, status_code integer not null, error_message text, session_id text,
	is_streaming integer not null default 0, created_at integer not null, data_source text not null default 'proxy');
create table providers (id text, app_type text, name text, settings_config text);`

// rows of the log: what they become is in TestARowBecomesAnEntry.
func statementsOf() []string {
	insert := func(values string) string {
		return `INSERT INTO "proxy_request_logs" ("request_id","provider_id","app_type","model","request_model","input_tokens","output_tokens",` +
			`"cache_read_tokens","cache_creation_tokens","input_token_semantics","latency_ms","first_token_ms","duration_ms","status_code","error_message",` +
			`"session_id","is_streaming","created_at") VALUES (` + values + `)`
	}
	return []string{
		`INSERT INTO "providers" ("id","app_type","name","settings_config") VALUES ('p1','claude','it''s; a (name)','{"env":{"ANTHROPIC_AUTH_TOKEN":"x"}}')`,
		insert(`'session:msg_1','p1','claude','kimi-k3','claude-sonnet-5-5',100,50,2000,300,2,900,300,1200,200,NULL,'s-1',1,1790000000`),
		insert(`'0b0e-1','p2','claude','m','',100,50,60,0,1,900,NULL,NULL,200,NULL,NULL,0,1790000001`),
		insert(`'0b0e-2','p1','claude-desktop','m','m',0,0,0,0,2,900,NULL,NULL,529,'sk-secret; overloaded','s-1',1,1790000002`),
		insert(`'session:codex:p:r1','p3','codex','gpt','gpt',5,5,0,0,1,1,NULL,NULL,200,NULL,NULL,0,1790000003`),
		insert(`'0b0e-3','p1','claude','m','m',0,0,0,0,2,1,NULL,NULL,200,NULL,NULL,0,1790000004`),
		insert(`'0b0e-4','p1','claude','m','m',-5,1,0,0,2,1,NULL,NULL,200,NULL,NULL,0,1790000005`),
		insert(`'session:msg_1:collision:ff','p1','claude','m','m',7,1,0,0,2,1,NULL,NULL,200,NULL,NULL,0,1790000006000`),
		insert(`'0b0e-5','p1','claude','m','m',7,1,0,0,2,1,NULL,NULL,200,NULL,NULL,0,0`),
	}
}

// asDatabase writes the rows into a SQLite file.
func asDatabase(t *testing.T, statements []string) string {
	t.Helper()
	plain := filepath.Join(t.TempDir(), "plain.db")
	execute(t, plain, append([]string{schema}, statements...)...)
	path := filepath.Join(t.TempDir(), "cc-switch ? 100%#.db")
	if err := os.Rename(plain, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// execute runs statements on a SQLite file.
func execute(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
}

// asDump writes them as the export does.
func asDump(t *testing.T, statements []string) string {
	t.Helper()
	text := "-- a comment; with ' a quote\nPRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n/* another;\n' */" + schema + "\n" + strings.Join(statements, ";\n") + ";\nCOMMIT;\n"
	path := filepath.Join(t.TempDir(), "export.sql")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func take(t *testing.T, path string, opt importer.Options) ([]*ledger.Entry, *importer.Tally) {
	t.Helper()
	l, err := Open(t.Context(), path, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var list []*ledger.Entry
	if err := l.Each(t.Context(), func(e *ledger.Entry) error {
		list = append(list, e)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return list, l.Counts()
}

func TestARowBecomesAnEntry(t *testing.T) {
	list, counts := take(t, asDatabase(t, statementsOf()), importer.Options{HostName: "here"})
	wanted := map[string]int{
		importer.SkipOtherApp: 1, importer.SkipNoUsage: 1, importer.SkipUnreadable: 1, importer.SkipNoSuchTime: 1,
	}
	if len(list) != 4 || !maps.Equal(counts.Skipped, wanted) {
		t.Fatalf("%d entries, %v left out; want 4 and %v", len(list), counts.Skipped, wanted)
	}
	e := list[0]
	if e.Profile != "it's; a (name)" || e.RequestModel != "claude-sonnet-5-5" || e.ResponseModel != "kimi-k3" || e.ResponseID != "msg_1" || e.SessionID != "s-1" ||
		e.HTTPStatus != 200 || e.Outcome != ledger.OutcomeOK || !e.Stream || e.Source != importer.SourceCCSwitch || e.HostName != "here" {
		t.Errorf("%s", e.AppendJSON(nil))
	}
	if u := e.Usage; u.Input != 100 || u.Output != 50 || u.CacheRead != 2000 || u.CacheWrite5m != 300 || u.CacheWrite1h != 0 || e.PromptTokens != 2400 {
		t.Errorf("usage %+v, prompt %d", u, e.PromptTokens)
	}
	if !slices.Equal(e.UsageNotes, []string{"ttl_assumed"}) {
		t.Errorf("notes %q", e.UsageNotes)
	}
	// A row is written when the answer has ended.
	if ended := time.Unix(1790000000, 0); !e.EndedAt.Equal(ended) || !e.StartedAt.Equal(ended.Add(-1200*time.Millisecond)) || e.DurationMS != 1200 || e.TTFTMS != 300 {
		t.Errorf("from %s to %s, %d ms, first token %d ms", e.StartedAt, e.EndedAt, e.DurationMS, e.TTFTMS)
	}
	if line := string(e.AppendJSON(nil)); strings.Contains(line, "overhead_us") || strings.Contains(line, "_bytes") {
		t.Errorf("prism had no part in it: %s", line)
	}
}

func TestInputThatIncludesCachedTokensIsTakenApart(t *testing.T) {
	list, _ := take(t, asDatabase(t, statementsOf()), importer.Options{})
	e := list[1]
	if e.Usage.Input != 40 || e.Usage.CacheRead != 60 || e.PromptTokens != 100 || e.UsageNotes[0] != "cache_subtracted" || e.Profile != "" || e.RequestModel != "m" {
		t.Errorf("%s", e.AppendJSON(nil))
	}
}

func TestAnErrorIsARowWithoutUsageOrWords(t *testing.T) {
	list, _ := take(t, asDatabase(t, statementsOf()), importer.Options{})
	e := list[2]
	if e.Outcome != ledger.OutcomeError || e.HTTPStatus != 529 || e.UsageSource != ledger.UsageNone || e.PromptTokens.Known() {
		t.Errorf("%s", e.AppendJSON(nil))
	}
	if strings.Contains(string(e.AppendJSON(nil)), "sk-secret") {
		t.Error("the words of an error may hold a key; they came along")
	}
}

func TestAnIDThatWasUsedTwiceJoinsNothing(t *testing.T) {
	list, _ := take(t, asDatabase(t, statementsOf()), importer.Options{})
	if e := list[3]; e.ResponseID != "" || e.RequestID == list[0].RequestID || e.EndedAt.Unix() != 1790000006 {
		t.Errorf("%s", e.AppendJSON(nil))
	}
}

func TestTheExportGivesWhatTheDatabaseGives(t *testing.T) {
	fromDatabase, a := take(t, asDatabase(t, statementsOf()), importer.Options{})
	fromDump, b := take(t, asDump(t, statementsOf()), importer.Options{})
	if len(fromDatabase) != len(fromDump) || !maps.Equal(a.Skipped, b.Skipped) {
		t.Fatalf("%d and %d entries, %v and %v", len(fromDatabase), len(fromDump), a.Skipped, b.Skipped)
	}
	for i := range fromDump {
		if one, two := string(fromDatabase[i].AppendJSON(nil)), string(fromDump[i].AppendJSON(nil)); one != two {
			t.Errorf("%s\nagainst\n%s", one, two)
		}
	}
}

func TestAnOlderLogHasFewerColumns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "old.db")
	execute(t, path, `create table proxy_request_logs (request_id text, app_type text, model text, input_tokens integer, output_tokens integer, created_at integer)`,
		`insert into proxy_request_logs values ('r', 'claude', 'm', 3, 4, 1790000000)`)
	list, _ := take(t, path, importer.Options{})
	if len(list) != 1 || list[0].Usage.Input != 3 || list[0].Outcome != "" || list[0].HTTPStatus != 0 {
		t.Errorf("%d entries", len(list))
	}
}

func TestTheDatabaseIsNotChanged(t *testing.T) {
	path := asDatabase(t, statementsOf())
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	take(t, path, importer.Options{})
	after, err := os.ReadFile(path)
	if err != nil || string(before) != string(after) {
		t.Errorf("the file is another one: %v", err)
	}
}

func TestALogThatIsBeingWrittenIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "live.db")
	execute(t, path, "pragma journal_mode = wal", schema)
	writer, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	for _, s := range statementsOf() {
		if _, err := writer.ExecContext(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(path + "-wal"); err != nil {
		t.Fatalf("the rows are not in the log: %v", err)
	}
	if list, _ := take(t, path, importer.Options{}); len(list) != 4 {
		t.Errorf("%d entries, want 4", len(list))
	}
}

func TestWhatIsNoLogIsRefused(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.db")
	execute(t, empty, "create table other (a)")
	damaged := filepath.Join(t.TempDir(), "damaged.db")
	if err := os.WriteFile(damaged, []byte("SQLite format 3\x00"+strings.Repeat("x", 5000)), 0o600); err != nil {
		t.Fatal(err)
	}
	words := filepath.Join(t.TempDir(), "words.sql")
	if err := os.WriteFile(words, []byte("select 1; -- proxy_request_logs\ninsert into other (a) values ('proxy_request_logs');"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{empty: ErrNoLog, words: ErrNoLog, damaged: ErrDatabase, filepath.Join(t.TempDir(), "nothing"): os.ErrNotExist} {
		l, err := Open(t.Context(), path, importer.Options{})
		if err == nil {
			err = errors.Join(l.Each(t.Context(), func(*ledger.Entry) error { return nil }), l.Close())
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", filepath.Base(path), err, want)
		}
	}
}

func TestAStatementOfTheDumpThatIsBrokenCostsNoOther(t *testing.T) {
	list := statementsOf()
	broken := []string{
		`INSERT INTO "proxy_request_logs" ("request_id","app_type") VALUES ('a'`,
		`INSERT INTO "proxy_request_logs" ("request_id","app_type") VALUES (load_extension('x'), 'claude')`,
		`INSERT INTO "proxy_request_logs" ("request_id") SELECT 'x'`,
		`INSERT INTO "proxy_request_logs" ("request_id","app_type") VALUES ('a','claude','b')`,
		`INSERT INTO "proxy_request_logs" ("request_id","app_type") VALUES (x'00ff', 1.5e3)`,
	}
	entries, counts := take(t, asDump(t, slices.Concat(broken, list)), importer.Options{})
	if len(entries) != 4 || counts.Skipped[importer.SkipUnreadable] < 3 {
		t.Errorf("%d entries, %v; want 4", len(entries), counts.Skipped)
	}
}

// FuzzDump: any text is refused or gives entries with an identity and a time; nothing of it is
// executed and nothing hangs.
func FuzzDump(f *testing.F) {
	f.Add("create table proxy_request_logs (a); " + strings.Join(statementsOf(), ";"))
	f.Add(`INSERT INTO proxy_request_logs (request_id, app_type, created_at) VALUES ('a','claude',1),('b'`)
	f.Add("/* ' */ -- ;\n';''\";`")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "export.sql")
		if err := os.WriteFile(path, []byte("-- "+fmt.Sprint(len(text))+"\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := Open(t.Context(), path, importer.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_ = l.Each(t.Context(), func(e *ledger.Entry) error { // a refusal is as good
			if e.RequestID == "" || e.StartedAt.IsZero() || e.PromptTokens < -1 {
				t.Fatalf("%s", e.AppendJSON(nil))
			}
			return nil
		})
	})
}
