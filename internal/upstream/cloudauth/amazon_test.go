package cloudauth

import (
	"crypto/sha256"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"prism/config"
	"prism/internal/simulator"
	"prism/internal/upstream"
)

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
