package translate

import (
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// waitFor is how long to wait, as the value of retry-after.
func waitFor(status int, h http.Header, r *Report) string {
	if wait := toldWait(status, h, r); wait != "" {
		return wait
	}
	if s, ok := limitReset(h); ok && status == http.StatusTooManyRequests {
		return seconds(s)
	}
	return ""
}

// toldWait is what the provider itself says of how long to wait. What it says in the header for it is
// passed on; where it says so in other ways, the client would not know.
func toldWait(status int, h http.Header, r *Report) string {
	if v := strings.TrimSpace(h.Get("Retry-After")); v != "" && len(v) < 64 {
		return v
	}
	if ms, ok := positive(h.Get("Retry-After-Ms")); ok {
		return seconds(ms / 1000)
	}
	if status != http.StatusTooManyRequests && status != statusOverloaded {
		return ""
	}
	if d, err := time.ParseDuration(r.Wait); err == nil && d >= 0 {
		return seconds(d.Seconds())
	}
	if s, ok := waitIn(r.Message); ok {
		return seconds(s)
	}
	return ""
}

// maxWait is the longest wait that is told, in seconds.
const maxWait = 24 * 60 * 60

func seconds(s float64) string {
	return strconv.Itoa(int(math.Ceil(min(max(s, 1), maxWait))))
}

func positive(v string) (float64, bool) {
	f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
	return f, err == nil && f > 0 && !math.IsInf(f, 0)
}

// Ways in which a text says how long to wait: "in 6m0s", "after 20 seconds".
var (
	waitCompact = regexp.MustCompile(`(?i)(?:try again|retry|wait|available|resets?)[^0-9]{0,30}?\b((?:[0-9]+(?:\.[0-9]+)?(?:ms|h|m|s))+)\b`)
	waitWords   = regexp.MustCompile(`(?i)(?:try again|retry|wait|available|resets?)[^0-9]{0,30}?\b([0-9]+(?:\.[0-9]+)?) ?(milli|sec|min|hour)`)
)

// waitIn finds how long to wait in a text, in seconds.
func waitIn(text string) (float64, bool) {
	if m := waitCompact.FindStringSubmatch(text); m != nil {
		if d, err := time.ParseDuration(strings.ToLower(m[1])); err == nil {
			return d.Seconds(), true
		}
	}
	m := waitWords.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	n, ok := positive(m[1])
	switch strings.ToLower(m[2]) {
	case "milli":
		n /= 1000
	case "min":
		n *= 60
	case "hour":
		n *= 60 * 60
	}
	return n, ok
}

// limitReset finds when a limit ends in the headers that most copies of OpenAI's API send, in seconds.
// Of several limits those count that nothing is left of; where none says so, the one that ends
// first.
func limitReset(h http.Header) (float64, bool) {
	const name, left = "X-Ratelimit-Reset", "X-Ratelimit-Remaining"
	var most, least float64
	for key := range h {
		suffix, ok := strings.CutPrefix(key, name)
		if !ok {
			continue
		}
		s, ok := untilReset(h.Get(key), h)
		if !ok {
			continue
		}
		if least == 0 || s < least {
			least = s
		}
		if n, err := strconv.ParseFloat(h.Get(left+suffix), 64); err == nil && n <= 0 {
			most = max(most, s)
		}
	}
	if most > 0 {
		return most, true
	}
	return least, least > 0
}

// untilReset reads 6m0s, a number of seconds, or a time in seconds or milliseconds since 1970. The
// clock is the provider's.
func untilReset(v string, h http.Header) (float64, bool) {
	if d, err := time.ParseDuration(v); err == nil {
		return d.Seconds(), d > 0
	}
	n, ok := positive(v)
	if !ok || n < 1e9 {
		return n, ok
	}
	if n > 1e12 {
		n /= 1000
	}
	now, err := http.ParseTime(h.Get("Date"))
	n -= float64(now.Unix())
	return n, err == nil && n > 0
}
