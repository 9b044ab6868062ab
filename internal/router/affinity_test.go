package router_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/router"
)

// served asks as a session does whose request is answered, and returns by whom.
func served(w *router.Walk, failing ...string) string {
	for {
		who := next(w)
		if who == "" {
			return ""
		}
		if slices.Contains(failing, who[:1]) {
			w.End(time.Now(), failed())
			continue
		}
		w.Head(time.Now(), 200, nil)
		w.Served(time.Now())
		w.End(time.Now(), fine())
		return who
	}
}

func TestASessionKeepsItsKeyAndANewOneGetsTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, 1, map[string]int{"a": 3})
		for round := range 3 {
			for i, want := range []string{"k1", "k2", "k3", "k1", "k2"} {
				if got := served(g.walk(fmt.Sprint("session ", i))); got != "a/"+want+" active" {
					t.Errorf("round %d, session %d: %q, want %s", round, i, got, want)
				}
			}
		}
		for _, want := range []string{"k3", "k1", "k2", "k3"} { // no session: each its turn
			if got := served(g.walk("")); got != "a/"+want+" active" {
				t.Errorf("%q, want %s", got, want)
			}
		}
	})
}

func TestAKeyThatIsUsedUpLeadsToTheNextKeyBeforeTheFallback(t *testing.T) {
	for name, refused := range map[string]router.Result{"429": limited(), "401": denied()} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, 2, map[string]int{"a": 2})
				w := g.walk("s")
				_, _ = w.Next(time.Now())
				w.End(time.Now(), refused)
				if r := w.Peek(); r.Profile.Name != "a" {
					t.Fatalf("peeked at %s", r.Profile.Name)
				}
				if who := served(w); who != "a/k2 key" {
					t.Fatalf("then %q", who)
				}
				if who := served(g.walk("s")); who != "a/k2 active" {
					t.Errorf("the session did not move: %q", who)
				}
				if who := served(g.walk("t")); who != "a/k2 active" { // it is the turn of k2
					t.Errorf("a new session: %q", who)
				}
				if who := served(g.walk("u")); who != "a/k2 active" { // and that of k1, which is out
					t.Errorf("another new session: %q", who)
				}
				keys := g.Health("a").Keys(time.Now())
				if name == "429" {
					defer func() {
						time.Sleep(5 * time.Minute)
						if who := served(g.walk("s")); who != "a/k2 active" {
							t.Errorf("its first key is back, but its cache is at the second: %q", who)
						}
					}()
				}
				if keys[0].State == ledger.HealthOK || keys[1].State != ledger.HealthOK || g.state("a") != ledger.HealthOK {
					t.Errorf("%+v, and a is %s", keys, g.state("a"))
				}
				if len(g.changes) != 1 || g.changes[0].Key != "k1" || g.changes[0].To != keys[0].State {
					t.Errorf("changes: %+v", g.changes)
				}
				w = g.walk("s")
				_, _ = w.Next(time.Now())
				w.End(time.Now(), refused)
				if who := served(w); who != "b fallback" {
					t.Errorf("both keys are out: %q", who)
				}
				if got := g.state("a"); got != keys[0].State || g.changes[len(g.changes)-1].Key != "" {
					t.Errorf("a is %s: %+v", got, g.changes)
				}
			})
		})
	}
}

func TestAFailureThatIsNotOfTheKeyTriesNoOtherKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, 2, map[string]int{"a": 3})
		if got := path(g.walk("s"), map[string]router.Result{"a": failed(), "b": fine()}); !slices.Equal(got, []string{"a/k1 active", "b fallback"}) {
			t.Errorf("asked %q", got)
		}
	})
}

func TestKeysThatAreAllUsedUpAreStillAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, 1, map[string]int{"a": 2})
		path(g.walk("s"), map[string]router.Result{"a/k1": {Limited: true, Cooldown: time.Minute}, "a/k2": {Limited: true, Cooldown: 30 * time.Second}})
		if v := g.Health("a").View(time.Now()); v.State != ledger.HealthCooling || time.Until(v.Until) != 30*time.Second {
			t.Errorf("%s for %v, want until the first key is back", v.State, time.Until(v.Until))
		}
		if got := path(g.walk("s"), map[string]router.Result{"a": limited()}); !slices.Equal(got, []string{"a/k2 active", "a/k1 key"}) {
			t.Errorf("asked %q, want the one that is back first, and then the other", got)
		}
	})
}

func TestASessionStaysWithTheFallbackForItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, 3, nil)
		if who := served(g.walk("s"), "a", "b"); who != "c fallback" {
			t.Fatalf("%q", who)
		}
		for range 4 { // it is not renewed by use
			time.Sleep(time.Minute)
			if who := served(g.walk("s")); who != "c affinity" {
				t.Errorf("then %q", who)
			}
			if who := served(g.walk("t")); who != "a active" {
				t.Errorf("another session: %q", who)
			}
		}
		time.Sleep(time.Minute)
		if who := served(g.walk("s")); who != "a active" {
			t.Errorf("after five minutes %q", who)
		}
	})
}

func TestASessionStaysWithTheFallbackWhileItsProfileIsNotWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, 3, nil)
		if who := served(g.walk("s"), "a", "b"); who != "c fallback" {
			t.Fatalf("%q", who)
		}
		time.Sleep(4 * time.Minute)
		path(g.walkAs("", "path"), map[string]router.Result{"a": {Limited: true, Cooldown: 3 * time.Minute}})
		time.Sleep(2 * time.Minute)
		if who := served(g.walk("s")); who != "c affinity" {
			t.Errorf("a cools down: %q", who)
		}
		if who := served(g.walk("t")); who != "b fallback" {
			t.Errorf("another session: %q", who)
		}
		time.Sleep(time.Minute)
		if who := served(g.walk("s")); who != "a active" {
			t.Errorf("a is back: %q", who)
		}
	})
}

func TestAFallbackThatFailsItsSessionIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, 3, nil)
		served(g.walk("s"), "a")
		if got := path(g.walk("s"), map[string]router.Result{"b": failed(), "a": fine()}); !slices.Equal(got, []string{"b affinity", "a active"}) {
			t.Errorf("asked %q", got)
		}
	})
}

func TestAProfileThatIsNamedIsAskedFirstHoweverItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, 2, nil)
		served(g.walk("s"), "a")
		path(g.walk(""), map[string]router.Result{"a": limited()})
		for _, reason := range []string{"path", "header"} {
			if got := path(g.walkAs("s", reason), map[string]router.Result{"a": fine()}); !slices.Equal(got, []string{"a " + reason}) {
				t.Errorf("asked %q", got)
			}
		}
		g.fail(5)
		if got := path(g.walkAs("s", "header"), map[string]router.Result{"a": failed(), "b": fine()}); !slices.Equal(got, []string{"a header", "b fallback"}) {
			t.Errorf("asked %q", got)
		}
	})
}

func TestAnErrorThatIsPassedOnMakesNoHome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, 2, nil)
		w := g.walk("s")
		_, _ = w.Next(time.Now())
		w.End(time.Now(), failed())
		_, _ = w.Next(time.Now())
		w.Head(time.Now(), 400, nil)
		w.Served(time.Now())
		w.End(time.Now(), router.Result{})
		if who := served(g.walk("s")); who != "a active" {
			t.Errorf("asked %q", who)
		}
	})
}

func TestAffinityCanBeSwitchedOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := router.New(router.Options{Affinity: -1})
		defer r.Close()
		a := profile("a", "http://127.0.0.1:1")
		a.Fallback = []string{"b"}
		r.Swap(compile(t, r, &config.Profiles{Active: "a", Profiles: []config.Profile{a, profile("b", "http://127.0.0.1:2")}}))
		g := &rig{T: t, Router: r}
		served(g.walk("s"), "a")
		if who := served(g.walk("s")); who != "a active" {
			t.Errorf("asked %q", who)
		}
	})
}

func TestSessionsAreForgottenBeforeTheyFillTheMemory(t *testing.T) {
	g := newRig(t, 1, map[string]int{"a": 2})
	first := served(g.walk("first"))
	for n := range 20_000 {
		served(g.walk(fmt.Sprint(n)))
		if n%1000 == 0 {
			if again := served(g.walk("first")); again != first {
				t.Fatalf("after %d sessions, one that goes on is forgotten: %q, %q", n, first, again)
			}
		}
	}
	if n := g.Seats(); n > 4096 {
		t.Errorf("%d sessions are remembered", n)
	}
}
