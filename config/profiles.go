package config

import (
	"cmp"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Dialect is the wire format an upstream speaks.
type Dialect string

// The dialects.
const (
	DialectAnthropic Dialect = "anthropic"        // the Messages API, the default
	DialectOpenAI    Dialect = "openai"           // Chat Completions
	DialectResponses Dialect = "openai-responses" // OpenAI's Responses
	DialectBedrock   Dialect = "bedrock"          // Claude behind Amazon Bedrock's InvokeModel
	DialectVertex    Dialect = "vertex"           // Claude behind Google's rawPredict
)

// Translated tells whether requests and answers are written anew for this dialect, and not only
// wrapped in another way.
func (d Dialect) Translated() bool { return d == DialectOpenAI || d == DialectResponses }

// Auth is how a credential travels to an upstream.
type Auth string

// The ways to authenticate.
const (
	AuthXAPIKey     Auth = "x-api-key"   // x-api-key: KEY, the default
	AuthBearer      Auth = "bearer"      // Authorization: Bearer KEY
	AuthAPIKey      Auth = "api-key"     // api-key: KEY
	AuthPassthrough Auth = "passthrough" // the client's own credential, only to api.anthropic.com
	AuthNone        Auth = "none"        // no credential
	AuthSigV4       Auth = "sigv4"       // Amazon's signature, with the credentials that its SDK finds
	AuthGoogle      Auth = "google"      // an access token of Google's application default credentials
)

// NeedsKey tells whether a profile with this auth must have an api_key.
func (a Auth) NeedsKey() bool { return a == AuthXAPIKey || a == AuthBearer || a == AuthAPIKey }

// Profiles is profiles.yaml, decoded and checked.
type Profiles struct {
	Active      string    // name of the profile that answers by default; empty only with [ParseOptions.Active]
	ActivePos   Pos       // place of that name; zero if the file has none
	Profiles    []Profile // in the order of the file; names are unique
	Rules       []Rule    // first match wins
	Prices      []PriceRow
	ClientToken Secret // what clients must present; zero = nothing
}

// Profile returns the profile called name, or nil.
func (p *Profiles) Profile(name string) *Profile {
	for i := range p.Profiles {
		if p.Profiles[i].Name == name {
			return &p.Profiles[i]
		}
	}
	return nil
}

// Profile is a named way to reach a provider.
type Profile struct {
	Name     string
	BaseURL  string // without a slash at the end
	Dialect  Dialect
	Auth     Auth
	APIKey   Secret      // the first of Keys
	Keys     []Key       // in the order of the file; see [Profile.AllKeys]
	Models   []ModelRule // first match wins; no match passes the name on
	Preset   string      // whose quirks apply; "" = by the host of BaseURL
	Quirks   Quirks      // of the preset, with those of the profile over them
	Region   string      // of the cloud, for sigv4; "" = from the host
	Fallback []string    // names of profiles; checked for dangling names and cycles
	Budget   *Budget
	Provider string // as the price book knows it

	Multiplier         string // decimal factor on the list price; "1" by default
	FlatFee            bool   // requests cost 0, the list price is still recorded
	InputIncludesCache string // auto, yes or no
	CAFile             string // absolute path of a PEM file; "" = the system's roots
	Timeouts           Timeouts

	FallbackOnAuth     bool   // 401, 402 and 403 lead to the fallback as well
	Keepalive          bool   // comments keep the client waiting while the provider is silent
	OnClientDisconnect string // cancel or drain; "" = cancel
	OnTruncate         string // error or abort; "" = error

	Pos        Pos // place of the profile
	BaseURLPos Pos
	KeyPos     Pos // place of api_key; zero if absent
}

// Origin returns scheme, host and port of the base URL, such as https://api.anthropic.com:443:
// lower case, the port always explicit. It is what keys are pinned to.
func (p *Profile) Origin() string {
	u, err := url.Parse(p.BaseURL)
	if err != nil {
		return ""
	}
	return origin(u)
}

// Host returns host and port of the base URL as the user would name it: without the port the
// scheme implies.
func (p *Profile) Host() string { return displayHost(p.Origin()) }

// AllKeys returns the keys of the profile, whether its auth sends them or not. A profile that was
// not read from a file may have its one key in APIKey alone.
func (p *Profile) AllKeys() []Key {
	if len(p.Keys) == 0 && !p.APIKey.IsZero() {
		return []Key{{Secret: p.APIKey, Pos: p.KeyPos}}
	}
	return p.Keys
}

// Target returns the model name to ask the upstream for when the client names model.
func (p *Profile) Target(model string) string {
	for _, m := range p.Models {
		if Glob(m.Match, model) {
			return m.Use
		}
	}
	return model
}

// Window returns how many tokens can be read and written by the model that answers when the client
// names model; 0 = not known.
func (p *Profile) Window(model string) int64 {
	for _, m := range p.Models {
		if Glob(m.Match, model) {
			return cmp.Or(m.ContextWindow, p.Quirks.ContextWindow)
		}
	}
	return p.Quirks.ContextWindow
}

// ModelRule renames a model: a name that matches is replaced by Use.
type ModelRule struct {
	Match string `json:"match"` // see [Glob]
	Use   string `json:"use"`

	MaxOutput     int64 `json:"max_output,omitempty"`     // tokens that Use can answer with; 0 = as the profile's quirks say
	ContextWindow int64 `json:"context_window,omitempty"` // tokens that it can read and write; 0 = as the profile's quirks say
}

// Budget is a limit on what a profile may spend. Amounts are decimals; "" = no limit.
type Budget struct {
	DailyUSD   string
	WeeklyUSD  string
	MonthlyUSD string
	Then       string // block, fallback or warn
}

// Timeouts bound the waiting for one upstream; zero means the default of prism.yaml.
type Timeouts struct {
	FirstByte time.Duration  // until the first response header
	Idle      time.Duration  // silence within a stream
	Hold      *time.Duration // how long the beginning of a stream is held back; nil = the default, 0 = not at all
}

// Key is one of the keys of a profile.
type Key struct {
	Name   string // "" for api_key of the profile itself
	Secret Secret
	Pos    Pos
}

// Rule sends the requests that meet all its conditions to a profile.
type Rule struct {
	Model  string      // glob on the model the client names; "" = any
	Header *HeaderRule // nil = any
	Path   string      // glob on the path; "" = any
	Use    string      // name of the profile

	Session     string   // glob on the session's id; "" = any
	Agent       string   // glob on the sub-agent's id, [MainAgent], or "" = any
	Tag         *TagRule // nil = any
	Between     string   // HH:MM-HH:MM, local time of the day, see [Rule.Window]; "" = any
	Days        []string // mon, tue, ..., see [Rule.Weekdays]; empty = any
	PromptOver  int64    // the prompt has more estimated tokens than this; 0 = any
	PromptUnder int64    // it has fewer; 0 = any
	Pos         Pos
}

// MainAgent is what a rule calls the main conversation of a session.
const MainAgent = "main"

// HeaderRule matches a request header.
type HeaderRule struct {
	Name  string // canonical, as in [http.CanonicalHeaderKey]
	Match string // glob on the value
}

// TagRule matches a tag of the request, as X-Prism-Tags gives it.
type TagRule struct {
	Name  string
	Match string // glob on the value
}

func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[strings.ToLower(u.Scheme)]
	}
	return strings.ToLower(u.Scheme) + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// displayHost shortens an origin for people; http is named, because it is the exception.
func displayHost(origin string) string {
	if host, ok := strings.CutPrefix(origin, "https://"); ok {
		return strings.TrimSuffix(host, ":443")
	}
	return strings.TrimSuffix(origin, ":80")
}

// isLoopback tells whether host can only mean this machine.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}
