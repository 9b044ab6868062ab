package importer

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"prism/internal/ledger"
)

// reports are one of each kind that ccusage prints.
func reports() map[string]string {
	return map[string]string{
		"daily": `{"daily":[{"date":"2026-11-20","inputTokens":13,"totalCost":0.5,"modelsUsed":["claude-opus-5-5"],"modelBreakdowns":[
			{"modelName":"claude-opus-5-5","inputTokens":10,"outputTokens":20,"cacheCreationTokens":30,"cacheReadTokens":40,"cost":0.4},
			{"modelName":"claude-haiku-5-5","inputTokens":3,"outputTokens":1,"cacheCreationTokens":0,"cacheReadTokens":0,"cost":0.1}]}],"totals":{"inputTokens":13}}`,
		"several clients": `{"daily":[{"period":"2026-11-20","agents":[
			{"agent":"claude","inputTokens":10,"modelBreakdowns":[{"modelName":"claude-opus-5-5","inputTokens":10,"outputTokens":20}]},
			{"agent":"codex","inputTokens":5,"modelBreakdowns":[{"modelName":"gpt-5.6","inputTokens":5,"outputTokens":5}]}]}]}`,
		"session": `{"sessions":[{"sessionId":"s-1","lastActivity":"2026-11-20","projectPath":"/home/u/proj","modelBreakdowns":[
			{"modelName":"claude-opus-5-5","inputTokens":10,"outputTokens":20,"cacheCreationTokens":0,"cacheReadTokens":0}]}],"totals":null}`,
		"blocks": `{"blocks":[
			{"id":"a","startTime":"2026-11-20T05:00:00.000Z","endTime":"2026-11-20T10:00:00.000Z","isActive":false,"isGap":false,"entries":4,
			 "tokenCounts":{"inputTokens":10,"outputTokens":20,"cacheCreationInputTokens":30,"cacheReadInputTokens":40},"models":["claude-opus-5-5"]},
			{"id":"gap","startTime":"2026-11-20T10:00:00.000Z","isGap":true},
			{"id":"b","startTime":"2026-11-20T15:00:00.000Z","tokenCounts":{"inputTokens":1,"outputTokens":2},"models":["claude-opus-5-5","claude-haiku-5-5"]},
			{"id":"c","startTime":"2026-11-30T10:00:00.000Z","isActive":true,"tokenCounts":{"inputTokens":1,"outputTokens":2},"models":["claude-opus-5-5"]}]}`,
	}
}

// report reads a report from a text.
func report(t *testing.T, text string, opt ReportOptions) ([]*ledger.Entry, *Tally, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "report.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if opt.Now == nil {
		opt.Now = now
	}
	src, err := OpenReport(path, opt)
	if err != nil {
		t.Fatal(err)
	}
	var list []*ledger.Entry
	err = src.Each(t.Context(), func(e *ledger.Entry) error {
		list = append(list, e)
		return nil
	})
	return list, src.Counts(), err
}

func TestEveryReportMakesARowForEachPartAndModel(t *testing.T) {
	tests := []struct {
		name    string
		rows    int
		skipped map[string]int
	}{
		{"daily", 2, nil},
		{"several clients", 1, map[string]int{SkipOtherApp: 1}},
		{"session", 1, nil},
		{"blocks", 1, map[string]int{SkipAggregate: 1, SkipUnfinished: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list, counts, err := report(t, reports()[tt.name], ReportOptions{Options: Options{Places: true}})
			if err != nil {
				t.Fatal(err)
			}
			if len(list) != tt.rows || len(counts.Skipped) != len(tt.skipped) {
				t.Fatalf("%d rows, %v left out; want %d and %v", len(list), counts.Skipped, tt.rows, tt.skipped)
			}
			for reason, n := range tt.skipped {
				if counts.Skipped[reason] != n {
					t.Errorf("%s: %d, want %d", reason, counts.Skipped[reason], n)
				}
			}
			e := list[0]
			if e.Source != SourceCCUsage || e.Usage.Input != 10 || e.Usage.Output != 20 || !slices.Contains(e.UsageNotes, NoteAggregate) || e.Tags[TagReport] == "" {
				t.Errorf("%s", e.AppendJSON(nil))
			}
		})
	}
}

func TestCacheWritesOfAReportCountAsFiveMinutesAndSaySo(t *testing.T) {
	for _, name := range []string{"daily", "blocks"} {
		list, _, err := report(t, reports()[name], ReportOptions{})
		if err != nil {
			t.Fatal(err)
		}
		e := list[0]
		if e.Usage.CacheWrite5m != 30 || e.Usage.CacheWrite1h != 0 || e.Usage.CacheRead != 40 || e.PromptTokens != 80 || !slices.Contains(e.UsageNotes, "ttl_assumed") {
			t.Errorf("%s: %s", name, e.AppendJSON(nil))
		}
	}
}

func TestADayIsTheUsersDayAndOnlyOnceItIsOver(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	text := reports()["daily"]
	list, _, _ := report(t, text, ReportOptions{Location: berlin})
	if got := list[0].StartedAt.UTC(); !got.Equal(time.Date(2026, 11, 20, 11, 0, 0, 0, time.UTC)) {
		t.Errorf("the day stands at %s, want its noon", got)
	}
	for at, want := range map[time.Time]int{
		time.Date(2026, 11, 20, 22, 59, 59, 0, time.UTC): 0, // a second before midnight in Berlin
		time.Date(2026, 11, 20, 23, 0, 0, 0, time.UTC):   2,
	} {
		list, _, _ := report(t, text, ReportOptions{Location: berlin, Options: Options{Now: func() time.Time { return at }}})
		if len(list) != want {
			t.Errorf("at %s: %d rows, want %d", at, len(list), want)
		}
	}
}

func TestARowKeepsItsIDWhenTheReportIsPrintedAgain(t *testing.T) {
	first, _, _ := report(t, reports()["daily"], ReportOptions{})
	again, _, _ := report(t, reports()["daily"], ReportOptions{Options: Options{HostName: "other"}})
	if first[0].RequestID != again[0].RequestID || first[0].RequestID == first[1].RequestID {
		t.Errorf("ids %s, %s, then %s", first[0].RequestID, first[1].RequestID, again[0].RequestID)
	}
}

func TestWhatIsNoReportIsRefused(t *testing.T) {
	for _, text := range []string{"", "[]", "7", "{", `{"monthly":[{"month":"2026-11"}]}`, `{"daily":{}}`, `{"daily":[{"date":"2026-11-20"`, "not json"} {
		if _, _, err := report(t, text, ReportOptions{}); !errors.Is(err, ErrNoReport) {
			t.Errorf("%q: %v, want that it is no report", text, err)
		}
	}
}

func TestHostilePartsOfAReportAreCounted(t *testing.T) {
	text := `{"daily":[
		{"date":"2026-11-20","modelBreakdowns":[{"modelName":"m","inputTokens":-1}]},
		{"date":"2026-11-20","modelBreakdowns":[{"modelName":"m","inputTokens":9000000000000000000}]},
		{"date":"2026-11-20","modelBreakdowns":[{"modelName":"m","inputTokens":"7"}]},
		{"date":"2026-11-20","modelBreakdowns":[{"modelName":"","inputTokens":7}]},
		{"date":"2026-11-20","modelBreakdowns":[{"modelName":"m"}]},
		{"date":"soon","modelBreakdowns":[{"modelName":"m","inputTokens":7}]},
		{"date":"2026-11-20","modelBreakdowns":[{"modelName":"<synthetic>","inputTokens":7}]},
		"words", null]}`
	list, counts, err := report(t, text, ReportOptions{})
	if err != nil || len(list) != 0 {
		t.Fatalf("%d rows, %v", len(list), err)
	}
	for reason, want := range map[string]int{SkipUnreadable: 5, SkipNoUsage: 1, SkipNoSuchTime: 2, SkipSynthetic: 1} {
		if counts.Skipped[reason] != want {
			t.Errorf("%s: %d, want %d", reason, counts.Skipped[reason], want)
		}
	}
}
