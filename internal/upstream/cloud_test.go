package upstream

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"prism/config"
	"prism/internal/simulator"
	"prism/internal/stream"
)

// cloudUpstream is an upstream of Bedrock that has a long-lived key.
func cloudUpstream(t *testing.T, base string) *Upstream {
	t.Helper()
	p := &config.Profile{Name: "amazon", BaseURL: base, Dialect: config.DialectBedrock, Auth: config.AuthBearer, APIKey: config.NewSecret("test-key")}
	target, err := NewTarget(p)
	if err != nil {
		t.Fatal(err)
	}
	pool := NewPool(target, Timeouts{Dial: 5 * time.Second, Write: 5 * time.Second, FirstByte: 5 * time.Second, Idle: 5 * time.Second, IdleConn: time.Minute})
	t.Cleanup(pool.Retire)
	u, err := New(Options{Profile: p, Pool: pool, Proxy: func(*http.Request) (*url.URL, error) { return nil, nil }}) //nolint:nilnil // as http.ProxyFromEnvironment
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// askCloud sends a request, as the proxy does.
func askCloud(t *testing.T, u *Upstream, path, body string) *http.Response {
	t.Helper()
	req := (&http.Request{
		Method: http.MethodPost, URL: &url.URL{Path: path, RawQuery: "beta=true"},
		Header: http.Header{
			"Content-Type": {"application/json"}, "Anthropic-Version": {"2023-06-01"}, "X-Claude-Code-Session-Id": {"s"}, "X-Stainless-Os": {"Linux"},
			"User-Agent": {"client/1"}, "Authorization": {"Bearer of-the-client"},
		},
		Body: &Body{Pieces: [3][]byte{[]byte(body)}, Size: int64(len(body))},
	}).WithContext(t.Context())
	resp, err := u.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

const cloudBody = `{"model":"anthropic.claude-opus-5-5-v1:0","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}`

func TestBedrockIsToldNothingOfTheClientButItsName(t *testing.T) {
	s := simulator.New(simulator.Options{})
	up := s.Cloud(simulator.CloudOptions{Token: "test-key"}).Start()
	defer up.Close()
	resp := askCloud(t, cloudUpstream(t, up.URL), "/v1/messages", cloudBody)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || !strings.HasSuffix(string(b), "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n") {
		t.Errorf("%v: %s", err, b)
	}
	h := s.Bill()[0].Header
	for _, name := range []string{"X-Claude-Code-Session-Id", "X-Stainless-Os", "Anthropic-Beta"} {
		if h.Get(name) != "" {
			t.Errorf("%s was sent", name)
		}
	}
	if h.Get("User-Agent") != "client/1" || h.Get("Authorization") != "Bearer test-key" {
		t.Errorf("headers %v", h)
	}
	if told, ok := resp.Body.(stream.Teller); !ok || len(told.Told().Notes) != 0 {
		t.Error("the body does not tell what it is")
	}
}

func TestTheConnectionToBedrockIsUsedAgain(t *testing.T) {
	s := simulator.New(simulator.Options{})
	up := s.Cloud(simulator.CloudOptions{Token: "test-key"}).Start()
	defer up.Close()
	u := cloudUpstream(t, up.URL)
	for range 3 {
		resp := askCloud(t, u, "/v1/messages", cloudBody)
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	if ever, _ := up.Connections(); ever != 1 {
		t.Errorf("%d connections", ever)
	}
}

func TestAwaitIsNotSatisfiedByAPartOfAFrame(t *testing.T) {
	half, rest := make(chan struct{}), make(chan struct{})
	frame := simulator.Frame([]byte(`{"bytes":"eyJ0eXBlIjoicGluZyJ9"}`), ":message-type", "event", ":event-type", "chunk")
	src := &steps{frame: frame, half: half, rest: rest}
	u := &unframed{src: src, buf: make([]byte, 1024)}
	close(half)
	if u.Await(30 * time.Millisecond) {
		t.Error("half a frame is something")
	}
	close(rest)
	if !u.Await(5 * time.Second) {
		t.Fatal("a whole frame is nothing")
	}
	if b, err := io.ReadAll(u); err != nil || string(b) != "event: ping\ndata: {\"type\":\"ping\"}\n\n" {
		t.Errorf("%v: %q", err, b)
	}
}

// steps is a body that comes in two steps.
type steps struct {
	frame      []byte
	half, rest <-chan struct{}
	n          int
}

// Read implements io.Reader.
func (s *steps) Read(p []byte) (int, error) {
	switch s.n++; s.n {
	case 1:
		return copy(p, s.frame[:10]), nil
	case 2:
		return copy(p, s.frame[10:]), nil
	}
	return 0, io.EOF
}

// Await waits for the next step.
func (s *steps) Await(d time.Duration) bool {
	next := s.half
	if s.n > 0 {
		next = s.rest
	}
	select {
	case <-next:
		return true
	case <-time.After(d):
		return false
	}
}

// Close implements io.Closer.
func (*steps) Close() error { return nil }

func TestADamagedStreamIsAFailureOfTheProtocol(t *testing.T) {
	u := &unframed{src: io.NopCloser(strings.NewReader("HTTP is not an event stream")), buf: make([]byte, 1024)}
	_, err := io.ReadAll(u)
	if ue, ok := errors.AsType[*Error](err); !ok || ue.Kind != KindProtocol {
		t.Errorf("got %v", err)
	}
}

func TestAProfileOfACloudNeedsWhoMakesItsCredentials(t *testing.T) {
	_, err := New(Options{Profile: &config.Profile{Name: "amazon", BaseURL: "http://127.0.0.1:1", Dialect: config.DialectBedrock, Auth: config.AuthSigV4}})
	if !errors.Is(err, errNoClouds) {
		t.Errorf("got %v", err)
	}
}
