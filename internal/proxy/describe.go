package proxy

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"prism/internal/router"
	"prism/internal/stream"
)

// session is the client's session as the request names it, or "".
func (x *exchange) session() string {
	if id := x.r.Header.Get("X-Claude-Code-Session-Id"); id != "" || x.request.UserID == "" {
		return id
	}
	return stream.SessionFromUserID(x.request.UserID)
}

// describe fills what the request says about itself.
func (x *exchange) describe(t *target) {
	e, h := &x.entry, x.r.Header
	route := x.plan.Routes[0]
	e.RequestID = x.p.opt.NewID()
	e.StartedAt = x.start
	e.Source = "proxy"
	e.Generation = x.table.Generation
	e.HostName, e.GatewayVersion = x.p.opt.HostName, x.p.opt.Version
	e.SessionID = cut(x.session(), 128)
	e.AgentID, e.ParentAgentID = cut(h.Get("X-Claude-Code-Agent-Id"), 128), cut(h.Get("X-Claude-Code-Parent-Agent-Id"), 128)
	e.RequestClass, e.PromptID = cut(h.Get("X-Claude-Code-Request-Class"), 64), cut(h.Get("X-Claude-Code-Prompt-Id"), 128)
	e.ClientName, e.ClientVersion = client(h.Get("User-Agent"))
	if x.p.opt.Attribution {
		x.locate(h)
	}
	e.RouteReason = x.plan.Reason
	e.Operation = t.operation
	e.RequestModel = cut(x.request.Model, 256)
	e.Stream = x.request.Stream
	e.MaxTokens = x.request.MaxTokens
	e.RequestBytes = stream.Count(int64(len(x.raw)) + x.fileSize)
	x.link(h)
	x.setRoute(route)
}

// setRoute notes whom the next attempt goes to.
func (x *exchange) setRoute(route *router.Route) {
	e := &x.entry
	e.Profile, e.Provider, e.ServerAddress = route.Profile.Name, route.Profile.Provider, route.Server()
	x.target = x.request.Model
	if x.target != "" {
		x.target = route.Profile.Target(x.target)
	}
	e.UpstreamModel = cut(x.target, 256)
}

// place reads the name of a directory, a project or a branch, which arrives percent-encoded
// where a header could not carry it. What was not encoded stays as it is.
func place(value string, limit int) string {
	if text, err := url.PathUnescape(value); err == nil && utf8.ValidString(text) {
		value = text
	}
	return cut(value, limit)
}

// client splits "claude-cli/2.1.330 (external, cli)" into name and version.
func client(agent string) (name, version string) {
	product, _, _ := strings.Cut(agent, " ")
	name, version, _ = strings.Cut(product, "/")
	return cut(name, 64), cut(version, 64)
}

const maxTags = 16

// ParseTags reads the value of X-Prism-Tags, "k=v, k=v". What has no key or no "=" is passed over, and
// so is a tag after the sixteenth; a key has 64 bytes at most, a value 256. It returns nil where there
// is no tag.
func ParseTags(s string) map[string]string {
	tags := make(map[string]string)
	for pair := range strings.SplitSeq(s, ",") {
		k, v, ok := strings.Cut(strings.TrimSpace(pair), "=")
		if k = strings.TrimSpace(k); ok && k != "" && len(tags) < maxTags {
			tags[cut(k, 64)] = cut(strings.TrimSpace(v), 256)
		}
	}
	if len(tags) == 0 {
		return nil
	}
	return tags
}
