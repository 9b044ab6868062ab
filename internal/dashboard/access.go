package dashboard

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Bounds of signing in.
const (
	codeLife    = 30 * time.Second
	sessionLife = 12 * time.Hour
	maxCodes    = 16 // that wait to be used
	maxSessions = 32
	maxCookies  = 4 // of our name that are looked at: other ports of this machine can set some too
)

var errRepeated = errors.New("a header that may come once came more often")

// hash is what is kept of a code or a session: whoever reads the memory of a page or a dump finds
// nothing to sign in with.
type hash [sha256.Size]byte

// access knows the codes that may be used once, and who is signed in. Codes end with the process;
// sessions go on where there is a file to keep them in.
type access struct {
	now  func() time.Time
	life time.Duration // of a code
	file string        // of the sessions; "" = none

	mu       sync.Mutex
	codes    map[hash]time.Time // until when; guarded by mu
	sessions map[hash]time.Time // until when; guarded by mu
}

func newAccess(now func() time.Time, life time.Duration, file string) *access {
	a := &access{now: now, life: life, file: file, codes: map[hash]time.Time{}, sessions: map[hash]time.Time{}}
	a.load()
	return a
}

// issue makes a code. Where too many wait, the one that would end first ends now.
func (a *access) issue() (code string, until time.Time) {
	code, key := secret(16)
	a.mu.Lock()
	defer a.mu.Unlock()
	until = a.now().Add(a.life)
	admit(a.codes, key, until, maxCodes, a.now())
	return code, until
}

// waits tells whether a code could be redeemed.
func (a *access) waits(code string) bool {
	key := sha256.Sum256([]byte(code))
	a.mu.Lock()
	defer a.mu.Unlock()
	until, known := a.codes[key]
	return known && a.now().Before(until)
}

// redeem takes a code, which then is worth nothing, and starts a session.
func (a *access) redeem(code string) (token string, ok bool) {
	key := sha256.Sum256([]byte(code))
	a.mu.Lock()
	defer a.mu.Unlock()
	until, known := a.codes[key]
	delete(a.codes, key)
	if !known || !a.now().Before(until) {
		return "", false
	}
	token, session := secret(32)
	admit(a.sessions, session, a.now().Add(sessionLife), maxSessions, a.now())
	a.save()
	return token, true
}

// holds tells whether a session runs.
func (a *access) holds(session hash) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	until, known := a.sessions[session]
	return known && a.now().Before(until)
}

// end ends a session.
func (a *access) end(session hash) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.sessions, session)
	a.save()
}

// signedIn returns the session of a request.
func (a *access) signedIn(r *http.Request, cookie string) (hash, bool) {
	for i, c := range r.CookiesNamed(cookie) {
		if i == maxCookies {
			break
		}
		if key := sha256.Sum256([]byte(c.Value)); a.holds(key) {
			return key, true
		}
	}
	return hash{}, false
}

// admit adds a key, and makes room: what has ended goes first, then what ends next.
func admit(set map[hash]time.Time, key hash, until time.Time, most int, now time.Time) {
	for k, t := range set {
		if !now.Before(t) {
			delete(set, k)
		}
	}
	for len(set) >= most {
		var oldest hash
		var end time.Time
		for k, t := range set {
			if end.IsZero() || t.Before(end) {
				oldest, end = k, t
			}
		}
		delete(set, oldest)
	}
	set[key] = until
}

// secret returns so many random bytes as text, and what is kept of it.
func secret(bytes int) (string, hash) {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // it never fails: see crypto/rand
	text := base64.RawURLEncoding.EncodeToString(b)
	return text, sha256.Sum256([]byte(text))
}

// cookieName has the port in it: the cookies of a host are shared by its ports, and two prisms
// must not sign each other out.
func cookieName(host string) string {
	return "prism_session_" + host[strings.LastIndexByte(host, ':')+1:]
}

// sessionCookie carries token; "" takes the cookie away. It goes where it is needed and nowhere else:
// another program's server on this host is not sent it with every page.
func sessionCookie(name, token string) *http.Cookie {
	//nolint:gosec // not Secure: this is plain HTTP on loopback, where some browsers would drop such a cookie
	c := &http.Cookie{Name: name, Value: token, Path: "/api", MaxAge: int(sessionLife / time.Second), HttpOnly: true, SameSite: http.SameSiteStrictMode}
	if token == "" {
		c.MaxAge = -1
	}
	return c
}
