package admin

import (
	"encoding/json"
	"net/http"
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

// Register adds the paths of the monitor: they are the same on the control socket and on the
// dashboard port.
func (m *Monitor) Register(mux *http.ServeMux) {
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
