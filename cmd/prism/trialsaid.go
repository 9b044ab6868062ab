package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"prism/config"
	"prism/internal/translate"
	"prism/internal/upstream"
)

// refused says what an error answer means.
func (t *trial) refused(resp *http.Response, body []byte) {
	report := translate.ReadReport(body)
	f := report.Failure(resp.StatusCode, resp.Header, 0)
	name := t.profile.Name
	what := fmt.Sprintf("answers %d: %s", resp.StatusCode, f.Message)
	switch f.Type {
	case translate.ErrorPermission:
		t.denied(f.Message)
	case translate.ErrorNotFound:
		t.fail(stepModel, "prism edit, and look at models and base_url of profile "+name+"; or another one: prism test --model NAME "+shellQuote(name), what)
	case translate.ErrorBilling:
		t.fail(stepMoney, "pay the provider", what)
	case translate.ErrorRateLimit:
		t.fail(stepLimit, "wait, or look at your limits there", what)
	case translate.ErrorOverloaded, translate.ErrorAPI, translate.ErrorTimeout:
		t.fail(stepAnswer, "prism test "+shellQuote(name)+", a little later", what)
	default:
		t.fail(stepRequest, "prism profiles show "+shellQuote(name)+", and look at dialect and quirks", what)
	}
}

// denied says that the credential is refused, in the words of the provider.
func (t *trial) denied(said string) {
	said = strings.TrimPrefix(strings.TrimPrefix(said, "the provider rejected the key of this profile"), ": ")
	what, fix := "REFUSES the key", "prism edit, and put in a key that is valid"
	switch t.profile.Auth {
	case config.AuthSigV4:
		what, fix = "REFUSES the credential", "aws sts get-caller-identity, and look whether that account may use "+t.sent
	case config.AuthGoogle:
		what, fix = "REFUSES the credential", "gcloud auth application-default login, and look whether that project may use "+t.sent
	case config.AuthNone:
		what, fix = "WANTS a key", "prism edit, and give profile "+t.profile.Name+" an api_key and auth: bearer"
	case config.AuthXAPIKey, config.AuthBearer, config.AuthAPIKey, config.AuthPassthrough:
	}
	t.fail(stepAuth, fix, strings.TrimSuffix(what+": "+said, ": "))
}

// unreached says where a request ended that has no answer.
func (t *trial) unreached(ctx context.Context, err error) {
	what, fix := "not reached: "+strings.TrimSpace(err.Error()), "prism edit, and look at base_url of profile "+t.profile.Name
	step := stepAnswer
	if failed, ok := errors.AsType[*upstream.Error](err); ok {
		what = "not reached: " + strings.TrimSpace(failed.Err.Error())
		switch failed.Kind {
		case upstream.KindDNS:
			step = stepDNS
		case upstream.KindDial:
			step = stepConnect
		case upstream.KindTLS:
			step, fix = stepTLS, "ca_file: in profile "+t.profile.Name+", if the certificate is of an authority of your own"
		case upstream.KindCredential:
			step, what, fix = stepCredential, "no credential: "+strings.TrimSpace(failed.Err.Error()), loginFix(t.profile.Auth)
		case upstream.KindTimeout, upstream.KindReset, upstream.KindEOF, upstream.KindProtocol, upstream.KindCanceled:
			what = "no answer: " + strings.TrimSpace(failed.Error())
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				what = "no answer within " + trialTimeout.String()
			}
		}
	}
	t.fail(step, fix, what)
}

// loginFix is how a credential of a cloud comes to be.
func loginFix(auth config.Auth) string {
	if auth == config.AuthGoogle {
		return "gcloud auth application-default login"
	}
	return "aws sso login, or set AWS_PROFILE"
}
