package transfer

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"prism/config"
)

// maxDeployments is how many entries of a list are looked at.
const maxDeployments = 1000

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
	l := litellm{builder: b, root: root, profiles: map[string]string{}}
	getenv, own := b.opt.Getenv, envOf(root.at("environment_variables"))
	b.opt.Getenv = func(name string) string {
		if value := own[name]; value != "" && !strings.HasPrefix(value, "os.environ/") {
			return value
		}
		return getenv(name)
	}
	all := root.at("model_list").list()
	if len(all) > maxDeployments {
		b.leave(fmt.Sprintf("model_list[%d] and all behind it", maxDeployments), "too many to be looked at")
	}
	for i, m := range firstOf(all, maxDeployments) {
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
	label := (&draft{at: at, name: d.name}).label()
	provider, model := l.provider(d.params)
	d.model = model
	group := &deployments{provider: provider, draft: draft{at: at, key: d.params.first("api_key")}}
	address := d.params.first("api_base", "base_url")
	if value, _ := l.resolve(address); strings.HasPrefix(address, "os.environ/") {
		address = value
	}
	switch provider {
	case "anthropic":
		group.profile = config.Profile{BaseURL: baseOf(orElse(address, anthropicURL), config.DialectAnthropic)}
		group.key = orElse(group.key, "os.environ/ANTHROPIC_API_KEY")
	case "openai":
		group.profile = config.Profile{BaseURL: baseOf(orElse(address, "https://api.openai.com/v1"), config.DialectOpenAI), Dialect: config.DialectOpenAI}
		if group.key == "" && !loopback(address) {
			group.key = "os.environ/OPENAI_API_KEY"
		}
	default:
		why := "prism does not import the provider " + provider
		if preset, known := config.PresetNamed(provider); known {
			why += "; see: prism profiles add --preset " + preset.Name
		}
		l.leave(label, why)
		return
	}
	if model == "" || d.name == "" {
		l.leave(label, "it names no model")
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
		if profile != l.Active && d.name != "*" && printable(d.name) {
			l.rule(d.name, profile)
		}
	case first != profile:
		l.fallBack(first, profile, label)
		l.leave(label, "prism does not spread requests over deployments; its profile is the fallback of "+first)
	default:
		l.leave(label, "one name for several models; the first counts")
	}
	usd := func(fields ...string) string {
		return decimalOf(orElse(d.params.first(fields...), d.info.first(fields...)), 1_000_000)
	}
	l.price(config.PriceRow{
		Profile: profile, ModelMatch: d.model,
		Input:        usd("input_cost_per_token"),
		Output:       usd("output_cost_per_token"),
		CacheRead:    usd("cache_read_input_token_cost"),
		CacheWrite5m: usd("cache_creation_input_token_cost"),
		CacheWrite1h: usd("cache_creation_input_token_cost_above_1hr"),
	})
	known := []string{"model", "api_key", "api_base", "base_url", "custom_llm_provider"}
	for field, value := range d.params.each() {
		if !slices.Contains(known, field) && !strings.Contains(field, "_cost") && !value.empty() {
			l.leave(label+".litellm_params."+field, "prism has nothing of this kind")
		}
	}
}

// fallbacks joins the profiles of models.
func (l *litellm) fallbacks() {
	for _, section := range []string{"router_settings", "litellm_settings"} {
		for i, item := range l.root.at(section, "fallbacks").list() {
			for from, list := range item.each() {
				at := fmt.Sprintf("%s.fallbacks[%d] (%s)", section, i, from)
				for _, to := range firstOf(list.list(), maxChain) {
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
