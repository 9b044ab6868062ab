package cloudauth

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"prism/config"
	"prism/internal/simulator"
	"prism/internal/upstream"
)

// alone keeps what the tests find apart from what this machine has.
func alone(t *testing.T) {
	t.Helper()
	for _, name := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_BEARER_TOKEN_BEDROCK", "AWS_WEB_IDENTITY_TOKEN_FILE",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_QUOTA_PROJECT",
	} {
		t.Setenv(name, "")
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(home, "config"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(home, "credentials"))
}

func amazonProfile(url string) *config.Profile {
	return &config.Profile{Name: "amazon", BaseURL: url, Dialect: config.DialectBedrock, Auth: config.AuthSigV4, Region: "eu-central-1"}
}

// ask sends a request as an upstream does, and returns the status.
func ask(t *testing.T, a upstream.Authorizer, url, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	h, err := a.Authorize(req, func() [sha256.Size]byte { return sha256.Sum256([]byte(body)) })
	if err != nil {
		t.Fatal(err)
	}
	req.Header = h
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	said, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		t.Logf("%s", said)
	}
	return resp.StatusCode
}

const message = `{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":"x"}]}`

func TestAmazonAcceptsTheSignatureWhateverTheModelIsCalled(t *testing.T) {
	alone(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret/with+signs")
	t.Setenv("AWS_SESSION_TOKEN", "session==")
	up := simulator.New(simulator.Options{}).Cloud(simulator.CloudOptions{Access: "AKIATEST", Secret: "secret/with+signs", Session: "session==", Region: "eu-central-1"}).Start()
	defer up.Close()
	a, err := New(Options{}).Of(amazonProfile(up.URL))
	if err != nil {
		t.Fatal(err)
	}
	for _, model := range []string{
		"anthropic.claude-opus-5-5-v1%3A0", "eu.anthropic.claude-haiku-5-5-v1%3A0",
		"arn%3Aaws%3Abedrock%3Aeu-central-1%3A123456789012%3Aapplication-inference-profile%2Fab12cd34",
	} {
		if got := ask(t, a, up.URL+"/model/"+model+"/invoke", message); got != http.StatusOK {
			t.Errorf("%s: %d", model, got)
		}
	}
}

func TestASignatureIsForOneBodyOnly(t *testing.T) {
	alone(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	up := simulator.New(simulator.Options{}).Cloud(simulator.CloudOptions{Access: "AKIATEST", Secret: "secret", Region: "eu-central-1"}).Start()
	defer up.Close()
	a, err := New(Options{}).Of(amazonProfile(up.URL))
	if err != nil {
		t.Fatal(err)
	}
	if got := ask(t, &otherBody{a}, up.URL+"/model/anthropic.claude-opus-5-5-v1%3A0/invoke", message); got != http.StatusForbidden {
		t.Errorf("the signature of another body was accepted: %d", got)
	}
}

type otherBody struct{ upstream.Authorizer }

// Authorize signs for another body.
func (o *otherBody) Authorize(r *http.Request, _ func() [sha256.Size]byte) (http.Header, error) {
	return o.Authorizer.Authorize(r, func() [sha256.Size]byte { return sha256.Sum256([]byte("other")) })
}

func TestCredentialsOfAFileAreReadAgainOnceTheyWereRefused(t *testing.T) {
	alone(t)
	file := os.Getenv("AWS_SHARED_CREDENTIALS_FILE")
	write := func(key string) {
		t.Helper()
		if err := os.WriteFile(file, []byte("[default]\naws_access_key_id = "+key+"\naws_secret_access_key = secret\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("AKIAOLD")
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	accounts := New(Options{Now: func() time.Time { return now }})
	a, err := accounts.Of(amazonProfile("http://127.0.0.1:1"))
	if err != nil {
		t.Fatal(err)
	}
	signedBy := func() string {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:1/model/m/invoke", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		h, err := a.Authorize(req, func() (sum [sha256.Size]byte) { return sum })
		if err != nil {
			t.Fatal(err)
		}
		key, _, _ := strings.Cut(strings.TrimPrefix(h.Get("Authorization"), "AWS4-HMAC-SHA256 Credential="), "/")
		return key
	}
	if got := signedBy(); got != "AKIAOLD" {
		t.Fatalf("signed by %q", got)
	}
	write("AKIANEW")
	if a.Renew() {
		t.Error("a credential that was just read was read again")
	}
	if got := signedBy(); got != "AKIAOLD" {
		t.Errorf("signed by %q without being asked to", got)
	}
	now = now.Add(2 * time.Minute)
	if !a.Renew() || signedBy() != "AKIANEW" {
		t.Error("the new credential was not read")
	}
	if a.Renew() {
		t.Error("a refusal of the new credential would be repeated for ever")
	}
}

func TestNoCredentialIsAnErrorWithoutAnySecret(t *testing.T) {
	alone(t)
	a, err := New(Options{}).Of(amazonProfile("http://127.0.0.1:1"))
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:1/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = a.Authorize(req, func() (sum [sha256.Size]byte) { return sum }); err == nil || !strings.HasPrefix(err.Error(), "credentials of Amazon: ") {
		t.Errorf("got %v", err)
	}
}

func TestCredentialsGoToTheirOwnCloudOnly(t *testing.T) {
	accounts := New(Options{})
	for _, c := range []struct {
		url  string
		auth config.Auth
		want error
	}{
		{"https://bedrock-runtime.us-east-1.amazonaws.com", config.AuthSigV4, nil},
		{"https://bedrock-runtime.cn-north-1.amazonaws.com.cn", config.AuthSigV4, nil},
		{"https://bedrock-mantle.us-east-1.api.aws", config.AuthSigV4, nil},
		{"https://amazonaws.com.evil.example", config.AuthSigV4, errHost},
		{"https://evilamazonaws.com", config.AuthSigV4, errHost},
		{"https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5", config.AuthGoogle, nil},
		{"https://googleapis.com.evil.example", config.AuthGoogle, errHost},
		{"https://bedrock-runtime.us-east-1.amazonaws.com", config.AuthGoogle, errHost},
		{"https://aiplatform.googleapis.com", config.AuthSigV4, errHost},
		{"https://api.anthropic.com", config.AuthBearer, errAuth},
	} {
		_, err := accounts.Of(&config.Profile{BaseURL: c.url, Auth: c.auth, Region: "us-east-1"})
		if !errors.Is(err, c.want) {
			t.Errorf("%s with %s: got %v, want %v", c.url, c.auth, err, c.want)
		}
	}
	if _, err := accounts.Of(&config.Profile{BaseURL: "http://127.0.0.1:1", Auth: config.AuthSigV4}); !errors.Is(err, errRegion) {
		t.Errorf("without a region: %v", err)
	}
}

func TestEachServiceOfAmazonIsSignedForByItsName(t *testing.T) {
	for host, want := range map[string]string{
		"bedrock-runtime.us-east-1.amazonaws.com":          "bedrock",
		"bedrock-runtime-fips.us-gov-west-1.amazonaws.com": "bedrock",
		"bedrock-mantle.us-east-1.api.aws":                 "bedrock-mantle",
		"aws-external-anthropic.us-east-1.api.aws":         "aws-external-anthropic",
		"127.0.0.1": "bedrock",
	} {
		if got := serviceOf(host); got != want {
			t.Errorf("%s: %s, want %s", host, got, want)
		}
	}
}

// login is a token endpoint of Google.
func login(t *testing.T, lives int) (url string, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := asked.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "token-" + string(rune('0'+n)), "token_type": "Bearer", "expires_in": lives})
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

// serviceAccount writes the file that the environment names.
func serviceAccount(t *testing.T, tokenURL string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "prism@example.invalid", "private_key_id": "1", "token_uri": tokenURL,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "account.json")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", path)
}

// tokenOf returns the header that authorizes a request.
func tokenOf(t *testing.T, a upstream.Authorizer) http.Header {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:1/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	h, err := a.Authorize(req, nil)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestATokenOfGoogleIsFetchedOnceForAllProfiles(t *testing.T) {
	alone(t)
	url, asked := login(t, 3600)
	serviceAccount(t, url)
	t.Setenv("GOOGLE_CLOUD_QUOTA_PROJECT", "billed")
	now := time.Now()
	accounts := New(Options{Now: func() time.Time { return now }})
	for range 3 {
		a, err := accounts.Of(&config.Profile{BaseURL: "http://127.0.0.1:1", Auth: config.AuthGoogle})
		if err != nil {
			t.Fatal(err)
		}
		h := tokenOf(t, a)
		if h.Get("Authorization") != "Bearer token-1" || h.Get("X-Goog-User-Project") != "billed" {
			t.Errorf("got %v", h)
		}
	}
	a, _ := accounts.Of(&config.Profile{BaseURL: "http://127.0.0.1:1", Auth: config.AuthGoogle})
	if a.Renew() {
		t.Error("a fresh token was forgotten")
	}
	if now = now.Add(time.Hour); !a.Renew() {
		t.Error("an old token was kept")
	}
	if h := tokenOf(t, a); h.Get("Authorization") != "Bearer token-2" || asked.Load() != 2 {
		t.Errorf("after a refusal: %v, asked %d times", h, asked.Load())
	}
}

func TestATokenThatExpiresIsFetchedAnew(t *testing.T) {
	alone(t)
	url, asked := login(t, 1)
	serviceAccount(t, url)
	a, err := New(Options{}).Of(&config.Profile{BaseURL: "http://127.0.0.1:1", Auth: config.AuthGoogle})
	if err != nil {
		t.Fatal(err)
	}
	tokenOf(t, a)
	tokenOf(t, a)
	if asked.Load() != 2 {
		t.Errorf("asked %d times", asked.Load())
	}
}

func TestARefusedLoginRepeatsNothingOfItsAnswer(t *testing.T) {
	alone(t)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assertion, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write(assertion)
	}))
	defer s.Close()
	serviceAccount(t, s.URL)
	a, err := New(Options{}).Of(&config.Profile{BaseURL: "http://127.0.0.1:1", Auth: config.AuthGoogle})
	if err != nil {
		t.Fatal(err)
	}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:1/", http.NoBody)
	if _, err = a.Authorize(req, nil); err == nil || strings.Contains(err.Error(), "assertion") {
		t.Errorf("got %v", err)
	}
}
