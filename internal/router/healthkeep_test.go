package router_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/router"
)

func TestHealthIsKeptOverASwapUntilItsProfileIsChanged(t *testing.T) {
	key := func(p *config.Profile, name, secret string) {
		p.Auth, p.APIKey = config.AuthXAPIKey, config.NewSecret(secret)
		p.Keys = []config.Key{{Name: name, Secret: p.APIKey}}
	}
	for _, c := range []struct {
		name   string
		change func(p *config.Profiles)
		kept   bool
	}{
		{"nothing", func(*config.Profiles) {}, true},
		{"another profile", func(p *config.Profiles) { p.Profiles[1].BaseURL = "http://127.0.0.1:9" }, true},
		{"its models and its fallback", func(p *config.Profiles) {
			p.Profiles[0].Models = []config.ModelRule{{Match: "*", Use: "x"}}
			p.Profiles[0].Fallback = nil
		}, true},
		{"the active profile", func(p *config.Profiles) { p.Active = "b" }, true},
		{"its base_url", func(p *config.Profiles) { p.Profiles[0].BaseURL = "http://127.0.0.1:9" }, false},
		{"the path of its base_url", func(p *config.Profiles) { p.Profiles[0].BaseURL += "/v2" }, false},
		{"its auth", func(p *config.Profiles) { p.Profiles[0].Auth = config.AuthBearer }, false},
		{"its key", func(p *config.Profiles) { key(&p.Profiles[0], "", "another-key-of-a-test") }, false},
		{"its name", func(p *config.Profiles) { p.Profiles[0].Name, p.Active = "z", "z" }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &rig{T: t}
				g.Router = router.New(router.Options{Changed: func(c router.Change) { g.changes = append(g.changes, c) }})
				defer g.Close()
				file := func() *config.Profiles {
					a := profile("a", "http://127.0.0.1:1")
					key(&a, "", "the-first-key-of-a-test")
					a.Fallback = []string{"b"}
					return &config.Profiles{Active: "a", Profiles: []config.Profile{a, profile("b", "http://127.0.0.1:2")}}
				}
				g.Swap(compile(t, g.Router, file()))
				path(g.walk(""), map[string]router.Result{"a": limited()})
				p := file()
				c.change(p)
				table := compile(t, g.Router, p)
				if got := g.state("a"); got != ledger.HealthCooling || len(g.changes) != 1 {
					t.Fatalf("a table that is not live changed it: %s, %+v", got, g.changes)
				}
				g.Swap(table)
				if got := table.Route(p.Profiles[0].Name).Health.View(time.Now()).State; (got == ledger.HealthCooling) != c.kept {
					t.Errorf("after the swap it is %s", got)
				}
				if told := len(g.changes) == 2 && g.changes[1].To == ledger.HealthOK && g.changes[1].Profile == "a"; told == c.kept {
					t.Errorf("changes: %+v", g.changes)
				}
			})
		})
	}
}

func TestAnExchangeOfAnOldTableSaysNothingOfTheNewProfile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, 1, map[string]int{"a": 1})
		w := g.walk("")
		_, _ = w.Next(time.Now())
		g.Swap(compile(t, g.Router, one(withKeys(profile("a", "http://127.0.0.1:9"), map[string]int{"a": 1}))))
		w.End(time.Now(), denied())
		if v := g.Health("a").View(time.Now()); v.State != ledger.HealthOK || v.Requests1h != 0 || len(g.changes) != 0 {
			t.Errorf("%+v, %+v", v, g.changes)
		}
	})
}

func TestOfAProfileThatIsNotThereNothingIsKnown(t *testing.T) {
	r := newRouter(t)
	if v := r.Health("a").View(time.Now()); v != (router.HealthView{State: ledger.HealthOK}) {
		t.Errorf("%+v", v)
	}
	r.Woke(time.Now())
}

func TestEveryChangeIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, 2, map[string]int{"a": 1})
		g.fail(5)
		time.Sleep(15 * time.Second)
		w := g.walk("")
		_, _ = w.Next(time.Now())
		w.End(time.Now(), failed())
		time.Sleep(30 * time.Second)
		path(g.walk(""), map[string]router.Result{"a": fine()})
		path(g.walk(""), map[string]router.Result{"a": limited()})
		path(g.walkAs("", "path"), map[string]router.Result{"a": denied()})
		path(g.walkAs("", "path"), map[string]router.Result{"a": denied()})
		time.Sleep(15 * time.Second)
		path(g.walk(""), map[string]router.Result{"a": fine()})
		var got []string
		for _, c := range g.changes {
			got = append(got, c.From+" "+c.To+" "+c.Why)
			if c.Profile != "a" || c.Key != "" || c.At.IsZero() || c.Until.IsZero() != (c.To == ledger.HealthOK || c.To == ledger.HealthProbing) {
				t.Errorf("%+v", c)
			}
		}
		want := []string{
			"ok open overloaded_error", "open probing overloaded_error", "probing open overloaded_error", "open probing overloaded_error", "probing ok ",
			"ok cooling rate_limit_error", "cooling denied authentication_error", "denied ok ",
		}
		if !slices.Equal(got, want) {
			t.Errorf("told %q\nwant %q", got, want)
		}
	})
}

func TestAWakeEndsWaitsThatAreOverByTheClockOnTheWall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, 3, nil)
		path(g.walk(""), map[string]router.Result{"a": {Limited: true, Cooldown: time.Minute}, "b": {Limited: true, Cooldown: 5 * time.Minute}})
		g.Woke(time.Now().Add(30 * time.Second))
		if g.state("a") != ledger.HealthCooling || g.state("b") != ledger.HealthCooling {
			t.Fatalf("after half a minute: %s, %s", g.state("a"), g.state("b"))
		}
		g.Woke(time.Now().Add(2 * time.Minute))
		if g.state("a") != ledger.HealthOK || g.state("b") != ledger.HealthCooling {
			t.Errorf("after two minutes: %s, %s", g.state("a"), g.state("b"))
		}
		g.fail(5)
		if got := path(g.walk(""), nil); !slices.Equal(got, []string{"c fallback"}) {
			t.Errorf("asked %q", got)
		}
		g.Woke(time.Now())
		if got := path(g.walk(""), map[string]router.Result{"a": fine()}); !slices.Equal(got, []string{"a active"}) {
			t.Errorf("after the wake %q: the breaker does not look at once", got)
		}
	})
}

func TestAWakeClosesTheConnectionsThatAreKept(t *testing.T) {
	o := newOrigin(t, ok)
	r := newRouter(t)
	r.Swap(compile(t, r, one(profile("work", o.URL))))
	ask(t, r.Table().Active())
	r.Woke(time.Now())
	eventually(t, "the kept connection is closed", func() bool { return o.closed.Load() == 1 })
	ask(t, r.Table().Active())
	ask(t, r.Table().Active())
	if n := o.opened.Load(); n != 2 {
		t.Errorf("%d connections, want one before and one after", n)
	}
}
