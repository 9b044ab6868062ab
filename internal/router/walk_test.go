package router_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/router"
)

// rig is a router with profiles a, b, c, ...; a falls back to all others.
type rig struct {
	*testing.T
	*router.Router
	changes []router.Change
}

// newRig makes a rig with that many profiles; keys says how many of them have, by name.
func newRig(t *testing.T, profiles int, keys map[string]int) *rig {
	t.Helper()
	g := &rig{T: t}
	g.Router = router.New(router.Options{Changed: func(c router.Change) { g.changes = append(g.changes, c) }})
	t.Cleanup(g.Close)
	p := &config.Profiles{Active: "a"}
	for i := range profiles {
		p.Profiles = append(p.Profiles, withKeys(profile(string(rune('a'+i)), "http://127.0.0.1:1"), keys))
		if i > 0 {
			p.Profiles[0].Fallback = append(p.Profiles[0].Fallback, p.Profiles[i].Name)
		}
	}
	g.Swap(compile(t, g.Router, p))
	return g
}

func withKeys(p config.Profile, keys map[string]int) config.Profile {
	n := keys[p.Name]
	if n == 0 {
		return p
	}
	p.Auth = config.AuthXAPIKey
	for i := range n {
		p.Keys = append(p.Keys, config.Key{Name: "k" + string(rune('1'+i)), Secret: config.NewSecret(p.Name + "-key-of-a-test-" + string(rune('1'+i)))})
	}
	p.APIKey = p.Keys[0].Secret
	return p
}

func (g *rig) walk(session string) *router.Walk { return g.walkAs(session, "active") }

func (g *rig) walkAs(session, reason string) *router.Walk {
	g.Helper()
	plan, err := g.Table().Select(&router.Query{})
	if err != nil {
		g.Fatal(err)
	}
	plan.Reason = reason
	return g.Walk(plan, session)
}

// walkTo begins a walk whose request names a profile.
func (g *rig) walkTo(name string) *router.Walk {
	g.Helper()
	plan, err := g.Table().Select(&router.Query{Named: name})
	if err != nil {
		g.Fatal(err)
	}
	return g.Walk(plan, "")
}

// next returns whom the walk asks next, as profile/key reason; "" = nobody.
func next(w *router.Walk) string {
	t, ok := w.Next(time.Now())
	if !ok {
		return ""
	}
	name := t.Route.Profile.Name
	if t.Lane.Key != "" {
		name += "/" + t.Lane.Key
	}
	return name + " " + t.Why
}

// path walks to the end, where attempts at a profile, or at one of its keys, end as said, and returns
// who was asked.
func path(w *router.Walk, results map[string]router.Result) []string {
	out := []string{}
	for {
		who := next(w)
		if who == "" {
			return out
		}
		out = append(out, who)
		name, _, _ := strings.Cut(who, " ")
		res, ok := results[name]
		if profile, _, _ := strings.Cut(name, "/"); !ok {
			res = results[profile]
		}
		w.End(time.Now(), res)
		if res == (router.Result{}) || res.OK {
			return out
		}
	}
}

func (g *rig) state(name string) string { return g.Health(name).View(time.Now()).State }

// fail makes so many attempts at a fail, each within a second, which the failover budget bears.
func (g *rig) fail(n int) {
	g.Helper()
	for range n {
		w := g.walkAs("", "path")
		if who := next(w); who != "a path" && who != "a/k1 path" {
			g.Fatalf("asked %q", who)
		}
		w.End(time.Now(), failed())
		time.Sleep(time.Second)
	}
}

func failed() router.Result  { return router.Result{ErrorType: "overloaded_error"} }
func limited() router.Result { return router.Result{Limited: true, ErrorType: "rate_limit_error"} }
func denied() router.Result {
	return router.Result{Denied: true, ErrorType: "authentication_error"}
}
func fine() router.Result { return router.Result{OK: true} }

func TestAWalkGoesThroughThePlanInOrderAndMakesThreeAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, 5, nil)
		w := g.walk("")
		if got := path(w, map[string]router.Result{"a": failed(), "b": failed(), "c": failed(), "d": failed()}); !slices.Equal(got, []string{"a active", "b fallback", "c fallback"}) {
			t.Errorf("asked %q", got)
		}
		if w.Left() || w.Again(time.Now()) || w.Peek() != nil {
			t.Error("a fourth attempt is offered")
		}
	})
}

func TestTheSameUpstreamIsAskedAgainWithinTheThreeAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, 3, nil)
		w := g.walk("")
		if w.Again(time.Now()) {
			t.Error("again, before there was a first time")
		}
		first, _ := w.Next(time.Now())
		w.End(time.Now(), router.Result{ErrorType: "dial"})
		if !w.Again(time.Now()) || g.Health("a").View(time.Now()).InFlight != 1 {
			t.Fatal("a is not asked again")
		}
		w.End(time.Now(), router.Result{ErrorType: "dial"})
		if who := next(w); who != "b fallback" {
			t.Errorf("then %q", who)
		}
		w.End(time.Now(), failed())
		if w.Left() || w.Again(time.Now()) {
			t.Error("a fourth attempt is offered")
		}
		if first.Route.Profile.Name != "a" || g.Health("a").View(time.Now()).InFlight != 0 {
			t.Error("an attempt at a is still counted")
		}
	})
}

func TestNobodyIsBlamedForAClientThatLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, 2, nil)
		for range 100 {
			w := g.walk("s")
			_, _ = w.Next(time.Now())
			w.End(time.Now(), router.Result{})
			w.End(time.Now(), failed()) // a second end of the same attempt
		}
		if v := g.Health("a").View(time.Now()); v.State != ledger.HealthOK || v.Requests1h != 0 || v.InFlight != 0 || len(g.changes) != 0 {
			t.Errorf("%+v, %d changes", v, len(g.changes))
		}
	})
}

func TestWhatIsPeekedAtComesNextUnlessItIsSkipped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, 4, nil)
		w := g.walk("")
		if r := w.Peek(); r.Profile.Name != "a" || w.Peek() != r {
			t.Fatalf("peeked at %s", r.Profile.Name)
		}
		w.Skip()
		if r := w.Peek(); r.Profile.Name != "b" {
			t.Fatalf("then at %s", r.Profile.Name)
		}
		if who := next(w); who != "b fallback" {
			t.Errorf("next is %q", who)
		}
		w.End(time.Now(), failed())
		w.Skip()
		if who := next(w); who != "d fallback" {
			t.Errorf("then %q", who)
		}
		w.End(time.Now(), failed())
		w.Skip() // nothing is left
		if w.Left() || w.Peek() != nil || next(w) != "" {
			t.Error("somebody is left")
		}
	})
}

func TestAProfileThatCoolsDownIsPassedOverUntilItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, 2, nil)
		w := g.walk("")
		_, _ = w.Next(time.Now())
		w.Head(time.Now(), http.StatusTooManyRequests, http.Header{"Retry-After": {"60"}})
		w.End(time.Now(), limited())
		start := time.Now()
		v := g.Health("a").View(start)
		if v.State != ledger.HealthCooling || v.Why != "rate_limit_error" || !v.Until.Equal(start.Add(time.Minute)) {
			t.Fatalf("%+v", v)
		}
		time.Sleep(59 * time.Second)
		if got := path(g.walk(""), nil); !slices.Equal(got, []string{"b fallback"}) {
			t.Errorf("after 59 s: %q", got)
		}
		time.Sleep(time.Second)
		if got := path(g.walk(""), nil); !slices.Equal(got, []string{"a active"}) || g.state("a") != ledger.HealthOK {
			t.Errorf("after a minute: %q, %s", got, g.state("a"))
		}
		if len(g.changes) != 2 || g.changes[1].To != ledger.HealthOK {
			t.Errorf("changes: %+v", g.changes)
		}
	})
}

func TestARefusalThatDoesNotSayCoolsDownForAShortTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			name string
			res  router.Result
			want time.Duration
		}{
			{"429", limited(), 15 * time.Second},
			{"a spend limit", router.Result{Limited: true, ErrorType: "rate_limit_error", Cooldown: router.MaxCooldown}, 5 * time.Minute},
			{"503 with retry-after", router.Result{ErrorType: "api_error", Cooldown: 20 * time.Second}, 20 * time.Second},
			{"much too long", router.Result{Limited: true, Cooldown: 100 * time.Hour}, 5 * time.Minute},
		} {
			g := newRig(t, 2, nil)
			path(g.walk(""), map[string]router.Result{"a": c.res})
			if v := g.Health("a").View(time.Now()); v.State != ledger.HealthCooling || time.Until(v.Until) != c.want {
				t.Errorf("%s: %s for %v, want %v", c.name, v.State, time.Until(v.Until), c.want)
			}
		}
	})
}

func TestWhereEverybodyCoolsDownTheyAreAskedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, 3, nil)
		all := map[string]router.Result{"a": limited(), "b": limited(), "c": limited()}
		path(g.walk(""), all)
		for range 2 { // within the budget
			if got := path(g.walk(""), map[string]router.Result{"a": limited(), "b": fine()}); !slices.Equal(got, []string{"a active"}) && !slices.Equal(got, []string{"a active", "b fallback"}) {
				t.Errorf("asked %q", got)
			}
			path(g.walk(""), map[string]router.Result{"b": limited()})
		}
		time.Sleep(11 * time.Second)
		path(g.walk(""), map[string]router.Result{"a": limited(), "b": limited(), "c": limited()})
		time.Sleep(11 * time.Second)
		if got := path(g.walk(""), all); !slices.Equal(got, []string{"a active", "b fallback", "c fallback"}) {
			t.Errorf("asked %q", got)
		}
	})
}

func TestAnAnswerEndsACooldownThatItCameInSpiteOf(t *testing.T) {
	for name, refused := range map[string]router.Result{"of the key": limited(), "of the profile": {ErrorType: "overloaded_error", Cooldown: time.Minute}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, 1, nil)
				early := g.walk("")
				_, _ = early.Next(time.Now())
				time.Sleep(time.Second)
				path(g.walk(""), map[string]router.Result{"a": refused})
				early.End(time.Now(), fine())
				if got := g.state("a"); got != ledger.HealthCooling {
					t.Errorf("an answer to an earlier request ended the cooldown: %s", got)
				}
				time.Sleep(time.Second)
				path(g.walk(""), map[string]router.Result{"a": fine()})
				if got := g.state("a"); got != ledger.HealthOK {
					t.Errorf("it has answered and is %s", got)
				}
			})
		})
	}
}

func TestALimitThatIsUsedUpCoolsDownAfterAGoodAnswerToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, 2, nil)
		w := g.walk("")
		_, _ = w.Next(time.Now())
		w.Head(time.Now(), http.StatusOK, http.Header{
			"Anthropic-Ratelimit-Requests-Remaining": {"12"},
			"Anthropic-Ratelimit-Tokens-Remaining":   {"0"}, "Anthropic-Ratelimit-Tokens-Reset": {time.Now().Add(40 * time.Second).Format(time.RFC3339)},
		})
		w.Served(time.Now())
		w.End(time.Now(), fine())
		if v := g.Health("a").View(time.Now()); v.State != ledger.HealthCooling || v.Why != "tokens" || time.Until(v.Until) != 40*time.Second {
			t.Fatalf("%+v", v)
		}
		if got := path(g.walk(""), map[string]router.Result{"b": fine()}); !slices.Equal(got, []string{"b fallback"}) {
			t.Errorf("asked %q", got)
		}
		time.Sleep(40 * time.Second)
		if got := path(g.walk(""), nil); !slices.Equal(got, []string{"a active"}) {
			t.Errorf("after the reset %q", got)
		}
	})
}

func TestAKeyThatIsRefusedIsLoudAndLeadsOnOnlyWhereTheProfileSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			onAuth bool
			then   []string
		}{
			{false, []string{"a/k1 active"}}, // the user has to see it
			{true, []string{"b fallback"}},   // it is known to be refused
		} {
			g := newRig(t, 2, map[string]int{"a": 1})
			g.Table().Route("a").Profile.FallbackOnAuth = c.onAuth
			w := g.walk("")
			_, _ = w.Next(time.Now())
			w.End(time.Now(), denied())
			if r := w.Peek(); r.Profile.Name != "b" {
				t.Fatalf("peeked at %s", r.Profile.Name)
			}
			if v := g.Health("a").View(time.Now()); v.State != ledger.HealthDenied || v.Why != "authentication_error" {
				t.Errorf("%+v", v)
			}
			if got := path(g.walk(""), map[string]router.Result{"a": denied(), "b": fine()})[:1]; !slices.Equal(got, c.then) {
				t.Errorf("fallback_on_auth %v: then %q", c.onAuth, got)
			}
			if len(g.changes) != 1 {
				t.Errorf("told %d times: %+v", len(g.changes), g.changes)
			}
			time.Sleep(5 * time.Minute)
			if got := path(g.walk(""), map[string]router.Result{"a": fine()}); !slices.Equal(got, []string{"a/k1 active"}) {
				t.Errorf("after five minutes %q", got)
			}
			if got := g.state("a"); got != ledger.HealthOK {
				t.Errorf("it has answered and is %s", got)
			}
		}
	})
}

func TestAProvidersOwnWordsAreShownOnlyIfTheyAreOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for said, want := range map[string]string{
			"overloaded_error": "overloaded_error", "E-42.b": "E-42.b", "two words": "unknown_error", "\x1b[2J": "unknown_error",
			"<script>": "unknown_error", strings.Repeat("x", 49): "unknown_error",
		} {
			g := newRig(t, 1, nil)
			path(g.walk(""), map[string]router.Result{"a": {Limited: true, ErrorType: said}})
			if v := g.Health("a").View(time.Now()); v.Why != want || v.LastError != want {
				t.Errorf("%q is shown as %q, %q", said, v.Why, v.LastError)
			}
		}
	})
}
