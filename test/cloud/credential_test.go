package cloud

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"prism/config"
	"prism/internal/simulator"
)

func TestAnInferenceProfileIsSignedForAndItsModelIsPriced(t *testing.T) {
	amazon(t)
	s, at := claude(t, accepts())
	const arn = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/ab12cd34"
	p := bedrock("amazon", at)
	p.Models = []config.ModelRule{{Match: "*", Use: arn}}
	h := newHouse(t, options{profiles: []config.Profile{p}})
	if got := h.message(plainBody); got.status != http.StatusOK || s.Bill()[0].Model != arn {
		t.Errorf("%d: %s", got.status, got.body)
	}
	if row := h.row(); row.UpstreamModel != arn || row.PriceID != "anthropic/claude-opus-5-5@2026-09-22" {
		t.Errorf("asked for %s, priced as %q: the answer says which model it is", row.UpstreamModel, row.PriceID)
	}
}

func TestThroughAnOutboundProxyTheSignatureHolds(t *testing.T) {
	amazon(t)
	_, at := claude(t, accepts())
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	out := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.RequestURI = ""
		resp, err := tr.RoundTrip(r)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		w.Header().Set("Content-Type", resp.Header.Get("Content-Type"))
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
	}))
	defer out.Close()
	via, err := url.Parse(out.URL)
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, options{profiles: []config.Profile{bedrock("amazon", at)}, outbound: via})
	if got := h.message(streamBody); got.status != http.StatusOK || !strings.Contains(got.body, "message_stop") {
		t.Errorf("%d: %s", got.status, got.body)
	}
}

func TestAnExpiredTokenIsFetchedAnewWithinTheRequest(t *testing.T) {
	amazon(t)
	writeCredentials(t, accessKey, "expired")
	_, at := claude(t, accepts())
	began := time.Now()
	later := time.Duration(0)
	h := newHouse(t, options{profiles: []config.Profile{bedrock("amazon", at)}, now: func() time.Time { return began.Add(later) }})
	got := h.message(plainBody)
	if got.status != http.StatusForbidden || !strings.Contains(got.body, "expired") || got.header.Get("X-Should-Retry") != "false" {
		t.Errorf("%d: %s", got.status, got.body)
	}
	if row := h.row(); len(row.Attempts) != 1 {
		t.Errorf("a credential that was just read was read again: %d attempts", len(row.Attempts))
	}
	later = 2 * time.Minute
	writeCredentials(t, accessKey, sessionToken)
	if got := h.message(plainBody); got.status != http.StatusOK {
		t.Errorf("%d: %s", got.status, got.body)
	}
}

func TestAWrongKeyIsToldWithoutWhatWasSigned(t *testing.T) {
	opt := accepts()
	opt.Secret = "another"
	h, _ := amazonHouse(t, opt)
	got := h.message(plainBody)
	if got.status != http.StatusForbidden || strings.Contains(got.body, sessionToken) || strings.Contains(got.body, "x-amz") {
		t.Errorf("%d: %s", got.status, got.body)
	}
	if row := h.row(); strings.Contains(row.ErrorMessage, sessionToken) {
		t.Errorf("the entry has it: %s", row.ErrorMessage)
	}
}

func TestTheMessagesAPIAtAmazonIsSigned(t *testing.T) {
	amazon(t)
	s, at := claude(t, accepts())
	s.Script(script())
	p := bedrock("amazon", at+"/anthropic")
	p.Dialect, p.Models = config.DialectAnthropic, nil
	h := newHouse(t, options{profiles: []config.Profile{p}})
	got := h.message(streamBody, "Anthropic-Beta", "brand-new-2026-12-01")
	if got.status != http.StatusOK {
		t.Fatalf("%d: %s", got.status, got.body)
	}
	row := h.row()
	likeTheBill(t, &row, s)
	if string(s.Bill()[0].ResponseBody) != got.body || s.Bill()[0].Header.Get("Anthropic-Beta") == "" {
		t.Error("it did not pass as it was")
	}
}

// TestALongLivedKeyOfBedrockIsABearer: it is sent as it is, and nothing is signed.
func TestALongLivedKeyOfBedrockIsABearer(t *testing.T) {
	amazon(t) // credentials to sign with are there, and stay unused
	t.Setenv("AWS_BEARER_TOKEN_BEDROCK", "of-the-environment")
	s, at := claude(t, simulator.CloudOptions{Token: "bedrock-api-key-1"})
	s.Script(simulator.Always(script()))
	h := newHouse(t, options{profiles: []config.Profile{keyed(bedrock("amazon", at), "bedrock-api-key-1")}})
	if got := h.message(streamBody); got.status != http.StatusOK || !strings.Contains(got.body, "message_stop") {
		t.Fatalf("%d: %s", got.status, got.body)
	}
	row := h.row()
	likeTheBill(t, &row, s)
	b := s.Bill()[0]
	if got := b.Header.Get("Authorization"); got != "Bearer bedrock-api-key-1" || b.Header.Get("X-Amz-Date") != "" || b.Header.Get("X-Amz-Security-Token") != "" {
		t.Errorf("headers %v", b.Header)
	}
}

// TestAKeyInTheEnvironmentIsNotSigv4: the variable is none of those from which Amazon's library has
// credentials to sign with.
func TestAKeyInTheEnvironmentIsNotSigv4(t *testing.T) {
	amazon(t)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
	t.Setenv("AWS_BEARER_TOKEN_BEDROCK", "bedrock-api-key-1")
	s, at := claude(t, simulator.CloudOptions{Token: "bedrock-api-key-1"})
	h := newHouse(t, options{profiles: []config.Profile{bedrock("amazon", at)}})
	if got := h.message(plainBody); got.status != http.StatusBadGateway || len(s.Bill()) != 0 {
		t.Errorf("%d: %s", got.status, got.body)
	}
}
