package router_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/router"
)

func TestALimitThatIsUsedUpConcernsTheKeyWhateverTheStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := http.Header{"Anthropic-Ratelimit-Tokens-Remaining": {"0"}, "Anthropic-Ratelimit-Tokens-Reset": {time.Now().Add(40 * time.Second).Format(time.RFC3339)}}
		asking := limit.Clone()
		asking.Set("Retry-After", "20")
		for _, c := range []struct {
			name   string
			status int
			head   http.Header
			want   string // of the profile
			key    string // of its first key
			then   string
		}{
			{"529", 529, limit, ledger.HealthOK, ledger.HealthCooling, "a/k2 active"},
			{"529 with retry-after", 529, asking, ledger.HealthCooling, ledger.HealthCooling, "b fallback"},
			{"409 with retry-after", 409, asking, ledger.HealthOK, ledger.HealthCooling, "a/k2 active"},
			{"408 with retry-after", 408, http.Header{"Retry-After": {"20"}}, ledger.HealthOK, ledger.HealthOK, "a/k1 active"},
		} {
			g := newRig(t, 2, map[string]int{"a": 2})
			w := g.walk("s")
			_, _ = w.Next(time.Now())
			w.Head(time.Now(), c.status, c.head)
			w.End(time.Now(), failed())
			if got, key := g.state("a"), g.Health("a").Keys(time.Now())[0].State; got != c.want || key != c.key {
				t.Errorf("%s: a is %s, its first key %s; want %s and %s", c.name, got, key, c.want, c.key)
			}
			if who := served(g.walk("s")); who != c.then {
				t.Errorf("%s: then %q, want %q", c.name, who, c.then)
			}
		}
	})
}

func TestACredentialThatIsNotTheProfilesOwnIsNeverDenied(t *testing.T) {
	for _, auth := range []config.Auth{config.AuthPassthrough, config.AuthNone} {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t, 1, nil)
			p := profile("a", "http://127.0.0.1:1")
			if p.Auth = auth; auth == config.AuthPassthrough {
				p.BaseURL = "https://api.anthropic.com"
			}
			g.Swap(compile(t, g.Router, one(p)))
			path(g.walk(""), map[string]router.Result{"a": denied()})
			v := g.Health("a").View(time.Now())
			if v.State != ledger.HealthOK || v.LastError != "authentication_error" || v.Errors1h != 1 || len(g.changes) != 0 {
				t.Errorf("%s: %+v, %+v", auth, v, g.changes)
			}
		})
	}
}

func TestAProbeThatSomebodyElseBecameCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, 2, nil)
		g.fail(5)
		time.Sleep(15 * time.Second)
		for range 3 { // the failover budget is spent
			w := g.walkAs("", "path")
			_, _ = w.Next(time.Now())
			w.End(time.Now(), router.Result{})
			if who := next(w); who != "b fallback" {
				t.Fatalf("asked %q", who)
			}
			w.End(time.Now(), fine())
		}
		w, probe := g.walk(""), g.walk("")
		if r := w.Peek(); r.Profile.Name != "a" {
			t.Fatalf("peeked at %s", r.Profile.Name)
		}
		if who := next(probe); who != "a active" {
			t.Fatalf("the probe: %q", who)
		}
		if who := next(w); who != "" {
			t.Errorf("%q is given, which was not shown", who)
		}
		if r := w.Peek(); r == nil || r.Profile.Name != "b" {
			t.Fatalf("then peeked at %v", r)
		}
		w.Skip() // a budget holds it back
		if who := next(w); who != "a active" {
			t.Errorf("asked %q, want a however it is: nobody was asked before", who)
		}
		w.End(time.Now(), fine())
		probe.End(time.Now(), fine())
	})
}

func TestProbesThatOthersBecameAreNoneOfTheFailoverBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, 5, nil)
		others := []string{"b", "c", "d", "e"}
		for _, name := range others {
			for range 5 {
				w := g.walkTo(name)
				_, _ = w.Next(time.Now())
				w.End(time.Now(), failed())
			}
		}
		time.Sleep(15 * time.Second)
		w := g.walk("")
		_, _ = w.Next(time.Now())
		w.End(time.Now(), failed())
		for _, name := range others {
			if r := w.Peek(); r == nil || r.Profile.Name != name {
				t.Fatalf("peeked at %v, want %s", r, name)
			}
			probe := g.walkTo(name)
			_, _ = probe.Next(time.Now())
			if who := next(w); who != "" {
				t.Fatalf("asked %q", who)
			}
			defer probe.End(time.Now(), fine())
		}
		if who := next(w); who != "b fallback" {
			t.Errorf("asked %q, want the first of those that are left", who)
		}
		w.End(time.Now(), fine())
	})
}
