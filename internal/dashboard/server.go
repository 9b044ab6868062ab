package dashboard

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/upstream"
)

// policy is what a page may do: load files of this port, and nothing else. No text becomes markup
// or script, not even by mistake: Trusted Types has no policy that would let it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// Gateway is the running gateway as the pages see it.
type Gateway interface {
	Status(ctx context.Context) (admin.Status, error)
	Live(ctx context.Context, after int64) (admin.Live, error)
	Use(ctx context.Context, name string) (admin.Verdict, error)
	Swaps() []admin.Swap // the newest first
}

// Options says what a Server shows. Gateway, Feed, Hosts and Profiles are needed.
type Options struct {
	Gateway Gateway
	Feed    *admin.Feed
	Monitor *admin.Monitor // nil = nobody watches
	Hosts   []string       // values of Host that lead here, the one to name first
	Version string
	Logger  zerolog.Logger

	// Profiles returns the live ones, with their keys; nil before the first load.
	Profiles func() *config.Profiles

	// Clouds makes credentials for trials of profiles whose auth is sigv4 or google; nil = they
	// cannot be tried.
	Clouds func(*config.Profile) (upstream.Authorizer, error)

	// Redact takes keys out of what a page is told: a person may have pasted one where none
	// belongs, and the gateway shows the line. nil = there are none.
	Redact func([]byte) []byte

	// Data registers what is answered out of the ledger, under /api/; nil = nothing is.
	Data func(mux *http.ServeMux)

	// Ready tells whether the gateway answers requests yet; nil = it does.
	Ready func() bool

	// Own lists the addresses of prism itself (host:port), where no profile may lead.
	Own []string

	// Open shows a file in an editor of the desktop; nil = that of the system.
	Open func(ctx context.Context, path string) error

	// Sealed tells whether the live text is sealed; nil = it is.
	Sealed func() bool

	// Sessions is the file in which sessions outlive the process; "" = they do not.
	Sessions string

	Zone     string           // of the gateway's days, such as Europe/Berlin; "" = UTC
	CodeLife time.Duration    // of a one-time code; 0 = 30 seconds
	Now      func() time.Time // nil = time.Now
}

// Server answers on the dashboard port.
type Server struct {
	opt    Options
	guard  guard
	access *access
	cookie string
	origin string // such as http://127.0.0.1:3001
	hub    *hub
	shell  *shell
	open   *http.ServeMux // for everybody the guard lets in
	api    *http.ServeMux // for who is signed in
	trials chan struct{}  // one element for every trial under way
	warned atomic.Int64   // when a stranger was logged last, in ns since 1970; 0 = never

	whose func(remote, local string) (uid int, known bool) // at the other end of a connection
}

// New returns a server; [Server.Close] ends what it does beside requests. Its [Server.ConnContext]
// belongs into the [http.Server].
func New(opt Options) (*Server, error) {
	if opt.Gateway == nil || opt.Feed == nil || len(opt.Hosts) == 0 || opt.Profiles == nil {
		return nil, errors.New("dashboard: Gateway, Feed, Hosts and Profiles are needed")
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.CodeLife == 0 {
		opt.CodeLife = codeLife
	}
	if opt.Redact == nil {
		opt.Redact = func(b []byte) []byte { return b }
	}
	if opt.Open == nil {
		opt.Open = OpenInEditor
	}
	if opt.Ready == nil {
		opt.Ready = func() bool { return true }
	}
	files, err := loadAssets()
	if err != nil {
		return nil, err
	}
	document, err := readShell()
	if err != nil {
		return nil, err
	}
	s := &Server{
		opt: opt, guard: newGuard(opt.Hosts), access: newAccess(opt.Now, opt.CodeLife, opt.Sessions), cookie: cookieName(opt.Hosts[0]),
		origin: "http://" + opt.Hosts[0], hub: newHub(opt.Gateway, opt.Feed, opt.Redact), shell: document, trials: make(chan struct{}, maxTrials), whose: peerUser,
	}
	s.open, s.api = s.openRoutes(files), s.apiRoutes()
	return s, nil
}

func (s *Server) openRoutes(files http.Handler) *http.ServeMux {
	mux := http.NewServeMux()
	if s.opt.Monitor != nil {
		s.opt.Monitor.Register(mux)
	}
	mux.Handle("GET /assets/{file...}", files)
	for _, p := range pages() {
		if p == "/" {
			p = "/{$}"
		}
		mux.Handle("GET "+p, s.shell)
	}
	mux.HandleFunc("POST /api/login", s.login)
	mux.HandleFunc("GET /api/session", s.session)
	return mux
}

func (s *Server) apiRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/logout", s.logout)
	mux.HandleFunc("GET /api/state", s.state)
	mux.HandleFunc("GET /api/events", s.events)
	mux.HandleFunc("POST /api/use", s.use)
	mux.HandleFunc("POST /api/test", s.try)
	mux.HandleFunc("POST /api/open", s.openFile)
	mux.HandleFunc("GET /api/profiles", s.profiles)
	mux.HandleFunc("GET /api/presets", s.presets)
	mux.HandleFunc("POST /api/snippet", s.snippet)
	if s.opt.Data != nil {
		s.opt.Data(mux)
	}
	return mux
}

// Close ends every event stream and waits for what feeds them.
func (s *Server) Close() { s.hub.close() }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	headers(w.Header())
	if no := s.guard.check(r); no != nil {
		dropBody(w, r)
		refuse(w, no.status, no.err)
		return
	}
	mux := s.open
	if placeOf(r.URL.Path) == placeAPI && !forEverybody(r.URL.Path) {
		session, no := s.enter(r)
		if no != nil {
			dropBody(w, r)
			refuse(w, no.status, no.err)
			return
		}
		r = r.WithContext(context.WithValue(r.Context(), sessionKey{}, session))
		mux = s.api
	}
	if _, pattern := mux.Handler(r); pattern == "" {
		dropBody(w, r)
		unanswered(w, r, mux)
		return
	}
	if r.Method == http.MethodPost && !takeBody(w, r) {
		return
	}
	// The limit on reading a request would end a long answer.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	mux.ServeHTTP(w, r)
}

// enter returns the session of a request for data, or why it gets none.
func (s *Server) enter(r *http.Request) (hash, *refusal) {
	session, ok := s.access.signedIn(r, s.cookie)
	switch {
	case !ok:
		return session, &refusal{http.StatusUnauthorized, &admin.Error{Code: codeSignedOut, Message: "you are not signed in", Fix: "prism ui"}}
	case s.stranger(r):
		return session, &refusal{http.StatusForbidden, notYours()}
	case !s.opt.Ready():
		return session, &refusal{http.StatusServiceUnavailable, &admin.Error{Code: codeStarting, Message: "the gateway is starting", Fix: "try again in a few seconds"}}
	}
	return session, nil
}

// forEverybody tells which paths of the API are answered to who is not signed in.
func forEverybody(p string) bool { return p == "/api/login" || p == "/api/session" }

// takeBody reads the whole body, so that what follows waits for nobody.
func takeBody(w http.ResponseWriter, r *http.Request) bool {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err == nil {
		r.Body = io.NopCloser(bytes.NewReader(body))
		return true
	}
	status := http.StatusBadRequest
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		status = http.StatusRequestEntityTooLarge
	}
	dropBody(w, r)
	refuse(w, status, &admin.Error{Code: codeRefused, Message: "the body is too large, or did not come"})
	return false
}

type sessionKey struct{}

// sessionOf returns the session that the request belongs to.
func sessionOf(ctx context.Context) hash {
	session, _ := ctx.Value(sessionKey{}).(hash)
	return session
}

// unanswered tells a path that does not exist from one that is asked in another way.
func unanswered(w http.ResponseWriter, r *http.Request, mux *http.ServeMux) {
	other := r.Clone(r.Context())
	other.Method = http.MethodGet
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		other.Method = http.MethodPost
	}
	if _, pattern := mux.Handler(other); pattern == "" {
		refuse(w, http.StatusNotFound, noSuchPath())
		return
	}
	w.Header().Set("Allow", other.Method)
	refuse(w, http.StatusMethodNotAllowed, &admin.Error{Code: codeRefused, Message: "only " + other.Method + " is answered here"})
}

func noSuchPath() *admin.Error {
	return &admin.Error{Code: admin.CodeNotFound, Message: "there is no such path"}
}

// headers are those of every answer.
func headers(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
}
