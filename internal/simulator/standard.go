package simulator

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// standard answers what no step is for.
func (s *Server) standard(r *Request) *plan {
	switch r.Operation {
	case OpMessages:
		if s.fallback.plan != nil {
			return s.fallback.plan
		}
		return s.fallback.replier.reply(*r, s.name)
	case OpCountTokens:
		body := strconv.AppendInt([]byte(`{"input_tokens":`), prompt(r.Body), 10)
		return RawBody(http.StatusOK, jsonType, append(body, '}')).build(s.name)
	case OpModels:
		return s.listModels(r).build(s.name)
	case OpOther:
		return echo(r).build(s.name)
	}
	return Error(http.StatusNotFound, "not_found_error", "Not Found", nil).build(s.name)
}

// listModels answers GET /v1/models and /v1/models/ID.
func (s *Server) listModels(r *Request) Answer {
	if r.Dialect == DialectChat {
		return s.listOthers()
	}
	if _, id, ok := strings.Cut(r.Path, "/v1/models/"); ok {
		for _, m := range s.models {
			if m == id {
				return RawBody(http.StatusOK, jsonType, appendModel(nil, m))
			}
		}
		return Error(http.StatusNotFound, "not_found_error", "model: "+id, nil)
	}
	body := []byte(`{"data":[`)
	for i, m := range s.models {
		if i > 0 {
			body = append(body, ',')
		}
		body = appendModel(body, m)
	}
	body = append(body, `],"first_id":`...)
	if len(s.models) == 0 {
		return RawBody(http.StatusOK, jsonType, append(body, `null,"last_id":null,"has_more":false}`...))
	}
	body = appendString(body, s.models[0])
	body = appendString(append(body, `,"last_id":`...), s.models[len(s.models)-1])
	return RawBody(http.StatusOK, jsonType, append(body, `,"has_more":false}`...))
}

// listOthers is the list of models in the words of OpenAI.
func (s *Server) listOthers() Answer {
	body := []byte(`{"object":"list","data":[`)
	for i, m := range s.models {
		if i > 0 {
			body = append(body, ',')
		}
		body = appendString(append(body, `{"id":`...), m)
		body = append(body, `,"object":"model","created":1790000000,"owned_by":"simulator"}`...)
	}
	return RawBody(http.StatusOK, jsonType, append(body, `]}`...))
}

// appendModel appends a ModelInfo of the Models API.
func appendModel(dst []byte, id string) []byte {
	dst = appendString(append(dst, `{"id":`...), id)
	dst = append(dst, `,"type":"model","display_name":`...)
	dst = appendString(dst, strings.ReplaceAll(id, "-", " "))
	return append(dst, `,"created_at":"2026-10-01T00:00:00Z","lifecycle":"active","line":null,"max_input_tokens":1000000,"max_tokens":128000,"capabilities":null,"deprecated_at":null,"retires_at":null}`...)
}

// echo tells what a request of any other endpoint was: a relay in between may not change it.
func echo(r *Request) Answer {
	sum := sha256.Sum256(r.Body)
	return RawBody(http.StatusOK, jsonType, fmt.Appendf(nil,
		`{"type":"echo","method":%s,"path":%s,"query":%s,"content_type":%s,"bytes":%d,"sha256":"%s"}`,
		quoted(r.Method), quoted(r.Path), quoted(r.Query), quoted(r.Header.Get("Content-Type")), len(r.Body), hex.EncodeToString(sum[:])))
}

// prompt estimates the tokens of a request.
func prompt(body []byte) int64 { return int64(len(body))/4 + 1 }

// derive makes up the usage of an answer that scripts none: the same for the same request, and
// different for nearly every other, with the 5m/1h split as the request's cache marks ask.
func (p *plan) derive(body []byte) *Usage {
	u := &Usage{Input: prompt(body)}
	for i := range p.blocks {
		u.Output += int64(p.blocks[i].size)/4 + 3
		u.Thinking += int64(p.blocks[i].thinking) / 4
	}
	n := fingerprint(body)
	u.Output += int64(n % 5)
	if !bytes.Contains(body, []byte(`"cache_control"`)) {
		u.Input += int64(n >> 8 % 7)
		return u
	}
	cached := u.Input
	u.Input = int64(2 + n>>8%13)
	cached = max(cached-u.Input, 0)
	share := int64(30) // a first turn finds the system prompt of other sessions
	if bytes.Contains(body, []byte(`"role":"assistant"`)) {
		share = int64(85 + n>>16%12)
	}
	u.CacheRead = cached * share / 100
	written := cached - u.CacheRead
	switch {
	case !bytes.Contains(body, []byte(`"ttl":"1h"`)):
		u.CacheWrite5m = written
	case bytes.Contains(body, []byte(`"ttl":"5m"`)), bytes.Count(body, []byte(`"ttl":`)) < bytes.Count(body, []byte(`"cache_control":{`)):
		u.CacheWrite1h = written / 2
		u.CacheWrite5m = written - u.CacheWrite1h
	default:
		u.CacheWrite1h = written
	}
	return u
}
