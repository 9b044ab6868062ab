//go:build e2e

package e2e

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"

	"prism/internal/translate/translatetest"
)

// wire stands between the client and prism, and keeps every answer that goes over it.
type wire struct {
	url string

	mu   sync.Mutex
	sent []*sent // guarded by mu
}

// sent is one answer as the client got it.
type sent struct {
	method, path string
	status       int
	header       http.Header
	body         bytes.Buffer // guarded by the wire's mu
	whole        bool         // it came to its end; likewise
}

// document is the API's own, read once.
var document = sync.OnceValues(translatetest.Load)

// tap puts a wire before the gateway at a URL. When the test ends, every answer that went over it is
// held against the API's document, streams also against their grammar.
func tap(t *testing.T, gateway string) *wire {
	t.Helper()
	at, err := url.Parse(gateway)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{}
	tr := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(at) },
		Transport:     tr,
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0), // a cut stream is cut here too
		ModifyResponse: func(resp *http.Response) error {
			s := &sent{method: resp.Request.Method, path: resp.Request.URL.Path, status: resp.StatusCode, header: resp.Header.Clone()}
			w.mu.Lock()
			w.sent = append(w.sent, s)
			w.mu.Unlock()
			resp.Body = &copied{resp.Body, w, s}
			return nil
		},
	}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		// Else the server closes the body of the request when an answer begins. Where the transport has all of
		// it, but has not seen its end yet, it takes that for an error and cuts the answer off.
		_ = http.NewResponseController(rw).EnableFullDuplex()
		proxy.ServeHTTP(rw, r)
	}))
	w.url = server.URL
	t.Cleanup(func() {
		server.Close()
		tr.CloseIdleConnections()
		w.judge(t)
	})
	return w
}

// copied is a body of which the wire keeps a copy.
type copied struct {
	io.ReadCloser
	w *wire
	s *sent
}

// Read implements io.Reader.
func (c *copied) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	c.s.body.Write(p[:n])
	c.s.whole = c.s.whole || err == io.EOF // a body that is cut ends otherwise
	return n, err
}

// judge holds what the client got against the API's document.
func (w *wire) judge(t *testing.T) {
	t.Helper()
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.sent {
		if s.method == http.MethodHead {
			continue
		}
		body := s.body.Bytes()
		if i := bytes.LastIndex(body, []byte("\n\n")); !s.whole && i >= 0 {
			body = body[:i+2] // the connection may have cut the event behind it
		}
		if err := doc.Answer(s.path, s.status, s.header, body); err != nil {
			t.Errorf("%s %s: the client got what the API's document does not know: %v\n%d %s", s.method, s.path, err, s.status, body)
		}
	}
}

// answer finds the answer of a request by the provider's id for it.
func (w *wire) answer(requestID string) (status int, size int64, whole, found bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.sent {
		if s.header.Get("Request-Id") == requestID {
			return s.status, int64(s.body.Len()), s.whole, true
		}
	}
	return 0, 0, false, false
}
