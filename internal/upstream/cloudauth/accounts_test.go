package cloudauth

import (
	"errors"
	"path/filepath"
	"testing"

	"prism/config"
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
