package router_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"prism/internal/router"
)

func TestAProfileThatServesWhereItsFallbackFailedHasTheSessionBack(t *testing.T) {
	for name, res := range map[string]router.Result{"failed": failed(), "refused what it was asked": {}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, 3, nil)
				if who := served(g.walk("s"), "a"); who != "b fallback" {
					t.Fatalf("asked %q", who)
				}
				w := g.walk("s")
				if who := next(w); who != "b affinity" {
					t.Fatalf("asked %q", who)
				}
				w.End(time.Now(), res)
				if who := served(w); who != "a active" {
					t.Fatalf("then %q", who)
				}
				if who := served(g.walk("s")); who != "a active" {
					t.Errorf("the session is still elsewhere: %q", who)
				}
			})
		})
	}
}

func TestASessionStaysWithAFallbackByWhicheverOfItsKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, 2, map[string]int{"b": 2})
		w := g.walk("s")
		for _, step := range []struct {
			want string
			res  router.Result
		}{{"a active", failed()}, {"b/k1 fallback", limited()}} {
			if who := next(w); who != step.want {
				t.Fatalf("asked %q, want %s", who, step.want)
			}
			w.End(time.Now(), step.res)
		}
		if who := served(w); who != "b/k2 key" {
			t.Fatalf("then %q", who)
		}
		time.Sleep(4 * time.Minute)
		w = g.walk("s")
		if who := next(w); who != "b/k2 affinity" {
			t.Fatalf("the session is not at the fallback: %q", who)
		}
		w.End(time.Now(), limited())
		if who := served(w); who != "b/k1 key" {
			t.Fatalf("then %q", who)
		}
		time.Sleep(time.Minute)
		if who := served(g.walk("s")); who != "a active" {
			t.Errorf("another key of the fallback renewed its time: %q", who)
		}
	})
}

func TestWhereABudgetChoseTheFallbackItsRefusedKeyIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, 3, map[string]int{"b": 1})
		instead := func() *router.Walk {
			plan, err := g.Table().Select(&router.Query{})
			if err != nil {
				t.Fatal(err)
			}
			return g.Walk(router.Plan{Routes: plan.Routes[1:], Reason: "fallback"}, "s")
		}
		if got := path(instead(), map[string]router.Result{"b": denied(), "c": fine()}); !slices.Equal(got, []string{"b/k1 fallback", "c fallback"}) {
			t.Errorf("asked %q", got)
		}
		if got := path(instead(), map[string]router.Result{"c": fine()}); !slices.Equal(got, []string{"c fallback"}) {
			t.Errorf("then %q", got)
		}
	})
}

func TestAnotherIsThereOnlyWhileFailuresAreNotTooMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, 2, nil)
		for range 3 {
			w := g.walk("")
			next(w)
			if !w.Another() {
				t.Fatal("nobody, with the failover budget unspent")
			}
			w.End(time.Now(), router.Result{})
			if who := next(w); who != "b fallback" || w.Another() {
				t.Fatalf("asked %q; then another: %v", who, w.Another())
			}
			w.End(time.Now(), fine())
		}
		w := g.walk("")
		next(w)
		if w.Another() || !w.Left() {
			t.Errorf("the budget is spent; another: %v, left: %v", w.Another(), w.Left())
		}
		w.End(time.Now(), fine())
		time.Sleep(12 * time.Second)
		next(w)
		if w = g.walk(""); next(w) == "" || !w.Another() {
			t.Error("nobody, ten seconds later")
		}
		w.End(time.Now(), fine())
	})
}

func TestAgainIsAnnouncedExactlyWhereItIsGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, 2, nil)
		w := g.walk("")
		next(w)
		var said, given []bool
		for range 4 {
			said = append(said, w.CanAgain())
			given = append(given, w.Again(time.Now()))
		}
		w.End(time.Now(), fine())
		if want := []bool{true, true, false, false}; !slices.Equal(said, want) || !slices.Equal(given, want) {
			t.Errorf("said %v, given %v, want %v", said, given, want)
		}
	})
}
