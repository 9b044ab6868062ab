package transfer

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"prism/config"
)

// maxProfiles is how many profiles one source may have.
const maxProfiles = 100

// Options is what a source is read with.
type Options struct {
	Getenv func(string) string // resolves what a source leaves to the environment; nil = nothing is set
	Own    []string            // addresses, host:port, that prism itself listens on
}

// builder collects a plan from what a source says.
type builder struct {
	*Plan

	opt     Options
	secrets []string // every key that was seen, for words that must not repeat one
	dropped int      // profiles beyond maxProfiles
}

func newBuilder(source string, opt Options) *builder {
	if opt.Getenv == nil {
		opt.Getenv = func(string) string { return "" }
	}
	return &builder{Plan: &Plan{Source: source}, opt: opt}
}

// draft is a profile as a source describes it.
type draft struct {
	at      string // where it stands: Providers[2]
	name    string // what it is called there, which may be anything
	key     string // its key, or the variable that holds it
	profile config.Profile
}

// label names a draft for whoever reads what did not come along.
func (d *draft) label() string {
	if d.name == "" {
		return d.at
	}
	return d.at + " (" + d.name + ")"
}

// add makes a profile of a draft and returns its name; empty if it was left out, which was noted.
func (b *builder) add(d draft) string {
	if len(b.Profiles) >= maxProfiles {
		b.dropped++
		return ""
	}
	p := &d.profile
	p.BaseURL = strings.TrimRight(strings.TrimSpace(p.BaseURL), "/")
	if p.Dialect == "" {
		p.Dialect = config.DialectAnthropic
	}
	if why := b.credential(&d); why != "" {
		b.leave(d.label(), why)
		return ""
	}
	p.Models = b.usableModels(&d)
	p.Name = b.name(&d)
	p.Keys = nil
	if !p.APIKey.IsZero() {
		p.Keys = []config.Key{{Secret: p.APIKey}}
	}
	provider, why := b.read(p)
	if why != "" {
		b.leave(d.label(), why)
		return ""
	}
	p.Provider = provider
	b.Profiles = append(b.Profiles, Profile{Profile: *p, From: d.at, Title: d.name})
	return p.Name
}

// credential settles key and auth, or says why it cannot.
func (b *builder) credential(d *draft) (why string) {
	p := &d.profile
	if p.Auth != "" && !p.Auth.NeedsKey() {
		return ""
	}
	key, why := b.resolve(d.key)
	switch {
	case why != "":
		return why
	case key == "" && loopback(p.BaseURL):
		p.Auth = config.AuthNone
		return ""
	case key == "":
		return "it has no key"
	case isLogin(key):
		return "it is an account that somebody is signed in with, not a key; such tokens are never imported"
	case strings.Contains(p.BaseURL, key):
		return "its key is part of the address, which is not sealed"
	}
	p.APIKey = config.NewSecret(key)
	if p.Auth == "" {
		p.Auth = authOf(p)
	}
	return ""
}

// authOf is how known providers want the key, else the way of the dialect.
func authOf(p *config.Profile) config.Auth {
	if preset, known := config.PresetFor(p.Dialect, p.BaseURL); known && preset.Auth.NeedsKey() {
		return preset.Auth
	}
	return p.Dialect.DefaultAuth()
}

// variable matches a text that leaves its value to the environment: $NAME, ${NAME} or ${NAME:-default}.
var variable = regexp.MustCompile(`^\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(?::?-([^}]*))?\})$`)

// resolve returns the value of a key, once, where it stands in a variable.
func (b *builder) resolve(key string) (value, why string) {
	key = strings.TrimSpace(key)
	name, fallback := "", ""
	if m := variable.FindStringSubmatch(key); m != nil {
		name, fallback = m[1]+m[2], m[3]
	} else if rest, ok := strings.CutPrefix(key, "os.environ/"); ok {
		name = rest
	} else if rest, ok := strings.CutPrefix(key, "{env:"); ok {
		name = strings.TrimSuffix(rest, "}")
	}
	if name != "" {
		if key = strings.TrimSpace(b.opt.Getenv(name)); key == "" {
			key = fallback
		}
		if key == "" {
			return "", "its key is in the variable " + name + ", which is not set here"
		}
	}
	b.learn(key)
	return key, ""
}

// learn remembers a key.
func (b *builder) learn(key string) {
	if len(key) >= 8 {
		b.secrets = append(b.secrets, key)
	}
}

// isLogin tells a token of an account from a key, by the shapes that providers of accounts use.
func isLogin(key string) bool {
	for _, start := range []string{"sk-ant-oat", "sk-ant-ort", "sk-ant-sid", "ya29.", "gho_", "ghu_", "ghp_", "github_pat_", "tid="} {
		if strings.HasPrefix(key, start) {
			return true
		}
	}
	return key == "ccr-local-agent-login"
}

// loopback tells whether an address leads to this machine.
func loopback(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return strings.EqualFold(u.Hostname(), "localhost") || ip != nil && ip.IsLoopback()
}

// usableModels are the renamings that a file can hold.
func (b *builder) usableModels(d *draft) []config.ModelRule {
	var out []config.ModelRule
	all, seen := false, map[string]bool{}
	for _, m := range d.profile.Models {
		m.Match, m.Use = strings.TrimSpace(m.Match), strings.TrimSpace(m.Use)
		switch {
		case m.Match == "" || m.Use == "" || all || seen[m.Match]:
		case !printable(m.Match) || !printable(m.Use):
			b.leave(d.label(), "a name of a model holds characters that cannot be printed")
		default:
			all, seen[m.Match] = m.Match == "*", true
			out = append(out, m)
		}
	}
	if !all { // what keeps its name goes without saying
		out = slices.DeleteFunc(out, func(m config.ModelRule) bool { return m == config.ModelRule{Match: m.Use, Use: m.Use} })
	}
	return out
}

// printable tells whether a name is one line of characters that can be seen, and of a sane length.
func printable(s string) bool {
	return len(s) <= 256 && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }) < 0
}

// read reads the profile as the gateway will. It returns its provider in the price book, or what is
// wrong with it.
func (b *builder) read(p *config.Profile) (provider, why string) {
	var text strings.Builder
	text.WriteString("profiles:\n")
	lead := "  - "
	for _, line := range config.ProfileLines(p) {
		text.WriteString(lead + line + "\n")
		lead = "    "
	}
	read, problems := config.ParseProfiles([]byte(text.String()), config.ParseOptions{AllowPlaintext: true, Active: "-", Own: b.opt.Own})
	if read == nil {
		for _, problem := range problems {
			if problem.Severity == config.SeverityError {
				return "", problem.Message
			}
		}
		return "", "it cannot be read"
	}
	return read.Profiles[0].Provider, ""
}

// takeToken takes what clients present there.
func (b *builder) takeToken(at, token string) {
	if token == "" {
		return
	}
	value, why := b.resolve(token)
	switch {
	case why != "":
		b.leave(at, why)
	case strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		b.leave(at, "it holds characters that no header can carry")
	default:
		b.ClientToken = config.NewSecret(value)
	}
}

// price adds what a model costs at a profile of the plan, in dollars per million tokens.
func (b *builder) price(row config.PriceRow) {
	p := b.profile(row.Profile)
	if p == nil || len(b.Prices) >= maxRules || row.Input == "" && row.Output == "" || row.ModelMatch == "" || !printable(row.ModelMatch) {
		return
	}
	row.Provider = p.Provider
	row.Source = "imported from " + b.Source
	for i := range b.Prices {
		if b.Prices[i].Profile == row.Profile && b.Prices[i].ModelMatch == row.ModelMatch {
			return
		}
	}
	b.Prices = append(b.Prices, row)
}

// done finishes the plan: nothing that is said of it repeats a key.
func (b *builder) done() *Plan {
	if b.dropped > 0 {
		b.leave(fmt.Sprintf("%d more profiles", b.dropped), fmt.Sprintf("prism takes %d at a time", maxProfiles))
	}
	for i := range b.Left {
		b.Left[i].What, b.Left[i].Why = b.clean(b.Left[i].What), b.clean(b.Left[i].Why)
	}
	for i := range b.Profiles {
		b.Profiles[i].Title = b.clean(b.Profiles[i].Title)
	}
	return b.Plan
}

// maxWords is how much is shown of a text of a source, in characters.
const maxWords = 160

// clean makes a text of a source fit to be shown: without keys, and short.
func (b *builder) clean(s string) string {
	for _, key := range b.secrets {
		s = strings.ReplaceAll(s, key, "[redacted]")
	}
	s = config.RedactText(strings.ToValidUTF8(s, "\ufffd"))
	if r := []rune(s); len(r) > maxWords {
		s = string(r[:maxWords]) + "…"
	}
	return s
}
