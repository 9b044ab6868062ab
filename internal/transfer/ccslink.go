package transfer

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
)

// linkScheme begins a link that cc-switch takes a provider from.
const linkScheme = "ccswitch://"

// readLink reads a link, such as ccswitch://v1/import?resource=provider&app=claude&name=…. Errors do not
// repeat it: it holds a key.
func readLink(link string, b *builder) error {
	u, err := url.Parse(link)
	if err != nil || u.Host != "v1" || u.Path != "/import" {
		return fmt.Errorf("%w: the link is not one that imports", ErrFormat)
	}
	q := u.Query()
	if q.Get("resource") != "provider" || q.Get("app") != "claude" {
		return fmt.Errorf("%w: the link is not of a provider for Claude Code", ErrFormat)
	}
	env, err := envOfLink(q)
	if err != nil {
		return err
	}
	settings := &node{kind: kindFields, keys: []string{"env"}, items: []*node{{kind: kindFields}}}
	vars := settings.items[0]
	for key, value := range env {
		vars.keys, vars.items = append(vars.keys, key), append(vars.items, &node{kind: kindText, value: value})
	}
	meta := &node{kind: kindFields, keys: []string{"apiFormat"}, items: []*node{{kind: kindText, value: q.Get("apiFormat")}}}
	ccsProfiles(b, []ccsProvider{{at: "link", name: q.Get("name"), settings: settings, meta: meta, current: q.Get("enabled") == "true"}})
	if q.Get("configUrl") != "" {
		b.leave("configUrl", "nothing is fetched that a link names")
	}
	if q.Get("usageScript") != "" {
		b.leave("usageScript", "a program; none is run that a link brings")
	}
	return nil
}

// envOfLink are the variables of a link: those of its config, and over them what it says itself.
func envOfLink(q url.Values) (clientEnv, error) {
	env := clientEnv{}
	if inline := q.Get("config"); inline != "" && orElse(q.Get("configFormat"), "json") == "json" {
		data, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(strings.NewReplacer("+", "-", "/", "_", " ", "-").Replace(inline), "="))
		if err != nil {
			return nil, fmt.Errorf("%w: the config of the link cannot be read", ErrFormat)
		}
		root, err := objectOf(data)
		if err != nil {
			return nil, err
		}
		env = envOf(root.at("env"))
	}
	address, _, _ := strings.Cut(q.Get("endpoint"), ",") // the first of several counts
	for key, value := range map[string]string{
		"ANTHROPIC_BASE_URL": address, "ANTHROPIC_AUTH_TOKEN": q.Get("apiKey"), "ANTHROPIC_MODEL": q.Get("model"),
		"ANTHROPIC_DEFAULT_HAIKU_MODEL": q.Get("haikuModel"), "ANTHROPIC_DEFAULT_SONNET_MODEL": q.Get("sonnetModel"), "ANTHROPIC_DEFAULT_OPUS_MODEL": q.Get("opusModel"),
	} {
		if value = strings.TrimSpace(value); value != "" {
			env[key] = value
		}
	}
	return env, nil
}
