package upstream

import (
	"net/http"
	"strings"
)

// passes tells whether a request header of the client travels to the provider. The list is
// closed but for the families that the Messages API and its client extend at will. Names are
// in canonical form. Credentials are not in it: the upstream sets its own, as the last
// header, so that nothing a client names in Connection can strip it.
func passes(name string) bool {
	switch name {
	case "Content-Type", "Accept", "User-Agent", "X-App":
		return true
	}
	if strings.HasPrefix(name, "Anthropic-") {
		return !strings.HasPrefix(name, "Anthropic-Organization")
	}
	return strings.HasPrefix(name, "X-Claude-Code-") || strings.HasPrefix(name, "X-Stainless-")
}

// named returns the lower-cased header names that Connection lists: hop-by-hop headers of
// the client's connection, which end here whatever they are.
func named(h http.Header) []string {
	var names []string
	for _, v := range h["Connection"] {
		for n := range strings.SplitSeq(v, ",") {
			if n = strings.ToLower(strings.TrimSpace(n)); n != "" && n != "keep-alive" && n != "close" {
				names = append(names, n)
			}
		}
	}
	return names
}

func listed(names []string, name string) bool {
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// clean tells whether a value may stand on the wire as it is.
func clean(v string) bool { return !strings.ContainsAny(v, "\r\n\x00") }

// eachHeader calls fn for every header of the client that travels.
func eachHeader(h http.Header, fn func(name, value string)) {
	drop := named(h)
	for name, values := range h {
		if !passes(name) || listed(drop, name) {
			continue
		}
		for _, v := range values {
			if clean(v) {
				fn(name, v)
			}
		}
	}
}
