package config

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// cloudRegion is what Amazon calls its regions.
var cloudRegion = regexp.MustCompile(`^[a-z]{2,4}(?:-[a-z]{2,})+-[0-9]{1,2}$`)

func dialects() []string {
	return []string{string(DialectAnthropic), string(DialectOpenAI), string(DialectResponses), string(DialectBedrock), string(DialectVertex)}
}

func auths() []string {
	return []string{string(AuthXAPIKey), string(AuthBearer), string(AuthAPIKey), string(AuthPassthrough), string(AuthSigV4), string(AuthGoogle), string(AuthNone)}
}

// DefaultAuth is how a credential travels to an upstream of the dialect if the profile does not
// say.
func (d Dialect) DefaultAuth() Auth {
	switch d {
	case DialectOpenAI, DialectResponses:
		return AuthBearer
	case DialectBedrock:
		return AuthSigV4
	case DialectVertex:
		return AuthGoogle
	default:
		return AuthXAPIKey
	}
}

func (c *checker) auth(s *profileShape, d Dialect, path string) Auth {
	before := len(c.all) + c.dropped
	auth := d.DefaultAuth()
	if s.Auth.given() {
		auth = Auth(c.choice(&s.Auth, path+".auth", auths()))
	}
	if s.at.IsZero() || s.Auth.locked || len(c.all)+c.dropped > before {
		return auth
	}
	switch {
	case auth.NeedsKey() && !s.APIKey.given() && len(s.Keys) == 0:
		pos := s.at
		if s.Auth.given() {
			pos = s.Auth.pos
		}
		c.error(note{pos: pos, path: path, message: "auth " + string(auth) + " needs an api_key", fix: "add api_key: KEY and run prism seal, or auth: none"})
	case !auth.NeedsKey() && s.APIKey.given():
		c.warning(note{pos: s.APIKey.pos, path: path + ".api_key", bare: true, message: "the key is never sent with auth " + string(auth), fix: "delete api_key, or choose another auth"})
	case !auth.NeedsKey() && len(s.Keys) > 0:
		c.warning(note{pos: s.Keys[0].at, path: path + ".keys", bare: true, message: "the keys are never sent with auth " + string(auth), fix: "delete keys, or choose another auth"})
	}
	return auth
}

func (c *checker) baseURL(p *Profile, s *profileShape, path string) {
	if !s.BaseURL.given() || s.BaseURL.locked {
		return
	}
	at := path + ".base_url"
	d := p.Dialect
	if s.Dialect.given() && s.Dialect.s != string(d) {
		d = "" // not known: nothing can be said of its paths
	}
	u, bad := checkBaseURL(s.BaseURL.s, d, c.opt.Own)
	if bad != nil {
		if s.BaseURL.sealed {
			bad = &badURL{"the sealed URL cannot be used", "prism edit"}
		}
		c.error(note{pos: s.BaseURL.pos, path: at, message: bad.message, fix: bad.fix})
		return
	}
	p.BaseURL = strings.TrimRight(s.BaseURL.s, "/")
	if p.Provider == "" {
		p.Provider = providerOf(strings.ToLower(u.Hostname()), p.Name)
	}
	if good := c.belowRoot(p, u); good != "" && !s.BaseURL.sealed {
		c.warning(note{pos: s.BaseURL.pos, path: at, message: "this provider does not answer at the root of its host", fix: "base_url: " + quoted(good)})
	}
	c.destination(p, s, u, path)
}

// belowRoot returns where a known provider answers, for a URL without a path.
func (c *checker) belowRoot(p *Profile, u *url.URL) string {
	preset, known := presetFor(c.known, p.Dialect, p.BaseURL)
	if !known || !p.Dialect.Translated() || strings.Trim(u.Path, "/") != "" {
		return ""
	}
	good, err := url.Parse(preset.BaseURL)
	if err != nil || strings.Trim(good.Path, "/") == "" {
		return ""
	}
	return p.BaseURL + good.Path
}

// destination keeps credentials of the client and of the machine from going to strangers.
func (c *checker) destination(p *Profile, s *profileShape, u *url.URL, path string) {
	host := strings.ToLower(u.Hostname())
	n := note{pos: s.Auth.pos, path: path + ".auth"}
	if !s.Auth.given() {
		n.pos = s.BaseURL.pos
	}
	switch {
	case p.Auth == AuthPassthrough && origin(u) != "https://"+anthropicHost+":443":
		n.message = "passthrough would hand the client's own credential to " + displayHost(origin(u)) + "; it goes to " + anthropicHost + " only"
		n.fix = "auth: bearer"
	case p.Auth == AuthPassthrough && p.Dialect != DialectAnthropic:
		n.message = "the client's own credential means nothing to dialect " + string(p.Dialect)
		n.fix = "auth: " + string(p.Dialect.DefaultAuth())
	case p.Auth == AuthSigV4 && !amazon(host):
		n.message = "sigv4 signs for hosts of Amazon only, not for " + displayHost(origin(u))
		n.fix = "auth: bearer"
	case p.Auth == AuthGoogle && !isLoopback(host) && !within(host, "googleapis.com"):
		n.message = "google would hand a token of your Google account to " + displayHost(origin(u)) + "; it goes to googleapis.com only"
		n.fix = "auth: bearer"
	default:
		return
	}
	c.error(n)
}

// amazon tells whether a request to host may be signed with Amazon's credentials.
func amazon(host string) bool {
	return isLoopback(host) || within(host, "amazonaws.com", "amazonaws.com.cn", "api.aws")
}

// within tells whether host lies below one of the domains.
func within(host string, domains ...string) bool {
	return slices.ContainsFunc(domains, func(d string) bool { return strings.HasSuffix(host, "."+d) })
}

// region fills the region that a signature names.
func (c *checker) region(p *Profile, s *profileShape, path string) {
	at := path + ".region"
	switch r := &s.Region; {
	case r.locked:
	case r.given() && p.Auth != AuthSigV4:
		c.warning(note{pos: r.pos, path: at, message: "the region is not used with auth " + string(p.Auth), fix: "delete region"})
	case r.given() && !cloudRegion.MatchString(r.s):
		c.error(note{pos: r.pos, path: at, message: "expected a region such as us-east-1, got " + r.show(), fix: "region: us-east-1"})
	case r.given():
		p.Region = r.s
	case p.Auth == AuthSigV4 && p.BaseURL != "":
		host := hostOf(p.BaseURL)
		if p.Region = regionOf(host); p.Region == "" && amazon(host) {
			c.error(note{pos: s.BaseURL.pos, path: path, message: "the region cannot be told from the host", fix: "region: us-east-1"})
		}
	}
}

// hostOf returns the host of a URL, in lower case and without its port.
func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// regionOf returns the label of a host that is a region, or "".
func regionOf(host string) string {
	for label := range strings.SplitSeq(host, ".") {
		if cloudRegion.MatchString(label) {
			return label
		}
	}
	return ""
}
