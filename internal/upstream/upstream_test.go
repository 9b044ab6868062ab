package upstream_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"prism/config"
	"prism/internal/simulator"
	"prism/internal/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testKey = "canary-upstream-key-0123456789"

const body = `{"model":"claude-opus-5-5","messages":[{"role":"user","content":"hi"}],"max_tokens":100}`

const streamBody = `{"model":"claude-opus-5-5","messages":[{"role":"user","content":"hi"}],"max_tokens":100,"stream":true}`

// leg is an upstream and the pool below it.
type leg struct {
	*upstream.Upstream
	pool *upstream.Pool
}

type legOptions struct {
	auth     config.Auth
	caFile   string
	timeouts upstream.Timeouts
	proxy    string
}

func newLeg(t testing.TB, base string, opt legOptions) leg {
	t.Helper()
	p := &config.Profile{Name: "work", BaseURL: base, Auth: opt.auth, APIKey: config.NewSecret(testKey), CAFile: opt.caFile}
	if p.Auth == "" {
		p.Auth = config.AuthXAPIKey
	}
	target, err := upstream.NewTarget(p)
	if err != nil {
		t.Fatal(err)
	}
	pool := upstream.NewPool(target, opt.timeouts)
	t.Cleanup(pool.Retire)
	u, err := upstream.New(upstream.Options{Profile: p, Pool: pool, Proxy: func(*http.Request) (*url.URL, error) {
		if opt.proxy == "" {
			return nil, nil //nolint:nilnil // as http.ProxyFromEnvironment
		}
		return url.Parse(opt.proxy)
	}})
	if err != nil {
		t.Fatal(err)
	}
	return leg{Upstream: u, pool: pool}
}

// send sends a request for a message. The header alternates names and values.
func (l leg) send(ctx context.Context, raw string, fresh bool, header ...string) (*http.Response, error) {
	req := (&http.Request{Method: http.MethodPost, URL: &url.URL{Path: "/v1/messages", RawQuery: "beta=true"}, Header: http.Header{"Content-Type": {"application/json"}}}).WithContext(ctx)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	req.Body = &upstream.Body{Pieces: [3][]byte{[]byte(raw[:5]), []byte(raw[5:9]), []byte(raw[9:])}, Size: int64(len(raw)), Fresh: fresh}
	return l.RoundTrip(req)
}

// whole sends and reads the answer to its end.
func (l leg) whole(t testing.TB, raw string) (int, []byte) {
	t.Helper()
	resp, err := l.send(t.Context(), raw, false)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, b
}

// fails sends and returns the failure.
func (l leg) fails(t testing.TB, raw string) *upstream.Error {
	t.Helper()
	resp, err := l.send(t.Context(), raw, false)
	if err == nil {
		defer resp.Body.Close()
		_, err = io.Copy(io.Discard, resp.Body)
	}
	var ue *upstream.Error
	if !errors.As(err, &ue) {
		t.Fatalf("error %v, want an *upstream.Error", err)
	}
	return ue
}

// eventually waits until ok.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

func start(t testing.TB) (*simulator.Server, *simulator.Running) {
	t.Helper()
	s := simulator.New(simulator.Options{Key: testKey})
	up := s.Start()
	t.Cleanup(up.Close)
	return s, up
}

func TestAConnectionClosedAtReuseIsStaleAndNothingIsSentAgainByItself(t *testing.T) {
	for name, how := range map[string]simulator.Cut{"closed": simulator.CutFIN, "reset": simulator.CutRST} {
		t.Run(name, func(t *testing.T) {
			s, up := start(t)
			l := newLeg(t, up.URL, legOptions{})
			l.whole(t, body)
			s.Script(simulator.KeepAliveClose(how))
			if ue := l.fails(t, body); !ue.Stale() || !ue.Sent || ue.Head {
				t.Errorf("%+v is not stale", ue)
			}
			if seen, _ := s.Requests(); seen != 2 {
				t.Errorf("%d requests were sent, want 2", seen)
			}
			resp, err := l.send(t.Context(), body, true)
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Fatalf("on a fresh connection: %v", err)
			}
			_ = resp.Body.Close()
			if b := s.Bill()[2]; b.Reused || b.Conn != 2 || string(b.RequestBody) != body {
				t.Errorf("connection %d, reused %v, body %q", b.Conn, b.Reused, b.RequestBody)
			}
		})
	}
}

func TestAConnectionClosedWhileIdleIsNotUsed(t *testing.T) {
	for name, how := range map[string]simulator.Cut{"closed": simulator.CutFIN, "reset": simulator.CutRST} {
		t.Run(name, func(t *testing.T) {
			s, up := start(t)
			l := newLeg(t, up.URL, legOptions{})
			l.whole(t, body)
			up.CloseConnections(how)
			eventually(t, "the connection is closed", func() bool { _, open := up.Connections(); return open == 0 })
			l.whole(t, body)
			if b := s.Bill(); len(b) != 2 || b[1].Conn != 2 {
				t.Errorf("%d requests, connection %d", len(b), b[len(b)-1].Conn)
			}
		})
	}
}

func TestConnectionsAreUsedAgainAfterWholeAnswersOnly(t *testing.T) {
	s, up := start(t)
	l := newLeg(t, up.URL, legOptions{timeouts: upstream.Timeouts{IdleConn: time.Minute}})
	for _, raw := range []string{body, streamBody, streamBody, body} {
		l.whole(t, raw)
	}
	s.Script(simulator.NoContent(), simulator.Error(429, "rate_limit_error", "m", nil), simulator.Redirect("http://127.0.0.1:1/"))
	for _, want := range []int{204, 429, 307} {
		if got, _ := l.whole(t, body); got != want {
			t.Errorf("status %d, want %d", got, want)
		}
	}
	if ever, _ := up.Connections(); ever != 1 {
		t.Fatalf("%d connections for whole answers, want 1", ever)
	}
	s.Script(simulator.Reply(simulator.Text("x"), simulator.Pause(2, time.Minute)))
	resp, err := l.send(t.Context(), streamBody, false)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close() // unread
	if bills, err := s.WaitBills(t.Context(), 8); err != nil || bills[7].Ending != simulator.EndCancelled {
		t.Errorf("ending %q: %v", bills[7].Ending, err)
	}
	l.whole(t, body)
	s.Script(simulator.Reply(simulator.Text("x"), simulator.Header("Connection", "close")), simulator.RawResponse("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}"))
	for range 3 {
		l.whole(t, body)
	}
	if ever, _ := up.Connections(); ever != 4 {
		t.Errorf("%d connections, want 4: after an abort, after close and after HTTP/1.0", ever)
	}
}

func TestACancelledExchangeStopsTheProvider(t *testing.T) {
	s, up := start(t)
	l := newLeg(t, up.URL, legOptions{})
	s.Script(simulator.Silence(0))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		for seen := 0; seen == 0; time.Sleep(time.Millisecond) {
			seen, _ = s.Requests()
		}
	}()
	resp, err := l.send(ctx, body, false)
	if err == nil {
		_ = resp.Body.Close()
	}
	var ue *upstream.Error
	if !errors.As(err, &ue) || ue.Kind != upstream.KindCanceled || !ue.Sent {
		t.Errorf("error %v", err)
	}
	if bills, err := s.WaitBills(t.Context(), 1); err != nil || bills[0].Ending != simulator.EndCancelled {
		t.Errorf("ending %q: %v", bills[0].Ending, err)
	}
}

func TestCertificatesAreVerified(t *testing.T) {
	for name, c := range map[string]struct {
		cert  simulator.Certificate
		known bool // its CA is the profile's ca_file
		ok    bool
	}{
		"good":        {simulator.Certificate{}, true, true},
		"expired":     {simulator.Certificate{NotAfter: -time.Hour}, true, false},
		"wrong name":  {simulator.Certificate{Hosts: []string{"example.org"}}, true, false},
		"unknown CA":  {simulator.Certificate{}, false, false},
		"another one": {simulator.Certificate{Hosts: []string{"127.0.0.2"}}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := simulator.New(simulator.Options{Key: testKey})
			up := s.StartTLS(c.cert)
			defer up.Close()
			opt := legOptions{}
			if c.known {
				opt.caFile = filepath.Join(t.TempDir(), "ca.pem")
				if err := os.WriteFile(opt.caFile, up.CA, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			l := newLeg(t, up.URL, opt)
			if c.ok {
				for _, raw := range []string{body, streamBody, body} {
					l.whole(t, raw)
				}
				if ever, _ := up.Connections(); ever != 1 || string(s.Bill()[1].RequestBody) != streamBody {
					t.Errorf("%d connections", ever)
				}
				return
			}
			if ue := l.fails(t, body); ue.Kind != upstream.KindTLS || ue.Sent {
				t.Errorf("%+v, want a TLS error before anything was sent", ue)
			}
			if seen, _ := s.Requests(); seen != 0 {
				t.Errorf("%d requests were sent", seen)
			}
		})
	}
}

func TestACAFileThatCannotBeUsedIsAnError(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{empty, empty + ".missing"} {
		_, err := upstream.NewTarget(&config.Profile{Name: "work", BaseURL: "https://example.org", CAFile: file})
		if err == nil || !strings.Contains(err.Error(), "ca_file of profile work") || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: error %v", file, err)
		}
	}
}

func TestNoConnectionIsMadeWhereNoneMayBe(t *testing.T) {
	hole, closeIt, err := simulator.BlackHole()
	if err != nil {
		t.Fatal(err)
	}
	defer closeIt()
	const dial = 200 * time.Millisecond
	for name, c := range map[string]struct {
		base string
		kind upstream.Kind
	}{
		"refused":                  {"http://" + simulator.Refused(), upstream.KindDial},
		"black hole":               {"http://" + hole, upstream.KindDial},
		"no such name":             {"https://prism-test.invalid", upstream.KindDNS},
		"metadata service":         {"http://169.254.169.254", upstream.KindDial},
		"metadata service and TLS": {"https://169.254.169.254", upstream.KindDial},
		"mapped metadata service":  {"https://[::ffff:169.254.169.254]", upstream.KindDial},
		"link-local v6":            {"https://[fe80::1]", upstream.KindDial},
		"unspecified":              {"http://0.0.0.0:1", upstream.KindDial},
		"multicast":                {"https://224.0.0.1", upstream.KindDial},
		"plain http off loopback":  {"http://192.0.2.1", upstream.KindDial},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLeg(t, c.base, legOptions{timeouts: upstream.Timeouts{Dial: dial}})
			began := time.Now()
			if ue := l.fails(t, body); ue.Kind != c.kind || ue.Sent || ue.Stale() {
				t.Errorf("%+v, want %s", ue, c.kind)
			}
			if took := time.Since(began); took > 10*dial {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestTheHeadOfAResponseIsBounded(t *testing.T) {
	s, up := start(t)
	l := newLeg(t, up.URL, legOptions{})
	s.Script(simulator.Reply(simulator.Text("x"), simulator.HeaderBomb(200<<10)))
	l.whole(t, body)
	for name, a := range map[string]simulator.Answer{
		"a header of 300 KiB": simulator.Reply(simulator.Text("x"), simulator.HeaderBomb(300<<10)),
		"many headers":        simulator.Reply(simulator.Text("x"), simulator.ManyHeaders(20_000)),
		"a flood of 1xx":      simulator.RawResponse(strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 9) + "HTTP/1.1 200 OK\r\n\r\n"),
		"a switch":            simulator.RawResponse("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
		"a status below 100":  simulator.RawResponse(strings.Repeat("HTTP/1.1 042 What\r\n\r\n", 9)),
	} {
		s.Script(a)
		if ue := l.fails(t, body); ue.Kind != upstream.KindProtocol || !ue.Sent || !ue.Head || ue.Stale() {
			t.Errorf("%s: %+v", name, ue)
		}
	}
}

func TestIdleConnectionsAreSwept(t *testing.T) {
	_, up := start(t)
	l := newLeg(t, up.URL, legOptions{timeouts: upstream.Timeouts{IdleConn: 50 * time.Millisecond}})
	for range 3 { // the sweep comes back after it had nothing to do
		l.whole(t, body)
		eventually(t, "the idle connection is closed", func() bool { _, open := up.Connections(); return open == 0 })
	}
	if ever, _ := up.Connections(); ever != 3 {
		t.Errorf("%d connections, want 3", ever)
	}
}

func TestARetiredPoolServesItsExchangesAndKeepsNothing(t *testing.T) {
	s, up := start(t)
	l := newLeg(t, up.URL, legOptions{timeouts: upstream.Timeouts{IdleConn: time.Hour}})
	l.whole(t, body)
	s.Script(simulator.Reply(simulator.Text("x"), simulator.Pause(2, 50*time.Millisecond)))
	resp, err := l.send(t.Context(), streamBody, false)
	if err != nil {
		t.Fatal(err)
	}
	l.pool.Retire()
	b, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || !bytes.Contains(b, []byte("message_stop")) {
		t.Errorf("the stream under way broke: %v", err)
	}
	l.whole(t, body) // an exchange of an older table
	eventually(t, "all connections are closed", func() bool { _, open := up.Connections(); return open == 0 })
}

func TestTheBoundOnTheHeadDoesNotHoldForTheBody(t *testing.T) {
	s, up := start(t)
	l := newLeg(t, up.URL, legOptions{timeouts: upstream.Timeouts{FirstByte: 100 * time.Millisecond}})
	s.Script(simulator.Reply(simulator.Text("x"), simulator.Pause(2, 300*time.Millisecond)), simulator.Reply(simulator.Text("x"), simulator.Pause(0, 300*time.Millisecond)))
	l.whole(t, streamBody)
	resp, err := l.send(t.Context(), streamBody, false)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	aw, ok := resp.Body.(interface{ Await(time.Duration) bool })
	if !ok || aw.Await(50*time.Millisecond) {
		t.Error("a byte was there before it was sent")
	}
	if _, err := io.ReadAll(resp.Body); err != nil {
		t.Errorf("after waiting for it: %v", err)
	}
}

func TestSilenceEndsAnExchange(t *testing.T) {
	s, up := start(t)
	l := newLeg(t, up.URL, legOptions{timeouts: upstream.Timeouts{FirstByte: 150 * time.Millisecond, Idle: 150 * time.Millisecond}})
	s.Script(simulator.Silence(0), simulator.Reply(simulator.Text("x"), simulator.Pause(2, time.Minute)))
	for _, head := range []bool{false, true} {
		if ue := l.fails(t, streamBody); ue.Kind != upstream.KindTimeout || ue.Head != head || !ue.Sent {
			t.Errorf("%+v, want a timeout, head %v", ue, head)
		}
	}
}

func TestAnAnswerToARequestThatWasNotReadIsSeen(t *testing.T) {
	up := simulator.RawListen(func(c net.Conn) {
		buf := make([]byte, 1024)
		_, _ = c.Read(buf)
		_, _ = io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
	})
	defer up.Close()
	l := newLeg(t, "http://"+up.Addr, legOptions{})
	if status, b := l.whole(t, strings.Repeat("x", 16<<20)); status != 413 || string(b) != "{}" {
		t.Errorf("status %d: %s", status, b)
	}
}

func TestExactlyOneCredentialIsSet(t *testing.T) {
	client := []string{"Authorization", "Bearer of-the-client", "X-Api-Key", "of-the-client", "Cookie", "a=b", "Connection", "x-api-key, authorization"}
	for auth, want := range map[config.Auth]simulator.Credential{
		config.AuthXAPIKey:     {Kind: simulator.KindAPIKey, Value: testKey},
		config.AuthBearer:      {Kind: simulator.KindBearer, Value: testKey},
		config.AuthAPIKey:      {Kind: simulator.KindAPIKeyAlt, Value: testKey},
		config.AuthPassthrough: {Kind: simulator.KindBearer, Value: "of-the-client"},
		config.AuthNone:        {},
	} {
		s := simulator.New(simulator.Options{})
		up := s.Start()
		resp, err := newLeg(t, up.URL, legOptions{auth: auth}).send(t.Context(), body, false, client...)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		b := s.Bill()[0]
		up.Close()
		if auth == config.AuthNone {
			if len(b.Credentials) != 0 {
				t.Errorf("%s: credentials %v", auth, b.Credentials)
			}
			continue
		}
		if len(b.Credentials) != 1 || b.Credentials[0] != want || b.Header.Get("Cookie") != "" {
			t.Errorf("%s: credentials %v, want %v", auth, b.Credentials, want)
		}
	}
}
