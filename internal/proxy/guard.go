package proxy

import (
	"net/http"
	"strings"

	"prism/config"
	"prism/internal/router"
)

// guard decides whether a request may be looked at at all. It runs before parsing, before
// routing and before any cost. The order is that of docs/architecture.md.
func (p *Proxy) guard(r *http.Request) *refusal {
	if !canonical(r) {
		return badRequest("bad_target", "prism: the request target is not a canonical path")
	}
	if !p.hosts[strings.ToLower(r.Host)] {
		return refuse(http.StatusMisdirectedRequest, "invalid_request_error", "bad_host", "prism: this Host is not answered here; use "+p.hostHint)
	}
	if ref := crossSite(r); ref != nil {
		return ref
	}
	if r.Header.Get("Upgrade") != "" || r.Header.Get("Http2-Settings") != "" {
		return badRequest("upgrade", "prism: no protocol upgrade is offered here")
	}
	if loops(r.Header) {
		return refuse(http.StatusLoopDetected, "invalid_request_error", "loop", "prism: this request was already sent by prism; a base_url points back here")
	}
	return nil
}

// crossSite refuses what a web page could have caused. A browser names the page's origin on
// every request that matters; the client never does.
func crossSite(r *http.Request) *refusal {
	if _, ok := r.Header["Origin"]; ok {
		return forbidden("cross_origin", "prism: requests from web pages are refused")
	}
	if site, ok := r.Header["Sec-Fetch-Site"]; ok && (len(site) != 1 || site[0] != "none") {
		return forbidden("cross_origin", "prism: requests from web pages are refused")
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		return nil
	}
	return forbidden("bad_method", "prism: this method is refused")
}

// canonical tells whether the target is in origin form and spelled in the one way that
// prism, the provider and everything between read alike: no escapes, no empty or dot
// segments, no parameters.
func canonical(r *http.Request) bool {
	target, _, _ := strings.Cut(r.RequestURI, "?")
	if r.URL.RawPath != "" || target != r.URL.Path || !strings.HasPrefix(target, "/") {
		return false
	}
	if target == "/" {
		return true
	}
	for seg := range strings.SplitSeq(target[1:], "/") {
		if seg == "" || seg == "." || seg == ".." {
			return false
		}
		for i := range len(seg) {
			if !pathByte(seg[i]) {
				return false
			}
		}
	}
	return true
}

func pathByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~:@", c) >= 0
}

// loops tells whether a prism has sent this request; see upstream's Via header.
func loops(h http.Header) bool {
	for _, v := range h["Via"] {
		if strings.Contains(strings.ToLower(v), " prism") {
			return true
		}
	}
	return false
}

// tokenHeader carries the client token where Authorization belongs to the provider.
const tokenHeader = "X-Prism-Token"

// admit checks the client token, if the table has one, and takes it out of the headers: it
// travels to no provider. The comparison takes the same time whatever is presented.
func admit(t *router.Table, h http.Header) *refusal {
	token := t.Token()
	if token.IsZero() {
		h.Del(tokenHeader)
		return nil
	}
	ok := false
	check := func(name, value string) {
		if value != "" && token.Equal(config.NewSecret(value)) {
			ok = true
			h.Del(name)
		}
	}
	check(tokenHeader, h.Get(tokenHeader))
	check("X-Api-Key", h.Get("X-Api-Key"))
	if scheme, value, found := strings.Cut(h.Get("Authorization"), " "); found && strings.EqualFold(scheme, "Bearer") {
		check("Authorization", strings.TrimSpace(value))
	}
	h.Del(tokenHeader)
	if !ok {
		return refuse(http.StatusUnauthorized, "authentication_error", "bad_token", "prism: the client token is missing or wrong; eval \"$(prism env)\" sets it")
	}
	return nil
}
