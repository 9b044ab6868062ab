package stream

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Request is what [Peek] finds in a request body.
type Request struct {
	Model      string // "" if the body names none
	ModelStart int    // the model's value with its quotes is body[ModelStart:ModelEnd];
	ModelEnd   int    // both are 0 if there is none
	Stream     bool
	HasStream  bool // stream is there, as true or false
	MaxTokens  Count
	UserID     string // metadata.user_id as it stands
	Messages   Span   // where the value of messages is
	CacheTTL   string // of the cache_control marks anywhere: "5m", "1h", "mixed" or "" for none
}

// Span is a part of a body, from Start until just before End. The zero Span is none.
type Span struct{ Start, End int }

// Peek finds, in one pass and without decoding the rest, what prism needs to know of the body
// of a request for a message. It accepts every valid JSON object and many invalid ones, which
// it leaves for the provider to refuse. The error is [ErrNotObject], [ErrSyntax], or
// [ErrDuplicate] if model or stream stands twice at the top level, which two readers could
// understand differently.
func Peek(body []byte) (Request, error) {
	r := Request{MaxTokens: Unknown}
	var seen struct{ model, stream bool }
	w := walk(body)
	for {
		key, start, end, ok := w.next()
		if !ok {
			break
		}
		value := body[start:end]
		switch string(key) {
		case "model":
			if seen.model {
				return Request{}, fmt.Errorf("model: %w", ErrDuplicate)
			}
			seen.model = true
			if value[0] != '"' {
				continue
			}
			if r.Model, ok = unquote(value); !ok {
				return Request{}, fmt.Errorf("model: %w", ErrSyntax)
			}
			r.ModelStart, r.ModelEnd = start, end
		case "stream":
			if seen.stream {
				return Request{}, fmt.Errorf("stream: %w", ErrDuplicate)
			}
			seen.stream = true
			r.Stream = string(value) == "true"
			r.HasStream = r.Stream || string(value) == "false"
		case "messages":
			r.Messages = Span{start, end}
		case "max_tokens":
			r.MaxTokens = countOf(value)
		case "metadata":
			r.UserID, _ = unquote(member(value, "user_id"))
		case "cache_control":
			w.ttl |= ttlOf(value)
		}
	}
	if w.err != nil {
		return Request{}, w.err
	}
	r.CacheTTL = w.ttl.String()
	return r, nil
}

// countOf reads a non-negative integer; anything else is [Unknown].
func countOf(value []byte) Count {
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil || n < 0 {
		return Unknown
	}
	return Count(n)
}

// ttls is a set of times to live of prompt cache entries.
type ttls uint8

const (
	ttl5m ttls = 1 << iota
	ttl1h
)

// String names the set as [Request.CacheTTL] does.
func (t ttls) String() string {
	return [...]string{0: "", ttl5m: "5m", ttl1h: "1h", ttl5m | ttl1h: "mixed"}[t]
}

// markedTTL reads the rest of a body after the string "cache_control". It is a mark if an
// object of type ephemeral follows.
func markedTTL(rest []byte) ttls {
	w := members{b: rest}
	if w.space() != ':' {
		return 0
	}
	w.i++
	if w.space() != '{' {
		return 0
	}
	mark := rest[w.i:]
	end := slices.Index(mark[:min(len(mark), maxMark)], '}')
	return ttlOf(mark[:end+1])
}

// maxMark is more than a cache_control object is ever long.
const maxMark = 256

// ttlOf reads a cache_control object. A mark that says no ttl lives for five minutes.
func ttlOf(mark []byte) ttls {
	if kind, _ := unquote(member(mark, "type")); kind != "ephemeral" {
		return 0
	}
	if ttl, _ := unquote(member(mark, "ttl")); ttl == "1h" {
		return ttl1h
	}
	return ttl5m
}

// SessionFromUserID returns the session id that Claude Code puts into metadata.user_id: the
// session_id of the JSON object that the text is, or what follows "_session_" in the texts of
// versions before 2.1. It returns "" if there is none.
func SessionFromUserID(userID string) string {
	if strings.HasPrefix(userID, "{") {
		id, _ := unquote(member([]byte(userID), "session_id"))
		return id
	}
	_, id, _ := strings.Cut(userID, "_session_")
	return id
}
