package transfer

import (
	"fmt"
	"net"
)

// rules sends what has a size to the profile that answers it, where that is not the active one.
func (c *ccr) rules() {
	routes := c.routes()
	if provider, _, ok := c.selector(routes[""]); ok {
		c.Active = c.names[provider]
	} else if routes[""] != "" {
		c.leave("the default route", "it names no provider of the file")
	}
	for _, tier := range tierNames() {
		provider, _, ok := c.selector(routes[tier])
		use := c.names[provider]
		switch {
		case routes[tier] == "":
		case !ok || use == "":
			c.leave("the route for "+tier, "it names no profile that comes along")
		case use != c.Active:
			c.rule(tierGlob(tier), use)
		}
	}
	for key, value := range c.root.at("Router").each() {
		c.leftRoute(key, value)
	}
}

// leftRoute names what prism cannot say of the router.
func (c *ccr) leftRoute(key string, value *node) {
	at := "Router." + key
	switch key {
	case "default", "background", "builtInRules":
	case "fallback":
	case "rules":
		for i, r := range value.list() {
			if !r.at("enabled").off() {
				c.leave(fmt.Sprintf("%s[%d] (%s)", at, i, r.first("name", "id")), "rules of another kind; see docs/routing.md")
			}
		}
	case "longContext":
		over, use := wholeOf(c.root.at("Router").first("longContextThreshold")), "PROFILE"
		if provider, _, ok := c.selector(value.str()); ok && c.names[provider] != "" {
			use = c.names[provider]
		}
		if over <= 0 {
			over = 60000
		}
		c.leave(at, fmt.Sprintf("choosing by the length of the prompt is a rule: {prompt_over: %d, use: %s}", over, use))
	case "longContextThreshold":
	default:
		if !value.empty() {
			c.leave(at, "prism does not choose by this")
		}
	}
}

// fallbacks joins profiles by the fallback of the router: lists of models by scenario, or one chain.
func (c *ccr) fallbacks() {
	chain := c.root.at("Router", "fallback")
	if chain.first("mode") == "model-chain" {
		c.chain(c.Active, chain.at("models"), "Router.fallback")
	}
	for scenario, models := range c.root.at("fallback").each() {
		at := "fallback." + scenario
		from := ""
		switch scenario {
		case "default":
			from = c.Active
		case "background":
			provider, _, _ := c.selector(c.routes()["haiku"])
			from = c.names[provider]
		default:
			c.leave(at, "prism does not choose by this")
			continue
		}
		c.chain(from, models, at)
	}
}

// maxChain is how many models of a list of fallbacks are looked at.
const maxChain = 50

// chain makes a profile fall back to the providers of a list of models.
func (c *ccr) chain(from string, models *node, at string) {
	for i, m := range firstOf(models.list(), maxChain) {
		what := fmt.Sprintf("%s[%d]", at, i)
		provider, model, ok := c.selector(m.str())
		to := c.names[provider]
		switch {
		case !ok || to == "" || from == "":
			c.leave(what, "it names no profile that comes along")
		case to == from:
			c.leave(what, "a profile does not fall back to another model of its own")
		default:
			c.fallBack(from, to, what)
			if p := c.profile(to); model != "" && p.Target("") != model {
				c.leave(what, "the profile asks for its own model, not for "+model)
			}
		}
	}
}

// clients reads what clients present, and names where they ask.
func (c *ccr) clients() {
	at, token := "APIKEY", c.root.first("APIKEY")
	for i, k := range firstOf(c.root.at("APIKEYS").list(), maxEntries) {
		key, here := orElse(k.str(), k.first("key", "value", "APIKEY", "apiKey", "api_key")), fmt.Sprintf("APIKEYS[%d]", i)
		switch {
		case key == "" || key == token:
		case token == "":
			at, token = here, key
		default:
			c.learn(key)
			c.leave(here, "prism has one client_token")
		}
	}
	c.takeToken(at, token)
	if host, port := c.root.first("HOST"), c.root.first("PORT"); host != "" || port != "" {
		if port == "" {
			port = "3456"
		}
		c.leave("HOST, PORT", "prism listens on this machine only; to keep the address of clients: listen: "+net.JoinHostPort("127.0.0.1", port)+" in prism.yaml")
	}
	for _, key := range []string{"CUSTOM_ROUTER_PATH", "PROXY_URL", "transformers", "plugins", "providerPlugins", "virtualModelProfiles"} {
		if n := c.root.at(key); !n.empty() {
			c.leave(key, "prism has nothing of this kind")
		}
	}
}
