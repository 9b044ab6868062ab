package proxy

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"prism/internal/router"
)

// stays tells whether a response header of the provider ends here: what belongs to one
// connection, and what would let a provider speak for 127.0.0.1 to a browser. The name is in
// canonical form.
func stays(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
		"Set-Cookie", "Set-Cookie2", "Strict-Transport-Security", "Content-Security-Policy", "Content-Security-Policy-Report-Only",
		"Clear-Site-Data", "Alt-Svc", "Refresh", "Link", "Location", "Report-To", "Reporting-Endpoints", "Nel", "X-Prism-Error":
		return true
	}
	return strings.HasPrefix(name, "Access-Control-")
}

// isToken tells whether a name is one: RFC 9110, 5.6.2. net/http reads others too, a space before
// the colon for example, and leaves them as they are, so that no list of names knows them.
func isToken(name string) bool {
	for i := range len(name) {
		c := name[i] | 0x20
		if (c < 'a' || c > 'z') && (name[i] < '0' || name[i] > '9') && strings.IndexByte("!#$%&'*+-.^_`|~", name[i]) < 0 {
			return false
		}
	}
	return name != ""
}

// copyHeader copies everything else exactly.
func copyHeader(dst, src http.Header) {
	var drop []string
	for _, v := range src["Connection"] {
		for n := range strings.SplitSeq(v, ",") {
			drop = append(drop, http.CanonicalHeaderKey(strings.TrimSpace(n)))
		}
	}
next:
	for name, values := range src {
		if stays(name) || !isToken(name) {
			continue
		}
		for _, d := range drop {
			if d == name {
				continue next
			}
		}
		dst[name] = values
	}
}

// hush replaces the secrets that an error answer repeats in its headers. The others are not looked
// at: a provider that answers well has no reason to repeat a key, and they come before every stream.
func hush(h http.Header, status int, t *router.Table) {
	if status < http.StatusBadRequest {
		return
	}
	for _, values := range h {
		for i, v := range values {
			values[i] = t.Redact(v)
		}
	}
}

// sandbox makes a body that is neither JSON nor a stream harmless if a browser opens it.
func sandbox(h http.Header) {
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Disposition", "attachment")
}

// rateLimit reads the share used and the reset of a subscription's window, as the
// anthropic-ratelimit-unified-* headers give them: a share from 0 to 1, and seconds since 1970
// or an RFC 3339 instant. The share is -1 where it is not reported.
func rateLimit(h http.Header, window string) (used float64, reset time.Time) {
	used = -1
	if v := h.Get("Anthropic-Ratelimit-Unified-" + window + "-Utilization"); v != "" {
		if f, err := strconv.ParseFloat(v, 64); err == nil && f >= 0 && f < 1000 {
			used = f
		}
	}
	v := h.Get("Anthropic-Ratelimit-Unified-" + window + "-Reset")
	if v == "" {
		return used, reset
	}
	if sec, err := strconv.ParseInt(v, 10, 64); err == nil && sec > 0 && sec < 1<<40 {
		return used, time.Unix(sec, 0).UTC()
	}
	if t, err := time.Parse(time.RFC3339, v); err == nil {
		return used, t.UTC()
	}
	return used, reset
}
