package transfer

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"prism/config"
	"prism/internal/pricing"
)

const (
	// maxProfiles is how many profiles one source may have.
	maxProfiles = 100
	// maxDrafts is how many descriptions of profiles are looked at, those that are refused included.
	maxDrafts = 300
	// maxModels is how many renamings one profile may have.
	maxModels = 200
	// maxText bounds what all profiles of a source put into profiles.yaml, in bytes. Its parser takes some
	// ten thousand words, and a word with its marks has three characters at least.
	maxText = 40 << 10
)

// Options is what a source is read with.
type Options struct {
	Getenv func(string) string // resolves what a source leaves to the environment; nil = nothing is set
	Own    []string            // addresses, host:port, that prism itself listens on

	// Book is asked once for what models cost without the source, and only where the source has prices. nil
	// is the book that prism brings along. An error beside a book is not looked at.
	Book func() (*pricing.Book, error)
}

// builder collects a plan from what a source says.
type builder struct {
	*Plan

	opt     Options
	expand  expander // how the source writes variables; nil = its texts stand for themselves
	book    *pricing.Book
	found   bool     // in the working directory, not named: the file may be anybody's
	secrets []string // every key that was seen, for words that must not repeat one
	drafts  int      // how many were added
	dropped int      // of them, those beyond maxProfiles or maxDrafts
	size    int      // of the profiles in profiles.yaml, in bytes
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
	if b.drafts++; b.drafts > maxDrafts || len(b.Profiles) >= maxProfiles {
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
	provider, size, why := b.read(p)
	if why != "" {
		b.leave(d.label(), why)
		return ""
	}
	p.Provider = provider
	b.size += size
	b.Profiles = append(b.Profiles, Profile{Profile: *p, From: d.at, Title: d.name})
	return p.Name
}

// credential settles key and auth, or says why it cannot.
func (b *builder) credential(d *draft) (why string) {
	p := &d.profile
	if p.Auth != "" && !p.Auth.NeedsKey() {
		return ""
	}
	key, why := b.secret(d.key)
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
		if len(out) == maxModels {
			b.leave(d.label()+".models", fmt.Sprintf("prism takes %d at a time", maxModels))
			break
		}
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

// read reads the profile as the gateway will. It returns its provider in the price book and its size in
// profiles.yaml, or what is wrong with it.
func (b *builder) read(p *config.Profile) (provider string, size int, why string) {
	var text strings.Builder
	text.WriteString("profiles:\n")
	lead := "  - "
	for _, line := range config.ProfileLines(p) {
		text.WriteString(lead + line + "\n")
		lead = "    "
	}
	if size = text.Len(); b.size+size > maxText {
		return "", 0, "with it profiles.yaml would become larger than prism reads"
	}
	read, problems := config.ParseProfiles([]byte(text.String()), config.ParseOptions{AllowPlaintext: true, Active: "-", Own: b.opt.Own})
	if read == nil {
		for _, problem := range problems {
			if problem.Severity == config.SeverityError {
				return "", 0, problem.Message
			}
		}
		return "", 0, "it cannot be read"
	}
	return read.Profiles[0].Provider, size, ""
}

// minToken is the length of a client's token below which it can be guessed, in bytes.
const minToken = 16

// takeToken takes what clients present there.
func (b *builder) takeToken(at, token string) {
	if token == "" {
		return
	}
	value, why := b.secret(token)
	switch {
	case why != "":
		b.leave(at, why)
	case strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		b.leave(at, "it holds characters that no header can carry")
	case len(value) < minToken || isExample(value):
		b.leave(at, "it is short, or out of an example: anybody can guess it")
	case b.found:
		b.leave(at, "a token is taken only out of a file that is named")
	default:
		b.ClientToken = config.NewSecret(value)
	}
}

// isExample tells whether a token is one that the documentation of a tool shows.
func isExample(token string) bool {
	token = strings.ToLower(token)
	return slices.ContainsFunc([]string{"your-", "your_", "<", "sk-1234", "sk-your", "changeme", "change-me", "example"}, func(start string) bool { return strings.HasPrefix(token, start) })
}

// done finishes the plan: nothing in it that is not sealed, and nothing that is said of it, repeats a key.
func (b *builder) done() *Plan {
	if b.dropped > 0 {
		b.leave(fmt.Sprintf("%d more profiles", b.dropped), fmt.Sprintf("prism takes %d at a time", maxProfiles))
	}
	b.hideKeys()
	b.cleanWords()
	return b.Plan
}
