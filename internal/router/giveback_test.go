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
