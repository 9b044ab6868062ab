package router_test

import (
	"net/http"
	"testing"
	"time"

	"prism/internal/router"
)

func TestACooldownIsWhatTheAnswerAsksForWithinBounds(t *testing.T) {
	now := time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)
	at := func(d time.Duration) string { return now.Add(d).Format(time.RFC3339) }
	date := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	for _, c := range []struct {
		name    string
		status  int
		headers []string
		want    time.Duration // 0 = it does not say
	}{
		{"nothing", 429, nil, 0},
		{"seconds", 429, []string{"Retry-After", "12"}, 12 * time.Second},
		{"seconds with spaces", 429, []string{"Retry-After", " 12 "}, 12 * time.Second},
		{"a fraction", 429, []string{"Retry-After", "1.5"}, 1500 * time.Millisecond},
		{"overloaded", 529, []string{"Retry-After", "30"}, 30 * time.Second},
		{"unavailable", 503, []string{"Retry-After", "30"}, 30 * time.Second},
		{"at once", 429, []string{"Retry-After", "0"}, time.Second},
		{"negative", 429, []string{"Retry-After", "-5"}, 0},
		{"minus zero", 429, []string{"Retry-After", "-0"}, 0},
		{"a billion", 429, []string{"Retry-After", "1000000000"}, 5 * time.Minute},
		{"more than a number holds", 429, []string{"Retry-After", "1e400"}, 0},
		{"infinite", 429, []string{"Retry-After", "Inf"}, 5 * time.Minute},
		{"not a number", 429, []string{"Retry-After", "NaN"}, 0},
		{"garbage", 429, []string{"Retry-After", "soon"}, 0},
		{"empty", 429, []string{"Retry-After", ""}, 0},
		{"a date", 429, []string{"Retry-After", date(90 * time.Second)}, 90 * time.Second},
		{"a date of a clock that is wrong", 429, []string{"Retry-After", date(time.Hour + 90*time.Second), "Date", date(time.Hour)}, 90 * time.Second},
		{"a date that has passed", 429, []string{"Retry-After", date(-time.Hour)}, time.Second},
		{"a date far away", 429, []string{"Retry-After", date(24 * time.Hour)}, 5 * time.Minute},
		{"milliseconds", 429, []string{"Retry-After-Ms", "2500"}, 2500 * time.Millisecond},
		{"milliseconds first", 429, []string{"Retry-After-Ms", "2500", "Retry-After", "60"}, 2500 * time.Millisecond},
		{"milliseconds that are garbage", 429, []string{"Retry-After-Ms", "x", "Retry-After", "60"}, time.Minute},
		{"few milliseconds", 429, []string{"Retry-After-Ms", "20"}, time.Second},
		{"a good answer is no refusal", 200, []string{"Retry-After", "60"}, 0},

		{"requests left", 429, []string{"Anthropic-Ratelimit-Requests-Remaining", "1", "Anthropic-Ratelimit-Requests-Reset", at(time.Minute)}, 0},
		{"no requests left", 429, []string{"Anthropic-Ratelimit-Requests-Remaining", "0", "Anthropic-Ratelimit-Requests-Reset", at(time.Minute)}, time.Minute},
		{"no tokens left", 429, []string{"Anthropic-Ratelimit-Tokens-Remaining", "0", "Anthropic-Ratelimit-Tokens-Reset", at(7 * time.Second)}, 7 * time.Second},
		{"less than none", 429, []string{"Anthropic-Ratelimit-Input-Tokens-Remaining", "-3", "Anthropic-Ratelimit-Input-Tokens-Reset", at(7 * time.Second)}, 7 * time.Second},
		{"the longest of two", 429, []string{
			"Anthropic-Ratelimit-Input-Tokens-Remaining", "0", "Anthropic-Ratelimit-Input-Tokens-Reset", at(7 * time.Second),
			"Anthropic-Ratelimit-Output-Tokens-Remaining", "00", "Anthropic-Ratelimit-Output-Tokens-Reset", at(9 * time.Second),
		}, 9 * time.Second},
		{"a reset by the provider's clock", 429, []string{"Anthropic-Ratelimit-Tokens-Remaining", "0", "Anthropic-Ratelimit-Tokens-Reset", at(-time.Hour), "Date", date(-time.Hour - 30*time.Second)}, 30 * time.Second},
		{"a reset that has passed", 429, []string{"Anthropic-Ratelimit-Tokens-Remaining", "0", "Anthropic-Ratelimit-Tokens-Reset", at(-time.Second)}, 0},
		{"a reset that cannot be read", 429, []string{"Anthropic-Ratelimit-Tokens-Remaining", "0", "Anthropic-Ratelimit-Tokens-Reset", "later"}, 0},
		{"no reset", 429, []string{"Anthropic-Ratelimit-Tokens-Remaining", "0"}, 0},
		{"remaining garbage", 429, []string{"Anthropic-Ratelimit-Tokens-Remaining", "0x", "Anthropic-Ratelimit-Tokens-Reset", at(time.Minute)}, 0},
		{"a good answer that shows a limit", 200, []string{"Anthropic-Ratelimit-Tokens-Remaining", "0", "Anthropic-Ratelimit-Tokens-Reset", at(time.Minute)}, 0},
		{"a limit in a 5xx, which is not its reason", 529, []string{"Anthropic-Ratelimit-Tokens-Remaining", "0", "Anthropic-Ratelimit-Tokens-Reset", at(time.Minute)}, 0},
		{"a conflict", 409, []string{"Retry-After", "30"}, 0},
		{"a request that came too slowly", 408, []string{"Retry-After", "30"}, 0},
		{"a refused key", 401, []string{"Retry-After", "30"}, 0},
		{"retry-after before a window", 429, []string{"Retry-After", "2", "Anthropic-Ratelimit-Tokens-Remaining", "0", "Anthropic-Ratelimit-Tokens-Reset", at(time.Minute)}, 2 * time.Second},
		{"a window where retry-after is missing", 429, []string{"Anthropic-Ratelimit-Tokens-Remaining", "0", "Anthropic-Ratelimit-Tokens-Reset", at(time.Minute)}, time.Minute},

		{"a subscription that is used up", 429, []string{"Anthropic-Ratelimit-Unified-Status", "rejected", "Anthropic-Ratelimit-Unified-Reset", "1795687260"}, time.Minute},
		{"a subscription until tomorrow", 429, []string{"Anthropic-Ratelimit-Unified-Status", "rejected", "Anthropic-Ratelimit-Unified-Reset", "1795773600"}, 5 * time.Minute},
		{"a subscription that is nearly used up", 429, []string{"Anthropic-Ratelimit-Unified-Status", "allowed_warning", "Anthropic-Ratelimit-Unified-Reset", "1795687260"}, 0},
		{"a window that is over, and paid for", 429, []string{"Anthropic-Ratelimit-Unified-Status", "allowed", "Anthropic-Ratelimit-Unified-5h-Status", "rejected", "Anthropic-Ratelimit-Unified-5h-Reset", "1795687260"}, 0},
		{"a window that is over", 429, []string{"Anthropic-Ratelimit-Unified-5h-Status", "rejected", "Anthropic-Ratelimit-Unified-5h-Reset", "1795687260"}, time.Minute},
		{"a window that is full", 429, []string{"Anthropic-Ratelimit-Unified-7d-Utilization", "1.0", "Anthropic-Ratelimit-Unified-7d-Reset", "1795687260"}, time.Minute},
		{"a window that is not", 429, []string{"Anthropic-Ratelimit-Unified-7d-Utilization", "0.99", "Anthropic-Ratelimit-Unified-7d-Reset", "1795687260"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := http.Header{}
			for i := 0; i < len(c.headers); i += 2 {
				h.Set(c.headers[i], c.headers[i+1])
			}
			if d, ok := router.CooldownOf(c.status, h, now); d != c.want || ok != (c.want > 0) {
				t.Errorf("%v, %v; want %v", d, ok, c.want)
			}
		})
	}
}

func FuzzCooldown(f *testing.F) {
	f.Add(429, "12", "", "0", "2026-11-26T10:00:00Z", "Thu, 26 Nov 2026 10:00:00 GMT")
	f.Add(200, "-1", "1e9", "-0", "99999999999999999999", "x")
	f.Add(503, "Thu, 26 Nov 2026 10:00:00 GMT", "NaN", "1", "-62135596801", "Mon, 01 Jan 0001 00:00:00 GMT")
	f.Fuzz(func(t *testing.T, status int, after, ms, left, reset, date string) {
		h := http.Header{
			"Retry-After": {after}, "Retry-After-Ms": {ms}, "Date": {date},
			"Anthropic-Ratelimit-Tokens-Remaining": {left}, "Anthropic-Ratelimit-Tokens-Reset": {reset},
		}
		d, ok := router.CooldownOf(status, h, time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC))
		if ok != (d > 0) || ok && (d < time.Second || d > router.MaxCooldown) {
			t.Errorf("%v, %v", d, ok)
		}
	})
}
