package config

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// anthropicHost is the one host that may get the client's own credential.
const anthropicHost = "api.anthropic.com"

// metadataHosts answer with credentials of the machine in clouds.
func metadataHosts() []string {
	return []string{"metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal"}
}

// badURL says what is wrong with a base URL and how to mend it.
type badURL struct{ message, fix string }

// checkBaseURL parses the base URL of a profile. It returns nil and the reason if prism must
// not send a key there, or would ask at a path that does not exist.
func checkBaseURL(text string, d Dialect, own []string) (*url.URL, *badURL) {
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" {
		return nil, &badURL{"this is not a URL", "base_url: https://HOST/PATH"}
	}
	scheme := strings.ToLower(u.Scheme)
	switch {
	case scheme == "":
		return nil, &badURL{"the URL has no scheme", "base_url: " + quoted("https://"+text)}
	case scheme != "https" && scheme != "http":
		return nil, &badURL{"expected https, got " + show(u.Scheme), "base_url: https://HOST/PATH"}
	case u.User != nil:
		return nil, &badURL{"the URL holds a user name or a password", "delete the part before @ and use api_key"}
	case u.RawQuery != "" || u.ForceQuery:
		return nil, &badURL{"the URL holds a query", "delete the part from ? on"}
	case u.Fragment != "" || strings.Contains(text, "#"):
		return nil, &badURL{"the URL holds a fragment", "delete the part from # on"}
	}
	if bad := checkHost(u, own); bad != nil {
		return nil, bad
	}
	if scheme == "http" && !isLoopback(u.Hostname()) {
		return nil, &badURL{"http would send the key in clear text to " + u.Hostname(), "base_url: " + quoted("https"+text[4:])}
	}
	if bad := checkPath(u, d); bad != nil {
		return nil, bad
	}
	return u, nil
}

func checkHost(u *url.URL, own []string) *badURL {
	host := strings.ToLower(u.Hostname())
	if bad := checkPort(u); bad != nil {
		return bad
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		if bad := checkName(host); bad != nil {
			return bad
		}
		return checkOwn(u, own)
	}
	addr = addr.Unmap()
	switch {
	case addr.Zone() != "":
		return &badURL{"the address holds a zone", "delete the part from % on"}
	case addr.IsUnspecified():
		return &badURL{"the address " + host + " means any interface, not a host", "base_url: http://127.0.0.1:PORT"}
	case addr.IsLinkLocalUnicast(), host == "100.100.100.200", host == "fd00:ec2::254":
		return &badURL{"the address " + host + " is link-local: clouds keep the credentials of the machine there", "write the host of the provider"}
	case addr.IsMulticast(), host == "255.255.255.255":
		return &badURL{"the address " + host + " is not that of one host", "write the host of the provider"}
	}
	return checkOwn(u, own)
}

// checkName checks a host that is not an address.
func checkName(host string) *badURL {
	switch {
	case host == "":
		return &badURL{"the URL has no host", "base_url: https://HOST/PATH"}
	case strings.HasSuffix(host, "."):
		return &badURL{"the host ends with a dot", "delete the dot"}
	case len(host) > 253:
		return &badURL{"the host is too long", "write the host of the provider"}
	}
	if slices.Contains(metadataHosts(), host) {
		return &badURL{"the host " + host + " hands out the credentials of the machine", "write the host of the provider"}
	}
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" ||
			label[0] == '-' || label[len(label)-1] == '-' {
			return &badURL{"the host " + show(host) + " is not a host name", "write it in ASCII letters, digits, dashes and dots"}
		}
	}
	// Resolvers read a name whose last label is a number as an IPv4 address in disguise.
	if last := labels[len(labels)-1]; last[0] >= '0' && last[0] <= '9' {
		return &badURL{"the host " + show(host) + " is neither a name nor an address", "write the address as four numbers"}
	}
	return nil
}

func checkPort(u *url.URL) *badURL {
	port := u.Port()
	if port == "" {
		if strings.HasSuffix(u.Host, ":") {
			return &badURL{"the port is missing", "delete the colon, or write the port"}
		}
		return nil
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return &badURL{"the port " + show(port) + " does not exist", "write a port from 1 to 65535"}
	}
	return nil
}

// checkOwn refuses a loop: prism as its own upstream, under whatever name of this machine.
func checkOwn(u *url.URL, own []string) *badURL {
	if !isLoopback(u.Hostname()) {
		return nil
	}
	at := origin(u)
	port := at[strings.LastIndexByte(at, ':')+1:]
	for _, addr := range own {
		if i := strings.LastIndexByte(addr, ':'); i >= 0 && addr[i+1:] == port {
			return &badURL{"this is the address prism itself listens on", "write the address of the provider"}
		}
	}
	return nil
}

func checkPath(u *url.URL, d Dialect) *badURL {
	path := u.EscapedPath()
	if strings.Contains(path, "//") || strings.Contains(path, "%") || strings.Contains(path, ";") ||
		strings.Contains(path+"/", "/../") || strings.Contains(path+"/", "/./") {
		return &badURL{"the path of the URL is not plain", "write it without //, .., ; and %"}
	}
	path = strings.TrimRight(path, "/")
	base := u.Scheme + "://" + u.Host
	switch d {
	case DialectOpenAI, DialectResponses:
		return checkEnd(base, path, "/chat/completions", "/completions", "/responses", "/models", "/messages")
	case DialectBedrock:
		if before, _, ok := strings.Cut(path+"/", "/model/"); ok {
			return &badURL{"prism appends the path itself: the URL must not name a model", "base_url: " + quoted(base+before)}
		}
	case DialectVertex:
		if m := vertexPath.FindString(path); m != path || m == "" {
			if m == "" {
				m = "/v1/projects/PROJECT/locations/LOCATION"
			}
			return &badURL{"the path must name the project and the location, and nothing more", "base_url: " + quoted(base+m)}
		}
	case DialectAnthropic:
		if before, ok := strings.CutSuffix(path, "/chat/completions"); ok {
			return &badURL{"this is a path of dialect openai", "base_url: " + quoted(base+before) + "\ndialect: openai"}
		}
		return checkEnd(base, path, "/v1/messages", "/v1")
	}
	return nil
}

// vertexPath is the path below which Google's models are.
var vertexPath = regexp.MustCompile(`^/v1/projects/[A-Za-z0-9._:-]+/locations/[a-z0-9-]+`)

// checkEnd refuses the paths that prism appends itself.
func checkEnd(base, path string, ends ...string) *badURL {
	for _, end := range ends {
		if before, ok := strings.CutSuffix(path, end); ok {
			return &badURL{"prism appends the path itself: the URL must not end with " + end, "base_url: " + quoted(base+before)}
		}
	}
	return nil
}

// ProviderOf is the provider in the price book of a profile that names none.
func ProviderOf(baseURL, profile string) string { return providerOf(hostOf(baseURL), profile) }

// providerOf guesses the price book's provider from the host; other hosts are a provider of
// their own, called like the profile.
func providerOf(host, profile string) string {
	for _, p := range [...][2]string{
		{"anthropic.com", "anthropic"},
		{"moonshot.ai", "moonshot"},
		{"moonshot.cn", "moonshot"},
		{"kimi.com", "moonshot"},
		{"deepseek.com", "deepseek"},
		{"z.ai", "zai"},
		{"bigmodel.cn", "zai"},
		{"minimax.io", "minimax"},
		{"minimax.cn", "minimax"},
		{"minimaxi.com", "minimax"},
		{"openai.com", "openai"},
		{"openai.azure.com", "openai"},
		{"groq.com", "groq"},
		{"mistral.ai", "mistral"},
		{"x.ai", "xai"},
		{"openrouter.ai", "openrouter"},
		{"together.xyz", "together"},
		{"together.ai", "together"},
		{"fireworks.ai", "fireworks"},
		{"cerebras.ai", "cerebras"},
		{"aiplatform.googleapis.com", "anthropic"},
		{"rep.googleapis.com", "anthropic"},
		{"googleapis.com", "google"},
		{"amazonaws.com", "anthropic"},
		{"amazonaws.com.cn", "anthropic"},
		{"api.aws", "anthropic"},
	} {
		if host == p[0] || strings.HasSuffix(host, "."+p[0]) {
			return p[1]
		}
	}
	if strings.HasPrefix(host, "dashscope") && strings.HasSuffix(host, ".aliyuncs.com") {
		return "qwen"
	}
	return profile
}
