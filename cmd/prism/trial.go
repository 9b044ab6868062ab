package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"prism/config"
	"prism/internal/stream"
	"prism/internal/upstream"
)

const (
	// trialTimeout is how long a provider may take: a server on this machine may have to load its
	// model first.
	trialTimeout = 30 * time.Second

	// trialModel is asked for where nobody says another one.
	trialModel = "claude-haiku-5-5"

	// trialOutput is how many tokens the answer may have: the fewest that every provider takes.
	trialOutput = 16

	// trialRounds is how often is asked again after a refusal that taught how to ask.
	trialRounds = 4

	// maxTrial bounds what is read of an answer.
	maxTrial = 1 << 20
)

// Steps of a request, in their order. A trial that failed names the one where it ended.
const (
	stepPin        = "pin"
	stepDNS        = "dns"
	stepConnect    = "connect"
	stepTLS        = "tls"
	stepCredential = "credential"
	stepAuth       = "auth"
	stepModel      = "model"
	stepMoney      = "money"
	stepLimit      = "limit"
	stepRequest    = "request"
	stepAnswer     = "answer" // the last one
)

// trialOptions say what a provider is asked.
type trialOptions struct {
	model  string // as the client names it; "" = [trialModel]
	free   bool   // have tokens counted where that tells something, which costs nothing
	clouds func(*config.Profile) (upstream.Authorizer, error)
}

// trial is what came of asking a provider with one key. It goes the way of a request: the same
// connection, credential and translation.
type trial struct {
	profile *config.Profile
	key     config.Key
	asked   string // model that the client would name
	sent    string // model that the provider was asked for
	served  string // model that it names in its answer; "" = none
	ok      bool
	step    string
	status  int // of the answer, in the words of the Messages API; 0 = there was none
	what    string
	fix     string

	connect, total time.Duration // to the connection and to the end of the last answer; 0 = it did not come to that
	usage          trialUsage
}

type trialUsage struct {
	Input      int64 `json:"input_tokens"`
	CacheRead  int64 `json:"cache_read_input_tokens"`
	CacheWrite int64 `json:"cache_creation_input_tokens"`
	Output     int64 `json:"output_tokens"`
}

// tryProfile asks a provider once with each key of its profile.
func tryProfile(ctx context.Context, p *config.Profile, o trialOptions) []trial {
	keys := p.AllKeys()
	if !p.Auth.NeedsKey() || len(keys) == 0 {
		keys = []config.Key{{}}
	}
	out := make([]trial, len(keys))
	for i, key := range keys {
		one := *p
		one.APIKey = key.Secret
		out[i] = tryKey(ctx, &one, o)
		out[i].profile, out[i].key = p, key
		if other := otherAuth(p); out[i].step == stepAuth && other != "" {
			one.Auth = other
			if tryKey(ctx, &one, o).ok {
				out[i].what = fmt.Sprintf("takes the key as %s, not as %s", other, p.Auth)
				out[i].fix = fmt.Sprintf("prism edit, and write auth: %s into profile %s", other, p.Name)
			}
		}
	}
	return out
}

// otherAuth is the other of the two ways in which a key travels to those who speak Anthropic: not
// every provider says which one it wants.
func otherAuth(p *config.Profile) config.Auth {
	switch {
	case p.Dialect != config.DialectAnthropic:
	case p.Auth == config.AuthBearer:
		return config.AuthXAPIKey
	case p.Auth == config.AuthXAPIKey:
		return config.AuthBearer
	}
	return ""
}

// tryKey asks with the key of p.
func tryKey(ctx context.Context, p *config.Profile, o trialOptions) trial {
	t := trial{profile: p, asked: firstOf(o.model, trialModel)}
	t.sent = p.Target(t.asked)
	ctx, cancel := context.WithTimeout(ctx, trialTimeout)
	defer cancel()
	u, retire, err := trialUpstream(p, o)
	if err != nil {
		t.step, t.what, t.fix = stepCredential, err.Error(), "prism check"
		return t
	}
	defer retire()
	path := "/v1/messages"
	if o.free && p.Dialect == config.DialectAnthropic {
		path = countPath
	}
	t.ask(ctx, u, path)
	if path == countPath && !t.ok && t.status > 0 && t.status != http.StatusUnauthorized {
		t.ask(ctx, u, "/v1/messages") // not everybody counts, and those who do not say so in many ways
	}
	if p.Auth == config.AuthPassthrough && t.step == stepAuth {
		t.ok, t.step, t.fix, t.what = true, stepAnswer, "", "answers; the client brings the credential, so that none was tried"
	}
	return t
}

// trialUpstream makes the way to a provider; retire closes it.
func trialUpstream(p *config.Profile, o trialOptions) (u *upstream.Upstream, retire func(), err error) {
	target, err := upstream.NewTarget(p)
	if err != nil {
		return nil, nil, err
	}
	pool := upstream.NewPool(target, upstream.Timeouts{Dial: trialTimeout, TLS: trialTimeout, Write: trialTimeout, FirstByte: trialTimeout, Idle: trialTimeout})
	if u, err = upstream.New(upstream.Options{Profile: p, Pool: pool, Clouds: o.clouds}); err != nil {
		pool.Retire()
		return nil, nil, err
	}
	return u, pool.Retire, nil
}

// countPath is where tokens are counted.
const countPath = "/v1/messages/count_tokens"

// ask sends the request, and again where a refusal taught how to.
func (t *trial) ask(ctx context.Context, u *upstream.Upstream, path string) {
	began := time.Now()
	var connected atomic.Int64
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{ConnectDone: func(_, _ string, err error) {
		if err == nil {
			connected.CompareAndSwap(0, int64(time.Since(began)))
		}
	}})
	for again, left := true, trialRounds; again && left > 0; left-- {
		again = t.once(ctx, u, path)
	}
	t.connect = time.Duration(connected.Load())
	if t.status > 0 {
		t.total = time.Since(began)
	}
}

// once sends the request once, and tells whether it is worth sending again.
func (t *trial) once(ctx context.Context, u *upstream.Upstream, path string) (again bool) {
	resp, err := u.RoundTrip(trialRequest(ctx, path, t.sent))
	if err != nil {
		t.unreached(ctx, err)
		return false
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxTrial))
	t.status = resp.StatusCode
	var told stream.Told
	if teller, ok := resp.Body.(stream.Teller); ok {
		told = teller.Told()
	}
	switch {
	case told.Learned:
		t.refused(resp, body)
		return true
	case resp.StatusCode >= http.StatusMultipleChoices:
		t.refused(resp, body)
	case err != nil:
		t.fail(stepAnswer, "prism test "+shellQuote(t.profile.Name)+", once more", "the answer broke off: "+err.Error())
	case path == countPath:
		t.ok, t.step, t.what, t.fix = true, stepAnswer, "answers"+t.andTakesTheKey(), ""
	default:
		t.answered(resp, body, told.Model)
	}
	return false
}

// trialRequest is the request of a client for one word.
func trialRequest(ctx context.Context, path, model string) *http.Request {
	ask := map[string]any{"model": model, "messages": []map[string]string{{"role": "user", "content": "hello"}}}
	if path != countPath {
		ask["max_tokens"] = trialOutput
	}
	text, _ := json.Marshal(ask) // texts and numbers: it cannot fail
	return (&http.Request{
		Method: http.MethodPost, URL: &url.URL{Path: path},
		Header: http.Header{"Content-Type": {"application/json"}, "Anthropic-Version": {"2023-06-01"}, "User-Agent": {"prism/" + thisBuild().Version}},
		Body:   &upstream.Body{Pieces: [3][]byte{text}, Size: int64(len(text)), Model: model},
	}).WithContext(ctx)
}

func (t *trial) fail(step, fix, what string) {
	t.ok, t.step, t.fix, t.what = false, step, fix, what
}

// answered reads a message.
func (t *trial) answered(resp *http.Response, body []byte, model string) {
	var m struct {
		Type    string          `json:"type"`
		Model   string          `json:"model"`
		Content json.RawMessage `json:"content"`
		Usage   trialUsage      `json:"usage"`
	}
	if err := json.Unmarshal(body, &m); err != nil || m.Type == "error" || m.Content == nil {
		if m.Type == "error" {
			t.refused(resp, body)
			return
		}
		kind, _, _ := strings.Cut(firstOf(resp.Header.Get("Content-Type"), "without a type"), ";")
		t.fail(stepAnswer, "prism edit, and look at base_url and dialect of profile "+t.profile.Name, fmt.Sprintf("answers %d, but no message (%s)", resp.StatusCode, kind))
		return
	}
	t.served, t.usage = firstOf(model, m.Model), m.Usage
	t.ok, t.step, t.what, t.fix = true, stepAnswer, "answers"+t.andTakesTheKey(), ""
}

func (t *trial) andTakesTheKey() string {
	switch {
	case t.profile.Auth.NeedsKey():
		return ", and takes the key"
	case t.profile.Auth == config.AuthSigV4 || t.profile.Auth == config.AuthGoogle:
		return ", and takes the credential found here"
	}
	return ""
}
