package transfer

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"prism/config"
)

// maxJoins is how many fallbacks of models are looked at.
const maxJoins = 2000

// readLiteLLM reads config.yaml of LiteLLM's proxy. Deployments that ask at the same address with the
// same key become one profile: what differs is the model, and that is a line of models.
func readLiteLLM(_ context.Context, path string, b *builder) error {
	data, err := readSource(path)
	if err != nil {
		return err
	}
	root, err := parseYAML(data)
	if err != nil {
		return err
	}
	if root.at("model_list") == nil {
		return fmt.Errorf("%w: it has no model_list", ErrFormat)
	}
	l := litellm{builder: b, root: root, own: map[string]string{}, profiles: map[string]string{}}
	for name, value := range envOf(root.at("environment_variables")) {
		if !strings.HasPrefix(value, environPrefix) {
			l.own[name] = value
		}
	}
	b.expand = func(text string, getenv func(string) string) (value, missing string) {
		return environ(text, func(name string) string { return orElse(l.own[name], getenv(name)) })
	}
	all := root.at("model_list").list()
	if len(all) > maxEntries {
		b.leave(fmt.Sprintf("model_list[%d] and all behind it", maxEntries), "too many to be looked at")
	}
	for i, m := range firstOf(all, maxEntries) {
		l.deployment(m, fmt.Sprintf("model_list[%d]", i))
	}
	l.make()
	l.fallbacks()
	l.rest()
	return nil
}

// litellm is a configuration of LiteLLM on its way.
type litellm struct {
	*builder

	root     *node
	own      map[string]string // variables that the file sets itself
	groups   []*deployments
	profiles map[string]string // by the name of a model
}

// deployments are those that become one profile.
type deployments struct {
	draft
	provider string
	list     []deployment
}

// deployment is one model at one provider.
type deployment struct {
	at, name, model string
	params, info    *node
}

// deployment puts an entry to those of its profile, or says why it cannot.
func (l *litellm) deployment(m *node, at string) {
	d := deployment{at: at, name: m.first("model_name"), params: m.at("litellm_params"), info: m.at("model_info")}
	provider, model := l.provider(d.params)
	d.model = model
	group := &deployments{provider: provider, draft: draft{at: at}}
	if why := l.upstream(group, d.params); why != "" {
		l.leave((&draft{at: at, name: d.name}).label(), why)
		return
	}
	if model == "" || d.name == "" {
		l.leave((&draft{at: at, name: d.name}).label(), "it names no model")
		return
	}
	same := func(g *deployments) bool {
		return g.key == group.key && g.profile.BaseURL == group.profile.BaseURL && g.profile.Dialect == group.profile.Dialect
	}
	if i := slices.IndexFunc(l.groups, same); i >= 0 {
		group = l.groups[i]
	} else {
		l.groups = append(l.groups, group)
	}
	group.list = append(group.list, d)
}

// litellmDefault is where LiteLLM asks a provider, and with which key, if an entry does not say it.
type litellmDefault struct {
	dialect config.Dialect
	address string
	key     string   // the variable of the key
	others  []string // variables that put another address in its place
	base    func(address string) string
}

func litellmDefaults() map[string]litellmDefault {
	return map[string]litellmDefault{
		"anthropic": {
			dialect: config.DialectAnthropic, address: anthropicURL,
			key: "ANTHROPIC_API_KEY", others: []string{"ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL"},
			base: func(address string) string { return baseOf(address, config.DialectAnthropic) },
		},
		"openai": {
			dialect: config.DialectOpenAI, address: "https://api.openai.com/v1",
			key: "OPENAI_API_KEY", others: []string{"OPENAI_BASE_URL", "OPENAI_API_BASE"}, base: chatBase,
		},
	}
}

// upstream settles where the deployments of a group ask, and with which key, or says why that cannot be
// known. A key that the entry does not name goes to the provider itself and to nobody else: whoever wrote
// the entry could have had it sent anywhere.
func (l *litellm) upstream(group *deployments, params *node) (why string) {
	std, known := litellmDefaults()[group.provider]
	switch {
	case !known:
		return l.unknown(group.provider)
	case !params.at("litellm_credential_name").empty():
		return "its key is kept in LiteLLM under a name; write api_key in its place"
	}
	address, why := l.resolve(orElse(params.first("api_base", "base_url"), l.root.at("litellm_settings").first("api_base")))
	for _, name := range std.others {
		address = orElse(address, l.own[name])
	}
	group.key = params.first("api_key")
	group.profile = config.Profile{BaseURL: std.base(orElse(address, std.address)), Dialect: std.dialect}
	if why != "" || group.key != "" || hostOf(group.profile.BaseURL) != hostOf(std.address) {
		return why
	}
	for _, name := range std.others {
		if other := l.opt.Getenv(name); address == "" && l.own[std.key] == "" && other != "" && hostOf(other) != hostOf(std.address) {
			return "it names no key, and the one in " + std.key + " may be for the address in " + name + "; write api_base and api_key"
		}
	}
	group.key = environPrefix + std.key
	return ""
}

// unknown says that a provider is none of those that are imported.
func (*litellm) unknown(provider string) string {
	why := "prism does not import the provider " + provider
	if preset, known := config.PresetNamed(provider); known {
		why += "; see: prism profiles add --preset " + preset.Name
	}
	return why
}

// provider takes the name of a provider from that of a model.
func (*litellm) provider(params *node) (provider, model string) {
	model = params.first("model")
	if own := params.first("custom_llm_provider"); own != "" {
		return own, strings.TrimPrefix(model, own+"/")
	}
	before, rest, found := strings.Cut(model, "/")
	switch {
	case found && before == "custom_openai":
		return "openai", rest
	case found && before == "anthropic_text":
		return before, rest
	case found:
		return before, rest
	case strings.HasPrefix(model, "claude"):
		return "anthropic", model
	case strings.HasPrefix(model, "gpt-") || params.first("api_base") != "":
		return "openai", model
	}
	return orElse(model, "of no name"), model
}

// make adds the profiles, and the rules that send their models to them.
func (l *litellm) make() {
	for _, g := range l.groups {
		g.name = g.list[0].name
		if len(g.list) > 1 {
			g.name = g.provider
			if host := hostOf(g.profile.BaseURL); host != "api.anthropic.com" && host != "api.openai.com" {
				g.name = hostName(g.profile.BaseURL)
			}
		}
		g.profile.Models = g.models()
		name := l.add(g.draft)
		if name == "" {
			for _, d := range g.list[1:] {
				l.leave((&draft{at: d.at, name: d.name}).label(), "at the address and with the key of "+g.at)
			}
			continue
		}
		if l.Active == "" {
			l.Active = name
		}
		for _, d := range g.list {
			l.made(d, name)
		}
	}
}

// models are the renamings of a profile.
func (g *deployments) models() []config.ModelRule {
	var rules []config.ModelRule
	for _, d := range g.list {
		if strings.Contains(d.model, "*") {
			return nil // names pass as they are
		}
		rules = append(rules, config.ModelRule{
			Match: d.name, Use: d.model, ContextWindow: wholeOf(d.info.first("max_input_tokens")), MaxOutput: wholeOf(d.info.first("max_output_tokens")),
		})
	}
	last := rules[0]
	last.Match = "*"
	switch {
	case len(rules) == 1:
		return []config.ModelRule{last}
	case g.profile.BaseURL == anthropicURL:
		return rules // other names are Claude's own
	}
	return append(rules, last)
}

// made notes what a deployment became, and takes its prices.
func (l *litellm) made(d deployment, profile string) {
	label := (&draft{at: d.at, name: d.name}).label()
	switch first := l.profiles[d.name]; {
	case first == "":
		l.profiles[d.name] = profile
		if d.name != "*" && printable(d.name) {
			l.rule(d.name, profile)
		}
	case first != profile:
		l.fallBack(first, profile, label)
		l.leave(label, "prism does not spread requests over deployments; its profile is the fallback of "+first)
	default:
		l.leave(label, "one name for several models; the first counts")
	}
	l.priced(d, profile, label)
	known := []string{"model", "api_key", "api_base", "base_url", "custom_llm_provider"}
	for field, value := range d.params.each() {
		if !slices.Contains(known, field) && !isCost(field) && !value.empty() {
			l.leave(label+".litellm_params."+field, "prism has nothing of this kind")
		}
	}
}

// fallbacks joins the profiles of models.
func (l *litellm) fallbacks() {
	joins := 0
	for _, section := range []string{"router_settings", "litellm_settings"} {
		for i, item := range l.root.at(section, "fallbacks").list() {
			for from, list := range item.each() {
				at := fmt.Sprintf("%s.fallbacks[%d] (%s)", section, i, from)
				for _, to := range firstOf(list.list(), maxChain) {
					if joins++; joins > maxJoins {
						l.leave(at+" and all behind it", "too many to be looked at")
						return
					}
					l.join(from, to.str(), at)
				}
			}
		}
		for _, field := range []string{"context_window_fallbacks", "content_policy_fallbacks", "default_fallbacks"} {
			if n := l.root.at(section, field); !n.empty() {
				l.leave(section+"."+field, "prism falls back when a provider fails, for no other reason")
			}
		}
	}
}

// join makes the profile of one model fall back to that of another.
func (l *litellm) join(from, to, at string) {
	f, t := l.profiles[from], l.profiles[to]
	switch {
	case f == "" || t == "":
		l.leave(at, "it names a model that does not come along")
	case f == t:
		l.leave(at, "a profile does not fall back to another model of its own")
	default:
		l.fallBack(f, t, at)
	}
}

// rest reads what is beside the models.
func (l *litellm) rest() {
	l.takeToken("general_settings.master_key", l.root.at("general_settings", "master_key").str())
	for _, field := range []string{"routing_strategy", "model_group_alias"} {
		if n := l.root.at("router_settings", field); !n.empty() {
			l.leave("router_settings."+field, "prism has nothing of this kind")
		}
	}
	for _, section := range []string{"guardrails", "mcp_servers", "include"} {
		if n := l.root.at(section); !n.empty() {
			l.leave(section, "prism has nothing of this kind")
		}
	}
}
