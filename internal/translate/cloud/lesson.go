package cloud

import (
	"regexp"
	"slices"
	"strings"

	"prism/config"
	"prism/internal/translate"
)

var (
	// extraInput is how a member is refused that the cloud's version of the API does not have.
	extraInput = regexp.MustCompile(`(?:^|[^a-z0-9_.])([a-z_]{3,40}): Extra inputs are not permitted`)

	// quotedName is a name within an error text.
	quotedName = regexp.MustCompile("[`'\"]([A-Za-z0-9-]{6,80})[`'\"]")

	// betaName is what the name of a beta looks like.
	betaName = regexp.MustCompile(`^[a-z0-9-]{2,60}-(?:20[0-9]{2}-[0-9]{2}-[0-9]{2}|20[0-9]{6})$`)
)

// learnable tells whether a member of a request may be left out once the cloud has refused it: what
// is answered stays the same without it. What is not in the list the client mends by itself, or
// the user has to know of.
func learnable(field string) bool {
	switch field {
	case "billing_policy", "cache_control", "context_management", "diagnostics", "fallback_credit_token", "fallbacks", "inference_geo",
		"service_tier", "speed":
		return true
	}
	return false
}

// lessonOf is what a refusal teaches, where it teaches something that was not known when the request
// was sent.
func lessonOf(sent *Sent, message string) translate.Lesson {
	low := strings.ToLower(message)
	if strings.Contains(low, "beta flag") || strings.Contains(low, "anthropic-beta") || strings.Contains(low, "anthropic_beta") {
		if strip := refusedBetas(sent, message); strip != nil {
			return translate.Lesson{Name: noteBeta, Apply: func(q *config.Quirks) { q.Strip = union(q.Strip, strip) }}
		}
		return translate.Lesson{}
	}
	m := extraInput.FindStringSubmatch(message)
	if m == nil || !learnable(m[1]) || slices.Contains(sent.Quirks.Strip, m[1]) {
		return translate.Lesson{}
	}
	field := m[1]
	return translate.Lesson{Name: "dropped:" + field, Apply: func(q *config.Quirks) { q.Strip = union(q.Strip, []string{field}) }}
}

// union returns a with what is in b beside it. It does not write to a.
func union(a, b []string) []string {
	all := slices.Clip(a)
	for _, s := range b {
		all = merge(all, s)
	}
	return all
}
