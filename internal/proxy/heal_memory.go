package proxy

import (
	"container/list"
	"hash/maphash"
	"sync"
	"sync/atomic"

	"prism/internal/router"
	"prism/internal/stream"
)

const (
	// maxFacts bounds what is remembered of all sessions. A turn adds one or two; a fact takes
	// some 40 bytes.
	maxFacts = 64 << 10

	// maxSessionFacts bounds what is remembered of one. Forgetting costs little: what is not
	// known to be the upstream's own is cut out when it refuses something.
	maxSessionFacts = 16 << 10

	maxSessions = 1 << 10
)

// signed remembers which upstream has signed which thinking, and which one refuses it, by
// session. It holds hashes only, and those in memory only. What was not used for long is
// forgotten, by whole sessions.
type signed struct {
	seed     maphash.Seed
	refusals atomic.Int64 // what the sessions remember as refused, read without the mutex

	mu       sync.Mutex
	sessions map[string]*list.Element // guarded by mu
	recent   list.List                // guarded by mu: of *signedSession, the last used one first
	facts    int                      // guarded by mu
}

// signedSession is what is known of one session.
type signedSession struct {
	id      string
	minted  map[stream.Signature]signer
	refused map[refusedBy]struct{}
}

// refusedBy is a signature and who does not accept it.
type refusedBy struct {
	by  signer
	sig stream.Signature
}

// signer is who signs thinking: in its upper half the profile and its base URL, in its lower half
// the model. Providers bind a signature to themselves, and some of them to the model.
type signer uint64

// profile is the part that tells the profile.
func (s signer) profile() signer { return s >> 32 }

// signer returns who answers when model is asked of a route.
func (s *signed) signer(route *router.Route, model string) signer {
	p := maphash.Comparable(s.seed, [2]string{route.Profile.Name, route.Profile.BaseURL})
	return signer(p>>32<<32 | maphash.String(s.seed, model)>>32)
}

// mint remembers who signed what.
func (s *signed) mint(session string, by signer, sigs []stream.Signature) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sigs = sigs[:min(len(sigs), maxSessionFacts)]
	m := s.use(session, len(sigs))
	for _, sig := range sigs {
		if _, ok := m.minted[sig]; !ok {
			s.facts++
		}
		m.minted[sig] = by
	}
	s.forget()
}

// refuse remembers that somebody does not accept these.
func (s *signed) refuse(session string, by signer, sigs []stream.Signature) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sigs = sigs[:min(len(sigs), maxSessionFacts)]
	m := s.use(session, len(sigs))
	for _, sig := range sigs {
		fact := refusedBy{by, sig}
		if _, ok := m.refused[fact]; !ok {
			s.facts++
			s.refusals.Add(1)
			m.refused[fact] = struct{}{}
		}
	}
	s.forget()
}

// mintedBy returns who signed one, 0 where that is not known.
func (s *signed) mintedBy(session string, sig stream.Signature) signer {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.sessions[session]
	if e == nil {
		return 0
	}
	return e.Value.(*signedSession).minted[sig] //nolint:forcetypeassert // the list holds nothing else
}

// refuses tells whether somebody is known not to accept one.
func (s *signed) refuses(session string, by signer, sig stream.Signature) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.sessions[session]
	if e == nil {
		return false
	}
	_, ok := e.Value.(*signedSession).refused[refusedBy{by, sig}] //nolint:forcetypeassert // the list holds nothing else
	return ok
}

// use returns a session, the last used one from now on, with room for more facts. It needs s.mu.
func (s *signed) use(session string, more int) *signedSession {
	if e := s.sessions[session]; e != nil {
		m := e.Value.(*signedSession) //nolint:forcetypeassert // the list holds nothing else
		if len(m.minted)+len(m.refused)+more <= maxSessionFacts {
			s.recent.MoveToFront(e)
			return m
		}
		s.drop(e)
	}
	if s.sessions == nil {
		s.sessions = make(map[string]*list.Element)
	}
	m := &signedSession{id: session, minted: make(map[stream.Signature]signer), refused: make(map[refusedBy]struct{})}
	s.sessions[session] = s.recent.PushFront(m)
	return m
}

// forget drops the sessions that were not used for longest until the rest is small enough. It
// needs s.mu.
func (s *signed) forget() {
	for s.facts > maxFacts && s.recent.Len() > 1 || s.recent.Len() > maxSessions {
		s.drop(s.recent.Back())
	}
}

// drop forgets a session. It needs s.mu.
func (s *signed) drop(e *list.Element) {
	m := s.recent.Remove(e).(*signedSession) //nolint:forcetypeassert // the list holds nothing else
	delete(s.sessions, m.id)
	s.facts -= len(m.minted) + len(m.refused)
	s.refusals.Add(-int64(len(m.refused)))
}
