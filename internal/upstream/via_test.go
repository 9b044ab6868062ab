package upstream_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"prism/internal/simulator"
	"prism/internal/upstream"
)

// outbound is an HTTP proxy as companies have them: CONNECT for https, absolute form for http.
type outbound struct {
	*httptest.Server
	connects, forwards atomic.Int64
	refuse             atomic.Bool
}

func startOutbound(t *testing.T) *outbound {
	t.Helper()
	o := &outbound{}
	tr := &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case o.refuse.Load():
			w.WriteHeader(http.StatusForbidden)
		case r.Method == http.MethodConnect:
			o.connects.Add(1)
			o.tunnel(w, r)
		default:
			o.forwards.Add(1)
			o.forward(tr, w, r)
		}
	}))
	t.Cleanup(o.Close)
	return o
}

func (o *outbound) forward(tr http.RoundTripper, w http.ResponseWriter, r *http.Request) {
	r.RequestURI = ""
	if r.Header.Get("User-Agent") == "" {
		r.Header["User-Agent"] = nil
	}
	resp, err := tr.RoundTrip(r)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer resp.Body.Close()
	maps.Copy(w.Header(), resp.Header)
	w.WriteHeader(resp.StatusCode)
	buf := make([]byte, 4096)
	for err == nil {
		var n int
		n, err = resp.Body.Read(buf)
		_, _ = w.Write(buf[:n])
		_ = http.NewResponseController(w).Flush()
	}
	if err != io.EOF { //nolint:errorlint // the bare EOF of a whole body
		panic(http.ErrAbortHandler)
	}
}

func (o *outbound) tunnel(w http.ResponseWriter, r *http.Request) {
	to, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", r.Host)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer to.Close()
	from, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer from.Close()
	_, _ = io.WriteString(from, "HTTP/1.1 200 OK\r\n\r\n")
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = io.Copy(to, buf); _ = to.Close() })
	_, _ = io.Copy(from, to)
	_ = from.Close()
	wg.Wait()
}

func TestBehindAProxyTheSameRequestIsSent(t *testing.T) {
	o := startOutbound(t)
	for _, secure := range []bool{false, true} {
		s := simulator.New(simulator.Options{Key: testKey})
		up, opt := s.Start(), legOptions{proxy: o.URL}
		if secure {
			up.Close()
			up = s.StartTLS(simulator.Certificate{})
			opt.caFile = filepath.Join(t.TempDir(), "ca.pem")
			if err := os.WriteFile(opt.caFile, up.CA, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		client := []string{
			"Anthropic-Beta", "a,b", "X-Claude-Code-Session-Id", "s-1", "Cookie", "a=b", "X-Forwarded-For", "1.2.3.4", "Idempotency-Key", "k",
			"Authorization", "Bearer of-the-client", "Connection", "x-api-key, x-claude-code-hop", "X-Claude-Code-Hop", "1", "Proxy-Authorization", "Basic x",
		}
		base := up.URL
		if secure {
			base += "/anthropic%20x/"
		}
		through := newLeg(t, base, opt)
		if !through.Retains() {
			t.Error("the Transport may read on after RoundTrip")
		}
		opt.proxy = ""
		for _, l := range []leg{newLeg(t, base, opt), through} {
			resp, err := l.send(t.Context(), streamBody, false, client...)
			if err != nil {
				t.Fatal(err)
			}
			if b, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
				t.Errorf("secure %v: status %d, error %v: %s", secure, resp.StatusCode, err, b)
			}
			_ = resp.Body.Close()
		}
		up.Close()
		bills := s.Bill()
		if len(bills) != 2 {
			t.Fatalf("secure %v: %d requests arrived, want 2", secure, len(bills))
		}
		direct, via := bills[0], bills[1]
		via.Header.Del("Connection") // one exchange has one connection there
		if !reflect.DeepEqual(direct.Header, via.Header) || direct.Path != via.Path || direct.Query != via.Query || direct.Host != via.Host || direct.RequestSHA256 != via.RequestSHA256 {
			t.Errorf("secure %v: direct %s%s?%s %v\nvia    %s%s?%s %v", secure, direct.Host, direct.Path, direct.Query, direct.Header, via.Host, via.Path, via.Query, via.Header)
		}
		if len(via.Credentials) != 1 || via.Key != testKey {
			t.Errorf("secure %v: credentials %v", secure, via.Credentials)
		}
	}
	if o.connects.Load() != 1 || o.forwards.Load() != 1 {
		t.Errorf("%d tunnels and %d forwards, want one each", o.connects.Load(), o.forwards.Load())
	}
}

func TestBehindAProxyFailuresAreSortedAndNothingIsSentTwice(t *testing.T) {
	o := startOutbound(t)
	s := simulator.New(simulator.Options{Key: testKey})
	up := s.StartTLS(simulator.Certificate{})
	defer up.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, up.CA, 0o600); err != nil {
		t.Fatal(err)
	}
	opt := legOptions{proxy: o.URL, caFile: ca, timeouts: upstream.Timeouts{FirstByte: 300 * time.Millisecond, Idle: 300 * time.Millisecond, Dial: time.Second, TLS: time.Second}}
	l := newLeg(t, up.URL, opt)
	for i, c := range []struct {
		answer simulator.Answer
		kind   upstream.Kind
		head   bool
	}{
		{simulator.CloseBeforeHeaders(simulator.CutFIN), upstream.KindEOF, false},
		{simulator.Silence(0), upstream.KindTimeout, false},
		{simulator.Reply(simulator.Text("x"), simulator.Pause(2, time.Minute)), upstream.KindTimeout, true},
		{simulator.RawResponse("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"), upstream.KindProtocol, true},
	} {
		s.Script(c.answer)
		if ue := l.fails(t, streamBody); ue.Kind != c.kind || ue.Head != c.head || !ue.Sent || ue.Stale() {
			t.Errorf("%d: %+v, want %s, head %v", i, ue, c.kind, c.head)
		}
		if seen, _ := s.Requests(); seen != i+1 {
			t.Errorf("%d: %d requests were sent, want %d", i, seen, i+1)
		}
	}
	s.Script(simulator.Redirect("https://example.org/"))
	if status, _ := l.whole(t, body); status != http.StatusTemporaryRedirect {
		t.Errorf("status %d: the redirect was followed", status)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	resp, err := l.send(ctx, body, false)
	if err == nil {
		_ = resp.Body.Close()
	}
	var ue *upstream.Error
	if !errors.As(err, &ue) || ue.Kind != upstream.KindCanceled || ue.Sent {
		t.Errorf("cancelled: %v", err)
	}
	before, _ := s.Requests()
	o.refuse.Store(true)
	if ue := l.fails(t, body); ue.Kind != upstream.KindDial || ue.Sent {
		t.Errorf("a proxy that refuses: %+v", ue)
	}
	opt.proxy = "http://" + simulator.Refused()
	if ue := newLeg(t, up.URL, opt).fails(t, body); ue.Kind != upstream.KindDial || ue.Sent {
		t.Errorf("no proxy: %+v", ue)
	}
	o.refuse.Store(false)
	opt.proxy, opt.caFile = o.URL, ""
	if ue := newLeg(t, up.URL, opt).fails(t, body); ue.Kind != upstream.KindTLS || ue.Sent {
		t.Errorf("an unknown certificate: %+v", ue)
	}
	if seen, _ := s.Requests(); seen != before {
		t.Errorf("%d requests were sent", seen-before)
	}
}
