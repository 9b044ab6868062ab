package proxy_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/router"
	"prism/internal/simulator"
)

// BenchmarkRelay sends the same request directly, through a bare httputil.ReverseProxy and
// through prism (meter and journal on), in turns within one run, and prints the time of each
// and prism's ratio to the ReverseProxy. Client and provider share the machine, so the ratios
// are of whole round trips; the CPU figures of the README come from a harness with a process
// for each.
func BenchmarkRelay(b *testing.B) {
	for _, size := range []int{2 << 10, 100 << 10, 1 << 20} {
		for _, streaming := range []bool{false, true} {
			b.Run(fmt.Sprintf("body=%dKB/stream=%v", size>>10, streaming), func(b *testing.B) { benchRelay(b, size, streaming) })
		}
	}
}

func benchRelay(b *testing.B, size int, streaming bool) {
	b.Helper()
	s := simulator.New(simulator.Options{Record: simulator.RecordCount, Default: simulator.Reply(simulator.TextPieces(strings.Repeat("word ", 60), 5), simulator.Usage{Input: 10, Output: 60})})
	up := s.Start()
	defer up.Close()
	journal, _, err := ledger.OpenJournal(ledger.JournalOptions{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = journal.Shutdown(b.Context()) }()
	r := newRig(b, rigOptions{profiles: []config.Profile{profile("work", up.URL)}, journal: journal})
	bare := httptest.NewServer(reverseProxy(b, up.URL))
	defer bare.Close()

	targets := []string{up.URL, bare.URL, r.URL}
	body := requestBody(size, streaming)
	var spent [3]time.Duration
	for _, t := range targets {
		roundTrip(b, r.Client, t, body)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		for i, t := range targets {
			began := time.Now()
			roundTrip(b, r.Client, t, body)
			spent[i] += time.Since(began)
		}
	}
	us := func(i int) float64 { return float64(spent[i].Microseconds()) / float64(b.N) }
	b.ReportMetric(us(0), "direct-us")
	b.ReportMetric(us(1), "reverseproxy-us")
	b.ReportMetric(us(2), "prism-us")
	b.ReportMetric(us(2)/us(1), "prism/reverseproxy")
}

func reverseProxy(b *testing.B, to string) http.Handler {
	b.Helper()
	u, err := url.Parse(to)
	if err != nil {
		b.Fatal(err)
	}
	rp := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(u) }, FlushInterval: -1,
		Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex() // without it the stock proxy cuts streams off
		rp.ServeHTTP(w, r)
	})
}

// requestBody is a conversation of about n bytes.
func requestBody(n int, streaming bool) []byte {
	var b bytes.Buffer
	b.WriteString(`{"model":"claude-opus-5-5","messages":[{"role":"user","content":"`)
	for b.Len() < n-80 {
		b.WriteString(`line of \"code\" with a tab\t and a newline\n`)
	}
	fmt.Fprintf(&b, `"}],"max_tokens":1000,"stream":%v}`, streaming)
	return b.Bytes()
}

func roundTrip(b *testing.B, c *http.Client, base string, body []byte) {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, base+"/v1/messages?beta=true", bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Api-Key", testKey)
	req.Header.Set("Anthropic-Version", "2023-06-01")
	resp, err := c.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		b.Fatalf("status %d: %v", resp.StatusCode, err)
	}
}

// BenchmarkSelect is the look-up of a route in a table with ten rules.
func BenchmarkSelect(b *testing.B) {
	profiles := []config.Profile{profile("work", "http://127.0.0.1:1"), profile("other", "http://127.0.0.1:2")}
	var rules []config.Rule
	for i := range 10 {
		rules = append(rules, config.Rule{Model: fmt.Sprintf("*model-%d*", i), Use: "other"})
	}
	rt := router.New(router.Options{Proxy: noProxy})
	table, err := rt.Compile(router.Source{Profiles: &config.Profiles{Active: "work", Profiles: profiles, Rules: rules}})
	if err != nil {
		b.Fatal(err)
	}
	q := router.Query{Model: "claude-opus-5-5", Path: "/v1/messages", Header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := table.Select(&q); err != nil {
			b.Fatal(err)
		}
	}
}
