package main

import (
	"testing"
	"time"
)

// In Santiago the clocks go forward at midnight: the sixth begins at one.
func TestADayWithoutMidnightBeginsWhenItBegins(t *testing.T) {
	santiago, err := time.LoadLocation("America/Santiago")
	if err != nil {
		t.Skip("no time zones here")
	}
	now := time.Date(2026, 9, 6, 12, 0, 0, 0, santiago)
	a := &app{now: func() time.Time { return now }}
	for _, c := range []struct {
		name             string
		sel              selection
		from, to, before string
	}{
		{"today", selection{}, "2026-09-06T01:00:00-03:00", "2026-09-07T00:00:00-03:00", "2026-09-05T00:00:00-04:00"},
		{"yesterday", selection{period: "yesterday"}, "2026-09-05T00:00:00-04:00", "2026-09-06T01:00:00-03:00", "2026-09-04T00:00:00-04:00"},
		{"week", selection{period: "week"}, "2026-08-31T00:00:00-04:00", "2026-09-07T00:00:00-03:00", "2026-08-24T00:00:00-04:00"},
		{"month", selection{period: "month"}, "2026-09-01T00:00:00-04:00", "2026-10-01T00:00:00-03:00", "2026-08-01T00:00:00-04:00"},
		{"days", selection{since: "2d", until: "0d"}, "2026-09-04T00:00:00-04:00", "2026-09-06T01:00:00-03:00", "2026-09-02T00:00:00-04:00"},
		{"a date", selection{since: "2026-09-06", until: "2026-09-07"}, "2026-09-06T01:00:00-03:00", "2026-09-07T00:00:00-03:00", "2026-09-05T01:00:00-04:00"},
	} {
		w, err := a.window(c.sel)
		if err != nil {
			t.Fatal(err)
		}
		show := func(at time.Time) string { return at.In(santiago).Format(time.RFC3339) }
		if show(w.from) != c.from || show(w.to) != c.to || show(w.before(now).from) != c.before {
			t.Errorf("%s: %s to %s, before it from %s", c.name, show(w.from), show(w.to), show(w.before(now).from))
		}
	}
}
