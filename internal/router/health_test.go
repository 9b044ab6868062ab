package router_test

import (
	"testing"
	"time"

	"prism/internal/router"
)

func TestHealthCountsTheLastHourAndNoMore(t *testing.T) {
	base := time.Date(2026, 3, 1, 12, 0, 30, 0, time.UTC)
	at := func(minutes int) time.Time { return base.Add(time.Duration(minutes) * time.Minute) }
	for _, c := range []struct {
		name     string
		reports  []int // minutes after base
		now      int
		requests int64
	}{
		{"none", nil, 0, 0},
		{"this minute", []int{0, 0, 0}, 0, 3},
		{"fifty-nine minutes ago", []int{0}, 59, 1},
		{"sixty minutes ago", []int{0}, 60, 0},
		{"the same slot an hour later", []int{0, 60}, 60, 1},
		{"a slot of yesterday", []int{0, 24 * 60}, 24*60 + 1, 1},
		{"spread", []int{0, 10, 20, 30, 40, 50, 59}, 62, 6},
		{"the clock was set back", []int{630, 0}, 0, 1},
		{"before the epoch of computers", []int{-60 * 24 * 365 * 60}, -60 * 24 * 365 * 60, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newRig(t, 1, nil)
			for _, m := range c.reports {
				w := g.walk("")
				_, _ = w.Next(at(m))
				w.End(at(m), fine())
			}
			if v := g.Health("a").View(at(c.now)); v.Requests1h != c.requests || v.Errors1h != 0 {
				t.Errorf("%d requests, %d errors; want %d, none", v.Requests1h, v.Errors1h, c.requests)
			}
		})
	}
}

func TestHealthKeepsTheLastErrorBesideTheLastSuccess(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	g := newRig(t, 1, nil)
	failing, good, running := g.walk(""), g.walk(""), g.walk("")
	for _, w := range []*router.Walk{failing, good, running} {
		_, _ = w.Next(now)
	}
	failing.End(now, failed())
	good.End(now.Add(time.Second), fine())
	v := g.Health("a").View(now.Add(2 * time.Second))
	want := router.HealthView{State: "ok", LastOK: now.Add(time.Second), LastError: "overloaded_error", LastErrorAt: now, Requests1h: 2, Errors1h: 1, InFlight: 1}
	if v != want {
		t.Errorf("%+v, want %+v", v, want)
	}
}

func TestOneAnswerInTwentyTakesLongerThanTheP95(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	for _, c := range []struct {
		name  string
		noted func(h *router.Health)
		want  time.Duration
	}{
		{"nothing is known", func(*router.Health) {}, 0},
		{"one answer", func(h *router.Health) { h.First(now, ms(900)) }, ms(900)},
		{"twenty answers", func(h *router.Health) {
			for n := range 20 {
				h.First(now, ms(n+1))
			}
		}, ms(19)},
		{"an hour ago does not count", func(h *router.Health) {
			h.First(now.Add(-time.Hour), ms(9000))
			h.First(now.Add(-time.Minute), ms(5))
		}, ms(5)},
		{"only the last ones are kept", func(h *router.Health) {
			for n := range 1000 {
				h.First(now, ms(1000-n))
			}
		}, ms(122)}, // of 1 to 128
	} {
		t.Run(c.name, func(t *testing.T) {
			var h router.Health
			c.noted(&h)
			if got := h.View(now).TTFTP95; got != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}
