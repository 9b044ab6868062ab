package simulator

import (
	"strconv"
	"strings"
)

// responsesFace is the Responses API.
type responsesFace struct{}

func (responsesFace) failure(p *plan) (status int, body []byte) { return otherFailure(p) }

// response writes one answer as the Responses API.
type response struct {
	r     *rendering
	p     *plan
	m     *message
	h     *habits
	usage *Usage // as it is reported; nil = it is not
	seq   int    // events so far
}

func (responsesFace) write(r *rendering, p *plan, m *message, stream bool) {
	w := &response{r: r, p: p, m: m, h: &p.habits}
	if !silent(m.usage, w.h) {
		w.usage = otherUsage(m.usage, w.h)
	}
	if !stream {
		r.out = append(r.out, w.object(w.status())...)
		r.own = append(r.own, Event{said: w.usage})
		r.events = r.own
		r.ends = append(r.ends, len(r.out))
		return
	}
	w.stream()
	r.finish(p, &p.frame, w.fail)
}

// fail renders an error within the stream.
func (w *response) fail(e *Event) {
	_, typ, code := otherError(500, e.fails)
	if code == "" {
		code = typ
	}
	failure := `{"code":` + quoted(code) + `,"message":` + quoted(e.why) + `}`
	if w.h.failed {
		e.line = "response.failed"
		e.Data = []byte(`{"type":"response.failed","response":` + w.head("failed", "[]", failure) + `,"sequence_number":` + strconv.Itoa(w.seq) + `}`)
		return
	}
	e.line = "error"
	e.Data = []byte(`{"type":"error","code":` + quoted(code) + `,"message":` + quoted(e.why) + `,"param":null,"sequence_number":` + strconv.Itoa(w.seq) + `}`)
}

func (w *response) id(prefix string, i int) string {
	return prefix + w.m.id[len("msg_01"):] + "_" + strconv.Itoa(i)
}

// status is what becomes of the response.
func (w *response) status() string {
	switch w.p.stop() {
	case "max_tokens", "model_context_window_exceeded", "refusal":
		return "incomplete"
	}
	return "completed"
}

// object is the response, with its items where it has ended.
func (w *response) object(status string) string {
	items := "[]"
	if status != "in_progress" {
		var list []string
		for i := range w.p.blocks {
			if w.p.blocks[i].kind != kindNone {
				list = append(list, w.item(i, "completed", true))
			}
		}
		items = "[" + strings.Join(list, ",") + "]"
	}
	return w.head(status, items, "null")
}

// head is the response with these items and this error.
func (w *response) head(status, items, failure string) string {
	details, usage := "null", "null"
	if status == "incomplete" {
		details = `{"reason":"max_output_tokens"}`
		if w.p.stop() == "refusal" {
			details = `{"reason":"content_filter"}`
		}
	}
	if w.usage != nil && (status == "completed" || status == "incomplete") {
		usage = w.usageJSON()
	}
	return `{"id":"` + otherID(DialectResponses, w.m.id) + `","object":"response","created_at":` + strconv.FormatInt(w.m.created, 10) +
		`,"status":"` + status + `","background":false,"error":` + failure + `,"incomplete_details":` + details +
		`,"instructions":null,"max_output_tokens":null,"metadata":{},"model":` + quoted(w.m.model) + `,"output":` + items +
		`,"parallel_tool_calls":true,"previous_response_id":null,"reasoning":{"effort":null,"summary":null},"service_tier":"default",` +
		`"store":false,"temperature":1.0,"text":{"format":{"type":"text"}},"tool_choice":"auto","tools":[],"top_p":1.0,` +
		`"truncation":"disabled","usage":` + usage + `,"user":null}`
}

// item is the item of block i: as it begins, or whole.
func (w *response) item(i int, status string, whole bool) string {
	b := &w.p.blocks[i]
	switch b.kind {
	case kindThinking:
		summary, encrypted := "[]", ""
		if whole && w.h.reasoning != ReasoningNowhere && b.text != "" {
			summary = `[{"type":"summary_text","text":` + quoted(b.text) + `}]`
		}
		if w.m.encrypts && whole {
			encrypted = `,"encrypted_content":` + quoted(b.signature)
		}
		return `{"id":"` + w.id("rs_", i) + `","type":"reasoning","summary":` + summary + encrypted + `}`
	case kindTool:
		arguments := `""`
		if whole {
			arguments = quoted(b.text)
		}
		return `{"id":"` + w.id("fc_", i) + `","type":"function_call","status":"` + status + `","arguments":` + arguments +
			`,"call_id":` + quoted(callID(b, w.m, i)) + `,"name":` + quoted(b.name) + `}`
	case kindText, kindNone:
	}
	content := ""
	if whole {
		content = w.part(b.text)
	}
	return `{"id":"` + w.id("msg_", i) + `","type":"message","status":"` + status + `","content":[` + content + `],"role":"assistant"}`
}

// part is a part of a message.
func (w *response) part(text string) string {
	if w.h.refusal {
		return `{"type":"refusal","refusal":` + quoted(text) + `}`
	}
	return `{"type":"output_text","annotations":[],"logprobs":[],"text":` + quoted(text) + `}`
}

// usageJSON renders the usage object.
func (w *response) usageJSON() string {
	u := w.usage
	total := max(u.Input, 0) + max(u.CacheRead, 0) + max(u.CacheWrite, 0)
	dst := appendMember([]byte{'{'}, "input_tokens", total)
	if w.h.spelling != SpellBare {
		dst = appendDetail(dst, "input_tokens_details", []string{"cached_tokens", "cache_write_tokens"}, u.CacheRead, u.CacheWrite)
	}
	dst = appendMember(dst, "output_tokens", u.Output)
	if w.h.spelling != SpellBare {
		dst = appendDetail(dst, "output_tokens_details", []string{"reasoning_tokens"}, u.Thinking)
	}
	return string(append(appendMember(dst, "total_tokens", total+max(u.Output, 0)), '}'))
}
