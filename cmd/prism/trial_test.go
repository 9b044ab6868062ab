package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"prism/config"
	"prism/internal/upstream"
)

// TestATrialNamesTheStepWhereTheRequestEnded for what no script can bring about everywhere.
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
		{t.Context(), upstream.KindDNS, "", stepDNS, "not reached: why", "base_url of profile p"},
		{t.Context(), upstream.KindDial, "", stepConnect, "not reached: why", "base_url of profile p"},
		{t.Context(), upstream.KindTLS, "", stepTLS, "not reached: why", "ca_file"},
		{t.Context(), upstream.KindCredential, config.AuthSigV4, stepCredential, "no credential: why", "aws sso login"},
		{t.Context(), upstream.KindCredential, config.AuthGoogle, stepCredential, "no credential: why", "gcloud"},
		{t.Context(), upstream.KindEOF, "", stepAnswer, "no answer: eof: why", "base_url"},
		{late, upstream.KindCanceled, "", stepAnswer, "no answer within 30s", "base_url"},
	} {
		one := trial{profile: &config.Profile{Name: "p", Auth: tc.auth}}
		one.unreached(tc.ctx, &upstream.Error{Kind: tc.kind, Err: errors.New("why")})
		if one.ok || one.step != tc.step || one.what != tc.what || !strings.Contains(one.fix, tc.fix) {
			t.Errorf("%s: %+v", tc.kind, one)
		}
	}
}

// TestATrialReadsWhatEveryStatusMeans has the words of the Messages API become steps.
func TestATrialReadsWhatEveryStatusMeans(t *testing.T) {
	for status, want := range map[int]string{
		400: stepRequest, 401: stepAuth, 402: stepMoney, 403: stepAuth, 404: stepModel, 413: stepRequest, 422: stepRequest,
		429: stepLimit, 500: stepAnswer, 502: stepAnswer, 503: stepAnswer, 529: stepAnswer,
	} {
		one := trial{profile: &config.Profile{Name: "p", Auth: config.AuthBearer}}
		one.refused(&http.Response{StatusCode: status, Header: http.Header{}}, []byte(`{"error":{"message":"so it is"}}`))
		if one.ok || one.step != want || one.fix == "" || !strings.Contains(one.what, "so it is") {
			t.Errorf("%d: %+v", status, one)
		}
	}
}
