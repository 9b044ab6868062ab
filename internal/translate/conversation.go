package translate

import "encoding/json"

// Conversation is a request of the Messages API as far as other dialects have something like it.
// Raw JSON keeps the order and the spelling of the client, which prompt caches depend on.
type Conversation struct {
	Model     string
	System    []Part // text only; the client's attribution block is left out
	Turns     []Turn // in order; neighbours of one role are not merged
	Tools     []Tool // that the model may use: see [Conversation.Offered]
	Choice    Choice
	MaxTokens int64 // 0 asks for nothing but a warm cache
	Stream    bool
	Stops     []string

	Temperature, TopP, TopK json.Number // "" = not given
	Effort                  string      // none, low, medium, high, xhigh or max; "" = as the provider likes
	Budget                  int64       // tokens of thinking, where the client gave some
	Schema                  json.RawMessage
	ServiceTier, Speed      string

	Dropped Notes // fields that no other dialect has

	changes []change // of the tools that are offered, in order
}

// Role is whose turn it is.
type Role string

// The roles.
const (
	User      Role = "user"
	Assistant Role = "assistant"
	System    Role = "system" // within the conversation
)

// Turn is one entry of messages.
type Turn struct {
	Role  Role
	Parts []Part
}

// Kind is what a part is.
type Kind int

// The kinds of parts.
const (
	KindText       Kind = iota + 1 // Text
	KindImage                      // Media
	KindDocument                   // Media, Title
	KindThinking                   // Text, Signature
	KindToolUse                    // ID, Name, Input
	KindToolResult                 // ID, Parts, Failed
	KindReference                  // Name: of a tool that was found
	KindRemoved                    // Name: of a tool that was taken away
	KindOther                      // Name: the type; Text: what of it can be read
)

// Part is one block of content.
type Part struct {
	Kind      Kind
	Text      string
	Signature string
	ID        string
	Name      string
	Title     string
	Input     json.RawMessage // JSON object, as it came
	Media     Media
	Parts     []Part
	Failed    bool            // is_error
	Cache     json.RawMessage // cache_control; nil = none
}

// Media is what an image or a document is made of: Data, or URL, or FileID.
type Media struct {
	Type   string // such as image/png
	Data   string // base64; plain text for text/plain
	URL    string
	FileID string
	At     string // where it stands in the request, such as messages.3.content.0
}

// Tool is one that the client offers.
type Tool struct {
	Name        string
	Type        string // "" = the client's own; else Anthropic's name for it, such as web_search_20250305
	Description string
	Schema      json.RawMessage // of its input; nil = not given
	Deferred    bool            // it counts only once it was found
	Strict      bool
	Search      SearchOptions // of a web search
}

// SearchOptions is what the client wants of a search of the web.
type SearchOptions struct {
	Allowed  json.RawMessage // domains, a list; nil = all
	Blocked  json.RawMessage // domains, a list; nil = none
	Location json.RawMessage // of the user, an object; nil = not given
	Uses     int64           // at most; 0 = as many as the model likes
}

// Choice is whether tools are to be used.
type Choice struct {
	Type       string // "" (auto), auto, any, tool or none
	Name       string // of the tool
	NoParallel bool
}

// ToolIDs returns the ids of all calls of tools.
func (c *Conversation) ToolIDs() []string {
	var ids []string
	for i := range c.Turns {
		for j := range c.Turns[i].Parts {
			if p := &c.Turns[i].Parts[j]; p.Kind == KindToolUse {
				ids = append(ids, p.ID)
			}
		}
	}
	return ids
}
