package trial

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"prism/config"
	"prism/internal/upstream"
)

const (
	// Within is how long a provider may take where [Options] do not say otherwise: a server on this
	// machine may have to load its model first.
	Within = 30 * time.Second

	// Model is asked for where nobody says another one.
	Model = "claude-haiku-5-5"

	// output is how many tokens the answer may have: the fewest that every provider takes.
	output = 16

	// rounds is how often is asked again after a refusal that taught how to ask.
	rounds = 4

	// maxAnswer bounds what is read of an answer.
	maxAnswer = 1 << 20
)

// Steps of a request, in their order. A trial that failed names the one where it ended.
const (
	StepPin        = "pin"
	StepCredential = "credential"
	StepDNS        = "dns"
	StepConnect    = "connect"
	StepTLS        = "tls"
	StepAuth       = "auth"
	StepModel      = "model"
	StepMoney      = "money"
	StepLimit      = "limit"
	StepRequest    = "request"
	StepAnswer     = "answer" // the last one
)

// Options say what a provider is asked, and how.
type Options struct {
	Model  string        // as the client names it; "" = [Model]
	Free   bool          // have tokens counted where that tells something, which costs nothing
	Within time.Duration // how long a key may take; 0 = [Within]
	Agent  string        // who asks, as the provider is told; "" = nobody says

	// Clouds makes credentials for profiles whose auth is sigv4 or google; nil = they cannot be tried.
	Clouds func(*config.Profile) (upstream.Authorizer, error)
}

// Result is what came of asking a provider with one key. Its texts are English, for
// [prism/internal/lang.Printer.Translate]. They quote the provider, who may quote the key: see
// [Result.Redact].
type Result struct {
	Profile *config.Profile
	Key     config.Key
	Asked   string // model that the client would name
	Sent    string // model that the provider was asked for
	Served  string // model that it names in its answer; "" = none
	OK      bool
	Step    string // where it ended
	Steps   []Step // how it got there, that one the last
	Status  int    // of the answer, in the words of the Messages API; 0 = there was none
	What    string // came of it
	Fix     string // "" = there is nothing to mend

	Connect, Total time.Duration // to the connection and to the end of the last answer; 0 = it did not come to that
	Usage          Usage
}

// Step is one thing that a trial did.
type Step struct {
	Name   string  `json:"name"`
	OK     bool    `json:"ok"`
	MS     float64 `json:"ms"`
	Detail string  `json:"detail"`
}

// Usage are the tokens of the answer.
type Usage struct {
	Input      int64 `json:"input_tokens"`
	CacheRead  int64 `json:"cache_read_input_tokens"`
	CacheWrite int64 `json:"cache_creation_input_tokens"`
	Output     int64 `json:"output_tokens"`
}

// Refused is the result of a trial that did not take place, since the key must not be sent there.
func Refused(p *config.Profile, model, what, fix string) Result {
	r := begun(p, Options{Model: model})
	r.Step, r.What, r.Fix = StepPin, what, fix
	r.Steps = []Step{{Name: StepPin, Detail: what}}
	return r
}

// Redact has replace take out of the texts what must not be shown.
func (r *Result) Redact(replace func(string) string) {
	for _, text := range []*string{&r.Served, &r.What, &r.Fix} {
		*text = replace(*text)
	}
	for i := range r.Steps {
		r.Steps[i].Detail = replace(r.Steps[i].Detail)
	}
}

// Ask asks a provider once with each key of its profile, with all of them at the same time. The
// results are in the order of the keys; a profile without one has one result.
func Ask(ctx context.Context, p *config.Profile, o Options) []Result {
	keys := p.AllKeys()
	if !p.Auth.NeedsKey() || len(keys) == 0 {
		keys = []config.Key{{}}
	}
	if o.Within == 0 {
		o.Within = Within
	}
	out := make([]Result, len(keys))
	var all sync.WaitGroup
	for i, key := range keys {
		all.Go(func() { out[i] = askWith(ctx, p, key, o) })
	}
	all.Wait()
	return out
}

// askWith asks with one key. A key that is refused is shown in the other way, too: not every
// provider says which one it wants.
func askWith(ctx context.Context, p *config.Profile, key config.Key, o Options) Result {
	ctx, cancel := context.WithTimeout(ctx, o.Within)
	defer cancel()
	one := *p
	one.APIKey = key.Secret
	out := ask(ctx, &one, o)
	out.Profile, out.Key = p, key
	if other := otherAuth(p); out.Step == StepAuth && other != "" {
		one.Auth = other
		if ask(ctx, &one, o).OK {
			out.What = fmt.Sprintf("takes the key as %s, not as %s", other, p.Auth)
			out.Fix = fmt.Sprintf("prism edit, and write auth: %s into profile %s", other, p.Name)
		}
	}
	return out
}

// otherAuth is the other of the two ways in which a key travels to those who speak Anthropic.
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

// begun is a result that says what is asked.
func begun(p *config.Profile, o Options) Result {
	r := Result{Profile: p, Asked: o.Model}
	if r.Asked == "" {
		r.Asked = Model
	}
	r.Sent = p.Target(r.Asked)
	return r
}

// ask asks with the key of p.
func ask(ctx context.Context, p *config.Profile, o Options) Result {
	t := &run{Result: begun(p, o), opt: o, notes: newNotes()}
	up, retire, err := t.upstream()
	if err != nil {
		t.cause = err.Error()
		t.fail(StepCredential, "prism check", err.Error())
		return t.end()
	}
	defer retire()
	path := messagesPath
	if o.Free && p.Dialect == config.DialectAnthropic {
		path = countPath
	}
	t.ask(ctx, up, path)
	if path == countPath && !t.OK && t.Status > 0 && t.Status != http.StatusUnauthorized {
		t.ask(ctx, up, messagesPath) // not everybody counts, and those who do not say so in many ways
	}
	if p.Auth == config.AuthPassthrough && t.Step == StepAuth {
		t.answers("answers; the client brings the credential, so that none was tried")
	}
	return t.end()
}
