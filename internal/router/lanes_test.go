package router_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"prism/config"
	"prism/internal/router"
)

// keyed is a profile with keys of these names.
func keyed(name, url string, names ...string) config.Profile {
	p := profile(name, url)
	p.Auth = config.AuthXAPIKey
	for _, n := range names {
		p.Keys = append(p.Keys, config.Key{Name: n, Secret: config.NewSecret("the-secret-of-" + n)})
	}
	p.APIKey = p.Keys[0].Secret
	return p
}

func TestAProfileHasALaneForEachOfItsKeys(t *testing.T) {
	var mu sync.Mutex
	var sent []string
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		sent = append(sent, r.Header.Get("X-Api-Key"))
		w.WriteHeader(http.StatusOK)
	})
	r := newRouter(t)
	r.Swap(compile(t, r, one(keyed("work", o.URL, "first", "second", "third"))))
	lanes := r.Table().Active().Lanes
	var names []string
	for _, lane := range lanes {
		names = append(names, lane.Key)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/models", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := lane.Upstream.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	if !slices.Equal(names, []string{"first", "second", "third"}) {
		t.Errorf("lanes %v", names)
	}
	if want := []string{"the-secret-of-first", "the-secret-of-second", "the-secret-of-third"}; !slices.Equal(sent, want) {
		t.Errorf("sent %v", sent)
	}
	if n := o.opened.Load(); n != 1 {
		t.Errorf("%d connections, want one for all keys", n)
	}
}

func TestAProfileThatSendsNoKeyHasOneLane(t *testing.T) {
	p := keyed("work", "http://127.0.0.1:1", "first", "second")
	p.Auth = config.AuthNone
	lanes := compile(t, newRouter(t), one(p)).Active().Lanes
	if len(lanes) != 1 || lanes[0].Key != "" {
		t.Errorf("%d lanes, %q", len(lanes), lanes[0].Key)
	}
}

func TestTheOneKeyOfAProfileHasNoName(t *testing.T) {
	p := profile("work", "http://127.0.0.1:1")
	p.Auth, p.APIKey = config.AuthBearer, config.NewSecret("the-only-key")
	lanes := compile(t, newRouter(t), one(p)).Active().Lanes
	if len(lanes) != 1 || lanes[0].Key != "" {
		t.Errorf("%d lanes, %q", len(lanes), lanes[0].Key)
	}
}

func TestEveryKeyOfAProfileIsRedacted(t *testing.T) {
	table := compile(t, newRouter(t), one(keyed("work", "http://127.0.0.1:1", "first", "second")))
	got := table.Redact("the-secret-of-first, the-secret-of-second, dGhlLXNlY3JldC1vZi1zZWNvbmQ=")
	if strings.Contains(got, "secret") || strings.Count(got, "[redacted:work]") != 3 {
		t.Errorf("redacted: %s", got)
	}
}

func TestAPlanIsTheProfilesOwnListAndNoOther(t *testing.T) {
	p := three()
	p.Profiles[0].Fallback = []string{"kimi"}
	p.Profiles[1].Fallback = []string{"local", "gone"}
	table := compile(t, newRouter(t), p)
	for active, want := range map[string]string{"work": "work kimi", "kimi": "kimi local", "local": "local"} {
		q := router.Query{Named: active}
		plan, err := table.Select(&q)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, r := range plan.Routes {
			names = append(names, r.Profile.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: plan %s, want %s", active, got, want)
		}
	}
}
