package duckdb

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"prism/internal/ledger"
)

// thread names the line of prompts that an entry continues.
func thread(e *ledger.Entry) string {
	return fmt.Sprintf("%q %q %q %v", e.SessionID, e.AgentID, e.RequestModel, e.RequestClass == "auxiliary")
}

// reach is the greatest cache read of the thread's other requests at the same upstream model within a time.
func reach(all []*ledger.Entry, e *ledger.Entry, life time.Duration) int64 {
	var most int64
	for _, o := range all {
		if o != e && thread(o) == thread(e) && o.Profile == e.Profile && o.UpstreamModel == e.UpstreamModel &&
			!o.StartedAt.Before(e.StartedAt) && !o.StartedAt.After(e.StartedAt.Add(life)) {
			most = max(most, o.Usage.CacheRead.OrZero())
		}
	}
	return most
}

func TestCacheWritesNeverReadOfGeneratedRows(t *testing.T) {
	h, all := generate(t, 2500)
	messages := messagesSince(all, time.Date(2026, 10, 3, 0, 0, 0, 0, time.UTC))
	h.expectLines(`select profile, model, requests, cache_read_tokens, cache_write_tokens, never_read_tokens, saved_usd from cache_efficiency(since := date '2026-10-03')`,
		grouped(messages, func(e *ledger.Entry) string { return e.Profile + " | " + e.ResponseModel }, func(in []*ledger.Entry) string {
			var read, written, unread int64
			var lost, saved sum
			for _, e := range in {
				rd, w5, w1 := e.Usage.CacheRead.OrZero(), e.Usage.CacheWrite5m.OrZero(), e.Usage.CacheWrite1h.OrZero()
				read, written = read+rd, written+w5+w1
				saved.add(int64(e.CostUncached-e.CostList), e.CostList.Known())
				if e.SessionID == "" {
					continue
				}
				unread = max(w1-max(reach(messages, e, time.Hour)-rd, 0), 0) + max(w5-max(reach(messages, e, 5*time.Minute)-rd-w1, 0), 0)
				lost.add(unread, true)
			}
			return fmt.Sprint(len(in), " | ", read, " | ", written, " | ", lost, " | ", saved.usd())
		}))
}

func TestCacheBreaksOfGeneratedRows(t *testing.T) {
	h, all := generate(t, 2500)
	last := map[string]*ledger.Entry{}
	var want []string
	causes := map[string]int{}
	for _, e := range all { // by time
		if e.Operation != "messages" || e.SessionID == "" || !e.PromptTokens.Known() {
			continue
		}
		prev := last[thread(e)]
		last[thread(e)] = e
		if prev == nil {
			continue
		}
		cached := prev.Usage.CacheRead.OrZero() + prev.Usage.CacheWrite5m.OrZero() + prev.Usage.CacheWrite1h.OrZero()
		again := min(cached, int64(e.PromptTokens)) - e.Usage.CacheRead.OrZero()
		if again < 1024 {
			continue
		}
		idle, cause := e.StartedAt.Sub(prev.StartedAt), "prefix changed"
		switch wrote5, wrote1 := prev.Usage.CacheWrite5m.OrZero() > 0, prev.Usage.CacheWrite1h.OrZero() > 0; {
		case e.Profile != prev.Profile || e.UpstreamModel != prev.UpstreamModel:
			cause = "profile switched"
		case idle > time.Hour, idle > 5*time.Minute && (wrote5 || !wrote1):
			cause = "cache expired"
		}
		causes[cause]++
		want = append(want, fmt.Sprint(e.RequestID, " | ", cause, " | ", cached, " | ", again, " | ", prev.Profile))
	}
	if len(causes) != 3 {
		t.Fatalf("the sample has only these causes: %v", causes)
	}
	h.expectLines(`select request_id, cause, cached_before_tokens, rebilled_tokens, prev_profile from cache_breaks`, want)
}

// block is a window while it is put together.
type block struct {
	start  time.Time
	source string
	in     []*ledger.Entry
}

// blocksOf are the windows of one profile: first those that the provider named, then derived ones for what lies in none.
func blocksOf(in []*ledger.Entry) []*block {
	named := map[time.Time]*block{}
	for _, e := range in {
		if !e.RL5hResetAt.IsZero() {
			start := e.RL5hResetAt.Add(30 * time.Second).Truncate(time.Minute).Add(-5 * time.Hour)
			if named[start] == nil {
				named[start] = &block{start: start, source: "header"}
			}
			named[start].in = append(named[start].in, e)
		}
	}
	var derived []*block
	for _, e := range in {
		if !e.RL5hResetAt.IsZero() {
			continue
		}
		var home *block
		for _, b := range named {
			if !b.start.After(e.StartedAt) && (home == nil || b.start.After(home.start)) {
				home = b
			}
		}
		if home != nil && e.StartedAt.Before(home.start.Add(5*time.Hour)) {
			home.in = append(home.in, e)
			continue
		}
		if n := len(derived); n == 0 || !e.StartedAt.Before(derived[n-1].start.Add(5*time.Hour)) {
			derived = append(derived, &block{start: e.StartedAt.Truncate(time.Hour), source: "derived"})
		}
		b := derived[len(derived)-1]
		b.in = append(b.in, e)
	}
	for _, b := range named {
		derived = append(derived, b)
	}
	return derived
}

func TestBlocksOfGeneratedRows(t *testing.T) {
	h, all := generate(t, 2500)
	profiles := map[string][]*ledger.Entry{}
	for _, e := range messagesSince(all, time.Date(2026, 10, 3, 0, 0, 0, 0, time.UTC)) {
		profiles[e.Profile] = append(profiles[e.Profile], e)
	}
	var want []string
	sources := map[string]int{}
	for profile, in := range profiles {
		for _, b := range blocksOf(in) {
			sources[b.source]++
			f := strings.Split(moneyLine(b.in), " | ")
			used, reported := 0.0, false
			for _, e := range b.in {
				if e.RL5hUsed >= 0 {
					used, reported = max(used, e.RL5hUsed), true
				}
			}
			share := "<nil>"
			if reported {
				share = strconv.FormatFloat(used, 'g', -1, 64)
			}
			want = append(want, strings.Join([]string{profile, b.start.Format(time.RFC3339Nano), b.source, f[0], f[2], f[5], f[7], share}, " | "))
		}
	}
	if sources["header"] < 5 || sources["derived"] < 20 {
		t.Fatalf("the sample has only %v", sources)
	}
	h.expectLines(`select profile, block_start, source, requests, unpriced, prompt_tokens, cost_usd, used from blocks(since := date '2026-10-03')`, want)
}

// quantile interpolates between the two neighbours, as quantile_cont does.
func quantile(values []float64, q float64) string {
	slices.Sort(values)
	pos := q * float64(len(values)-1)
	lower := values[int(pos)]
	upper := values[min(int(pos)+1, len(values)-1)]
	return strconv.FormatFloat(lower+(upper-lower)*(pos-float64(int(pos))), 'f', 3, 64)
}

func TestLatencyOfGeneratedRows(t *testing.T) {
	h, all := generate(t, 2500)
	good := slices.DeleteFunc(messagesSince(all, time.Date(2026, 10, 3, 0, 0, 0, 0, time.UTC)), func(e *ledger.Entry) bool {
		return !e.Stream || e.Outcome != "ok" || !e.TTFTMS.Known()
	})
	h.expectLines(`select profile, model, n, printf('%.3f', ttft_p50_ms), printf('%.3f', ttft_p95_ms), printf('%.3f', duration_p95_ms), longest_gap_ms, printf('%.6f', output_tok_per_s)
		from latency(since := date '2026-10-03')`,
		grouped(good, func(e *ledger.Entry) string { return e.Profile + " | " + e.ResponseModel }, func(in []*ledger.Entry) string {
			var ttft, duration []float64
			var gap, tokens, ms int64
			for _, e := range in {
				ttft, duration, gap = append(ttft, float64(e.TTFTMS)), append(duration, float64(e.DurationMS)), max(gap, int64(e.LongestGapMS))
				if e.DurationMS > e.TTFTMS {
					tokens, ms = tokens+e.Usage.Output.OrZero(), ms+int64(e.DurationMS-e.TTFTMS)
				}
			}
			return fmt.Sprintf("%d | %s | %s | %s | %d | %.6f", len(in), quantile(ttft, 0.5), quantile(ttft, 0.95), quantile(duration, 0.95), gap, float64(tokens)/float64(ms)*1000)
		}))
}
