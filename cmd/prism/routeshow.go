package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/ledger"
	"prism/internal/router"
)

// explained is an explanation and what it is shown with.
type explained struct {
	router.Explanation
	query      *router.Query
	file       *profilesFile
	activeFrom string        // where active stands, as FILE:LINE
	status     *admin.Status // of the gateway; zero if it does not run
	hops       []hop
}

// first is the profile that would answer.
func (x *explained) first() *config.Profile { return x.Plan.Routes[0].Profile }

// modelled tells whether requests of this path name a model. The others stay with the first
// profile and its first key: what one account keeps is not to be found in another.
func (x *explained) modelled() bool { return modelled(x.query.Path) }

func modelled(path string) bool {
	return path == "/v1/messages" || path == "/v1/messages/count_tokens"
}

// because says why the first profile was chosen.
func (x *explained) because(a *app) string {
	switch x.Plan.Reason {
	case "path":
		return a.text("the path names it")
	case "header":
		return a.text("%s names it", headerProfile)
	case "active":
		if len(x.Rules) > 0 {
			return a.text("no rule matches; it is active, %s", a.tilde(x.activeFrom))
		}
		return a.text("it is active, %s", a.tilde(x.activeFrom))
	}
	last := x.Rules[len(x.Rules)-1]
	return a.text("%s at %s:%d", x.Plan.Reason, a.tilde(x.file.Path), last.Pos.Line)
}

// hop is one profile of the chain.
type hop struct {
	Profile string     `json:"profile"`
	Host    string     `json:"host"`
	Model   *string    `json:"model"` // what the provider is asked for
	Match   *string    `json:"match"` // of models, that gave it that name
	State   *string    `json:"state"` // null = the gateway does not run, or does not know the profile
	Until   *time.Time `json:"until"`
	Why     *string    `json:"why"`
	Keys    []hopKey   `json:"keys"`

	auth   config.Auth
	health string // for people
}

// hopKey is a key that would be sent.
type hopKey struct {
	Name        *string    `json:"name"`
	Masked      string     `json:"masked"`
	Fingerprint string     `json:"fingerprint"`
	State       *string    `json:"state"`
	Until       *time.Time `json:"until"`
}

// chain returns the profiles that may answer, in order.
func (a *app) chain(x *explained) []hop {
	routes := x.Plan.Routes
	if !x.modelled() {
		routes = routes[:1]
	}
	out := make([]hop, len(routes))
	for i, route := range routes {
		p := route.Profile
		h := hop{Profile: p.Name, Host: p.Host(), Keys: keysSent(p, x.modelled()), auth: p.Auth, health: unknown}
		if x.query.Model != "" {
			name := p.Target(x.query.Model)
			h.Model = &name
			if j := slices.IndexFunc(p.Models, func(m config.ModelRule) bool { return config.Glob(m.Match, x.query.Model) }); j >= 0 {
				h.Match = &p.Models[j].Match
			}
		}
		if j := slices.IndexFunc(x.status.Profiles, func(s admin.ProfileStatus) bool { return s.Name == p.Name }); j >= 0 {
			h.heard(&x.status.Profiles[j])
			h.health = a.health(x.status.Profiles[j], true)
		}
		out[i] = h
	}
	return out
}

// keysSent returns the keys of a profile that may be sent; only the first where all is false.
func keysSent(p *config.Profile, all bool) []hopKey {
	out := []hopKey{}
	if !p.Auth.NeedsKey() {
		return out
	}
	for _, key := range p.AllKeys() {
		out = append(out, hopKey{Name: orNull(key.Name), Masked: key.Secret.Masked(), Fingerprint: key.Secret.Fingerprint()})
		if !all {
			break
		}
	}
	return out
}

// heard adds what the gateway says of the profile, and of those keys that it has as well.
func (h *hop) heard(st *admin.ProfileStatus) {
	h.State, h.Until, h.Why = orNull(st.State), st.Until, orNull(st.Why)
	for i := range h.Keys {
		k := &h.Keys[i]
		if j := slices.IndexFunc(st.Keys, func(o admin.KeyStatus) bool { return o.Fingerprint == k.Fingerprint }); j >= 0 {
			k.State, k.Until = orNull(st.Keys[j].State), st.Keys[j].Until
		}
	}
}

// keyText names the keys of a hop for people.
func (h *hop) keyText(a *app) string {
	switch {
	case h.auth == config.AuthPassthrough:
		return a.text("the client's own")
	case len(h.Keys) == 0:
		return a.text("none")
	}
	var parts []string
	for _, k := range h.Keys {
		text := k.Masked + " (fp " + k.Fingerprint + ")"
		if k.Name != nil {
			text = *k.Name + " " + text
		}
		if k.State != nil && *k.State != ledger.HealthOK {
			text += " " + a.said(*k.State)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

// ruleJSON is a rule that was asked.
type ruleJSON struct {
	Rule      int     `json:"rule"`
	Line      int     `json:"line"`
	Use       string  `json:"use"`
	Matched   bool    `json:"matched"`
	Condition *string `json:"condition"` // the first that does not hold
	Want      *string `json:"want"`
	Have      *string `json:"have"` // null = the request has none
}

type routeJSON struct {
	Profile      string     `json:"profile"`
	Reason       string     `json:"reason"` // path, header, rule N or active, as the ledger has it
	At           string     `json:"at"`     // FILE:LINE of what decides; empty where the request does
	Model        *string    `json:"model"`
	Path         string     `json:"path"`
	PromptTokens *int64     `json:"prompt_tokens"`
	Rules        []ruleJSON `json:"rules"`
	Chain        []hop      `json:"chain"`
	Running      bool       `json:"running"` // whether the states are those of a gateway
}

// object is the explanation for machines.
func (x *explained) object() routeJSON {
	out := routeJSON{
		Profile: x.first().Name, Reason: x.Plan.Reason, Model: orNull(x.query.Model), Path: x.query.Path,
		Rules: []ruleJSON{}, Chain: x.hops, Running: x.status.Running,
	}
	if x.query.PromptTokens > 0 {
		out.PromptTokens = &x.query.PromptTokens
	}
	for _, r := range x.Rules {
		out.Rules = append(out.Rules, ruleJSON{r.Number, r.Pos.Line, r.Use, r.Matched, orNull(r.Condition), orNull(r.Want), orNull(r.Have)})
	}
	switch x.Plan.Reason {
	case "path", "header":
	case "active":
		out.At = x.activeFrom
	default:
		out.At = fmt.Sprintf("%s:%d", x.file.Path, x.Rules[len(x.Rules)-1].Pos.Line)
	}
	return out
}

// orNull is nil for an empty text.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (a *app) routeView(x *explained) view {
	v := view{object: x.object(), columns: []column{
		{name: "try", right: true},
		{name: "profile"},
		{name: "host", whole: true},
		{name: "model"},
		{name: "key"},
		{name: "state"},
	}}
	for i, h := range x.hops {
		model, state := cell{unknown, nil}, cell{h.health, nil}
		if h.Model != nil {
			model = textCell(*h.Model)
		}
		if h.State != nil {
			state.value = *h.State
		}
		v.rows = append(v.rows, []cell{
			{fmt.Sprint(i + 1), i + 1},
			textCell(h.Profile), textCell(h.Host), model, textAs(h.keyText(a), h.keyText(a.english())), state,
		})
	}
	chain := v
	v.text = func(w io.Writer) { a.writeRoute(w, x, chain) }
	return v
}

// writeRoute explains to people.
func (a *app) writeRoute(w io.Writer, x *explained, chain view) {
	line := func(format string, args ...any) { fmt.Fprintln(w, escape(a.text(format, args...), false)) }
	line("%s answers   %s", x.first().Name, x.because(a))
	if x.query.PromptTokens > 0 {
		line("prompt   about %s tokens", grouped(x.query.PromptTokens))
	}
	if len(x.Rules) > 0 {
		fmt.Fprintf(w, "\n%s\n", a.render(a.rulesView(x.Rules), formatTable))
	}
	fmt.Fprintf(w, "\n%s\n", a.render(chain, formatTable))
	for _, h := range x.hops {
		if n := len(h.Keys); n > 1 {
			line("%s has %d keys: a session keeps to one of them, new sessions take the next", h.Profile, n)
		}
	}
	if !x.modelled() {
		line("this path goes to the first profile and its first key alone: what one account keeps is not to be found in another")
	}
	if !x.status.Running {
		a.note("the gateway does not run: nobody knows how the profiles are")
	}
}

// rulesView lists the rules that were asked, and why.
func (a *app) rulesView(rules []router.Asked) view {
	v := view{columns: []column{{name: "rule", right: true}, {name: "line", right: true}, {name: "use"}, {name: "matches"}, {name: "because"}}}
	for _, r := range rules {
		because := a.text("every condition holds")
		if !r.Matched {
			because = a.whyNot(r)
		}
		v.rows = append(v.rows, []cell{
			{fmt.Sprint(r.Number), r.Number},
			{fmt.Sprint(r.Pos.Line), r.Pos.Line},
			textCell(r.Use), a.boolCell(r.Matched), textCell(because),
		})
	}
	return v
}

// whyNot says which condition of a rule does not hold.
func (a *app) whyNot(r router.Asked) string {
	has := a.text("the request has %s", firstOf(r.Have, a.text("none")))
	switch r.Condition {
	case "between", "days":
		has = a.text("it is %s", r.Have)
	case "agent":
		has = a.text("%s asks", r.Have)
	case "prompt_over", "prompt_under":
		has = a.text("the prompt has about %s", r.Have)
		if r.Have == "" {
			has = a.text("the size of the prompt is not known, see --prompt-tokens and --body")
		}
	}
	return fmt.Sprintf("%s %s: %s", r.Condition, r.Want, has)
}
