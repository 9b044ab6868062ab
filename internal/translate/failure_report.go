package translate

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Report is what an error of a provider says, whatever shape it has. A field that the provider
// left out is empty.
type Report struct {
	Message string
	Code    string // the provider's name of the error; a number as its digits
	Kind    string // its name of the kind of error
	Status  string // of HTTP, where the report itself names one
	Field   string // of the request, such as messages.0.role
	Prompt  int64  // tokens of the prompt, where they stand in a field
	Window  int64  // tokens of the window, where they stand in a field
	Wait    string // until it is worth trying again, such as 34s
	Daily   bool   // what is used up comes back the next day
}

// maxDepth is how deep errors are looked for in errors: gateways wrap what they were told.
const maxDepth = 12

// maxListed is how many errors of a list are told.
const maxListed = 4

// ReadReport reads an error body, or the event of a stream that reports an error.
func ReadReport(body []byte) Report {
	var r Report
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	if data, ok := eventData(body); ok {
		body = data
	}
	switch {
	case len(body) == 0:
	case json.Valid(body):
		r.read(body, maxDepth)
	case body[0] == '<':
		r.Message = pageText(string(body))
	default:
		r.text(string(body), maxDepth)
	}
	r.Message = tidy(r.Message)
	r.Code, r.Kind, r.Field = shorten(r.Code, 128), shorten(r.Kind, 128), shorten(r.Field, 256)
	return r
}

// eventData returns the first data of a body that is a stream of events.
func eventData(body []byte) ([]byte, bool) {
	if !bytes.HasPrefix(body, []byte("data:")) && !bytes.HasPrefix(body, []byte("event:")) {
		return nil, false
	}
	for line := range bytes.Lines(body) {
		if data, ok := bytes.CutPrefix(line, []byte("data:")); ok {
			return bytes.TrimSpace(data), true
		}
	}
	return nil, false
}

// all is the error in lower case, for phrases to be looked for.
func (r *Report) all() string {
	return strings.ToLower(r.Code + "\n" + r.Kind + "\n" + r.Message)
}

// read takes what a JSON value says. What was found further inside counts: outside stand the words
// of who passed it on.
func (r *Report) read(v json.RawMessage, depth int) {
	if depth == 0 {
		return
	}
	switch {
	case Is(v, '{'):
		r.object(v, depth)
	case Is(v, '['):
		r.list(v, depth)
	case Is(v, '"'):
		s, _ := Text(v)
		r.text(s, depth)
	}
}

// text takes a text. Some hold another error as JSON, whole or behind a few words.
func (r *Report) text(s string, depth int) {
	if i := strings.Index(s, `{"`); i >= 0 && depth > 1 && json.Valid([]byte(s[i:])) {
		var inner Report
		inner.read(json.RawMessage(s[i:]), depth-1)
		if inner.Message != "" {
			r.adopt(&inner)
			return
		}
	}
	setString(&r.Message, strings.TrimSpace(s))
}

// list takes the errors of a list.
func (r *Report) list(v json.RawMessage, depth int) {
	var told []string
	for one := range Items(v) {
		var inner Report
		inner.read(one, depth-1)
		if inner.Message == "" {
			continue
		}
		told = append(told, inner.Message)
		inner.Message = ""
		r.adopt(&inner)
		if len(told) == maxListed {
			break
		}
	}
	setString(&r.Message, strings.Join(told, "; "))
}

// adopt fills in what is not known yet.
func (r *Report) adopt(from *Report) {
	setString(&r.Message, from.Message)
	setString(&r.Code, from.Code)
	setString(&r.Kind, from.Kind)
	setString(&r.Status, from.Status)
	setString(&r.Field, from.Field)
	setString(&r.Wait, from.Wait)
	if r.Prompt == 0 {
		r.Prompt = from.Prompt
	}
	if r.Window == 0 {
		r.Window = from.Window
	}
	r.Daily = r.Daily || from.Daily
}

func setString(to *string, s string) {
	if *to == "" {
		*to = s
	}
}

// object takes what an object says: first the errors within it, then its own words.
func (r *Report) object(v json.RawMessage, depth int) {
	m := make(map[string]json.RawMessage)
	for key, value := range Fields(v) {
		if _, twice := m[key]; !twice {
			m[key] = value
		}
	}
	for _, inner := range []string{"error", "errors", "response", "base_resp", "metadata", "raw", "innererror"} {
		if Is(m[inner], '"') && inner != "error" && inner != "raw" {
			continue
		}
		r.read(m[inner], depth-1)
	}
	for _, name := range []string{"message", "msg", "detail", "error_message", "error_msg", "status_msg", "Message", "title", "description"} {
		if r.Message == "" {
			r.read(m[name], depth-1)
		}
	}
	r.details(m["details"], depth)
	setString(&r.Code, nameOf(m["code"]))
	setString(&r.Code, nameOf(m["error_code"]))
	setString(&r.Code, nameOf(m["status_code"]))
	setString(&r.Kind, nameOf(m["type"]))
	setString(&r.Kind, nameOf(m["status"]))
	setString(&r.Status, string(number(m["status"])))
	setString(&r.Kind, nameOf(m["__type"]))
	setString(&r.Field, fieldPath(m["param"]))
	r.validation(m["loc"])
	r.Prompt = max(r.Prompt, natural(m["n_prompt_tokens"]))
	r.Window = max(r.Window, natural(m["n_ctx"]))
}

// details takes the list in which Google says more.
func (r *Report) details(v json.RawMessage, depth int) {
	if !Is(v, '[') {
		return
	}
	r.Daily = r.Daily || bytes.Contains(v, []byte("PerDay"))
	for one := range Items(v) {
		setString(&r.Wait, nameOf(Field(one, "retryDelay")))
		for broken := range Items(Field(one, "fieldViolations")) {
			setString(&r.Field, fieldPath(Field(broken, "field")))
		}
		if r.Message == "" {
			r.read(one, depth-1)
		}
	}
}

// validation takes where in the request a value stands that was refused. What the value was is not
// told: it is the client's.
func (r *Report) validation(loc json.RawMessage) {
	where := strings.TrimPrefix(fieldPath(loc), "body.")
	if where == "" || where == "body" {
		return
	}
	setString(&r.Field, where)
	if r.Message != "" && !strings.Contains(r.Message, where) {
		r.Message = where + ": " + r.Message
	}
}

// nameOf returns a string, or a number as its digits.
func nameOf(v json.RawMessage) string {
	if s, ok := Text(v); ok {
		return s
	}
	return string(number(v))
}

// fieldPath returns the name of a field, in one spelling: messages.0.role for messages[0].role.
func fieldPath(v json.RawMessage) string {
	if Is(v, '[') {
		var steps []string
		for one := range Items(v) {
			steps = append(steps, nameOf(one))
		}
		return strings.Join(steps, ".")
	}
	s, _ := Text(v)
	return strings.Trim(strings.NewReplacer("[", ".", "]", "", "'", "").Replace(s), ".")
}

// natural returns a number of tokens, or 0.
func natural(v json.RawMessage) int64 { return tokensOf(string(v)) }
