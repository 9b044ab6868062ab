package chaos

import (
	"context"
	"net/http"
	"testing"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/simulator"
)

// part is one profile of a chain, and what its provider does.
type part struct {
	name  string
	does  simulator.Answer        // always
	worse func(*testing.T) *wreck // in place of a provider
	open  bool                    // the provider takes any key
	set   func(p *config.Profile) // settings of the profile
	steps func(p *provider)       // a script in place of does
}

// stage is a house whose first profile falls back to all the others, in their order.
type stage struct {
	*testing.T
	way       way
	house     *house
	providers map[string]*provider
	profiles  []config.Profile
	asked     int
}

// perform builds a stage.
func perform(t *testing.T, w way, opt options, parts ...part) *stage {
	t.Helper()
	s := &stage{T: t, way: w, providers: map[string]*provider{}}
	for i := range parts {
		s.profiles = append(s.profiles, s.cast(&parts[i]))
		if i > 0 {
			s.profiles[0].Fallback = append(s.profiles[0].Fallback, parts[i].name)
		}
	}
	opt.profiles = s.profiles
	s.house = newHouse(t, opt)
	return s
}

// cast starts the provider of a part and returns its profile.
func (s *stage) cast(p *part) config.Profile {
	s.Helper()
	var c config.Profile
	if p.worse != nil {
		c = profileAt(p.name, p.worse(s.T).url, "canary-key-of-"+p.name+"-0123456789")
	} else {
		prov := newProvider(s.T, p.name, p.does, p.open)
		s.providers[p.name] = prov
		c = prov.profile()
		if p.steps != nil {
			p.steps(prov)
		}
	}
	if p.set != nil {
		p.set(&c)
	}
	return c
}

// request is one request on a stage, and its row.
type request struct {
	answer
	row ledger.Entry
}

// ask sends a request, of a session if one is named.
func (s *stage) ask(session string) request {
	s.Helper()
	return s.askWith(s.Context(), s.way.body(), session)
}

func (s *stage) askWith(ctx context.Context, body, session string) request {
	s.Helper()
	h := http.Header{}
	if session != "" {
		h.Set("X-Claude-Code-Session-Id", session)
	}
	got := s.house.ask(ctx, body, h)
	rows := s.house.rows(1)
	if s.asked++; len(rows) != s.asked {
		s.Fatalf("%d rows of %d requests", len(rows), s.asked)
	}
	return request{got, rows[s.asked-1]}
}

// contacts is how often a provider was asked.
func (s *stage) contacts(name string) int {
	n, _ := s.providers[name].Requests()
	return n
}

// wantContacts checks how often each provider was asked.
func (s *stage) wantContacts(want map[string]int) {
	s.Helper()
	for name, n := range want {
		if got := s.contacts(name); got != n {
			s.Errorf("%s was asked %d times, want %d", name, got, n)
		}
	}
}

// wantOK checks that a request was answered whole by that profile.
func (s *stage) wantOK(r *request, profile string) {
	s.Helper()
	if r.status != http.StatusOK || r.err != nil || r.row.Outcome != ledger.OutcomeOK || r.row.Profile != profile || r.row.UsageSource != ledger.UsageFinal {
		s.Errorf("status %d, error %v, row: %s by %s, usage %s; want it whole, by %s\n%.300s", r.status, r.err, r.row.Outcome, r.row.Profile, r.row.UsageSource, profile, r.body)
	}
}

// did is one attempt in short: who, why, and what came of it.
type did struct{ profile, why, errorType string }

// wantAttempts checks the attempts of a row.
func (s *stage) wantAttempts(r *request, want ...did) {
	s.Helper()
	var got []did
	for i := range r.row.Attempts {
		a := &r.row.Attempts[i]
		got = append(got, did{a.Profile, a.Why, a.ErrorType})
	}
	same := len(got) == len(want)
	for i := range got {
		same = same && got[i] == want[i]
	}
	if !same {
		s.Fatalf("attempts %v, want %v", got, want)
	}
}

// inBoth runs fn for both ways of asking.
func inBoth(t *testing.T, name string, fn func(t *testing.T, w way)) {
	t.Helper()
	for _, w := range both() {
		t.Run(name+"/"+w.String(), func(t *testing.T) {
			t.Parallel()
			fn(t, w)
		})
	}
}
