package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"prism/config"
	"prism/internal/upstream"
	"prism/internal/upstream/cloudauth"
)

// trialTimeout is how long `prism init` waits for the provider.
const trialTimeout = 8 * time.Second

// trialModel is asked for where the profile does not rename models.
const trialModel = "claude-haiku-4-5"

// trial counts the tokens of one word at the provider, which costs nothing, and says in a few
// words whether the key is taken. It is advice: a network that is down is no reason not to
// write the file.
func trial(ctx context.Context, p *config.Profile) string {
	if p.Dialect != config.DialectAnthropic {
		return "not asked: tokens are counted here for it; the first request will tell"
	}
	ctx, cancel := context.WithTimeout(ctx, trialTimeout)
	defer cancel()
	target, err := upstream.NewTarget(p)
	if err != nil {
		return err.Error()
	}
	pool := upstream.NewPool(target, upstream.Timeouts{Dial: trialTimeout, TLS: trialTimeout, Write: trialTimeout, FirstByte: trialTimeout, Idle: trialTimeout})
	defer pool.Retire()
	u, err := upstream.New(upstream.Options{Profile: p, Pool: pool, Clouds: cloudauth.New(cloudauth.Options{}).Of})
	if err != nil {
		return err.Error()
	}
	text := fmt.Appendf(nil, `{"model":%q,"messages":[{"role":"user","content":"hello"}]}`, p.Target(trialModel))
	resp, err := u.RoundTrip((&http.Request{
		Method: http.MethodPost, URL: &url.URL{Path: "/v1/messages/count_tokens"},
		Header: http.Header{"Content-Type": {"application/json"}, "Anthropic-Version": {"2023-06-01"}},
		Body:   &upstream.Body{Pieces: [3][]byte{text}, Size: int64(len(text))},
	}).WithContext(ctx))
	if err != nil {
		return "not reached: " + strings.TrimSpace(err.Error()) + "; the file is written all the same"
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode < 300:
		return "answers, and takes the key"
	case resp.StatusCode == http.StatusUnauthorized, resp.StatusCode == http.StatusForbidden:
		return fmt.Sprintf("REFUSES the key (%d); put the right one in with: prism edit", resp.StatusCode)
	default:
		return fmt.Sprintf("answers %d to a question about the key; the first request will tell", resp.StatusCode)
	}
}
