package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"prism/config"
	"prism/internal/sqlfile"
)

// readCCR reads a configuration of claude-code-router: config.json of version 2, or the database of
// version 3, which holds one of the same kind.
func readCCR(ctx context.Context, path string, b *builder) error {
	root, third, err := openCCR(ctx, path)
	if err != nil {
		return err
	}
	if root.at("Providers").list() == nil && root.at("providers").list() == nil {
		return fmt.Errorf("%w: it has no Providers", ErrFormat)
	}
	if !isSQLite(path) {
		b.expand = dollars // in its database texts stand for themselves
	}
	c := ccr{builder: b, root: root, third: third, names: map[string]string{}}
	c.read()
	return nil
}

// openCCR returns the configuration, and whether it is one of version 3.
func openCCR(ctx context.Context, path string) (root *node, third bool, err error) {
	if !isSQLite(path) {
		root, err = readObject(path)
		return root, root.at("gateway") != nil, err
	}
	file, err := sqlfile.Snapshot(ctx, path)
	if err != nil {
		return nil, false, err
	}
	defer file.Close()
	err = file.Each(ctx, "app_config", func(r sqlfile.Row) error {
		if r.Text("key") != "default" {
			return nil
		}
		root, err = objectOf([]byte(r.Text("value_json")))
		return err
	})
	if errors.Is(err, sqlfile.ErrNoTable) || err == nil && root == nil {
		err = fmt.Errorf("%w: there is no configuration in the database", ErrFormat)
	}
	return root, true, err
}

// ccr is a configuration of claude-code-router on its way.
type ccr struct {
	*builder

	root  *node
	third bool
	names map[string]string // of profiles, by what their providers are called there
	first map[string]string // the first model of each provider
	wants map[string]*wanted
}

// wanted is what the router asks of one provider.
type wanted struct {
	all   string            // model for everything
	tiers map[string]string // models by size
}

func (c *ccr) read() {
	providers := c.root.at("Providers")
	if providers == nil {
		providers = c.root.at("providers")
	}
	c.first, c.wants = map[string]string{}, map[string]*wanted{}
	for _, p := range providers.list() {
		c.first[p.first("name")] = p.at("models").firstText()
	}
	c.route()
	for i, p := range providers.list() {
		at := fmt.Sprintf("Providers[%d]", i)
		if c.third {
			c.provider3(p, at)
		} else {
			c.provider2(p, at)
		}
	}
	c.rules()
	c.fallbacks()
	c.clients()
}

// firstText is the first text of a list.
func (n *node) firstText() string {
	for _, item := range n.list() {
		if s := item.str(); s != "" {
			return s
		}
	}
	return ""
}

// selector takes apart what names a model of a provider: "provider,model" or, since version 3,
// "provider/model". Names of providers may hold slashes themselves.
func (c *ccr) selector(s string) (provider, model string, ok bool) {
	s = strings.TrimSpace(s)
	for name := range c.first {
		rest, found := strings.CutPrefix(s, name)
		if !found || name == "" || len(name) < len(provider) {
			continue
		}
		if rest == "" || rest[0] == ',' || rest[0] == '/' {
			provider, model, ok = name, strings.TrimSpace(strings.TrimLeft(rest, ",/")), true
		}
	}
	return provider, model, ok
}

// want notes that a provider is to be asked for a model.
func (c *ccr) want(provider, tier, model string) {
	w := c.wants[provider]
	if w == nil {
		w = &wanted{tiers: map[string]string{}}
		c.wants[provider] = w
	}
	switch {
	case tier == "" && w.all == "":
		w.all = model
	case tier != "" && w.tiers[tier] == "":
		w.tiers[tier] = model
	}
}

// route reads which models the router asks for, before there are profiles.
func (c *ccr) route() {
	routes := c.routes()
	if provider, model, ok := c.selector(routes[""]); ok {
		c.want(provider, "", model)
	}
	for _, tier := range tierNames() {
		if provider, model, ok := c.selector(routes[tier]); ok {
			c.want(provider, tier, model)
		}
	}
}

// routes are what is asked for everything ("") and for models of a size.
func (c *ccr) routes() map[string]string {
	if !c.third {
		r := c.root.at("Router")
		return map[string]string{"": r.first("default"), "haiku": r.first("background")}
	}
	found := map[string]string{}
	profiles := []*node{c.root.at("profile", "claudeCode")}
	for _, p := range c.root.at("profile", "profiles").list() {
		if p.first("agent") == "claude-code" && !p.at("enabled").off() {
			profiles = append(profiles, p)
		}
	}
	set := func(tier, value string) {
		if found[tier] == "" {
			found[tier] = value
		}
	}
	for _, p := range profiles {
		set("", p.first("model"))
		for _, tier := range tierNames() {
			set(tier, p.first(tier+"Model"))
		}
		set("haiku", p.first("smallFastModel"))
	}
	set("", c.root.first("preferredProvider"))
	return found
}

// models are the renamings of a provider's profile. Its other models are candidates that nobody asks
// for.
func (c *ccr) models(name string) []config.ModelRule {
	w := c.wants[name]
	if w == nil {
		w = &wanted{}
	}
	all := w.all
	if all == "" && len(w.tiers) == 1 {
		for _, model := range w.tiers {
			all = model // a provider for one size is asked for nothing else
		}
	}
	if all == "" {
		all = c.first[name]
	}
	return slices.DeleteFunc(tierModels(w.tiers, all), func(m config.ModelRule) bool {
		if c.variable(m.Use) {
			c.leave("models of "+name, "a name of a model that stands in a variable; write it out")
			return true
		}
		return false
	})
}

// variable tells whether a variable stands in what is no key. The values of those come into the file in
// clear, so that only keys are resolved.
func (c *ccr) variable(text string) bool { return c.expand != nil && dollar.MatchString(text) }

// provider2 makes a profile of a provider of version 2, which names the whole endpoint.
func (c *ccr) provider2(p *node, at string) {
	d := draft{at: at, name: p.first("name"), key: p.first("api_key", "apiKey")}
	base, dialect := endpoint(p.first("api_base_url", "baseUrl"))
	uses := transformers(p.at("transformer"))
	if dialect == "" && uses["anthropic"] {
		base, dialect = baseOf(base, config.DialectAnthropic), config.DialectAnthropic
	}
	switch {
	case c.variable(base):
		c.leave(d.label(), "its address stands in a variable; write it out")
		return
	case dialect == "":
		c.leave(d.label(), "its address is neither that of Messages nor of Chat Completions")
		return
	}
	d.profile = config.Profile{BaseURL: base, Dialect: dialect, Models: c.models(d.name)}
	if name := c.add(d); name != "" {
		c.name(d.name, name)
		for _, use := range p.at("transformer").transformerNames() {
			c.leave(d.label()+".transformer: "+use, "prism adapts requests by the quirks of the provider; see docs/providers.md")
		}
		c.otherModels(p, &d)
	}
}

// name remembers the profile of a provider; the first of several with one name counts.
func (c *ccr) name(provider, profile string) {
	if c.names[provider] == "" {
		c.names[provider] = profile
	}
}

// otherModels names the models that nothing asks for.
func (c *ccr) otherModels(p *node, d *draft) {
	var others []string
	for _, m := range p.at("models").list() {
		asked := false
		for _, r := range d.profile.Models {
			asked = asked || r.Use == m.str()
		}
		if s := m.str(); s != "" && !asked {
			others = append(others, s)
		}
	}
	if len(others) > 0 {
		c.leave(d.label()+".models", "not asked for by any route there; candidates for models: "+strings.Join(others, ", "))
	}
}

// transformers are the names of those that a provider uses, in lower case.
func transformers(t *node) map[string]bool {
	out := map[string]bool{}
	for _, name := range t.transformerNames() {
		out[strings.ToLower(name)] = true
	}
	return out
}

// transformerNames are the names of transformers, for all models or for one: {use: [NAME, [NAME, {}]]}.
func (n *node) transformerNames() []string {
	var out []string
	for key, value := range n.each() {
		if key != "use" {
			out = append(out, value.transformerNames()...)
			continue
		}
		for _, item := range value.list() {
			name := item.str()
			if name == "" {
				name = item.firstText()
			}
			if name != "" {
				out = append(out, name)
			}
		}
	}
	return out
}
