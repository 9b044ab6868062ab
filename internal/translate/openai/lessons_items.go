package openai

import (
	"regexp"

	"prism/config"
	"prism/internal/translate"
)

// phaseField is the field of a message that tells what part it has in its turn. That it was refused is
// remembered among the fields that are never sent.
const phaseField = "phase"

// phaseOfItem is how a refusal names it.
var phaseOfItem = regexp.MustCompile(`\binput[^ ]*\.phase\b`)

// itemLesson learns what an item of the conversation may not be. A session goes on with another model
// than the one that has answered so far: one that does not reason takes no reasoning back, and one that
// knows no phases takes none.
func itemLesson(r *refused) translate.Lesson {
	switch {
	case r.has("reasoning input items", "remove reasoning items"):
		return learned("no_reasoning_items", func(q *config.Quirks) { q.Effort = config.EffortNone })
	case r.unknown && phaseOfItem.MatchString(r.path+"\n"+r.text):
		return learned(phaseField, func(q *config.Quirks) { strip(q, phaseField) })
	}
	return translate.Lesson{}
}

// mostTools is how many tools there may be, in the texts of providers.
var mostTools = regexp.MustCompile(`(?:array with maximum length|maximum number of items is) ([0-9]+)`)

// leastTools is less than any provider takes.
const leastTools = 8

// maxToolsLesson learns how many tools are taken.
func maxToolsLesson(r *refused) translate.Lesson {
	n := numberIn(mostTools, r.text)
	if n < leastTools || r.path != "tools" && !r.has("'tools'", "`tools`") {
		return translate.Lesson{}
	}
	return learned("max_tools", func(q *config.Quirks) {
		if q.MaxTools == 0 || q.MaxTools > n {
			q.MaxTools = n
		}
	})
}
