package dashboard

import (
	"fmt"
	"net/http"
	"strings"

	"prism/config"
	"prism/internal/admin"
)

// presetView is a provider that prism knows.
type presetView struct {
	Name       string         `json:"name"`
	Title      string         `json:"title"`
	Profile    string         `json:"profile"`
	BaseURL    string         `json:"base_url"`
	Dialect    config.Dialect `json:"dialect"`
	Auth       config.Auth    `json:"auth"`
	Provider   string         `json:"provider"`
	Main       string         `json:"main"`
	Haiku      string         `json:"haiku"`
	NeedsURL   bool           `json:"needs_url"`
	NeedsModel bool           `json:"needs_model"`
	NeedsKey   bool           `json:"needs_key"`
	Source     string         `json:"source"`
	AsOf       string         `json:"as_of"`
}

func (s *Server) presets(w http.ResponseWriter, _ *http.Request) {
	out := []presetView{}
	for _, p := range config.Presets() {
		out = append(out, presetView{
			Name: p.Name, Title: p.Title, Profile: p.Profile, BaseURL: p.BaseURL, Dialect: p.Dialect, Auth: p.Auth, Provider: p.Provider, Main: p.Main,
			Haiku: p.Haiku, NeedsURL: p.NeedsURL(), NeedsModel: p.NeedsModel(), NeedsKey: p.Auth.NeedsKey(), Source: p.Source, AsOf: p.AsOf,
		})
	}
	s.reply(w, out, nil)
}

type snippetRequest struct {
	Preset  string `json:"preset"`
	Name    string `json:"name"`
	BaseURL string `json:"base_url"`
	Model   string `json:"model"`
}

type snippetReply struct {
	YAML     string         `json:"yaml"`    // an item of the list profiles:; a key is never part of it
	Command  string         `json:"command"` // does the same, and asks for the key
	Problems []snippetFault `json:"problems"`
}

// snippetFault is what the file would be refused for.
type snippetFault struct {
	Path    string `json:"path"`
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
}

// snippet writes the YAML of a new profile and checks it as the gateway would.
func (s *Server) snippet(w http.ResponseWriter, r *http.Request) {
	var q snippetRequest
	if err := decode(r, &q); err != nil {
		s.reply(w, nil, err)
		return
	}
	preset, known := config.PresetNamed(q.Preset)
	if !known {
		s.reply(w, nil, &admin.Error{Code: admin.CodeNotFound, Message: fmt.Sprintf("no preset is named %q", q.Preset), Fix: "prism profiles presets"})
		return
	}
	p := draftOf(&preset, &q)
	text := listItem(config.ProfileLines(p))
	out := snippetReply{YAML: text, Command: commandFor(&preset, &q), Problems: []snippetFault{}}
	for _, problem := range s.faults(p.Name, text) {
		out.Problems = append(out.Problems, snippetFault{problem.Path, problem.Message, problem.Fix})
	}
	s.reply(w, out, nil)
}

// pasteHere stands where the key belongs: in a file that is not sealed yet it is refused as a key
// in clear text, with the command that seals it.
const pasteHere = "PASTE-THE-KEY-HERE"

func draftOf(preset *config.Preset, q *snippetRequest) *config.Profile {
	p := &config.Profile{
		Name: preset.Profile, BaseURL: preset.BaseURL, Dialect: preset.Dialect, Auth: preset.Auth, Preset: preset.Name, Provider: preset.Provider,
		FlatFee: preset.FlatFee, Models: preset.Models(),
	}
	if q.Name != "" {
		p.Name = q.Name
	}
	if q.BaseURL != "" {
		p.BaseURL = q.BaseURL
	}
	if q.Model != "" {
		p.Models = []config.ModelRule{{Match: "*", Use: q.Model}}
	}
	if !p.Dialect.Translated() {
		p.Preset = "" // it would say nothing
	}
	if p.Auth.NeedsKey() {
		p.APIKey = config.NewSecret(pasteHere)
		p.Keys = []config.Key{{Secret: p.APIKey}}
	}
	return p
}

// listItem indents the lines of a profile as an item of the list profiles:.
func listItem(lines []string) string {
	var b strings.Builder
	lead := "  - "
	for _, line := range lines {
		b.WriteString(lead + line + "\n")
		lead = "    "
	}
	return b.String()
}

// faults checks the text by itself, and the name against those that are taken.
func (s *Server) faults(name, text string) config.Problems {
	_, problems := config.ParseProfiles([]byte("profiles:\n"+text), config.ParseOptions{File: "profiles.yaml", AllowPlaintext: true, Active: name, Own: s.opt.Own})
	if live := s.opt.Profiles(); live != nil && live.Profile(name) != nil {
		problems = append(problems, config.Problem{Path: "name", Message: fmt.Sprintf("there is a profile %q already", name), Fix: "another name"})
	}
	return problems
}

// commandFor is the command line that adds the profile; words that a shell would take apart are
// quoted.
func commandFor(preset *config.Preset, q *snippetRequest) string {
	words := []string{"prism", "profiles", "add", "--preset", preset.Name}
	for _, flag := range []struct{ name, value string }{{"--name", q.Name}, {"--base-url", q.BaseURL}, {"--model", q.Model}} {
		if flag.value != "" {
			words = append(words, flag.name, shellWord(flag.value))
		}
	}
	return strings.Join(words, " ")
}

func shellWord(s string) string {
	plain := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_./:@%+=,", c)
	}
	if s != "" && strings.IndexFunc(s, func(c rune) bool { return !plain(c) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
