package chaos

import (
	"net/http"
	"slices"
	"testing"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/simulator"
)

// The keys of a profile with two.
const (
	keyOne = "canary-key-one-of-work-0123456789"
	keyTwo = "canary-key-two-of-work-0123456789"
)

// twoKeys is a profile with two keys, of which the provider refuses some.
func twoKeys(refusal simulator.Answer, refusedKeys ...string) part {
	return part{
		name: "work",
		set: func(p *config.Profile) {
			p.Keys = []config.Key{{Name: "one", Secret: config.NewSecret(keyOne)}, {Name: "two", Secret: config.NewSecret(keyTwo)}}
			p.APIKey = p.Keys[0].Secret
		},
		open: true,
		steps: func(p *provider) {
			p.Script(simulator.When(func(r simulator.Request) bool { return slices.Contains(refusedKeys, r.Key) }, refusal), simulator.Always(reply()))
		},
	}
}

// usedKeys are the keys that a provider saw, in order.
func (s *stage) usedKeys(name string) []string {
	var keys []string
	for _, b := range s.providers[name].Bill() {
		keys = append(keys, b.Key)
	}
	return keys
}

// TestAnotherKeyOfTheProfileComesBeforeTheFallback: what is wrong with a key is not wrong with
// the profile. fallback_on_auth is about other profiles.
func TestAnotherKeyOfTheProfileComesBeforeTheFallback(t *testing.T) {
	for name, c := range map[string]struct {
		refusal simulator.Answer
		typ     string
	}{
		"429":           {simulator.RateLimited("60"), "rate_limit_error"},
		"a spend limit": {simulator.SpendLimited(), "rate_limit_error"},
		"401":           {simulator.Error(401, "authentication_error", "invalid x-api-key", nil), "authentication_error"},
		"403":           {simulator.Error(403, "permission_error", "no", nil), "permission_error"},
	} {
		for _, fallback := range []bool{false, true} {
			with := map[bool]string{false: "/alone", true: "/fallback"}[fallback]
			inBoth(t, "57/"+name+with, func(t *testing.T, w way) {
				parts := []part{twoKeys(c.refusal, keyOne)}
				if fallback {
					parts = append(parts, part{name: "spare", does: reply()})
				}
				s := perform(t, w, options{}, parts...)
				r := s.ask("s-1")
				s.wantOK(&r, "work")
				s.wantAttempts(&r, did{"work", "active", c.typ}, did{"work", "key", ""})
				if a := r.row.Attempts; a[0].Key != "one" || a[1].Key != "two" || r.row.RouteReason != "active" {
					t.Errorf("keys %s and %s, reason %s", a[0].Key, a[1].Key, r.row.RouteReason)
				}
				// The session stays with the key that answered, where its prompts are cached.
				r = s.ask("s-1")
				s.wantOK(&r, "work")
				if got, want := s.usedKeys("work"), []string{keyOne, keyTwo, keyTwo}; !slices.Equal(got, want) {
					t.Errorf("the keys used were %q, want %q", got, want)
				}
				if fallback {
					s.wantContacts(map[string]int{"spare": 0})
				}
			})
		}
	}
}

func TestTheFallbackIsAskedWhereNoKeyIsLeft(t *testing.T) {
	inBoth(t, "57/both keys", func(t *testing.T, w way) {
		s := perform(t, w, options{}, twoKeys(simulator.RateLimited("60"), keyOne, keyTwo), part{name: "spare", does: reply()})
		r := s.ask("")
		s.wantOK(&r, "spare")
		s.wantAttempts(&r, did{"work", "active", "rate_limit_error"}, did{"work", "key", "rate_limit_error"}, did{"spare", "fallback", ""})
	})
}

// TestTwoRefusedKeysDoNotLeadToAnotherProfile: only fallback_on_auth does.
func TestTwoRefusedKeysDoNotLeadToAnotherProfile(t *testing.T) {
	inBoth(t, "58/both keys", func(t *testing.T, w way) {
		s := perform(t, w, options{}, twoKeys(simulator.Error(401, "authentication_error", "invalid x-api-key", nil), keyOne, keyTwo), part{name: "spare", does: reply()})
		r := s.ask("")
		if r.status != http.StatusUnauthorized || r.row.Outcome != ledger.OutcomeError {
			t.Errorf("status %d, row %s", r.status, r.row.Outcome)
		}
		s.wantAttempts(&r, did{"work", "active", "authentication_error"}, did{"work", "key", "authentication_error"})
		s.wantContacts(map[string]int{"spare": 0})
	})
}

// TestSessionsAreSpreadOverTheKeysAndStay: the same session uses the same key, so that its prompts
// are found in the provider's cache, and new sessions take turns.
func TestSessionsAreSpreadOverTheKeysAndStay(t *testing.T) {
	inBoth(t, "86/keys", func(t *testing.T, w way) {
		s := perform(t, w, options{}, twoKeys(reply()))
		of := map[string]string{}
		for range 3 {
			for _, session := range []string{"a", "b", "c", "d"} {
				r := s.ask(session)
				s.wantOK(&r, "work")
				key := r.row.Attempts[0].Key
				if was := of[session]; was != "" && was != key {
					t.Errorf("session %s went from key %s to %s", session, was, key)
				}
				of[session] = key
			}
		}
		n := 0
		for _, key := range of {
			if key == "one" {
				n++
			}
		}
		if n != 2 {
			t.Errorf("of four sessions %d use the first key: %v", n, of)
		}
	})
}

// TestASessionStaysWithTheFallbackThatTookItOver: its prompts are cached there. Other sessions go
// where the file says.
func TestASessionStaysWithTheFallbackThatTookItOver(t *testing.T) {
	inBoth(t, "83/affinity", func(t *testing.T, w way) {
		s := perform(t, w, options{}, part{name: "work", steps: func(p *provider) { p.Script(failing(), simulator.Always(reply())) }}, part{name: "spare", does: reply()})
		r := s.ask("s-1")
		s.wantOK(&r, "spare")
		r = s.ask("s-1")
		s.wantOK(&r, "spare")
		s.wantAttempts(&r, did{"spare", "affinity", ""})
		r = s.ask("s-2")
		s.wantOK(&r, "work")
		r = s.ask("")
		s.wantOK(&r, "work")
	})
}

// TestASessionGoesHomeWhereTheFallbackFails: once the profile that it is meant for has answered
// again, its prompts are cached there.
func TestASessionGoesHomeWhereTheFallbackFails(t *testing.T) {
	inBoth(t, "83/home", func(t *testing.T, w way) {
		once := func(p *provider) { p.Script(failing(), simulator.Always(reply())) }
		s := perform(t, w, options{}, part{name: "work", steps: once}, part{name: "spare", steps: func(p *provider) { p.Script(reply(), failing(), simulator.Always(reply())) }})
		r := s.ask("s-1")
		s.wantOK(&r, "spare")
		r = s.ask("s-1")
		s.wantOK(&r, "work")
		s.wantAttempts(&r, did{"spare", "affinity", "api_error"}, did{"work", "active", ""})
		r = s.ask("s-1")
		s.wantOK(&r, "work")
		s.wantAttempts(&r, did{"work", "active", ""})
	})
}
