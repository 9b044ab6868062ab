package proxy_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"prism/internal/proxy"
	"prism/internal/router"
)

func TestRefusalsAreCountedAndLoggedSeldomAndForgeNoLine(t *testing.T) {
	var log bytes.Buffer
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	r := router.New(router.Options{})
	defer r.Close()
	p, err := proxy.New(proxy.Options{Router: r, Journal: newMemory(), Hosts: []string{"127.0.0.1:3000"}, Logger: zerolog.New(&log), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	refuse := func(host, path string) {
		req := httptest.NewRequest(http.MethodPost, "/v1/messages", nil)
		req.Host, req.URL.Path, req.RequestURI = host, path, path
		w := httptest.NewRecorder()
		p.ServeHTTP(w, req)
		if w.Code < 400 || w.Header().Get("X-Prism-Error") == "" {
			t.Errorf("status %d, %v", w.Code, w.Header())
		}
	}
	forged := "/v1/x\n{\"level\":\"error\",\"message\":\"forged\"}\r\x1b[2J\u202e"
	for range 1000 {
		refuse("evil.example", forged)
	}
	now = now.Add(time.Minute)
	refuse("evil.example", "/v1/"+strings.Repeat("a", 10_000))
	lines := strings.Split(strings.TrimSuffix(log.String(), "\n"), "\n")
	if len(lines) != 2 || p.Counts().Refused != 1001 || p.Counts().Requests != 0 {
		t.Fatalf("%d lines, counts %+v:\n%s", len(lines), p.Counts(), log.String())
	}
	for i, line := range lines {
		var fields struct {
			Code, Path string
			Hidden     int `json:"not_logged"`
		}
		if err := json.Unmarshal([]byte(line), &fields); err != nil || fields.Code == "" || len(fields.Path) > 200 {
			t.Errorf("line %q: %v", line, err)
		}
		if want := []int{0, 999}[i]; fields.Hidden != want {
			t.Errorf("%d not logged, want %d", fields.Hidden, want)
		}
		if strings.ContainsAny(line, "\r\x1b") {
			t.Errorf("line %q", line)
		}
	}
}
