package transfer

import (
	"context"
	"fmt"
	"slices"

	"prism/config"
)

// readCLIProxyAPI reads config.yaml of CLIProxyAPI. The accounts that it keeps beside are not looked at.
func readCLIProxyAPI(_ context.Context, path string, b *builder) error {
	data, err := readSource(path)
	if err != nil {
		return err
	}
	root, err := parseYAML(data)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(root.keysOf(), func(key string) bool { return slices.Contains(cpaKeys(), key) }) {
		return fmt.Errorf("%w: it has neither claude-api-key nor openai-compatibility", ErrFormat)
	}
	c := cpa{b}
	for i, e := range root.at("claude-api-key").list() {
		c.claude(e, fmt.Sprintf("claude-api-key[%d]", i))
	}
	for i, e := range root.at("openai-compatibility").list() {
		c.compatible(e, fmt.Sprintf("openai-compatibility[%d]", i))
	}
	if len(b.Profiles) > 0 {
		b.Active = b.Profiles[0].Name
	}
	c.rest(root)
	return nil
}

// keysOf are the names of fields.
func (n *node) keysOf() []string {
	if n == nil {
		return nil
	}
	return n.keys
}

// cpaKeys are the fields by which the file is known.
func cpaKeys() []string {
	return []string{"claude-api-key", "openai-compatibility", "auth-dir", "api-keys", "gemini-api-key", "codex-api-key", "remote-management"}
}

// cpa is a configuration of CLIProxyAPI on its way.
type cpa struct{ *builder }

// claude makes a profile of a key for Claude.
func (c *cpa) claude(e *node, at string) {
	address := e.first("base-url")
	d := draft{at: at, key: e.first("api-key"), name: "claude"}
	d.profile = config.Profile{BaseURL: baseOf(orElse(address, anthropicURL), config.DialectAnthropic), Models: aliases(e)}
	if address != "" && hostOf(address) != hostOf(anthropicURL) {
		d.name, d.profile.Auth = hostName(address), config.AuthBearer // as it is sent there
	}
	if e.at("disabled").on() {
		c.leave(d.label(), "it is switched off there")
		return
	}
	if name := c.add(d); name != "" {
		c.aliasRules(e, name, d.label())
		c.leaveFields(e, d.label(), []string{"api-key", "base-url", "models"})
	}
}

// compatible makes profiles of a provider of Chat Completions: one for each of its keys.
func (c *cpa) compatible(e *node, at string) {
	d := draft{at: at, name: e.first("name")}
	d.profile = config.Profile{BaseURL: chatBase(e.first("base-url")), Dialect: config.DialectOpenAI, Models: aliases(e)}
	if len(d.profile.Models) > 0 && !slices.ContainsFunc(d.profile.Models, func(m config.ModelRule) bool { return m.Match == "*" }) {
		d.profile.Models = append(d.profile.Models, config.ModelRule{Match: "*", Use: d.profile.Models[0].Use}) // names of Claude mean nothing there
	}
	if e.at("disabled").on() {
		c.leave(d.label(), "it is switched off there")
		return
	}
	type entry struct{ at, key string }
	var keys []entry
	for i, k := range e.at("api-key-entries").list() {
		keys = append(keys, entry{fmt.Sprintf(".api-key-entries[%d]", i), k.first("api-key")})
		c.leaveFields(k, fmt.Sprintf("%s.api-key-entries[%d]", d.label(), i), []string{"api-key"})
	}
	for i, k := range e.at("api-keys").list() {
		keys = append(keys, entry{fmt.Sprintf(".api-keys[%d]", i), k.str()})
	}
	if len(keys) == 0 {
		keys = append(keys, entry{})
	}
	var names []string
	for _, k := range keys {
		one := d
		one.at, one.key = at+k.at, k.key
		if name := c.add(one); name != "" {
			names = append(names, name)
		}
	}
	for i, name := range names {
		if i > 0 {
			c.fallBack(names[0], name, d.label())
		}
	}
	if len(names) > 0 {
		c.aliasRules(e, names[0], d.label())
		c.leaveFields(e, d.label(), []string{"name", "base-url", "models", "api-key-entries", "api-keys", "disabled"})
	}
}

// aliases are the renamings of an entry: what a client asks for, and what the provider calls it.
func aliases(e *node) []config.ModelRule {
	var rules []config.ModelRule
	for _, m := range e.at("models").list() {
		name := m.first("name")
		rules = append(rules, config.ModelRule{Match: orElse(m.first("alias"), name), Use: name, ContextWindow: wholeOf(m.first("max-context-length"))})
	}
	return rules
}

// aliasRules sends the models of an entry to its profile, wherever else they could go.
func (c *cpa) aliasRules(e *node, profile, label string) {
	seen := map[string]bool{}
	for i, m := range e.at("models").list() {
		alias := orElse(m.first("alias"), m.first("name"))
		if seen[alias] {
			c.leave(fmt.Sprintf("%s.models[%d]", label, i), "one name for several models; the first counts")
			continue
		}
		seen[alias] = true
		if alias != "" && alias != "*" && printable(alias) {
			c.rule(alias, profile)
		}
	}
}

// leaveFields names the fields of an entry that a profile has nothing for.
func (c *cpa) leaveFields(e *node, label string, known []string) {
	for field, value := range e.each() {
		if !slices.Contains(known, field) && !value.empty() {
			c.leave(label+"."+field, "prism has nothing of this kind")
		}
	}
}

// rest reads what is beside the providers.
func (c *cpa) rest(root *node) {
	for i, k := range firstOf(root.at("api-keys").list(), maxEntries) {
		if i == 0 {
			c.takeToken("api-keys[0]", k.str())
			continue
		}
		c.learn(k.str())
		c.leave(fmt.Sprintf("api-keys[%d]", i), "prism has one client_token")
	}
	if host := root.at("host"); host != nil {
		c.leave("host, port", "prism listens on this machine only; listen in prism.yaml chooses the port")
	}
	if dir := root.first("auth-dir"); dir != "" {
		c.leave("auth-dir", "the accounts in it are not read; such tokens are never imported")
	}
	for _, key := range []string{"gemini-api-key", "interactions-api-key", "codex-api-key", "xai-api-key", "vertex-api-key"} {
		if n := root.at(key); !n.empty() {
			c.leave(key, "no profile is made of these; prism profiles presets lists what prism speaks")
		}
	}
	for _, key := range []string{"proxy-url", "payload", "oauth-model-alias", "ampcode"} {
		if n := root.at(key); !n.empty() {
			c.leave(key, "prism has nothing of this kind")
		}
	}
}
