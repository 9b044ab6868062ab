package router_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/router"
)

// TestEveryWalkHoldsWhatIsPromised sends random requests through random plans whose upstreams
// answer at random, and checks each step against what can be known from outside.
func TestEveryWalkHoldsWhatIsPromised(t *testing.T) {
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			profiles := 1 + rnd.IntN(5)
			keys := map[string]int{}
			for i := range profiles {
				keys[string(rune('a'+i))] = 1 + rnd.IntN(3)
			}
			g := newRig(t, profiles, keys)
			g.Table().Route("a").Profile.FallbackOnAuth = rnd.IntN(2) == 0
			for n := range 400 {
				time.Sleep(time.Duration(rnd.Int64N(int64(3 * time.Second))))
				reason := []string{"active", "rule 1", "path"}[rnd.IntN(3)]
				s := steps{rig: g, reason: reason, seed: fmt.Sprintf("seed %d, request %d", seed, n)}
				s.run(g.walkAs([]string{"", "s", "t", "u"}[rnd.IntN(4)], reason), rnd)
			}
			for i := range profiles {
				if n := g.Health(string(rune('a' + i))).View(time.Now()).InFlight; n != 0 {
					t.Errorf("seed %d: %d in flight at %c", seed, n, 'a'+i)
				}
			}
			g.checkChanges(seed)
		})
	}
}

// steps is one walk under watch.
type steps struct {
	*rig
	reason string
	seed   string
	asked  []string
}

func (s *steps) run(w *router.Walk, rnd *rand.Rand) {
	s.Helper()
	for {
		well := s.well()
		peeked, left := w.Peek(), w.Left()
		try, ok := w.Next(time.Now())
		switch {
		case !ok && len(s.asked) == 0:
			s.Fatalf("%s: nobody was asked", s.seed)
		case !ok:
			if peeked != nil {
				s.Fatalf("%s: %s was shown and is not given", s.seed, peeked.Profile.Name)
			}
			return
		case !left || peeked != try.Route:
			s.Fatalf("%s: Left is %v, Peek is %v, Next is %s", s.seed, left, peeked, try.Route.Profile.Name)
		}
		s.check(try, well)
		if len(s.asked) > 3 {
			s.Fatalf("%s: asked %q", s.seed, s.asked)
		}
		time.Sleep(time.Duration(rnd.Int64N(int64(2 * time.Second))))
		switch n := rnd.IntN(12); {
		case n < 5:
			w.Head(time.Now(), 200, nil)
			w.Served(time.Now())
			w.End(time.Now(), fine())
			return
		case n == 5:
			w.End(time.Now(), router.Result{}) // the client left
			return
		case n < 8:
			w.End(time.Now(), router.Result{Limited: true, Cooldown: time.Duration(rnd.Int64N(int64(time.Minute)))})
		case n == 8:
			w.End(time.Now(), denied())
		default:
			w.End(time.Now(), failed())
		}
	}
}

// well are the profiles that can be asked, by what the views say.
func (s *steps) well() map[string]bool {
	out := map[string]bool{}
	now := time.Now()
	over := func(until time.Time) bool { return !until.IsZero() && !until.After(now) }
	for _, p := range s.Table().Config.Profiles {
		v := s.Health(p.Name).View(now)
		closed := v.State != ledger.HealthProbing && (v.State != ledger.HealthOpen || over(v.Until))
		if v.State == ledger.HealthDenied && over(v.Until) {
			continue // behind that, its breaker may be open
		}
		out[p.Name] = closed && slices.ContainsFunc(s.Health(p.Name).Keys(now), func(k router.KeyView) bool {
			return k.State == ledger.HealthOK || over(k.Until)
		})
	}
	return out
}

// check looks at one step: nobody twice by the same key, nobody who is not well while a well one
// is left, and where nobody is, the first of those that are left.
func (s *steps) check(try router.Try, well map[string]bool) {
	s.Helper()
	name := try.Route.Profile.Name
	id := name + "/" + try.Lane.Key
	if slices.Contains(s.asked, id) {
		s.Fatalf("%s: %s is asked twice", s.seed, id)
	}
	defer func() { s.asked = append(s.asked, id) }()
	if len(s.asked) == 0 && s.reason == "path" {
		if name != "a" {
			s.Fatalf("%s: a was named, %s is asked", s.seed, name)
		}
		return
	}
	if isWell, known := well[name]; isWell || !known || try.Why == "key" {
		return
	}
	if name == "a" && s.Health("a").View(time.Now()).State == ledger.HealthDenied && !try.Route.Profile.FallbackOnAuth {
		return // the user has to see it
	}
	for _, p := range s.Table().Config.Profiles {
		switch asked := slices.ContainsFunc(s.asked, func(id string) bool { return strings.HasPrefix(id, p.Name+"/") }); {
		case asked:
		case well[p.Name]:
			s.Fatalf("%s: %s is asked while %s is well: %q", s.seed, name, p.Name, s.asked)
		case p.Name < name:
			s.Fatalf("%s: %s is asked before %s", s.seed, name, p.Name)
		}
	}
}

// checkChanges looks whether what was told is a history: each change begins where the one before
// ended, and goes somewhere else.
func (g *rig) checkChanges(seed uint64) {
	g.Helper()
	state := map[string]string{}
	for i, c := range g.changes {
		id := c.Profile + "/" + c.Key
		was := state[id]
		if was == "" {
			was = ledger.HealthOK
		}
		if c.From != was || c.To == c.From {
			g.Fatalf("seed %d, change %d: %+v after %s", seed, i, c, was)
		}
		state[id] = c.To
	}
}

// TestTheFailoverBudgetIsNeverExceeded counts, in every window of ten seconds, the attempts beyond
// the first of their request.
func TestTheFailoverBudgetIsNeverExceeded(t *testing.T) {
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 2))
			g := newRig(t, 3, map[string]int{"b": 2})
			var requests, extra []time.Time
			refused := 0
			for range 1500 {
				time.Sleep(time.Duration(rnd.ExpFloat64() * float64(time.Second) / float64(1+10*(seed%4))))
				w := g.walk("")
				for first := true; ; first = false {
					if _, ok := w.Next(time.Now()); !ok {
						if w.Left() {
							refused++
						}
						break
					}
					if first {
						requests = append(requests, time.Now())
					} else {
						extra = append(extra, time.Now())
					}
					w.End(time.Now(), []router.Result{failed(), limited()}[rnd.IntN(2)])
				}
			}
			for i, begin := range extra {
				end := begin.Add(10 * time.Second)
				within := func(t time.Time) bool { return !t.Before(begin) && t.Before(end) }
				spent := count(extra[i:], within)
				// What was spent was granted for the requests of the ten seconds before it.
				since := begin.Add(-10 * time.Second)
				granted := count(requests, func(t time.Time) bool { return t.After(since) && t.Before(end) })
				if most := max(3, granted/5); spent > most {
					t.Fatalf("seed %d: %d attempts beyond the first within ten seconds, for %d requests", seed, spent, granted)
				}
			}
			if refused == 0 || len(extra) < 10 {
				t.Errorf("seed %d: %d refused, %d granted: the budget was not tried", seed, refused, len(extra))
			}
		})
	}
}

func count(ts []time.Time, want func(time.Time) bool) (n int) {
	for _, t := range ts {
		if want(t) {
			n++
		}
	}
	return n
}

func TestTheBudgetIsAShareOfTheRequests(t *testing.T) {
	for _, c := range []struct{ share, want int }{{0, 20}, {-1, 3}, {50, 50}, {100, 100}} {
		synctest.Test(t, func(t *testing.T) {
			r := router.New(router.Options{FailoverShare: c.share})
			defer r.Close()
			a := profile("a", "http://127.0.0.1:1")
			a.Fallback = []string{"b"}
			r.Swap(compile(t, r, &config.Profiles{Active: "a", Profiles: []config.Profile{a, profile("b", "http://127.0.0.1:2")}}))
			g := &rig{T: t, Router: r}
			for range 100 {
				served(g.walk(""))
			}
			granted := 0
			for range 200 { // no further request: the budget of the hundred
				w := g.walkAs("", "path")
				_, _ = w.Next(time.Now())
				w.End(time.Now(), limited())
				if next(w) == "b fallback" {
					granted++
				}
				w.End(time.Now(), fine())
			}
			want := c.want
			if c.share != -1 {
				want = want * 300 / 100 // those requests count as well
			}
			if granted > want || granted < min(want, 200)*9/10 {
				t.Errorf("share %d: %d granted, want %d", c.share, granted, want)
			}
		})
	}
}

// TestManyWalksAtOnceLeaveNothingBehind is for the race detector.
func TestManyWalksAtOnceLeaveNothingBehind(t *testing.T) {
	g := newRig(t, 3, map[string]int{"a": 2, "b": 2})
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(n), 3))
			for i := range 300 {
				w := g.walk(fmt.Sprint("s", rnd.IntN(20)))
				for {
					if _, ok := w.Next(time.Now()); !ok {
						break
					}
					w.Head(time.Now(), 200, nil)
					w.Served(time.Now())
					w.End(time.Now(), []router.Result{failed(), limited(), fine(), {}, denied()}[rnd.IntN(5)])
				}
				_ = g.Health("a").View(time.Now())
				_ = g.Health("b").Keys(time.Now())
				if i%100 == 0 {
					g.Woke(time.Now())
				}
			}
		})
	}
	wg.Wait()
	for _, name := range []string{"a", "b", "c"} {
		if n := g.Health(name).View(time.Now()).InFlight; n != 0 {
			t.Errorf("%d in flight at %s", n, name)
		}
	}
	g.checkChanges(0)
}
