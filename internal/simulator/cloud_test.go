package simulator

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// toCloud sends a request with a key of Amazon's that needs no signature.
func toCloud(t *testing.T, c *Cloud, path, body string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer key")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return w.Result()
}

func TestACloudRefusesWhatItDoesNotKnow(t *testing.T) {
	c := New(Options{}).Cloud(CloudOptions{Token: "key", Betas: []string{"known-2026-01-01"}})
	const invoke = "/model/anthropic.claude-x/invoke"
	for _, tt := range []struct {
		name, path, body, want string
		status                 int
		header                 []string
	}{
		{"no version", invoke, `{"max_tokens":1,"messages":[]}`, "anthropic_version: Field required", 400, nil},
		{"a model", invoke, `{"anthropic_version":"v","model":"m","max_tokens":1,"messages":[]}`, "model: Extra inputs are not permitted", 400, nil},
		{"a stream", invoke, `{"anthropic_version":"v","stream":true,"max_tokens":1,"messages":[]}`, "stream: Extra inputs are not permitted", 400, nil},
		{"a beta", invoke, `{"anthropic_version":"v","anthropic_beta":["new-2026-01-01"],"max_tokens":1,"messages":[]}`, "invalid beta flag", 400, nil},
		{"a beta of the header", "/v1/projects/p/locations/l/publishers/anthropic/models/m:rawPredict", `{"anthropic_version":"v","max_tokens":1,"messages":[]}`, "INVALID_ARGUMENT", 400, []string{"Anthropic-Beta", "new-2026-01-01"}},
		{"no operation", "/model/anthropic.claude-x/converse", `{}`, "no such operation", 404, nil},
		{"another key", invoke, `{}`, "Invalid API Key", 403, []string{"Authorization", "Bearer other"}},
		{"no credential", invoke, `{}`, "Missing Authentication Token", 403, []string{"Authorization", ""}},
	} {
		resp := toCloud(t, c, tt.path, tt.body, tt.header...)
		b, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != tt.status || !bytes.Contains(b, []byte(tt.want)) {
			t.Errorf("%s: %d %s", tt.name, resp.StatusCode, b)
		}
	}
}

func TestAStreamOfAmazonIsFramesWithMetricsAtTheEnd(t *testing.T) {
	s := New(Options{})
	s.Script(Reply(Text("hello"), Usage{Input: 10, CacheRead: 1000, Output: 7}))
	resp := toCloud(t, s.Cloud(CloudOptions{Token: "key"}), "/model/eu.anthropic.claude-opus-5-5-v1%3A0/invoke-with-response-stream", `{"anthropic_version":"v","max_tokens":1,"messages":[{"role":"user","content":"x"}]}`)
	b, _ := io.ReadAll(resp.Body)
	var last string
	for len(b) > 0 {
		n := binary.BigEndian.Uint32(b)
		if int(n) > len(b) || crc32.ChecksumIEEE(b[:n-4]) != binary.BigEndian.Uint32(b[n-4:]) {
			t.Fatal("this is no frame")
		}
		var v struct{ Bytes string }
		if err := json.Unmarshal(b[12+binary.BigEndian.Uint32(b[4:]):n-4], &v); err != nil {
			t.Fatal(err)
		}
		data, _ := base64.StdEncoding.DecodeString(v.Bytes)
		last, b = string(data), b[n:]
	}
	if !strings.Contains(last, `"cacheReadInputTokenCount":1000`) || !strings.Contains(last, `"outputTokenCount":7`) {
		t.Errorf("the last event is %s", last)
	}
	if got := s.Bill()[0]; got.Model != "eu.anthropic.claude-opus-5-5-v1:0" || got.Charged.Output != 7 {
		t.Errorf("bill %+v", got)
	}
}

func TestASignatureThatDoesNotFitIsRefused(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	c := New(Options{Now: func() time.Time { return now }}).Cloud(CloudOptions{Access: "AKIA", Secret: "secret"})
	for name, at := range map[string]string{"another": "20261122T120000Z", "old": "20261122T110000Z"} {
		resp := toCloud(t, c, "/model/m/invoke", `{}`, "X-Amz-Date", at, "Authorization",
			"AWS4-HMAC-SHA256 Credential=AKIA/20261122/us-east-1/bedrock/aws4_request, SignedHeaders=host;x-amz-date, Signature="+strings.Repeat("0", 64))
		if got := resp.Header.Get("X-Amzn-Errortype"); resp.StatusCode != http.StatusForbidden || got != "InvalidSignatureException" {
			t.Errorf("%s: %d %s", name, resp.StatusCode, got)
		}
	}
}
