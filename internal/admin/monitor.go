package admin

import (
	"encoding/json"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
)

// Readiness tells whether requests are answered, and if not, why. Reasons may also stand beside
// a true one: then they say what is not as it should be.
type Readiness struct {
	Ready   bool     `json:"ready"`
	Reasons []string `json:"reasons"`
}

// Monitor is what tools that watch a service may ask.
type Monitor struct {
	// Ready tells whether requests are answered; nil = they are.
	Ready func() Readiness
	// Metrics answers /metrics; nil = that path does not exist.
	Metrics http.Handler
}

// register adds the paths of the monitor: they are the same on the control socket and on the
// dashboard port.
func (m *Monitor) register(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		monitorReply(w, http.StatusOK, Readiness{Ready: true, Reasons: []string{}})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		r := Readiness{Ready: true}
		if m.Ready != nil {
			r = m.Ready()
		}
		if r.Reasons == nil {
			r.Reasons = []string{}
		}
		status := http.StatusOK
		if !r.Ready {
			status = http.StatusServiceUnavailable
		}
		monitorReply(w, status, r)
	})
	if m.Metrics != nil {
		mux.Handle("GET /metrics", m.Metrics)
	}
}

func monitorReply(w http.ResponseWriter, status int, r Readiness) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(r) // the caller has left: nobody is there to be told
}

// DashboardHandler answers on the dashboard port. Any process and any page of a browser can
// reach a port: hosts are the values of Host that are answered, so that no name that a page
// controls leads here, and what a page asks for is refused.
func DashboardHandler(m *Monitor, hosts []string) http.Handler {
	mux := http.NewServeMux()
	m.register(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		if e, status := refuseOnPort(r, hosts); e != nil {
			if r.ContentLength != 0 {
				// The server would wait for the body before it lets go of the connection.
				_ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0)) // else the server's own limit ends it
				h.Set("Connection", "close")
			}
			h.Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(errorReply{e}) // as above
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// refuseOnPort tells why a request is not looked at; nil = it is.
func refuseOnPort(r *http.Request, hosts []string) (*Error, int) {
	if !slices.Contains(hosts, strings.ToLower(r.Host)) {
		return &Error{Code: CodeUsage, Message: "this Host is not answered here", Fix: "use " + hosts[0]}, http.StatusMisdirectedRequest
	}
	_, origin := r.Header["Origin"]
	site, named := r.Header["Sec-Fetch-Site"]
	if origin || named && (len(site) != 1 || site[0] != "none") {
		return &Error{Code: CodeUsage, Message: "requests from web pages are refused"}, http.StatusForbidden
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return &Error{Code: CodeUsage, Message: "only GET and HEAD are answered here"}, http.StatusMethodNotAllowed
	}
	if r.ContentLength != 0 {
		return &Error{Code: CodeUsage, Message: "requests with a body are refused"}, http.StatusBadRequest
	}
	if r.URL.Path != path.Clean(r.URL.Path) || r.URL.RawPath != "" {
		return &Error{Code: CodeNotFound, Message: "there is no such path"}, http.StatusNotFound
	}
	return nil, 0
}
