package config

import (
	"errors"
	"strconv"
	"strings"
)

// ErrRulesShape is returned where the list of rules is written in a way that a rule cannot be put
// into without touching more than that; an editor can.
var ErrRulesShape = errors.New("rules cannot be extended as it is written")

// rulesKey is the field that holds the rules.
const rulesKey = "rules"

// AppendRule puts a rule behind the others in src, so that it decides what they leave, and changes
// nothing else. The result is parsed again and compared before it is returned.
func AppendRule(src []byte, r *Rule) ([]byte, error) {
	flow := ruleFlow(r)
	s := &listSplice{src: src, key: rulesKey, lines: []string{flow}, flow: flow}
	out, err := s.splice(noItem)
	return out, spliceError("splice rule", err, ErrRulesShape)
}

// ruleFlow writes a rule on one line.
func ruleFlow(r *Rule) string {
	var parts []string
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+": "+value)
		}
	}
	words := func(s string) string {
		if s == "" {
			return ""
		}
		return quotedInFlow(quoted(s))
	}
	number := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	add("model", words(r.Model))
	if h := r.Header; h != nil {
		add("header", "{name: "+words(h.Name)+", match: "+words(h.Match)+"}")
	}
	add("path", words(r.Path))
	add("session", words(r.Session))
	add("agent", words(r.Agent))
	if t := r.Tag; t != nil {
		add("tag", "{name: "+words(t.Name)+", match: "+words(t.Match)+"}")
	}
	add("between", words(r.Between))
	add("days", flowList(r.Days, words))
	add("prompt_over", number(r.PromptOver))
	add("prompt_under", number(r.PromptUnder))
	add("use", words(r.Use))
	return "{" + strings.Join(parts, ", ") + "}"
}

// SameConditions tells whether two rules ask for the same, so that the second is never reached.
func (r *Rule) SameConditions(other *Rule) bool { return r.conditions() == other.conditions() }
