package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"prism/internal/ledger"
)

// maxBody bounds the body of a control request, in bytes.
const maxBody = 64 << 10

// Control is what the gateway lets its user do. Every method returns when the verdict is
// known. An error that is an [Error] reaches the caller as it is; any other one is reported
// as internal.
type Control interface {
	Status(ctx context.Context) (Status, error)
	Reload(ctx context.Context, force bool) (Verdict, error)
	Use(ctx context.Context, name string) (Verdict, error)
	Trust(ctx context.Context, profile string) (Verdict, error)
}

// Folder moves what waits in the journal into DuckDB, now.
type Folder interface {
	FoldNow(ctx context.Context) (ledger.FoldResult, error)
}

// Options are what the control API answers from. Control, Folder and Feed are needed; where
// another one is nil, its paths say that nothing is known.
type Options struct {
	Control  Control
	Folder   Folder
	Feed     *Feed
	Sessions Sessions
	Recorder Recorder
	Observer Observer
	Monitor  *Monitor
	Pages    Pages

	// Data registers what is answered out of the ledger, under /v1/; nil = nothing is.
	Data func(mux *http.ServeMux)
}

// Handler returns the control API. Serve it only on a listener made by [Listen].
func Handler(opt Options) http.Handler {
	s := &server{control: opt.Control, folder: opt.Folder, feed: opt.Feed, sessions: opt.Sessions, recorder: opt.Recorder, observer: opt.Observer, pages: opt.Pages}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", s.status)
	mux.HandleFunc("POST /v1/reload", s.reload)
	mux.HandleFunc("POST /v1/use", s.use)
	mux.HandleFunc("POST /v1/trust", s.trust)
	mux.HandleFunc("POST /v1/fold", s.fold)
	mux.HandleFunc("POST /v1/append", s.append)
	mux.HandleFunc("GET /v1/follow", s.follow)
	mux.HandleFunc("GET /v1/session/{id}", s.session)
	mux.HandleFunc("POST /v1/session", s.place)
	mux.HandleFunc("GET /v1/live", s.live)
	mux.HandleFunc("POST /v1/ui", s.ui)
	if opt.Monitor != nil {
		opt.Monitor.Register(mux)
	}
	if opt.Data != nil {
		opt.Data(mux)
	}
	return mux
}

type server struct {
	control  Control
	folder   Folder
	feed     *Feed
	sessions Sessions
	recorder Recorder
	observer Observer
	pages    Pages
}

type reloadRequest struct {
	Force bool `json:"force"`
}

type useRequest struct {
	Name string `json:"name"`
}

type trustRequest struct {
	Profile string `json:"profile"`
}

func (s *server) status(w http.ResponseWriter, r *http.Request) {
	st, err := s.control.Status(r.Context())
	reply(w, st, err)
}

func (s *server) reload(w http.ResponseWriter, r *http.Request) {
	var q reloadRequest
	if !read(w, r, &q) {
		return
	}
	v, err := s.control.Reload(r.Context(), q.Force)
	reply(w, v, err)
}

func (s *server) use(w http.ResponseWriter, r *http.Request) {
	var q useRequest
	if !read(w, r, &q) {
		return
	}
	if q.Name == "" {
		reply(w, nil, &Error{Code: CodeUsage, Message: "no profile named", Fix: "prism use NAME"})
		return
	}
	v, err := s.control.Use(r.Context(), q.Name)
	reply(w, v, err)
}

func (s *server) trust(w http.ResponseWriter, r *http.Request) {
	var q trustRequest
	if !read(w, r, &q) {
		return
	}
	if q.Profile == "" {
		reply(w, nil, &Error{Code: CodeUsage, Message: "no profile named", Fix: "prism trust PROFILE"})
		return
	}
	v, err := s.control.Trust(r.Context(), q.Profile)
	reply(w, v, err)
}

func (s *server) fold(w http.ResponseWriter, r *http.Request) {
	res, err := s.folder.FoldNow(r.Context())
	reply(w, res, err)
}

// follow streams until the client leaves, falls behind, or the server closes.
func (s *server) follow(w http.ResponseWriter, r *http.Request) {
	ch, stop := s.feed.Subscribe()
	defer stop()
	if r.URL.Query().Get("desktop") == "1" {
		defer s.feed.OnDesktop()()
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	rc := http.NewResponseController(w)
	if rc.Flush() != nil {
		return
	}
	enc := json.NewEncoder(w)
	for {
		select {
		case <-r.Context().Done():
			return
		case ev, ok := <-ch:
			if !ok || enc.Encode(ev) != nil || rc.Flush() != nil {
				return
			}
		}
	}
}

// read decodes the body of a request into q; an empty body leaves q as it is.
func read(w http.ResponseWriter, r *http.Request, q any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(q); err != nil && !errors.Is(err, io.EOF) {
		reply(w, nil, &Error{Code: CodeUsage, Message: fmt.Sprintf("body of %s: %v", r.URL.Path, err)})
		return false
	}
	return true
}

type errorReply struct {
	Error *Error `json:"error"`
}

// reply writes v, or err in its place.
func reply(w http.ResponseWriter, v any, err error) {
	status := http.StatusOK
	if err != nil {
		var e *Error
		if !errors.As(err, &e) {
			e = &Error{Code: CodeInternal, Message: err.Error()}
		}
		status, v = statusOf(e.Code), errorReply{e}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller has left: nobody is there to be told
}

func statusOf(code string) int {
	switch code {
	case CodeUsage:
		return http.StatusBadRequest
	case CodeNotFound:
		return http.StatusNotFound
	case CodeInternal:
		return http.StatusInternalServerError
	default:
		return http.StatusConflict
	}
}
