package cloud

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"prism/config"
	"prism/internal/translate"
)

// Platform is a cloud that has Claude.
type Platform int

// The platforms.
const (
	Bedrock Platform = iota + 1 // Amazon's InvokeModel
	Vertex                      // Google's rawPredict
)

// Call is a request of the Messages API that is to be wrapped.
type Call struct {
	Body   []byte        // of the client; it is not kept and not changed
	Header http.Header   // of the client
	Quirks config.Quirks // of the provider, what was learned included; of them, only Strip matters
}

// Request is what a cloud is sent.
type Request struct {
	Path   string // below the base URL, escaped
	Header http.Header
	Body   []byte
	Stream bool
	Notes  translate.Notes
	Sent   Sent
}

// Sent is what reading an error needs to know of its request.
type Sent struct {
	Quirks config.Quirks // as in [Call]
	Guess  bool          // beta names were sent that the cloud is not known to accept
}

// Messages wraps a request of /v1/messages. The error is a [*translate.Refusal].
func (p Platform) Messages(c *Call) (*Request, error) {
	w, err := p.wrap(c, false)
	if err != nil {
		return nil, err
	}
	out := &Request{Header: w.header, Body: w.body.bytes(), Stream: w.stream, Notes: w.notes, Sent: w.sent}
	switch {
	case p == Bedrock && w.stream:
		out.Path = "/model/" + escape(w.model) + "/invoke-with-response-stream"
	case p == Bedrock:
		out.Path = "/model/" + escape(w.model) + "/invoke"
	case w.stream:
		out.Path = models + url.PathEscape(w.model) + ":streamRawPredict"
	default:
		out.Path = models + url.PathEscape(w.model) + ":rawPredict"
	}
	return out, nil
}

// models is the path of Anthropic's models at Vertex, below project and location.
const models = "/publishers/anthropic/models/"

// CountTokens wraps a request of /v1/messages/count_tokens. The error is a [*translate.Refusal].
func (p Platform) CountTokens(c *Call) (*Request, error) {
	w, err := p.wrap(c, true)
	if err != nil {
		return nil, err
	}
	out := &Request{Path: models + "count-tokens:rawPredict", Header: w.header, Notes: w.notes, Sent: w.sent}
	if p == Vertex {
		out.Body = w.body.bytes()
		return out, nil
	}
	if !w.body.has("max_tokens") {
		w.body.add("max_tokens", 1) // no message is complete without it, not even one that is counted
	}
	out.Path = "/model/" + escape(foundation(w.model)) + "/count-tokens"
	out.Body = append([]byte(`{"input":{"invokeModel":{"body":"`), base64.StdEncoding.AppendEncode(nil, w.body.bytes())...)
	out.Body = append(out.Body, `"}}}`...)
	return out, nil
}

// foundation returns the id of the model behind an inference profile of several regions, which
// cannot count.
func foundation(model string) string {
	if at := strings.Index(model, ".anthropic."); at > 0 && !strings.ContainsAny(model[:at], ".:/") {
		return model[at+1:]
	}
	return model
}

// Counted is the answer of the Messages API to what a cloud has counted. ok is false where it has
// not.
func (p Platform) Counted(body []byte) (answer []byte, ok bool) {
	var v struct {
		Bedrock *int64 `json:"inputTokens"`
		Vertex  *int64 `json:"input_tokens"`
	}
	if json.Unmarshal(body, &v) != nil {
		return nil, false
	}
	if p == Vertex {
		return body, v.Vertex != nil
	}
	if v.Bedrock == nil || *v.Bedrock < 0 {
		return nil, false
	}
	answer, _ = json.Marshal(map[string]int64{"input_tokens": *v.Bedrock})
	return answer, true
}

// wrapped is a request whose members have been moved.
type wrapped struct {
	body   object
	header http.Header
	model  string
	stream bool
	notes  translate.Notes
	sent   Sent
}

// wrap moves the members of a request. A count keeps its model at Vertex.
func (p Platform) wrap(c *Call, count bool) (*wrapped, error) {
	all, err := membersOf(c.Body)
	if err != nil {
		return nil, &translate.Refusal{Message: err.Error()}
	}
	w := &wrapped{body: object{text: c.Body, kept: all[:0:0]}, header: http.Header{}, sent: Sent{Quirks: c.Quirks}}
	for _, m := range all {
		value := c.Body[m.value:m.end]
		switch {
		case m.key == "model":
			if json.Unmarshal(value, &w.model) != nil {
				return nil, &translate.Refusal{Field: "model", Message: "model: Input should be a valid string"}
			}
			if p == Bedrock || !count {
				continue
			}
		case m.key == "stream":
			w.stream = string(value) == "true"
			if p == Bedrock || count {
				continue
			}
		case m.key == stripBetas && p == Bedrock:
			continue // it is a header of the API, and is made of that
		case slices.Contains(c.Quirks.Strip, m.key):
			w.notes.Dropped(leftOut(m.key))
			continue
		}
		w.body.kept = append(w.body.kept, m)
	}
	if bad := badModel(w.model); bad != "" {
		return nil, &translate.Refusal{Field: "model", Message: "model: " + bad}
	}
	p.head(c, w)
	return w, nil
}

// head adds what the Messages API has in headers.
func (p Platform) head(c *Call, w *wrapped) {
	if !w.body.has("anthropic_version") {
		w.body.add("anthropic_version", p.version(c.Header.Get("Anthropic-Version")))
	}
	betas := p.betas(c, w)
	if p == Vertex {
		if len(betas) > 0 {
			w.header.Set("Anthropic-Beta", strings.Join(betas, ","))
		}
		if id := c.Header.Get("Anthropic-User-Profile-Id"); id != "" {
			w.header.Set("Anthropic-User-Profile-Id", id)
		}
		return
	}
	if len(betas) > 0 {
		w.body.add("anthropic_beta", betas)
	}
	if id := c.Header.Get("Anthropic-User-Profile-Id"); id != "" && !w.body.has("user_profile_id") {
		w.body.add("user_profile_id", id)
	}
}

// version is the API version in the words of a cloud, which has its own for the first one.
func (p Platform) version(asked string) string {
	switch {
	case asked != "" && asked != "2023-06-01" && asked != "2023-01-01":
		return asked
	case p == Vertex:
		return "vertex-2023-10-16"
	default:
		return "bedrock-2023-05-31"
	}
}

// maxModel is how long the id of a model may be; Amazon's own limit.
const maxModel = 2048

// badModel says why a name cannot stand in a path; "" where it can.
func badModel(model string) string {
	switch {
	case model == "":
		return "Field required"
	case len(model) > maxModel:
		return "the name is too long"
	case strings.Trim(model, ".") == "":
		return "this is not the name of a model"
	}
	return ""
}

// escape escapes a segment of a path as Amazon does: all but letters, digits, and four characters.
func escape(s string) string {
	const digits = "0123456789ABCDEF"
	b := make([]byte, 0, len(s)+8)
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' || c == '~' {
			b = append(b, c)
			continue
		}
		b = append(b, '%', digits[c>>4], digits[c&15])
	}
	return string(b)
}

// leftOut is the word for a member in a note.
func leftOut(field string) string {
	if learnable(field) {
		return field
	}
	return "unknown"
}
