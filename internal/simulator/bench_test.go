package simulator

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// sink is a ResponseWriter that throws everything away.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }
func (s *sink) WriteHeader(int)             {}
func (s *sink) Flush()                      {}

func BenchmarkAnswer(b *testing.B) {
	answer := Reply(Text(strings.Repeat("The quick brown fox. ", 20)), Usage{Input: 12, CacheRead: 4000, Output: 99})
	for _, c := range []struct {
		name   string
		size   int
		record Record
	}{{"2KB/count", 2 << 10, RecordCount}, {"2KB/hashes", 2 << 10, RecordHashes}, {"2KB/all", 2 << 10, RecordAll}, {"100KB/count", 100 << 10, RecordCount}} {
		b.Run(c.name, func(b *testing.B) {
			s := New(Options{Record: c.record, Default: answer})
			body := `{"model":"claude-opus-5-5","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"` + strings.Repeat("x", c.size) + `"}]}`
			b.ReportAllocs()
			for b.Loop() {
				r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, "/v1/messages", strings.NewReader(body))
				if err != nil {
					b.Fatal(err)
				}
				s.ServeHTTP(&sink{http.Header{}}, r)
			}
		})
	}
}

func BenchmarkOverLoopback(b *testing.B) {
	s := New(Options{Record: RecordCount, Default: Reply(Text(strings.Repeat("The quick brown fox. ", 20)), Usage{Input: 12, Output: 99})})
	up := s.Start()
	defer up.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := once(client, up.URL); err != nil {
				b.Error(err)
			}
		}
	})
}

func once(client *http.Client, url string) error {
	res, err := client.Post(url+"/v1/messages", "application/json", strings.NewReader(streamBody))
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, res.Body)
	if cerr := res.Body.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	return nil
}
