package cloud

import (
	"context"
	"io"
	"log"
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
	"prism/internal/ledger"
	"prism/internal/pricing"
	"prism/internal/proxy"
	"prism/internal/router"
	"prism/internal/simulator"
	"prism/internal/upstream"
	"prism/internal/upstream/cloudauth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Credentials that the simulated clouds accept.
const (
	accessKey    = "AKIATEST"
	secretKey    = "test/secret+key"
	sessionToken = "test-session=="
	region       = "eu-central-1"
)

// amazon sets the environment in which Amazon's library finds its credentials.
func amazon(t *testing.T) {
	t.Helper()
	home := t.TempDir()
	for name, v := range map[string]string{
		"HOME": home, "AWS_CONFIG_FILE": filepath.Join(home, "config"), "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(home, "credentials"),
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_PROFILE": "", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": "",
	} {
		t.Setenv(name, v)
	}
	writeCredentials(t, accessKey, sessionToken)
}

func writeCredentials(t *testing.T, access, session string) {
	t.Helper()
	text := "[default]\naws_access_key_id = " + access + "\naws_secret_access_key = " + secretKey + "\naws_session_token = " + session + "\n"
	if err := os.WriteFile(os.Getenv("AWS_SHARED_CREDENTIALS_FILE"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// accepts are the options of a cloud that accepts these credentials.
func accepts() simulator.CloudOptions {
	return simulator.CloudOptions{Access: accessKey, Secret: secretKey, Session: sessionToken, Region: region}
}

func bedrock(name, url string) config.Profile {
	return config.Profile{
		Name: name, BaseURL: url, Dialect: config.DialectBedrock, Auth: config.AuthSigV4, Region: region, Provider: "anthropic", Multiplier: "1",
		InputIncludesCache: "auto", Models: []config.ModelRule{{Match: "claude-opus-5-5", Use: "eu.anthropic.claude-opus-5-5-v1:0"}},
	}
}

// options are what a house is built of. The first profile is active.
type options struct {
	profiles []config.Profile
	now      func() time.Time
	outbound *url.URL // proxy on the way out
}

// house is a proxy on a port of loopback.
type house struct {
	t      *testing.T
	url    string
	client *http.Client
	done   chan ledger.Entry
}

// nowhere is a journal that keeps nothing.
type nowhere struct{}

// Open implements proxy.Journal.
func (nowhere) Open(*ledger.Entry) error { return nil }

// Usage implements proxy.Journal.
func (nowhere) Usage(*ledger.Entry) error { return nil }

// Close implements proxy.Journal.
func (nowhere) Close(*ledger.Entry) error { return nil }

func newHouse(t *testing.T, opt options) *house {
	t.Helper()
	h := &house{t: t, done: make(chan ledger.Entry, 64)}
	limit := 10 * time.Second
	rt := router.New(router.Options{
		Timeouts: upstream.Timeouts{Dial: limit, TLS: limit, Write: limit, FirstByte: limit, Idle: limit, IdleConn: limit},
		Proxy:    func(*http.Request) (*url.URL, error) { return opt.outbound, nil },
		Clouds:   cloudauth.New(cloudauth.Options{Now: opt.now}).Of,
	})
	book, err := pricing.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	table, err := rt.Compile(router.Source{Generation: 1, Book: book, Profiles: &config.Profiles{Active: opt.profiles[0].Name, Profiles: opt.profiles}})
	if err != nil {
		t.Fatal(err)
	}
	rt.Swap(table)
	var lc net.ListenConfig
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.url = "http://" + ln.Addr().String()
	p, err := proxy.New(proxy.Options{
		Router: rt, Journal: nowhere{}, Hosts: []string{ln.Addr().String()}, HostName: "test", Version: "test",
		Finished: func(e *ledger.Entry) { h.done <- *e },
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: p, ReadHeaderTimeout: limit, ErrorLog: log.New(io.Discard, "", 0)}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = srv.Serve(ln)
	}()
	tr := &http.Transport{DisableCompression: true}
	h.client = &http.Client{Transport: tr}
	t.Cleanup(func() {
		tr.CloseIdleConnections()
		_ = srv.Close()
		<-served
		ctx, stop := context.WithTimeout(context.WithoutCancel(t.Context()), limit)
		defer stop()
		if err := p.Wait(ctx); err != nil {
			t.Errorf("handlers still run: %v", err)
		}
		rt.Close()
	})
	return h
}

// answer is what the client got.
type answer struct {
	status int
	header http.Header
	body   string
	err    error
}

// post sends a request as the client does.
func (h *house) post(path, body string, header ...string) answer {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, h.url+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Anthropic-Version", "2023-06-01")
	req.Header.Set("Authorization", "Bearer "+clientCredential)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(b), err}
}

// clientCredential is the client's own. No cloud may ever see it.
const clientCredential = "canary-credential-of-the-client"

// message asks for a message, as the client does.
func (h *house) message(body string, header ...string) answer {
	h.t.Helper()
	return h.post("/v1/messages?beta=true", body, header...)
}

// row waits for the next entry.
func (h *house) row() ledger.Entry {
	h.t.Helper()
	select {
	case e := <-h.done:
		return e
	case <-time.After(20 * time.Second):
		h.t.Fatal("the entry is missing")
		return ledger.Entry{}
	}
}
