package transfer

import (
	"net/url"
	"slices"
	"strings"

	"prism/config"
)

// anthropicURL is where the client asks if nobody says otherwise.
const anthropicURL = "https://api.anthropic.com"

// clientEnv is the environment of Claude Code, as settings files and other tools hold it.
type clientEnv map[string]string

// envOf reads a block of variables.
func envOf(n *node) clientEnv {
	env := clientEnv{}
	for key, value := range n.each() {
		if s := value.str(); s != "" {
			env[key] = s
		}
	}
	return env
}

// models are the renamings that the variables ask for.
func (e clientEnv) models() []config.ModelRule {
	tiers := map[string]string{}
	for _, tier := range tierNames() {
		tiers[tier] = e.model("ANTHROPIC_DEFAULT_" + strings.ToUpper(tier) + "_MODEL")
	}
	if tiers["haiku"] == "" {
		tiers["haiku"] = e.model("ANTHROPIC_SMALL_FAST_MODEL")
	}
	all := e.model("ANTHROPIC_MODEL")
	if all == "default" || all == "opusplan" || slices.Contains(tierNames(), all) {
		all = "" // a size, which the client turns into a name itself
	}
	return tierModels(tiers, all)
}

// model is a variable that names one. [1m] behind it is the client's own mark, which no provider knows.
func (e clientEnv) model(name string) string { return strings.TrimSuffix(e[name], "[1m]") }

// key is the credential and how it travels; the token goes before the key, as the client has it.
func (e clientEnv) key() (string, config.Auth) {
	if token := e["ANTHROPIC_AUTH_TOKEN"]; token != "" {
		return token, config.AuthBearer
	}
	return e["ANTHROPIC_API_KEY"], config.AuthXAPIKey
}

// says tells whether the variables say where and how to ask.
func (e clientEnv) says() bool {
	key, _ := e.key()
	return key != "" || e["ANTHROPIC_BASE_URL"] != "" || e["CLAUDE_CODE_OAUTH_TOKEN"] != ""
}

// draft describes the profile of the variables.
func (e clientEnv) draft(at, name string) draft {
	key, auth := e.key()
	d := draft{at: at, name: name, key: key}
	d.profile = config.Profile{BaseURL: baseOf(orElse(e["ANTHROPIC_BASE_URL"], anthropicURL), config.DialectAnthropic), Auth: auth, Models: e.models()}
	if key == "" && (loopback(d.profile.BaseURL) || d.profile.BaseURL == anthropicURL) {
		d.profile.Auth = ""
	}
	return d
}

// leaveRest names the variables that say more than a profile can.
func (e clientEnv) leaveRest(b *builder, at string) {
	for _, v := range [][2]string{
		{"CLAUDE_CODE_OAUTH_TOKEN", "a token of an account; such tokens are never imported"},
		{"CLAUDE_CODE_SUBAGENT_MODEL", "the client chooses this model itself; a rule for sub-agents: {agent: \"*\", use: PROFILE}"},
		{"ANTHROPIC_CUSTOM_HEADERS", "prism sends no headers of its own upstream"},
		{"HTTPS_PROXY", "prism reaches providers as its own environment says"},
		{"HTTP_PROXY", "prism reaches providers as its own environment says"},
		{"CLAUDE_CODE_USE_BEDROCK", "see: prism profiles add --preset bedrock"},
		{"CLAUDE_CODE_USE_VERTEX", "see: prism profiles add --preset vertex"},
	} {
		if e[v[0]] != "" {
			b.leave(at+"."+v[0], v[1])
		}
	}
	if e["ANTHROPIC_AUTH_TOKEN"] != "" && e["ANTHROPIC_API_KEY"] != "" {
		b.leave(at+".ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN goes before it")
		b.learn(e["ANTHROPIC_API_KEY"])
	}
}

// addSignedIn adds a profile for a client that is signed in with an account of its own: its credential
// passes through, and none of it is kept.
func (b *builder) addSignedIn(d draft) string {
	d.key, d.profile.Auth, d.profile.BaseURL = "", config.AuthPassthrough, anthropicURL
	return b.add(d)
}

// hostOf names a host for people.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
