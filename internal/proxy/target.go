package proxy

import (
	"net/http"
	"net/url"
	"strings"

	"prism/internal/ledger"
)

// target is what a path asks for.
type target struct {
	prefix    string // NAME of /p/NAME/
	path      string // without the prefix
	operation string // a constant of package ledger
}

// parseTarget splits a canonical path. ok is false for everything that is not under /v1/ or
// /p/NAME/v1/.
func parseTarget(path string) (t target, ok bool) {
	t.path = path
	if rest, found := strings.CutPrefix(path, "/p/"); found {
		name, _, found := strings.Cut(rest, "/")
		if !found || name == "" {
			return t, false
		}
		t.prefix, t.path = name, rest[len(name):]
	}
	if !strings.HasPrefix(t.path, "/v1/") {
		return t, false
	}
	switch {
	case t.path == "/v1/messages":
		t.operation = ledger.OpMessages
	case t.path == "/v1/messages/count_tokens":
		t.operation = ledger.OpCountTokens
	case t.path == "/v1/models" || strings.HasPrefix(t.path, "/v1/models/"):
		t.operation = ledger.OpModels
	default:
		t.operation = ledger.OpOther
	}
	return t, true
}

// modelled tells whether the body names a model, is JSON and has the Messages limit.
func (t *target) modelled() bool {
	return t.operation == ledger.OpMessages || t.operation == ledger.OpCountTokens
}

// local tells whether prism answers by itself: the client's warm-up calls.
func local(r *http.Request) bool {
	switch r.URL.Path {
	case "/":
		return r.Method == http.MethodHead || r.Method == http.MethodGet
	case "/api/hello":
		return r.Method == http.MethodHead
	}
	return false
}

// maxQuery bounds what is parsed of a query, in bytes.
const maxQuery = 8 << 10

// query returns the query that is sent on. The Messages API knows one parameter; elsewhere a
// query is parsed strictly and encoded anew, so that nobody reads it in two ways.
func (t *target) query(raw string) (string, *refusal) {
	if raw == "" {
		return "", nil
	}
	if len(raw) > maxQuery {
		return "", badRequest("bad_query", "prism: the query is too long")
	}
	if raw == "beta=true" {
		return raw, nil
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return "", badRequest("bad_query", "prism: the query cannot be parsed")
	}
	if t.modelled() {
		beta := values["beta"]
		values = url.Values{}
		if len(beta) > 0 {
			values["beta"] = beta[:1]
		}
	}
	return values.Encode(), nil
}
