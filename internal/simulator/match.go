package simulator

import (
	"path"
	"strings"
)

// Match tells whether a request is meant.
type Match func(Request) bool

// All is true where every one of ms is.
func All(ms ...Match) Match {
	return func(r Request) bool {
		for _, m := range ms {
			if !m(r) {
				return false
			}
		}
		return true
	}
}

// Any is true where one of ms is.
func Any(ms ...Match) Match {
	return func(r Request) bool {
		for _, m := range ms {
			if m(r) {
				return true
			}
		}
		return false
	}
}

// Not is true where m is not.
func Not(m Match) Match { return func(r Request) bool { return !m(r) } }

// Model matches the model's name, as path.Match does.
func Model(glob string) Match {
	return func(r Request) bool { ok, err := path.Match(glob, r.Model); return ok && err == nil }
}

// Session matches requests of one session.
func Session(id string) Match { return func(r Request) bool { return r.SessionID == id } }

// Agent matches requests of one subagent.
func Agent(id string) Match { return func(r Request) bool { return r.AgentID == id } }

// Subagent matches requests of any subagent.
func Subagent() Match { return func(r Request) bool { return r.IsSubagent() } }

// MainAgent matches the turns of a main conversation.
func MainAgent() Match { return func(r Request) bool { return !r.IsSubagent() && !r.IsAuxiliary() } }

// Auxiliary matches requests that are no turn of a conversation.
func Auxiliary() Match { return func(r Request) bool { return r.IsAuxiliary() } }

// Turn matches requests with n assistant messages in their history.
func Turn(n int) Match { return func(r Request) bool { return r.Turns == n } }

// Streaming matches requests for a stream.
func Streaming() Match { return func(r Request) bool { return r.Stream } }

// LastText matches requests whose last prompt contains text.
func LastText(text string) Match {
	return func(r Request) bool { return strings.Contains(r.Prompt, text) }
}

// HasToolResult matches requests that bring tool results.
func HasToolResult() Match { return func(r Request) bool { return len(r.ToolResults) > 0 } }

// ToolResultFor matches requests that bring the result of a call of the tool of that name.
func ToolResultFor(name string) Match {
	return func(r Request) bool {
		for _, res := range r.ToolResults {
			for i := range r.Messages {
				for _, b := range r.Messages[i].Blocks {
					if b.Type == "tool_use" && b.ID == res.ToolUseID && b.Name == name {
						return true
					}
				}
			}
		}
		return false
	}
}

// OffersTool matches requests that offer the tool of that name.
func OffersTool(name string) Match { return func(r Request) bool { return r.HasTool(name) } }

// HeaderIs matches requests with that header.
func HeaderIs(name, value string) Match {
	return func(r Request) bool { return r.Header.Get(name) == value }
}
