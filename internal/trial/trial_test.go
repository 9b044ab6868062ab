package trial

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"prism/config"
	"prism/internal/upstream"
)

// provider answers as Anthropic, here and behind Google's doors, and elsewhere as OpenAI. It takes
// the key canary.
type provider struct {
	key    string // the header that it looks at
	counts int    // status of a count of tokens with the right key

	mu    sync.Mutex
	asked []string // guarded by mu
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var q struct {
		MaxTokens int `json:"max_tokens"`
	}
	_ = json.NewDecoder(r.Body).Decode(&q)
	p.mu.Lock()
	p.asked = append(p.asked, r.URL.Path)
	p.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	say := func(status int, text string) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text))
	}
	switch given := r.Header.Get(p.key); {
	case !strings.HasSuffix(given, "canary"):
		say(http.StatusUnauthorized, `{"type":"error","error":{"type":"authentication_error","message":"invalid key `+given+`"}}`)
	case r.URL.Path == countPath:
		say(p.counts, `{"input_tokens":8}`)
	case q.MaxTokens > output:
		say(http.StatusBadRequest, `{"error":{"message":"more than a trial needs"}}`)
	case r.URL.Path == messagesPath, strings.HasSuffix(r.URL.Path, ":rawPredict"):
		say(http.StatusOK, `{"type":"message","model":"claude-served","content":[],"usage":{"input_tokens":8,"output_tokens":1}}`)
	default:
		say(http.StatusOK, `{"id":"x","object":"chat.completion","model":"gpt-served","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":8,"completion_tokens":1}}`)
	}
}

// paths are the questions so far.
func (p *provider) paths() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

// served is a provider under http and under https, with the file of the latter's authority.
func served(t *testing.T, p *provider) (plain, secure, ca string) {
	t.Helper()
	a, b := httptest.NewServer(p), httptest.NewUnstartedServer(p)
	b.Config.ErrorLog = log.New(io.Discard, "", 0)
	b.StartTLS()
	t.Cleanup(func() { a.Close(); b.Close() })
	ca = filepath.Join(t.TempDir(), "ca.pem")
	cert, err := x509.ParseCertificate(b.TLS.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return a.URL, b.URL, ca
}

// steps are the names of what a trial did.
func steps(r Result) string {
	var names []string
	for _, s := range r.Steps {
		if !s.OK {
			s.Name += " failed"
		}
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ")
}

func TestATrialGoesTheWayOfARequest(t *testing.T) {
	plain, secure, ca := served(t, &provider{key: "Authorization", counts: http.StatusOK})
	local := strings.Replace(plain, "127.0.0.1", "localhost", 1)
	for _, c := range []struct {
		name  string
		p     config.Profile
		ok    bool
		steps string
		what  string
	}{
		{"by address", config.Profile{BaseURL: plain}, true, "connect, answer", "answers, and takes the key"},
		{"by name", config.Profile{BaseURL: local}, true, "dns, connect, answer", "answers, and takes the key"},
		{"with TLS", config.Profile{BaseURL: secure, CAFile: ca}, true, "connect, tls, answer", "answers, and takes the key"},
		{"a certificate that nobody vouches for", config.Profile{BaseURL: secure}, false, "connect, tls failed", "not reached: "},
		{"another key", config.Profile{BaseURL: plain, APIKey: config.NewSecret("wrong")}, false, "connect, auth failed", "REFUSES the key: invalid key"},
		{"nobody there", config.Profile{BaseURL: "http://127.0.0.1:1"}, false, "connect failed", "not reached: "},
		{"a name that nobody has", config.Profile{BaseURL: "https://nobody.invalid"}, false, "dns failed", "not reached: "},
		{"another dialect", config.Profile{BaseURL: plain, Dialect: config.DialectOpenAI}, true, "connect, answer", "answers, and takes the key"},
		{"another dialect with another key", config.Profile{BaseURL: plain, Dialect: config.DialectOpenAI, APIKey: config.NewSecret("wrong")}, false, "connect, auth failed", "REFUSES the key"},
		{"a credential of the client", config.Profile{BaseURL: plain, Auth: config.AuthPassthrough}, true, "connect, answer", "the client brings the credential"},
		{"a ca_file that is not there", config.Profile{BaseURL: secure, CAFile: ca + "x"}, false, "credential failed", "ca_file"},
	} {
		p := c.p
		p.Name = "work"
		if p.Dialect == "" {
			p.Dialect = config.DialectAnthropic
		}
		if p.Auth == "" {
			p.Auth = config.AuthBearer
		}
		if p.APIKey.IsZero() {
			p.APIKey = config.NewSecret("canary")
		}
		for _, free := range []bool{false, true} {
			got := Ask(t.Context(), &p, Options{Free: free})[0]
			if got.OK != c.ok || steps(got) != c.steps || !strings.Contains(got.What, c.what) || got.OK != (got.Fix == "") {
				t.Errorf("%s, free %t: %+v", c.name, free, got)
			}
			if connected := strings.Contains(c.steps, "connect,"); connected != (got.Connect > 0) || got.Connect > got.Total && got.Status > 0 {
				t.Errorf("%s, free %t: connected after %s of %s", c.name, free, got.Connect, got.Total)
			}
		}
	}
}

func TestWhereTokensAreCountedATrialCostsNothing(t *testing.T) {
	for _, c := range []struct {
		counts  int
		dialect config.Dialect
		free    bool
		asked   []string
		served  string
	}{
		{http.StatusOK, config.DialectAnthropic, true, []string{countPath}, ""},
		{http.StatusOK, config.DialectAnthropic, false, []string{messagesPath}, "claude-served"},
		{http.StatusNotFound, config.DialectAnthropic, true, []string{countPath, messagesPath}, "claude-served"},
		{http.StatusInternalServerError, config.DialectAnthropic, true, []string{countPath, messagesPath}, "claude-served"},
		{http.StatusOK, config.DialectOpenAI, true, []string{"/chat/completions"}, "gpt-served"},
	} {
		server := &provider{key: "Authorization", counts: c.counts}
		plain, _, _ := served(t, server)
		p := &config.Profile{Name: "work", BaseURL: plain, Dialect: c.dialect, Auth: config.AuthBearer, APIKey: config.NewSecret("canary")}
		got := Ask(t.Context(), p, Options{Free: c.free})[0]
		if !got.OK || got.Served != c.served || !slices.Equal(server.paths(), c.asked) {
			t.Errorf("a count says %d, %s: asked %q, %+v", c.counts, c.dialect, server.paths(), got)
		}
	}
}

// A server that shows its front page whatever is asked knows nothing of keys.
func TestAPageInPlaceOfACountIsNoAnswer(t *testing.T) {
	for name, page := range map[string]string{"a page": "<!doctype html><title>a relay</title>", "nothing": "", "an object": `{"ok":true}`, "a list": "[]", "null": "null"} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, page) }))
		p := &config.Profile{Name: "work", BaseURL: s.URL, Dialect: config.DialectAnthropic, Auth: config.AuthBearer, APIKey: config.NewSecret("any")}
		got := Ask(t.Context(), p, Options{Free: true})[0]
		if s.Close(); got.OK || got.Step != StepAnswer || !strings.Contains(got.What, "but no message") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestEachKeyOfAProfileIsTried(t *testing.T) {
	plain, _, _ := served(t, &provider{key: "X-Api-Key", counts: http.StatusOK})
	p := &config.Profile{
		Name: "work", BaseURL: plain, Dialect: config.DialectAnthropic, Auth: config.AuthXAPIKey,
		Keys: []config.Key{{Name: "good", Secret: config.NewSecret("canary")}, {Name: "bad", Secret: config.NewSecret("wrong-0123456789")}},
	}
	got := Ask(t.Context(), p, Options{})
	if len(got) != 2 || !got[0].OK || got[1].OK || got[0].Key.Name != "good" || got[1].Key.Name != "bad" || got[1].Profile != p {
		t.Fatalf("%+v", got)
	}
	got[1].Steps[0].Detail = "wrong-0123456789"
	got[1].Redact(func(s string) string { return strings.ReplaceAll(s, "wrong-0123456789", "***") })
	if text, _ := json.Marshal(got[1].Steps); got[1].What != "REFUSES the key: invalid key ***" || strings.Contains(string(text), "wrong") {
		t.Errorf("%s: %s", got[1].What, text)
	}
}

func TestAKeyThatIsTakenInTheOtherWayIsSaid(t *testing.T) {
	plain, _, _ := served(t, &provider{key: "X-Api-Key", counts: http.StatusOK})
	p := &config.Profile{Name: "work", BaseURL: plain, Dialect: config.DialectAnthropic, Auth: config.AuthBearer, APIKey: config.NewSecret("canary")}
	got := Ask(t.Context(), p, Options{Free: true})[0]
	if got.OK || got.Step != StepAuth || got.What != "takes the key as x-api-key, not as bearer" || !strings.Contains(got.Fix, "auth: x-api-key into profile work") {
		t.Errorf("%+v", got)
	}
}

func TestAProviderThatSaysNothingIsGivenUp(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for scheme, step := range map[string]string{"http://": "connect, answer failed", "https://": "connect, tls failed"} {
		p := &config.Profile{Name: "work", BaseURL: scheme + silent.Addr().String(), Dialect: config.DialectAnthropic, Auth: config.AuthNone}
		began := time.Now()
		got := Ask(t.Context(), p, Options{Within: 50 * time.Millisecond})[0]
		if got.OK || steps(got) != step || got.Status != 0 || time.Since(began) > 5*time.Second {
			t.Errorf("%s: %+v", scheme, got)
		}
	}
}

// login is one of a cloud.
type login struct{ err error }

func (l login) Authorize(*http.Request, func() [sha256.Size]byte) (http.Header, error) {
	return http.Header{"Authorization": {"canary"}}, l.err
}

func (login) Renew() bool { return false }

func TestTheLoginOfACloudIsAStep(t *testing.T) {
	plain, _, _ := served(t, &provider{key: "Authorization"})
	p := &config.Profile{Name: "google", BaseURL: plain, Dialect: config.DialectVertex, Auth: config.AuthGoogle}
	for _, c := range []struct {
		err   error
		steps string
	}{{nil, "credential, connect, answer"}, {errors.New("nobody is logged in"), "credential failed"}} {
		clouds := func(*config.Profile) (upstream.Authorizer, error) { return login{c.err}, nil }
		if got := Ask(t.Context(), p, Options{Clouds: clouds})[0]; steps(got) != c.steps || got.OK != (c.err == nil) {
			t.Errorf("%v: %+v", c.err, got)
		}
	}
}

func TestWhoLeavesEndsATrial(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := &config.Profile{Name: "work", BaseURL: "http://127.0.0.1:1", Dialect: config.DialectAnthropic, Auth: config.AuthNone}
	if got := Ask(ctx, p, Options{})[0]; got.OK || got.Status != 0 {
		t.Errorf("%+v", got)
	}
}

func TestARefusedTrialSaysWhy(t *testing.T) {
	p := &config.Profile{Name: "work", Models: []config.ModelRule{{Match: "claude-*", Use: "small"}}}
	got := Refused(p, "", "pinned elsewhere", "prism trust work")
	if got.OK || got.Step != StepPin || steps(got) != "pin failed" || got.Asked != Model || got.Sent != "small" || got.Fix != "prism trust work" {
		t.Errorf("%+v", got)
	}
}
