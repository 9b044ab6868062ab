package simulator

import (
	"bytes"
	"strconv"
)

// peeked is what a shallow look at a request body tells.
type peeked struct {
	model             string
	stream, hasStream bool
	maxTokens         int
	ok                bool // the body is an object, as far as brackets and strings go
}

// peek finds the few members of the top level that rendering needs, without decoding the rest:
// it is what load tests pay per request.
func peek(body []byte) peeked {
	var p peeked
	i := space(body, 0)
	if i == len(body) || body[i] != '{' {
		return p
	}
	for i = space(body, i+1); i < len(body); i = space(body, i) {
		switch body[i] {
		case '}':
			p.ok = space(body, i+1) == len(body)
			return p
		case ',':
			i++
			continue
		}
		end := value(body, i)
		key := body[i:end]
		i = space(body, end)
		if i >= len(body) || body[i] != ':' {
			return p
		}
		i = space(body, i+1)
		end = value(body, i)
		if end == i {
			return p
		}
		p.take(string(key), body[i:end])
		i = end
	}
	return p
}

// take keeps the member if it is one that matters.
func (p *peeked) take(key string, raw []byte) {
	switch key {
	case `"model"`:
		if s, err := strconv.Unquote(string(raw)); err == nil {
			p.model = s
		}
	case `"stream"`:
		p.stream, p.hasStream = string(raw) == "true", true
	case `"max_tokens"`:
		p.maxTokens, _ = strconv.Atoi(string(raw))
	}
}

// space returns the offset of the next byte at or after i that is no white space.
func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// value returns the offset after the JSON value that begins at i; i itself where none does.
func value(b []byte, i int) int {
	depth := 0
	for j := i; j < len(b); j++ {
		switch b[j] {
		case '"':
			j = text(b, j)
			if depth == 0 {
				return min(j+1, len(b))
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return j
			}
			if depth--; depth == 0 {
				return j + 1
			}
		case ',', ':', ' ', '\n', '\r', '\t':
			if depth == 0 {
				return j
			}
		}
	}
	return len(b)
}

// text returns the offset of the quote that closes the string which begins at i.
func text(b []byte, i int) int {
	for i++; i < len(b); i++ {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return len(b)
		}
		i += n
		slashes := 0
		for b[i-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return i
		}
	}
	return len(b)
}
