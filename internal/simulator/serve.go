package simulator

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strings"
)

// What a request asks for, by its path.
const (
	OpMessages    = "messages"
	OpCountTokens = "count_tokens"
	OpModels      = "models"
	OpHello       = "hello" // HEAD and GET of / and of /api/hello
	OpOther       = "other" // anything else below /v1/
	OpUnknown     = "unknown"
)

// scratch is the memory one request needs. It is reused.
type scratch struct {
	body bytes.Buffer
	text rendering
}

// exchange is one request on its way through the simulator.
type exchange struct {
	s    *Server
	w    http.ResponseWriter
	r    *http.Request
	conn *conn // nil outside a Running
	seq  uint64
	bill Billed
	*scratch
}

// ServeHTTP answers one request by the script and bills it.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{s: s, w: w, r: r, seq: s.seq.Add(1), scratch: s.pool.Get().(*scratch)}
	x.conn, _ = r.Context().Value(connKey{}).(*conn)
	x.begin()
	defer x.end()
	if !s.thawed(x.r.Context().Done()) || !x.read() {
		x.bill.Ending = EndCancelled
		panic(http.ErrAbortHandler)
	}
	x.route()
}

// begin opens the bill.
func (x *exchange) begin() {
	b, r := &x.bill, x.r
	b.Started, b.Usage, b.Charged, b.Start, b.Source = x.s.now(), unsaid(), unsaid(), unsaid(), SourceNone
	b.Operation, b.Dialect = operation(r.Method, r.URL.Path), dialect(r)
	if x.conn != nil {
		b.Conn, b.Reused = x.conn.number, x.conn.served.Add(1) > 1
	}
	if x.s.record != RecordCount {
		b.Method, b.Path, b.Query, b.Host, b.Header = r.Method, r.URL.EscapedPath(), r.URL.RawQuery, r.Host, r.Header.Clone()
		b.Credentials = credentials(r.Header)
		b.SessionID, b.AgentID, b.ParentAgentID = r.Header.Get(sessionHeader), r.Header.Get(agentHeader), r.Header.Get(parentHeader)
		if len(b.Credentials) > 0 {
			b.Key, b.KeyKind = b.Credentials[0].Value, b.Credentials[0].Kind
		}
	}
	x.s.open(b)
}

const (
	sessionHeader = "X-Claude-Code-Session-Id"
	agentHeader   = "X-Claude-Code-Agent-Id"
	parentHeader  = "X-Claude-Code-Parent-Agent-Id"
)

// end closes the bill, also on the way out of an abort.
func (x *exchange) end() {
	if x.bill.Ending == "" {
		x.bill.Ending = EndComplete
	}
	x.bill.Ended = x.s.now()
	x.s.close(&x.bill)
	x.body.Reset()
	x.text.reset()
	if x.body.Cap() <= 1<<20 && cap(x.text.out) <= 1<<20 {
		x.s.pool.Put(x.scratch)
	}
}

// read takes in the body; it reports false if the client left before it was whole.
func (x *exchange) read() bool {
	_, err := io.Copy(&x.body, io.LimitReader(x.r.Body, x.s.maxBody+1))
	b, body := &x.bill, x.body.Bytes()
	b.RequestBytes = int64(len(body))
	if x.s.record != RecordCount {
		b.RequestSHA256 = sha256.Sum256(body)
	}
	if x.s.record == RecordAll {
		b.RequestBody = bytes.Clone(body)
	}
	return err == nil
}

// route answers by operation, after the checks the provider makes.
func (x *exchange) route() {
	if x.bill.Operation == OpHello {
		x.play(Reply(RawBody(http.StatusOK, "text/plain; charset=utf-8", []byte("ok\n"))).build(x.s.name), nil)
		return
	}
	req := x.request()
	x.bill.Model, x.bill.Stream = req.Model, req.Stream
	rules := *x.s.rules.Load()
	refused := x.refusal(&req, rules)
	if x.s.record != RecordCount {
		x.bill.SessionID = req.SessionID // other dialects tell it in the body
	}
	if refused != nil {
		x.play(refused, nil)
		return
	}
	p, giveBack := x.s.answer(rules, &req)
	if p != nil && p.wire.dropReused != nil && x.bill.Reused {
		giveBack()
		x.abort(*p.wire.dropReused)
	}
	if p == nil {
		p = x.s.standard(&req)
	}
	x.play(p, &req)
}

// request returns the request as far as a peek into it tells.
func (x *exchange) request() Request {
	r := x.r
	req := Request{
		Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Host: r.Host, Header: r.Header, Body: x.body.Bytes(),
		Operation: x.bill.Operation, Dialect: x.bill.Dialect,
		SessionID: r.Header.Get(sessionHeader), AgentID: r.Header.Get(agentHeader), ParentAgentID: r.Header.Get(parentHeader),
	}
	if list := credentials(r.Header); len(list) > 0 {
		req.Key = list[0].Value
	}
	p := peek(req.Body)
	req.Model, req.Stream, req.HasStream, req.MaxTokens = p.model, p.stream, p.hasStream, p.maxTokens
	return req
}

// refusal returns the error the provider would answer, whatever the script says; nil if none.
// It decodes the request where the script or a check needs it.
func (x *exchange) refusal(req *Request, rules []*rule) *plan {
	answer := func(a Answer) *plan { return a.build(x.s.name) }
	invalid := func(message string) *plan {
		return answer(Error(http.StatusBadRequest, "invalid_request_error", message, nil))
	}
	if x.s.key != "" && !x.authenticated() {
		x.s.denied.Add(1)
		return answer(Error(http.StatusUnauthorized, "authentication_error", "invalid x-api-key", nil))
	}
	if x.bill.RequestBytes > x.s.maxBody {
		return answer(Error(http.StatusRequestEntityTooLarge, "request_too_large", "Request exceeds the maximum size", nil))
	}
	if req.Operation != OpMessages && req.Operation != OpCountTokens {
		return nil
	}
	if req.Method != http.MethodPost {
		return answer(Error(http.StatusMethodNotAllowed, "invalid_request_error", "Method Not Allowed", nil))
	}
	if !peek(req.Body).ok {
		return invalid("The request body is not valid JSON: expected an object")
	}
	if f := faceOf(req.Dialect); f != nil {
		if err := f.read(req); err != nil {
			return invalid(notJSON + " " + err.Error())
		}
		if a, refused := f.refuse(x.s, req); refused {
			return answer(a)
		}
		return nil
	}
	if !x.s.checkSignatures && !needsBody(rules) && x.s.fallback.plan != nil {
		return nil
	}
	if err := req.decode(); err != nil {
		return invalid(fmt.Sprintf("The request body is not valid JSON: %s", errors.Unwrap(err)))
	}
	if !x.s.checkSignatures {
		return nil
	}
	for i, m := range req.Messages {
		for j, b := range m.Blocks {
			if b.Type == "thinking" && !signedBy(x.s.name, b.Signature) {
				return invalid(badSignature(i, j))
			}
		}
	}
	return nil
}

// authenticated tells whether a credential is the one that is demanded.
func (x *exchange) authenticated() bool {
	for _, c := range credentials(x.r.Header) {
		if c.Value == x.s.key {
			return true
		}
	}
	return false
}

// operation returns what a path asks for. A base URL may have a path of its own in front.
func operation(method, path string) string {
	if strings.HasSuffix(path, chatPath) || strings.HasSuffix(path, responsesPath) {
		return OpMessages
	}
	i := strings.LastIndex(path, "/v1/")
	if i < 0 {
		if (method == http.MethodGet || method == http.MethodHead) && (strings.HasSuffix(path, "/") || strings.HasSuffix(path, "/api/hello")) {
			return OpHello
		}
		return OpUnknown
	}
	rest := path[i+len("/v1/"):]
	switch {
	case rest == "messages":
		return OpMessages
	case rest == "messages/count_tokens":
		return OpCountTokens
	case rest == "models" || strings.HasPrefix(rest, "models/"):
		return OpModels
	}
	return OpOther
}

// fingerprint is a number that depends on the whole body.
func fingerprint(body []byte) uint64 {
	return mix(uint64(crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))<<32 | uint64(len(body)))
}

func promptTooLong(tokens, limit int) string {
	return fmt.Sprintf("prompt is too long: %d tokens > %d maximum", tokens, limit)
}

func badSignature(message, block int) string {
	return fmt.Sprintf("messages.%d.content.%d: Invalid `signature` in `thinking` block", message, block)
}
