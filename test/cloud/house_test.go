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

func TestMain(m *testing.M) {
	_, _ = document() // found by the home of whoever runs this; tests have homes of their own
	goleak.VerifyTestMain(m)
}

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
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_PROFILE": "", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": "", "AWS_BEARER_TOKEN_BEDROCK": "",
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

// vertex is a profile of Google's cloud with the account of the environment.
func vertex(url string) config.Profile {
	return config.Profile{
		Name: "google", BaseURL: url + "/v1/projects/p/locations/europe-west1", Dialect: config.DialectVertex, Auth: config.AuthGoogle,
		Provider: "anthropic", Multiplier: "1", InputIncludesCache: "auto",
	}
}

// keyed is a profile that sends a key instead.
func keyed(p config.Profile, key string) config.Profile {
	p.Auth, p.APIKey = config.AuthBearer, config.NewSecret(key)
	return p
}

// google starts the login of a service account and sets the environment in which Google's library
// finds the account.
func google(t *testing.T, lives time.Duration) *simulator.Login {
	t.Helper()
	login := simulator.NewLogin(lives)
	at := login.Start()
	t.Cleanup(at.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections) // the library's connections to the login
	file := filepath.Join(t.TempDir(), "account.json")
	if err := os.WriteFile(file, login.File(at.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", file)
	t.Setenv("GOOGLE_CLOUD_QUOTA_PROJECT", "")
	return login
}

// claude starts a simulated cloud, and returns who answers in it, and where.
func claude(t *testing.T, opt simulator.CloudOptions) (s *simulator.Server, url string) {
	t.Helper()
	s = simulator.New(simulator.Options{})
	up := s.Cloud(opt).Start()
	t.Cleanup(up.Close)
	return s, up.URL
}

// amazonHouse is a house before Amazon's cloud.
func amazonHouse(t *testing.T, opt simulator.CloudOptions) (*house, *simulator.Server) {
	t.Helper()
	amazon(t)
	s, url := claude(t, opt)
	return newHouse(t, options{profiles: []config.Profile{bedrock("amazon", url)}}), s
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
	lacks  bool // the cloud's message_start lacks counts, and passes as it is
}

// nowhere is a journal that keeps nothing.
type nowhere struct{}

// Open implements proxy.Journal.
func (nowhere) Open(*ledger.Entry) error { return nil }

// Usage implements proxy.Journal.
func (nowhere) Usage(*ledger.Entry) error { return nil }

// Close implements proxy.Journal.
func (nowhere) Close(*ledger.Entry) error { return nil }

// limit bounds every step on the way: nothing here takes long.
const limit = 10 * time.Second

func newRouter(opt options) *router.Router {
	return router.New(router.Options{
		Timeouts: upstream.Timeouts{Dial: limit, TLS: limit, Write: limit, FirstByte: limit, Idle: limit, IdleConn: limit},
		Proxy:    func(*http.Request) (*url.URL, error) { return opt.outbound, nil },
		Clouds:   cloudauth.New(cloudauth.Options{Now: opt.now}).Of,
	})
}

func compile(t *testing.T, rt *router.Router, profiles []config.Profile) (*router.Table, error) {
	t.Helper()
	book, err := pricing.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return rt.Compile(router.Source{Generation: 1, Book: book, Profiles: &config.Profiles{Active: profiles[0].Name, Profiles: profiles}})
}

func newHouse(t *testing.T, opt options) *house {
	t.Helper()
	h := &house{t: t, done: make(chan ledger.Entry, 64)}
	rt := newRouter(opt)
	table, err := compile(t, rt, opt.profiles)
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
	return h.ask(http.MethodPost, path, body, header...)
}

// ask is post by any method.
func (h *house) ask(method, path, body string, header ...string) answer {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.url+path, strings.NewReader(body))
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
	h.judge(path, resp, b, err)
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
