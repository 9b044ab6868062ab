package admin

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// watched asks a path of a monitor.
func watched(m *Monitor, path string) *httptest.ResponseRecorder {
	mux := http.NewServeMux()
	m.Register(mux)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

func TestAMonitorAnswersThreeQuestions(t *testing.T) {
	m := &Monitor{
		Ready:   func() Readiness { return Readiness{Ready: true} },
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a_metric 1\n") }),
	}
	for path, want := range map[string]string{"/healthz": `{"ready":true,"reasons":[]}`, "/readyz": `{"ready":true,"reasons":[]}`, "/metrics": "a_metric 1"} {
		if w := watched(m, path); w.Code != http.StatusOK || strings.TrimSpace(w.Body.String()) != want {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if w := watched(&Monitor{}, "/metrics"); w.Code != http.StatusNotFound {
		t.Errorf("metrics that are kept back: %d", w.Code)
	}
}

func TestAGatewayThatIsNotReadyLivesAndSaysWhy(t *testing.T) {
	m := &Monitor{Ready: func() Readiness { return Readiness{Reasons: []string{"draining"}} }}
	w := watched(m, "/readyz")
	var got Readiness
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusServiceUnavailable || got.Ready || len(got.Reasons) != 1 {
		t.Errorf("readyz: %d %s, %v", w.Code, w.Body, err)
	}
	if w := watched(m, "/healthz"); w.Code != http.StatusOK {
		t.Errorf("healthz: %d", w.Code)
	}
}
