package cloudauth

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"prism/config"
	"prism/internal/simulator"
	"prism/internal/upstream"
)

// serviceAccount starts the login of a service account, whose file the environment names.
func serviceAccount(t *testing.T, lives time.Duration) *simulator.Login {
	t.Helper()
	login := simulator.NewLogin(lives)
	at := login.Start()
	t.Cleanup(at.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	accountFile(t, login.File(at.URL))
	return login
}

// accountFile writes the file that the environment names.
func accountFile(t *testing.T, text []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "account.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", path)
}

// tokenOf returns the header that authorizes a request.
func tokenOf(t *testing.T, a upstream.Authorizer) http.Header {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:1/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	h, err := a.Authorize(req, nil)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestATokenOfGoogleIsFetchedOnceForAllProfiles(t *testing.T) {
	alone(t)
	login := serviceAccount(t, time.Hour)
	t.Setenv("GOOGLE_CLOUD_QUOTA_PROJECT", "billed")
	now := time.Now()
	accounts := New(Options{Now: func() time.Time { return now }})
	for range 3 {
		a, err := accounts.Of(&config.Profile{BaseURL: "http://127.0.0.1:1", Auth: config.AuthGoogle})
		if err != nil {
			t.Fatal(err)
		}
		h := tokenOf(t, a)
		if h.Get("Authorization") != "Bearer token-1" || h.Get("X-Goog-User-Project") != "billed" {
			t.Errorf("got %v", h)
		}
	}
	a, _ := accounts.Of(&config.Profile{BaseURL: "http://127.0.0.1:1", Auth: config.AuthGoogle})
	if a.Renew() {
		t.Error("a fresh token was forgotten")
	}
	if now = now.Add(time.Hour); !a.Renew() {
		t.Error("an old token was kept")
	}
	if h := tokenOf(t, a); h.Get("Authorization") != "Bearer token-2" || login.Asked() != 2 {
		t.Errorf("after a refusal: %v, asked %d times", h, login.Asked())
	}
}

func TestATokenThatExpiresIsFetchedAnew(t *testing.T) {
	alone(t)
	login := serviceAccount(t, time.Second)
	a, err := New(Options{}).Of(&config.Profile{BaseURL: "http://127.0.0.1:1", Auth: config.AuthGoogle})
	if err != nil {
		t.Fatal(err)
	}
	tokenOf(t, a)
	tokenOf(t, a)
	if login.Asked() != 2 {
		t.Errorf("asked %d times", login.Asked())
	}
}

func TestARefusedLoginRepeatsNothingOfItsAnswer(t *testing.T) {
	alone(t)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assertion, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write(assertion)
	}))
	defer s.Close()
	accountFile(t, simulator.NewLogin(time.Hour).File(s.URL))
	a, err := New(Options{}).Of(&config.Profile{BaseURL: "http://127.0.0.1:1", Auth: config.AuthGoogle})
	if err != nil {
		t.Fatal(err)
	}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:1/", http.NoBody)
	if _, err = a.Authorize(req, nil); err == nil || strings.Contains(err.Error(), "assertion") {
		t.Errorf("got %v", err)
	}
}
