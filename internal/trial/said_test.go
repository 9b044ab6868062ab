package trial

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"prism/config"
	"prism/internal/upstream"
)

// asking is a trial of a profile that has got nowhere yet.
func asking(auth config.Auth) *run {
	return &run{Result: Result{Profile: &config.Profile{Name: "p", Auth: auth}}, opt: Options{Within: Within}, notes: newNotes()}
}

// TestATrialNamesTheStepWhereTheRequestEnded for what no server can bring about everywhere.
func TestATrialNamesTheStepWhereTheRequestEnded(t *testing.T) {
	late, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	for _, tc := range []struct {
		ctx        context.Context
		kind       upstream.Kind
		auth       config.Auth
		step, what string
		fix        string
	}{
		{t.Context(), upstream.KindDNS, "", StepDNS, "not reached: why", "base_url of profile p"},
		{t.Context(), upstream.KindDial, "", StepConnect, "not reached: why", "base_url of profile p"},
		{t.Context(), upstream.KindTLS, "", StepTLS, "not reached: why", "ca_file"},
		{t.Context(), upstream.KindCredential, config.AuthSigV4, StepCredential, "no credential: why", "aws sso login"},
		{t.Context(), upstream.KindCredential, config.AuthGoogle, StepCredential, "no credential: why", "gcloud"},
		{t.Context(), upstream.KindEOF, "", StepAnswer, "no answer: eof: why", "base_url"},
		{late, upstream.KindCanceled, "", StepAnswer, "no answer within 30s", "base_url"},
	} {
		one := asking(tc.auth)
		one.unreached(tc.ctx, &upstream.Error{Kind: tc.kind, Err: errors.New("why")})
		got := one.end()
		if got.OK || got.Step != tc.step || got.What != tc.what || !strings.Contains(got.Fix, tc.fix) {
			t.Errorf("%s: %+v", tc.kind, got)
		}
		if len(got.Steps) != 1 || got.Steps[0].Name != tc.step || got.Steps[0].OK || got.Steps[0].Detail != "why" {
			t.Errorf("%s: the steps are %+v", tc.kind, got.Steps)
		}
	}
}

// TestATrialReadsWhatEveryStatusMeans has the words of the Messages API become steps.
func TestATrialReadsWhatEveryStatusMeans(t *testing.T) {
	for status, want := range map[int]string{
		400: StepRequest, 401: StepAuth, 402: StepMoney, 403: StepAuth, 404: StepModel, 413: StepRequest, 422: StepRequest,
		429: StepLimit, 500: StepAnswer, 502: StepAnswer, 503: StepAnswer, 529: StepAnswer,
	} {
		one := asking(config.AuthBearer)
		one.refused(&http.Response{StatusCode: status, Header: http.Header{}}, []byte(`{"error":{"message":"so it is"}}`))
		if one.OK || one.Step != want || one.Fix == "" || !strings.Contains(one.What, "so it is") {
			t.Errorf("%d: %+v", status, one.Result)
		}
	}
}

// TestOnlyTheFirstLineOfARefusalIsShown: Amazon's goes on with what was signed.
func TestOnlyTheFirstLineOfARefusalIsShown(t *testing.T) {
	one := asking(config.AuthSigV4)
	one.refused(&http.Response{StatusCode: 403, Header: http.Header{}}, []byte(`{"message":"The signature does not match.\n\nThe Canonical String is\nx-amz-security-token:canary"}`))
	if one.What != "REFUSES the credential: The signature does not match." {
		t.Errorf("%q", one.What)
	}
}
