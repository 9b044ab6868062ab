package simulator

import (
	"bytes"
	"crypto/sha256"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestAMetronomeBeatsAndKeepsItsSum(t *testing.T) {
	m := &Metronome{Events: 5, Beat: 5 * time.Millisecond}
	srv := httptest.NewServer(m)
	defer srv.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/v1/messages", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(sessionHeader, "s")
	began := time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || time.Since(began) < 5*m.Beat {
		t.Errorf("%v after %v", err, time.Since(began))
	}
	if sum, ok := m.Sum("s"); !ok || sum != sha256.Sum256(b) {
		t.Error("the sum is not that of the stream")
	}
	if _, ok := m.Sum("of nobody"); ok {
		t.Error("there is a sum of a stream that never was")
	}
	stamped, last := 0, time.Hour
	for line := range bytes.Lines(b) {
		if late, ok := m.Late(line); ok {
			stamped++
			if late < 0 || late > last {
				t.Errorf("event %d is %v old, the one before %v", stamped, late, last)
			}
			last = late
		}
	}
	if stamped != m.Events || !bytes.HasSuffix(b, []byte("data: {\"type\":\"message_stop\"}\n\n")) {
		t.Errorf("%d events with a stamp in %q", stamped, b)
	}
}
