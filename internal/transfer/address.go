package transfer

import (
	"net/url"
	"regexp"
	"strings"

	"prism/config"
)

// endpoint takes an address apart that names what is asked for: the base URL and the dialect, which is
// empty where the address does not tell.
func endpoint(address string) (base string, d config.Dialect) {
	address = strings.TrimRight(strings.TrimSpace(address), "/")
	for _, end := range []struct {
		path    string
		dialect config.Dialect
	}{
		{"/v1/messages", config.DialectAnthropic},
		{"/chat/completions", config.DialectOpenAI},
		{"/responses", config.DialectResponses},
	} {
		if base, ok := strings.CutSuffix(address, end.path); ok {
			return base, end.dialect
		}
	}
	return address, ""
}

// baseOf is the base URL of a dialect for an address that other tools append their own path to.
func baseOf(address string, d config.Dialect) string {
	base, found := endpoint(address)
	switch {
	case d == config.DialectAnthropic:
		return strings.TrimSuffix(base, "/v1")
	case found == "" && pathOf(base) == "":
		return base + "/v1"
	}
	return base
}

// chatBase is the base URL for an address that other tools append /chat/completions to, and nothing else.
func chatBase(address string) string {
	base, _ := endpoint(address)
	return base
}

// versioned matches a path that ends with a version, as in /api/paas/v4.
var versioned = regexp.MustCompile(`/v[0-9]+[a-z0-9]*$`)

// withVersion appends /v1 to an address that has no version: tools that append /v1/chat/completions
// take it so.
func withVersion(address string) string {
	base, found := endpoint(address)
	if found != "" || versioned.MatchString(pathOf(base)) {
		return base
	}
	return base + "/v1"
}

func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.TrimRight(u.Path, "/")
}

// dialectNamed returns the dialect of a protocol as other tools call it; empty for those that prism
// does not speak.
func dialectNamed(protocol string) config.Dialect {
	switch strings.ToLower(strings.TrimSpace(protocol)) {
	case "", "anthropic", "anthropic_messages":
		return config.DialectAnthropic
	case "openai", "openai_chat", "openai_chat_completions":
		return config.DialectOpenAI
	case "openai_responses":
		return config.DialectResponses
	}
	return ""
}
