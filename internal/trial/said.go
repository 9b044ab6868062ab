package trial

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

// taken says that the provider answers, and to what.
func (t *run) taken() string {
	switch {
	case t.Profile.Auth.NeedsKey():
		return "answers, and takes the key"
	case t.Profile.Auth == config.AuthSigV4 || t.Profile.Auth == config.AuthGoogle:
		return "answers, and takes the credential found here"
	}
	return "answers"
}

// refused says what an error answer means.
func (t *run) refused(resp *http.Response, body []byte) {
	report := translate.ReadReport(body)
	f := report.Failure(resp.StatusCode, resp.Header, 0)
	// Amazon goes on with the request as it was signed, the token of the session among it.
	said, _, _ := strings.Cut(strings.TrimSpace(f.Message), "\n")
	name := t.Profile.Name
	what := fmt.Sprintf("answers %d: %s", resp.StatusCode, said)
	switch f.Type {
	case translate.ErrorPermission:
		t.denied(said)
	case translate.ErrorNotFound:
		t.fail(StepModel, fmt.Sprintf("prism edit, and look at models and base_url of profile %s; or another one: prism test --model NAME %s", name, name), what)
	case translate.ErrorBilling:
		t.fail(StepMoney, "pay the provider", what)
	case translate.ErrorRateLimit:
		t.fail(StepLimit, "wait, or look at your limits there", what)
	case translate.ErrorOverloaded, translate.ErrorAPI, translate.ErrorTimeout:
		t.fail(StepAnswer, fmt.Sprintf("prism test %s, a little later", name), what)
	default:
		t.fail(StepRequest, fmt.Sprintf("prism profiles show %s, and look at dialect and quirks", name), what)
	}
}

// denied says that the credential is refused, in the words of the provider.
func (t *run) denied(said string) {
	said = strings.TrimPrefix(strings.TrimPrefix(said, "the provider rejected the key of this profile"), ": ")
	what, fix := "REFUSES the key", "prism edit, and put in a key that is valid"
	switch t.Profile.Auth {
	case config.AuthSigV4:
		what, fix = "REFUSES the credential", fmt.Sprintf("aws sts get-caller-identity, and look whether that account may use %s", t.Sent)
	case config.AuthGoogle:
		what, fix = "REFUSES the credential", fmt.Sprintf("gcloud auth application-default login, and look whether that project may use %s", t.Sent)
	case config.AuthNone:
		what, fix = "WANTS a key", fmt.Sprintf("prism edit, and give profile %s an api_key and auth: bearer", t.Profile.Name)
	case config.AuthXAPIKey, config.AuthBearer, config.AuthAPIKey, config.AuthPassthrough:
	}
	t.fail(StepAuth, fix, strings.TrimSuffix(what+": "+said, ": "))
}

// unreached says where a request ended that has no answer.
func (t *run) unreached(ctx context.Context, err error) {
	t.Status, t.cause = 0, strings.TrimSpace(err.Error())
	step, fix := StepAnswer, fmt.Sprintf("prism edit, and look at base_url of profile %s", t.Profile.Name)
	failed, ok := errors.AsType[*upstream.Error](err)
	if !ok {
		t.fail(step, fix, fmt.Sprintf("not reached: %s", t.cause))
		return
	}
	t.cause = strings.TrimSpace(failed.Err.Error())
	what := fmt.Sprintf("not reached: %s", t.cause)
	switch failed.Kind {
	case upstream.KindDNS:
		step = StepDNS
	case upstream.KindDial:
		step = StepConnect
	case upstream.KindTLS:
		step, fix = StepTLS, fmt.Sprintf("ca_file: in profile %s, if the certificate is of an authority of your own", t.Profile.Name)
	case upstream.KindCredential:
		step, what, fix = StepCredential, fmt.Sprintf("no credential: %s", t.cause), loginFix(t.Profile.Auth)
	case upstream.KindTimeout, upstream.KindReset, upstream.KindEOF, upstream.KindProtocol, upstream.KindCanceled:
		what = fmt.Sprintf("no answer: %s", strings.TrimSpace(failed.Error()))
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			step, what = t.notes.under(), fmt.Sprintf("no answer within %s", t.opt.Within)
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
