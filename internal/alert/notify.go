package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"prism/internal/ledger"
)

// Bounds of telling people.
const (
	queueLength    = 64
	webhookTimeout = 10 * time.Second
	desktopTimeout = 10 * time.Second
	maxReply       = 64 << 10 // bytes of a webhook's answer that are read, so that its connection can be kept
)

// waits are the pauses before a webhook is tried again.
func waits() []time.Duration { return []time.Duration{time.Second, 5 * time.Second, 30 * time.Second} }

// Keys of log fields.
const (
	keyAction  = "action"
	keyHost    = "host"
	keyName    = "name"
	keyNote    = "note"
	keyPeriod  = "period"
	keyRule    = "rule"
	keyScope   = "scope"
	keyState   = "state"
	keyStatus  = "status"
	keyTries   = "tries"
	keyDropped = "dropped"
)

// NotifierOptions configures a Notifier.
type NotifierOptions struct {
	Logger  zerolog.Logger
	Webhook string // URL; "" = none
	Host    string // name of this machine, for the webhook

	// Desktop shows a notice; nil = nowhere.
	Desktop func(ctx context.Context, title, text string) error

	// Transport sends what goes to the webhook; nil = one of its own.
	Transport http.RoundTripper
}

// Notifier tells people of events: always in the log, and on the desktop and at a webhook where
// that is wanted. Telling never waits; what cannot be told in time is dropped, and counted.
type Notifier struct {
	opt     NotifierOptions
	queue   chan message
	dropped atomic.Int64
	target  *url.URL
}

// NewNotifier returns a notifier that [Notifier.Run] drives.
func NewNotifier(opt NotifierOptions) (*Notifier, error) {
	n := &Notifier{opt: opt, queue: make(chan message, queueLength)}
	if opt.Webhook != "" {
		u, err := url.Parse(opt.Webhook)
		if err != nil {
			return nil, fmt.Errorf("webhook: not a URL") //nolint:perfsprint // the cause would quote the URL, which may be a secret
		}
		n.target = u
	}
	return n, nil
}

// message is what people are told at once: a title and a text for the desktop, and what the
// webhook gets beside them.
type message struct {
	name, title, text string
	event             any // its fields go to the webhook
}

// Notice is something besides money that people are told. It has no row in the ledger of its own.
type Notice struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
}

// Say hands a notice on. It does not wait; whoever calls it has logged what happened.
func (n *Notifier) Say(what Notice) {
	text := what.Message
	if what.Fix != "" {
		text += "\nfix: " + what.Fix
	}
	n.hand(message{name: what.Kind, title: "prism", text: text, event: what})
}

// Tell logs an event and hands it on. It does not wait.
func (n *Notifier) Tell(ev *ledger.AlertEvent) {
	level := zerolog.WarnLevel
	if ev.State == ledger.AlertCleared {
		level = zerolog.InfoLevel
	}
	n.opt.Logger.WithLevel(level).Str(keyRule, ev.Rule).Str(keyName, ev.Name).Str(keyScope, ev.Scope).Str(keyState, ev.State).
		Str(keyAction, ev.Action).Str(keyPeriod, ev.Period).Str(keyNote, ev.Message).Msg("money needs attention")
	n.hand(message{name: ev.Name, title: "prism: " + ev.Rule + " " + ev.Name, text: ev.Message, event: ev})
}

func (n *Notifier) hand(what message) {
	if n.opt.Desktop == nil && n.target == nil {
		return
	}
	select {
	case n.queue <- what:
	default:
		n.opt.Logger.Error().Int64(keyDropped, n.dropped.Add(1)).Msg("notice dropped")
	}
}

// Run passes notices on until ctx ends.
func (n *Notifier) Run(ctx context.Context) {
	client := n.client()
	defer client.CloseIdleConnections()
	for {
		select {
		case <-ctx.Done():
			return
		case what := <-n.queue:
			n.show(ctx, what)
			n.post(ctx, client, what)
		}
	}
}

// client follows no redirect: the address is the one that the user wrote.
func (n *Notifier) client() *http.Client {
	transport := n.opt.Transport
	if transport == nil {
		transport = &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConns: 1, IdleConnTimeout: webhookTimeout, DisableCompression: true}
	}
	return &http.Client{
		Transport: transport, Timeout: webhookTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// show brings a notice to the desktop, if there is one.
func (n *Notifier) show(ctx context.Context, what message) {
	if n.opt.Desktop == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, desktopTimeout)
	defer cancel()
	if err := n.opt.Desktop(ctx, what.title, what.text); err != nil && ctx.Err() == nil {
		n.opt.Logger.Warn().Err(err).Str(keyName, what.name).Msg("notice not shown on the desktop")
	}
}

// post sends a notice to the webhook. It is sent again where that can help, and then given up.
func (n *Notifier) post(ctx context.Context, client *http.Client, what message) {
	if n.target == nil {
		return
	}
	body, err := n.body(what)
	if err != nil {
		n.opt.Logger.Error().Err(err).Str(keyName, what.name).Msg("notice not sent")
		return
	}
	pauses := waits()
	for try := 1; ; try++ {
		status, again := n.send(ctx, client, body)
		if status/100 == 2 || ctx.Err() != nil {
			return
		}
		if !again || try > len(pauses) {
			n.opt.Logger.Error().Str(keyName, what.name).Str(keyHost, n.target.Host).Int(keyStatus, status).Int(keyTries, try).Msg("notice not sent")
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pauses[try-1]):
		}
	}
}

// send makes one try; a status of 0 means that there was no answer. Errors are not kept: they
// quote the URL, and part of it may be a secret.
func (n *Notifier) send(ctx context.Context, client *http.Client, body []byte) (status int, again bool) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.target.String(), bytes.NewReader(body))
	if err != nil {
		return 0, false
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "prism")
	resp, err := client.Do(req)
	if err != nil {
		return 0, true
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, maxReply)
	return resp.StatusCode, resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusRequestTimeout || resp.StatusCode >= 500
}

// body is the event, with its names of the ledger, and the text under the name that chat
// programs look for.
func (n *Notifier) body(what message) ([]byte, error) {
	event, err := json.Marshal(what.event)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal("prism: " + what.text)
	if err != nil {
		return nil, err
	}
	host, err := json.Marshal(n.opt.Host)
	if err != nil {
		return nil, err
	}
	head := fmt.Sprintf(`{"text":%s,"host_name":%s`, text, host)
	if rest := strings.TrimPrefix(string(event), "{"); rest != "}" {
		return []byte(head + "," + rest), nil
	}
	return []byte(head + "}"), nil
}
