package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"prism/internal/admin"
	"prism/internal/pricing"
)

func TestAPriceListIsFetchedWithoutAnythingOfTheUsers(t *testing.T) {
	var seen http.Header
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/list.json":
			seen = r.Header.Clone()
			_, _ = w.Write([]byte("[]"))
		case "/moved":
			http.Redirect(w, r, "/list.json", http.StatusFound)
		case "/away":
			http.Redirect(w, r, "http://prices.example/list.json", http.StatusFound)
		case "/login":
			http.Redirect(w, r, "https://me:secret@prices.example/list.json", http.StatusFound)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		case "/large":
			chunk := make([]byte, 1<<20)
			for range pricing.MaxCatalog>>20 + 1 {
				_, _ = w.Write(chunk)
			}
		case "/short":
			w.Header().Set("Content-Length", "9")
			_, _ = w.Write([]byte("["))
		default:
			http.NotFound(w, r)
		}
	}))
	defer s.Close()
	for _, path := range []string{"/list.json", "/moved"} {
		data, err := fetchCatalog(t.Context(), s.URL+path)
		if err != nil || string(data) != "[]" {
			t.Errorf("%s: %q, %v", path, data, err)
		}
	}
	for _, name := range []string{"Cookie", "Authorization", "X-Api-Key", "Referer"} {
		if seen.Get(name) != "" {
			t.Errorf("%s was sent: %q", name, seen.Get(name))
		}
	}
	for path, want := range map[string]string{
		"/nosuch": "404", "/away": "only https", "/login": "a login in the address", "/round": "too many redirects", "/large": "larger than 32 MiB",
		"/short": "it broke off",
	} {
		_, err := fetchCatalog(t.Context(), s.URL+path)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
		if e, ok := errors.AsType[*admin.Error](err); !ok || !strings.Contains(e.Fix, "prism prices update --from FILE") {
			t.Errorf("%s: no way out is named: %v", path, err)
		}
	}
}

func TestAServerThatNeverEndsIsLeft(t *testing.T) {
	leave := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		select {
		case <-leave:
		case <-r.Context().Done():
		}
	}))
	defer s.Close()
	defer close(leave)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if data, err := fetchCatalog(ctx, s.URL); err == nil || !strings.Contains(err.Error(), "not there within") {
		t.Errorf("read %q, %v", data, err)
	}
}

func TestPricesComeOverHTTPSOrFromThisMachine(t *testing.T) {
	for address, want := range map[string]bool{
		"https://models.dev/api.json": true, "http://127.0.0.1:8080/x": true, "http://localhost/x": true, "http://[::1]:1/x": true,
		"http://models.dev/api.json": false, "http://127.0.0.1.example/x": false, "file:///etc/passwd": false, "ftp://x/y": false, "https://": false,
		"https://me@models.dev/x": false, "http://0.0.0.0/x": false, "HTTPS://models.dev/x": true,
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := mayFetch(u) == nil; got != want {
			t.Errorf("%s: may be fetched %t, want %t", address, got, want)
		}
	}
}
