package simulator

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// cloudWriter wraps what the server behind a [Cloud] answers.
type cloudWriter struct {
	c        *Cloud
	w        http.ResponseWriter
	door     doorway
	head     http.Header
	counting bool

	status  int
	stream  bool // what is written are events that go into frames
	buf     []byte
	sent    int
	metrics map[string]int64 // Amazon's own counts
}

// Header implements http.ResponseWriter.
func (x *cloudWriter) Header() http.Header { return x.head }

// WriteHeader implements http.ResponseWriter.
func (x *cloudWriter) WriteHeader(status int) {
	if x.status != 0 {
		return
	}
	x.status = status
	x.stream = status == http.StatusOK && strings.HasPrefix(x.head.Get("Content-Type"), "text/event-stream")
	if !x.stream {
		return // an error, or a body that is looked at when it is whole
	}
	h := x.w.Header()
	h.Set("X-Amzn-Requestid", x.c.requestID())
	if h.Set("Content-Type", "application/vnd.amazon.eventstream"); x.door.google {
		h.Set("Content-Type", "text/event-stream; charset=utf-8")
	}
	x.w.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (x *cloudWriter) Write(p []byte) (int, error) {
	x.WriteHeader(http.StatusOK)
	if x.stream && x.door.google {
		return x.send(p, len(p))
	}
	x.buf = append(x.buf, p...)
	for x.stream {
		event, rest, ok := bytes.Cut(x.buf, []byte("\n\n"))
		if !ok {
			break
		}
		if f := x.frame(event); f != nil {
			if _, err := x.send(f, len(p)); err != nil {
				return 0, err
			}
		}
		x.buf = slices.Clone(rest)
	}
	return len(p), nil
}

// send writes to the client, and ends the connection where it is to be cut.
func (x *cloudWriter) send(b []byte, n int) (int, error) {
	limit := x.c.opt.CutAfter
	if limit > 0 && x.sent+len(b) >= limit {
		_, _ = x.w.Write(b[:limit-x.sent])
		_ = http.NewResponseController(x.w).Flush()
		panic(http.ErrAbortHandler)
	}
	x.sent += len(b)
	if _, err := x.w.Write(b); err != nil {
		return 0, err
	}
	return n, nil
}

// FlushError implements what http.ResponseController looks for.
func (x *cloudWriter) FlushError() error {
	if !x.stream {
		return nil
	}
	return http.NewResponseController(x.w).Flush()
}

// frame wraps one server-sent event; nil for what Amazon does not send.
func (x *cloudWriter) frame(event []byte) []byte {
	var name string
	var data []byte
	for line := range bytes.SplitSeq(event, []byte("\n")) {
		if v, ok := bytes.CutPrefix(line, []byte("event: ")); ok {
			name = string(v)
		}
		if v, ok := bytes.CutPrefix(line, []byte("data: ")); ok {
			data = v
		}
	}
	switch name {
	case "", "ping":
		return nil
	case "error":
		typ, message := errorIn(data)
		text, _ := json.Marshal(map[string]string{"message": message})
		exception := exceptionOf(typ)
		return Frame(text, ":message-type", "exception", ":exception-type", strings.ToLower(exception[:1])+exception[1:], ":content-type", "application/json")
	case "message_start", "message_delta", "message_stop":
		data = x.account(name, data)
	}
	text, _ := json.Marshal(struct {
		Bytes   []byte `json:"bytes"`
		Padding string `json:"p"`
	}{data, "abcdefghijklmnopqrstuvwxyz"[:len(data)%26]})
	return Frame(text, ":event-type", "chunk", ":content-type", "application/json", ":message-type", "event")
}

// account keeps Amazon's counts, and writes them into the last event.
func (x *cloudWriter) account(name string, data []byte) []byte {
	var v map[string]any
	if json.Unmarshal(data, &v) != nil {
		return data
	}
	holder := v
	if name == "message_start" {
		holder, _ = v["message"].(map[string]any)
		x.metrics = map[string]int64{}
		if holder != nil {
			holder["model"] = bareModel(x.door.model)
		}
	}
	if usage, ok := holder["usage"].(map[string]any); ok {
		for from, to := range map[string]string{
			"input_tokens": "inputTokenCount", "output_tokens": "outputTokenCount",
			"cache_read_input_tokens": "cacheReadInputTokenCount", "cache_creation_input_tokens": "cacheWriteInputTokenCount",
		} {
			if n, ok := usage[from].(float64); ok {
				x.metrics[to] = int64(n)
			}
		}
		maps.DeleteFunc(usage, func(key string, _ any) bool { return slices.Contains(x.c.opt.Lacks, key) })
	}
	if name == "message_stop" {
		v["amazon-bedrock-invocationMetrics"] = x.metrics
	}
	data, _ = json.Marshal(v)
	return data
}

// close sends a body that had to be whole first.
func (x *cloudWriter) close() {
	if x.stream {
		return
	}
	h := x.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Amzn-Requestid", x.c.requestID())
	body := x.buf
	switch {
	case x.status >= http.StatusBadRequest:
		typ, message := errorIn(body)
		x.c.refuse(x.w, x.door, exceptionOf(typ), message)
		return
	case x.door.model != bareModel(x.door.model):
		body = bytes.Replace(body, appendString(nil, x.door.model), appendString(nil, bareModel(x.door.model)), 1)
	}
	if x.counting {
		body = bytes.Replace(body, []byte("input_tokens"), []byte("inputTokens"), 1)
	}
	x.w.WriteHeader(max(x.status, http.StatusOK))
	_, _ = x.w.Write(body)
}

// bareModel is what Claude calls itself whatever door a request came through.
func bareModel(id string) string {
	if strings.HasPrefix(id, "arn:") {
		return "claude-opus-5-5"
	}
	if _, name, ok := strings.Cut(id, "anthropic."); ok {
		id = name
	}
	id, _, _ = strings.Cut(id, "-v1:")
	name, _, _ := strings.Cut(id, "@")
	return name
}

// errorIn reads an error of the Messages API.
func errorIn(body []byte) (typ, message string) {
	var v struct {
		Error struct{ Type, Message string }
	}
	_ = json.Unmarshal(body, &v)
	return v.Error.Type, v.Error.Message
}

// Frame renders one message of Amazon's event stream; headers are names and texts in turn.
func Frame(payload []byte, headers ...string) []byte {
	var h []byte
	for i := 0; i+1 < len(headers); i += 2 {
		h = append(append(h, byte(len(headers[i]))), headers[i]...)
		h = append(binary.BigEndian.AppendUint16(append(h, 7), uint16(len(headers[i+1]))), headers[i+1]...)
	}
	b := binary.BigEndian.AppendUint32(nil, uint32(16+len(h)+len(payload)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(h)))
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	b = append(append(b, h...), payload...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}
