package proxy

import (
	"fmt"
	"hash/maphash"
	"sync"
	"testing"

	"prism/config"
	"prism/internal/router"
	"prism/internal/stream"
)

func newSigned() *signed { return &signed{seed: maphash.MakeSeed()} }

func sigs(from, n int) []stream.Signature {
	out := make([]stream.Signature, n)
	for i := range out {
		out[i] = stream.Signature(from + i + 1)
	}
	return out
}

// check counts again what s says it holds.
func (s *signed) check(t *testing.T) {
	t.Helper()
	facts, refusals := 0, 0
	for e := s.recent.Front(); e != nil; e = e.Next() {
		m, _ := e.Value.(*signedSession)
		facts += len(m.minted) + len(m.refused)
		refusals += len(m.refused)
		if s.sessions[m.id] != e {
			t.Fatalf("session %s is in the list and not in the map", m.id)
		}
	}
	if facts != s.facts || int64(refusals) != s.refusals.Load() || len(s.sessions) != s.recent.Len() {
		t.Fatalf("it counts %d facts and %d refusals, and holds %d and %d; %d sessions of %d", s.facts, s.refusals.Load(), facts, refusals, len(s.sessions), s.recent.Len())
	}
	if facts > maxFacts+maxSessionFacts {
		t.Fatalf("%d facts", facts)
	}
}

func TestWhatWasSignedIsRememberedBySession(t *testing.T) {
	s := newSigned()
	s.mint("a", 7, sigs(0, 3))
	s.refuse("a", 9, sigs(1, 1))
	if s.mintedBy("a", 1) != 7 || s.mintedBy("b", 1) != 0 || s.mintedBy("a", 4) != 0 {
		t.Error("minted")
	}
	if !s.refuses("a", 9, 2) || s.refuses("a", 7, 2) || s.refuses("b", 9, 2) || s.refuses("a", 9, 1) {
		t.Error("refused")
	}
	s.mint("a", 7, sigs(0, 3)) // nothing new
	s.refuse("a", 9, sigs(1, 1))
	s.check(t)
	if s.facts != 4 {
		t.Errorf("%d facts, want 4", s.facts)
	}
}

func TestTheMemoryOfSignaturesIsBounded(t *testing.T) {
	s := newSigned()
	for i := range 500 {
		s.mint(fmt.Sprint(i), 1, sigs(0, 1000))
		s.refuse(fmt.Sprint(i), 1, sigs(0, 10))
		s.mint("busy", 1, sigs(i, 1))
		s.check(t)
	}
	if s.mintedBy("busy", 500) != 1 || s.mintedBy("499", 5) != 1 {
		t.Error("what is in use was forgotten")
	}
	if s.mintedBy("0", 5) != 0 || s.refuses("0", 1, 5) {
		t.Error("what was not used for longest is still there")
	}
	many := newSigned()
	for i := range 3 * maxSessions {
		many.mint(fmt.Sprint(i), 1, sigs(0, 1))
	}
	if many.check(t); many.recent.Len() != maxSessions {
		t.Errorf("%d sessions", many.recent.Len())
	}
	one := newSigned()
	for i := range 100 {
		one.mint("long", 1, sigs(1000*i, 1000))
		one.check(t)
		if one.facts > maxSessionFacts {
			t.Fatalf("%d facts of one session", one.facts)
		}
	}
	if one.mintedBy("long", 100_000) != 1 {
		t.Error("the newest was forgotten")
	}
}

func TestProfilesAndModelsAreToldApart(t *testing.T) {
	s := newSigned()
	route := func(name, url string) *router.Route {
		return &router.Route{Profile: &config.Profile{Name: name, BaseURL: url}}
	}
	a := s.signer(route("work", "https://a"), "m1")
	if a != s.signer(route("work", "https://a"), "m1") {
		t.Error("it is not the same from one to the next")
	}
	if b := s.signer(route("work", "https://a"), "m2"); a == b || a.profile() != b.profile() {
		t.Error("another model of the same profile")
	}
	for _, other := range []*router.Route{route("work", "https://b"), route("home", "https://a")} {
		if s.signer(other, "m1").profile() == a.profile() {
			t.Errorf("%s %s is taken for the first", other.Profile.Name, other.Profile.BaseURL)
		}
	}
}

func TestSignaturesAreRememberedFromManySidesAtOnce(t *testing.T) {
	s := newSigned()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 300 {
				session := fmt.Sprint((g + i) % 5)
				s.mint(session, signer(g), sigs(i, 400))
				s.refuse(session, signer(g), sigs(i, 3))
				s.mintedBy(session, 1)
				s.refuses(session, 1, 1)
			}
		})
	}
	wg.Wait()
	s.check(t)
}
