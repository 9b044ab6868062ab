package router

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// MaxCooldown is the longest time for which an upstream is left alone because it asked for it,
// and what a refusal amounts to that only somebody can lift, such as a spend limit.
const MaxCooldown = 5 * time.Minute

const (
	shortCooldown = 15 * time.Second // after a 429 that does not say
	leastCooldown = time.Second      // "at once" is no time at which a refusal is over
)

// CooldownOf tells how long an error asks to be left alone: a 429 or 5xx by retry-after-ms or
// retry-after, and a 429 that has neither by a rate limit that it shows as used up. In a 5xx such a
// limit is not the reason, and concerns the key alone. It is between a second and [MaxCooldown]; ok
// is false where the answer does not say. now is the wall clock; a Date header counts before it,
// since a time of day is one of the provider's clock.
func CooldownOf(status int, h http.Header, now time.Time) (d time.Duration, ok bool) {
	if status != http.StatusTooManyRequests && status < http.StatusInternalServerError {
		return 0, false
	}
	if d, ok := retryAfter(h, now); ok || status != http.StatusTooManyRequests {
		return d, ok
	}
	d, _ = usedUp(h, now)
	return d, d > 0
}

// retryAfter reads the two headers as the provider's own clients do: milliseconds first. What is
// negative or cannot be read says nothing.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	if d, ok := number(first(h, "Retry-After-Ms"), time.Millisecond); ok {
		return d, true
	}
	v := first(h, "Retry-After")
	if v == "" {
		return 0, false
	}
	if d, ok := number(v, time.Second); ok {
		return d, true
	}
	if at, err := http.ParseTime(v); err == nil {
		return bounded(at.Sub(serverTime(h, now))), true
	}
	return 0, false
}

// number reads a count of units, which may have a fraction.
func number(v string, unit time.Duration) (time.Duration, bool) {
	f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
	if err != nil || math.IsNaN(f) || f < 0 || math.Signbit(f) {
		return 0, false
	}
	return bounded(time.Duration(min(f, MaxCooldown.Seconds()*1000) * float64(unit))), true
}

func bounded(d time.Duration) time.Duration { return min(max(d, leastCooldown), MaxCooldown) }

// limit is a rate limit of the provider: the headers that tell what is left of it, and when it
// is whole again.
type limit struct{ name, left, reset string }

// limits are those of an API key, in the form in which net/http keeps names.
func limits() [4]limit {
	const prefix = "Anthropic-Ratelimit-"
	return [4]limit{
		{"requests", prefix + "Requests-Remaining", prefix + "Requests-Reset"},
		{"tokens", prefix + "Tokens-Remaining", prefix + "Tokens-Reset"},
		{"input tokens", prefix + "Input-Tokens-Remaining", prefix + "Input-Tokens-Reset"},
		{"output tokens", prefix + "Output-Tokens-Remaining", prefix + "Output-Tokens-Reset"},
	}
}

// window is a limit of a subscription.
type window struct{ name, status, used, reset string }

func windows() [2]window {
	const prefix = "Anthropic-Ratelimit-Unified-"
	return [2]window{
		{"five-hour limit", prefix + "5h-Status", prefix + "5h-Utilization", prefix + "5h-Reset"},
		{"seven-day limit", prefix + "7d-Status", prefix + "7d-Utilization", prefix + "7d-Reset"},
	}
}

// usedUp tells which limit an answer shows as used up, and for how long: the longest of them; 0
// = none, or one that is over.
func usedUp(h http.Header, now time.Time) (d time.Duration, name string) {
	take := func(reset, of string) {
		if wait := untilReset(first(h, reset), h, now); wait > d {
			d, name = wait, of
		}
	}
	// Of a subscription, the verdict on the whole counts: what is over one window may be paid for.
	if status := first(h, "Anthropic-Ratelimit-Unified-Status"); status != "" {
		if status == "rejected" {
			take("Anthropic-Ratelimit-Unified-Reset", "subscription limit")
		}
		return d, name
	}
	ofKey := false
	for _, l := range limits() {
		left := first(h, l.left)
		ofKey = ofKey || left != ""
		if none(left) {
			take(l.reset, l.name)
		}
	}
	if ofKey {
		return d, name
	}
	for _, w := range windows() {
		if status := first(h, w.status); status == "rejected" || status == "" && full(first(h, w.used)) {
			take(w.reset, w.name)
		}
	}
	return d, name
}

// first returns the first value of a header whose name is in the form net/http keeps.
func first(h http.Header, name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// none tells whether nothing is left.
func none(v string) bool {
	if v == "" || v[0] != '0' && v[0] != '-' {
		return false
	}
	n, err := strconv.ParseInt(v, 10, 64)
	return err == nil && n <= 0
}

// full tells whether a share of 1 or more is used.
func full(v string) bool {
	if v == "" {
		return false
	}
	f, err := strconv.ParseFloat(v, 64)
	return err == nil && f >= 1
}

// untilReset returns how long it is until a reset, which is an RFC 3339 instant or seconds since
// 1970; 0 where it cannot be read or has passed.
func untilReset(v string, h http.Header, now time.Time) time.Duration {
	at, err := time.Parse(time.RFC3339, v)
	if err != nil {
		sec, err := strconv.ParseInt(v, 10, 64)
		if err != nil || sec <= 0 || sec > 1<<40 {
			return 0
		}
		at = time.Unix(sec, 0)
	}
	d := at.Sub(serverTime(h, now))
	if d <= 0 {
		return 0
	}
	return bounded(d)
}

// serverTime is the time of day at the provider, or ours where it does not tell.
func serverTime(h http.Header, now time.Time) time.Time {
	if at, err := http.ParseTime(first(h, "Date")); err == nil {
		return at
	}
	return now
}
