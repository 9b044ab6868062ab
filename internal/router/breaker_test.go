package router_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"prism/internal/ledger"
	"prism/internal/router"
)

func TestABreakerOpensAfterFiveFailuresThatAreHalfOfTheAttempts(t *testing.T) {
	for _, c := range []struct {
		results string // a second apart: F failed, . fine, l limited, d denied, c left, _ nothing for ten seconds
		want    string
	}{
		{"FFFF", ledger.HealthOK},
		{"FFFFF", ledger.HealthOpen},
		{"F.F.F.F.F", ledger.HealthOpen},
		{"F.F.F.F.F.", ledger.HealthOK},   // it was asked all the same, and answered
		{"FF..F..F..F", ledger.HealthOK},  // 5 of 11
		{".....FFFFF", ledger.HealthOpen}, // just half
		{"......FFFFF", ledger.HealthOK},
		{"......FFFFFF", ledger.HealthOpen},
		{"FFF____FF", ledger.HealthOK}, // the first are over thirty seconds old
		{"FFFF_F", ledger.HealthOpen},
		{"lllllll", ledger.HealthCooling},
		{"FFFFcccccF", ledger.HealthOpen}, // who left counts on neither side
		{"ddddd", ledger.HealthDenied},
		{"ddddd.", ledger.HealthOK},
	} {
		t.Run(c.results, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, 1, map[string]int{"a": 1})
				results := map[rune]router.Result{'F': failed(), '.': fine(), 'l': limited(), 'd': denied(), 'c': {}}
				for _, r := range c.results {
					if r == '_' {
						time.Sleep(10 * time.Second)
						continue
					}
					w := g.walk("")
					_, _ = w.Next(time.Now())
					time.Sleep(time.Millisecond)
					w.End(time.Now(), results[r])
					time.Sleep(999 * time.Millisecond)
				}
				if got := g.state("a"); got != c.want {
					t.Errorf("%s, want %s", got, c.want)
				}
			})
		})
	}
}

func TestAnOpenBreakerSendsOneProbeAfterAWaitThatDoubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, 2, nil)
		g.fail(5)
		opened := time.Now().Add(-time.Second)
		for _, wait := range []time.Duration{15, 30, 60, 120, 240, 300, 300} {
			wait *= time.Second
			if v := g.Health("a").View(time.Now()); v.State != ledger.HealthOpen || v.Until.Sub(opened) != wait {
				t.Fatalf("%s for %v, want %v", v.State, v.Until.Sub(opened), wait)
			}
			time.Sleep(time.Until(opened.Add(wait)) - time.Millisecond)
			if got := path(g.walk(""), nil); !slices.Equal(got, []string{"b fallback"}) {
				t.Fatalf("a millisecond too early: %q", got)
			}
			time.Sleep(time.Millisecond)
			probe := g.walk("")
			if who := next(probe); who != "a active" || g.state("a") != ledger.HealthProbing {
				t.Fatalf("probe: %q, %s", who, g.state("a"))
			}
			if got := path(g.walk(""), nil); !slices.Equal(got, []string{"b fallback"}) {
				t.Fatalf("a second probe: %q", got)
			}
			opened = time.Now()
			probe.End(time.Now(), failed())
		}
		time.Sleep(300 * time.Second)
		path(g.walk(""), map[string]router.Result{"a": fine()})
		if got := g.state("a"); got != ledger.HealthOK {
			t.Fatalf("after a good probe %s", got)
		}
		g.fail(4)
		if got := g.state("a"); got != ledger.HealthOK {
			t.Errorf("four failures after it was closed: %s", got)
		}
		g.fail(1)
		if v := g.Health("a").View(time.Now()); v.State != ledger.HealthOpen || time.Until(v.Until) > 15*time.Second {
			t.Errorf("the wait does not begin anew: %s for %v", v.State, time.Until(v.Until))
		}
	})
}

func TestAProbeWhoseClientLeavesFreesItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, 2, nil)
		g.fail(5)
		time.Sleep(15 * time.Second)
		for _, end := range []router.Result{{}, limited(), {}} {
			w := g.walk("")
			if who := next(w); who != "a active" {
				t.Fatalf("asked %q", who)
			}
			w.End(time.Now(), end)
			time.Sleep(16 * time.Second) // the 429 has a cooldown of its own
		}
		if got := path(g.walk(""), map[string]router.Result{"a": fine()}); !slices.Equal(got, []string{"a active"}) || g.state("a") != ledger.HealthOK {
			t.Errorf("asked %q, and it is %s", got, g.state("a"))
		}
	})
}

func TestAProbeThatIsAnsweredClosesTheBreakerBeforeItsStreamEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, 2, nil)
		g.fail(5)
		time.Sleep(15 * time.Second)
		w := g.walk("")
		_, _ = w.Next(time.Now())
		w.Head(time.Now(), 200, nil)
		if got := g.state("a"); got != ledger.HealthProbing {
			t.Fatalf("%s before the commit", got)
		}
		w.Served(time.Now())
		if got := g.state("a"); got != ledger.HealthOK {
			t.Fatalf("%s after the commit", got)
		}
		w.End(time.Now(), failed()) // cut later on: one failure
		if got := g.state("a"); got != ledger.HealthOK {
			t.Errorf("%s after one failure", got)
		}
	})
}

func TestResultsFromBeforeTheBreakerOpenedSayNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, 2, nil)
		good, bad, worse := g.walk(""), g.walk(""), g.walk("")
		for _, w := range []*router.Walk{good, bad, worse} {
			_, _ = w.Next(time.Now())
		}
		time.Sleep(time.Second)
		g.fail(5)
		good.End(time.Now(), fine())
		bad.End(time.Now(), failed())
		v := g.Health("a").View(time.Now())
		if v.State != ledger.HealthOpen || time.Until(v.Until) != 14*time.Second {
			t.Fatalf("%s for %v", v.State, time.Until(v.Until))
		}
		time.Sleep(14 * time.Second)
		probe := g.walk("")
		_, _ = probe.Next(time.Now())
		worse.End(time.Now(), failed())
		if got := g.state("a"); got != ledger.HealthProbing {
			t.Errorf("%s: an old failure counted as the probe's", got)
		}
		probe.End(time.Now(), fine())
	})
}

// TestNeverTwoProbes lets many clients at once ask an upstream that fails, and then one that comes
// back, with a fallback that is well, so that whoever asks it while its breaker is open is a probe.
func TestNeverTwoProbes(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t, 2, nil)
			g.fail(5)
			var probes, most, all atomic.Int64
			well := time.Now().Add(10 * time.Minute)
			for n := range 40 {
				go func() {
					rnd := rand.New(rand.NewPCG(seed, uint64(n)))
					for time.Now().Before(well) {
						time.Sleep(time.Duration(rnd.Int64N(int64(5 * time.Second))))
						w := g.walk("")
						if who := next(w); !strings.HasPrefix(who, "a") {
							w.End(time.Now(), fine())
							continue
						}
						all.Add(1)
						most.Store(max(most.Load(), probes.Add(1)))
						time.Sleep(time.Duration(rnd.Int64N(int64(20 * time.Second))))
						probes.Add(-1)
						w.End(time.Now(), []router.Result{failed(), {}, limited(), failed()}[rnd.IntN(4)])
					}
				}()
			}
			synctest.Wait()
			time.Sleep(11 * time.Minute)
			synctest.Wait()
			if most.Load() != 1 || all.Load() < 3 {
				t.Errorf("seed %d: %d probes at once, %d in all", seed, most.Load(), all.Load())
			}
			path(g.walk(""), map[string]router.Result{"a": fine()})
		})
	}
}

func TestAWindowIsNotStretchedByAClockThatWasSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, 2, nil)
		path(g.walk(""), map[string]router.Result{"a": limited()})
		for _, jump := range []time.Duration{time.Hour, -time.Hour, -10 * 365 * 24 * time.Hour} {
			now := time.Now().Add(jump).Round(0)
			w := g.walk("")
			_, _ = w.Next(now)
			w.Head(now, 200, nil)
			w.Served(now)
			w.End(now, fine())
			if v := g.Health("a").View(now); v.State != ledger.HealthCooling || v.Until.Sub(now) > 15*time.Second {
				t.Errorf("clock set by %v: %s for %v", jump, v.State, v.Until.Sub(now))
			}
		}
		time.Sleep(15 * time.Second)
		if got := path(g.walk(""), nil); !slices.Equal(got, []string{"a active"}) {
			t.Errorf("asked %q", got)
		}
	})
}

func TestAWindowBeginsAnewWhenTheClockIsSetBack(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		name string
		step time.Duration
		open bool
	}{{"not at all", 0, true}, {"by a hair", -10 * time.Millisecond, true}, {"by an hour", -time.Hour, false}, {"by ten years", -87600 * time.Hour, false}} {
		walls := slices.Repeat([]time.Time{now}, 4)
		walls = append(walls, slices.Repeat([]time.Time{now.Add(c.step)}, 4)...)
		if got := router.BreakerAfter(walls...); got != c.open {
			t.Errorf("set back %s: open %v", c.name, got)
		}
	}
}
