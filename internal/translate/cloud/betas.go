package cloud

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
)

// What [prism/config.Quirks] may strip beside members of the request and single beta names.
const (
	stripUnknownBetas = "unknown_betas"  // beta names that the cloud is not known to accept
	stripBetas        = "anthropic_beta" // all of them
)

// noteBeta is the note of beta names that were left out.
const noteBeta = "dropped:beta"

// betas returns the beta names that a request is sent with: those of the client, without what the
// cloud is known to refuse. Names that nobody knows go on, for the list of them grows all the
// time; what a refusal has taught is in q.
func (p Platform) betas(c *Call, w *wrapped) []string {
	var all []string
	for _, name := range namesOf(c.Header) {
		as, known := p.beta(name, c.Body)
		switch strip := c.Quirks.Strip; {
		case as == "",
			slices.Contains(strip, name), slices.Contains(strip, stripBetas),
			!known && slices.Contains(strip, stripUnknownBetas):
			w.notes.Add(noteBeta)
		default:
			all = merge(all, as)
			w.sent.Guess = w.sent.Guess || !known
		}
	}
	return all
}

// namesOf splits the header that names betas.
func namesOf(h http.Header) []string {
	var all []string
	for _, v := range h["Anthropic-Beta"] {
		for name := range strings.SplitSeq(v, ",") {
			if name = strings.TrimSpace(name); name != "" {
				all = merge(all, name)
			}
		}
	}
	return all
}

// merge adds a name, unless it is there.
func merge(all []string, name string) []string {
	if slices.Contains(all, name) {
		return all
	}
	return append(all, name)
}

// beta returns how a cloud calls a beta of Anthropic, "" where it refuses it, and whether it is
// known to accept it. The names are those of public gateways' tables of November 2026.
func (p Platform) beta(name string, body []byte) (as string, known bool) {
	switch name {
	case "advanced-tool-use-2025-11-20":
		// A name for several features at Anthropic, of which the clouds have this one.
		if bytes.Contains(body, []byte(`"defer_loading"`)) || bytes.Contains(body, []byte(`"tool_search_tool_`)) {
			return "tool-search-tool-2025-10-19", true
		}
		return "", false
	case "claude-code-20250219", "computer-use-2024-10-22", "computer-use-2025-01-24", "computer-use-2025-11-24", "compact-2026-01-12",
		"context-1m-2025-08-07", "context-management-2025-06-27", "dangerous-tool-use-2026-09-03", "interleaved-thinking-2025-05-14",
		"thinking-binding-controls-2026-08-01", "thinking-display-updates-2026-08-18", "tool-search-tool-2025-10-19":
		return name, true
	case "advisor-tool-2026-03-01", "afk-mode-2026-01-31", "code-execution-2025-08-25", "fast-mode-2026-02-01", "files-api-2025-04-14",
		"mcp-client-2025-04-04", "mcp-client-2025-11-20", "mcp-servers-2025-12-04", "oauth-2025-04-20", "prompt-caching-scope-2026-01-05",
		"redact-thinking-2026-02-12", "skills-2025-10-02", "structured-outputs-2025-11-13", "web-fetch-2025-09-10":
		return "", false
	case "effort-2025-11-24", "fine-grained-tool-streaming-2025-05-14", "mid-conversation-output-config-2026-07-01",
		"mid-conversation-tool-changes-2026-07-01":
		return name, p == Bedrock
	case "compact-2026-09-04", "per-turn-control-2026-07-01", "web-search-2025-03-05":
		if p == Vertex {
			return name, true
		}
		return "", false
	}
	return name, false
}

// refusedBetas returns what is to be left out after an error about beta names: the names that it tells, else
// those that are not known, else all; nil where nothing is left to leave out.
func refusedBetas(sent *Sent, message string) []string {
	all := slices.DeleteFunc(slices.Clone(sent.Quirks.Strip), func(s string) bool { return s != stripUnknownBetas && s != stripBetas && !betaName.MatchString(s) })
	before := len(all)
	for _, m := range quotedName.FindAllStringSubmatch(message, -1) {
		if betaName.MatchString(m[1]) {
			all = merge(all, m[1])
		}
	}
	switch {
	case slices.Contains(all, stripBetas):
		return nil
	case len(all) > before && len(all) <= maxBetas:
		return all
	case !sent.Guess:
		return append(all, stripBetas)
	}
	return append(all, stripUnknownBetas)
}

// maxBetas bounds the names that are learned one by one.
const maxBetas = 32
