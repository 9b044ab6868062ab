package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// CloudOptions are the settings of a [Cloud].
type CloudOptions struct {
	Access, Secret, Session string   // Amazon's credentials; Access "" = none are accepted
	Region, Service         string   // that a signature must name; "" = us-east-1 and bedrock
	Token                   string   // Google's access token, or Amazon's long-lived key; "" = none is accepted
	Betas                   []string // names that are accepted; nil = all
	Extra                   []string // members of a request that are accepted beside those of the first API version
	Uncounted               bool     // it does not count tokens
	Lacks                   []string // members of usage that Claude leaves out, so that only Amazon's metrics tell them
	CutAfter                int      // bytes of a stream after which the connection ends; 0 = never
}

// Cloud is a simulated Amazon Bedrock and Google Vertex: it answers in their wrappings what a
// [Server] answers, whose script it plays and whose bill it is. It verifies signatures.
type Cloud struct {
	s   *Server
	opt CloudOptions
}

// Cloud returns the clouds in which s is Claude.
func (s *Server) Cloud(opt CloudOptions) *Cloud {
	if opt.Region == "" {
		opt.Region = "us-east-1"
	}
	if opt.Service == "" {
		opt.Service = "bedrock"
	}
	return &Cloud{s, opt}
}

// Start is [Server.Start] for the clouds.
func (c *Cloud) Start() *Running {
	l, err := listen("127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	return c.s.serveAs(c, l, "http://", nil)
}

// doorway is what the path of a request asks for.
type doorway struct {
	google bool
	model  string
	op     string // of Amazon: invoke, invoke-with-response-stream, count-tokens; of Google: rawPredict, streamRawPredict
}

// doorOf reads the path of a request.
func doorOf(r *http.Request) (doorway, bool) {
	parts := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	n := len(parts)
	if n >= 3 && parts[n-3] == "model" {
		id, err := url.PathUnescape(parts[n-2])
		return doorway{model: id, op: parts[n-1]}, err == nil && slices.Contains([]string{"invoke", "invoke-with-response-stream", "count-tokens"}, parts[n-1])
	}
	if n >= 8 && parts[n-4] == "publishers" && parts[n-3] == "anthropic" && parts[n-2] == "models" && parts[n-8] == "projects" {
		name, op, ok := strings.Cut(parts[n-1], ":")
		id, err := url.PathUnescape(name)
		return doorway{google: true, model: id, op: op}, ok && err == nil && (op == "rawPredict" || op == "streamRawPredict")
	}
	return doorway{}, false
}

// ServeHTTP answers one request.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/v1/messages") {
		c.itself(w, r)
		return
	}
	door, ok := doorOf(r)
	if !ok || r.Method != http.MethodPost {
		c.refuse(w, doorway{}, "UnknownOperationException", "no such operation")
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if name, message := c.stranger(r, &door, body); name != "" {
		c.s.denied.Add(1)
		c.refuse(w, door, name, message)
		return
	}
	if door.op == "count-tokens" {
		c.count(w, r, door, body)
		return
	}
	c.message(w, r, door, body)
}

// itself is the Messages API at Amazon, which differs by the signature alone.
func (c *Cloud) itself(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if name, message := c.stranger(r, &doorway{}, body); name != "" {
		c.s.denied.Add(1)
		c.refuse(w, doorway{}, name, message)
		return
	}
	c.s.ServeHTTP(w, c.within(r, "/v1/messages", body))
}

// message has the server behind answer a request for a message.
func (c *Cloud) message(w http.ResponseWriter, r *http.Request, door doorway, body []byte) {
	req, refused := c.unwrap(&door, r.Header, body)
	if refused != "" {
		c.refuse(w, door, "ValidationException", refused)
		return
	}
	answer := &cloudWriter{c: c, w: w, door: door, head: http.Header{}}
	c.s.ServeHTTP(answer, c.within(r, "/v1/messages", req))
	answer.close()
}

// within is the request that the server behind is asked with.
func (c *Cloud) within(r *http.Request, path string, body []byte) *http.Request {
	in := r.Clone(r.Context())
	in.URL = &url.URL{Path: path}
	in.Header.Set("Anthropic-Version", "2023-06-01")
	if c.s.key != "" {
		in.Header.Set("X-Api-Key", c.s.key)
	}
	in.Body, in.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return in
}

// count answers a request for a count of Amazon. Profiles of several regions cannot count.
func (c *Cloud) count(w http.ResponseWriter, r *http.Request, door doorway, body []byte) {
	var v struct {
		Input struct {
			InvokeModel struct {
				Body []byte `json:"body"`
			} `json:"invokeModel"`
		} `json:"input"`
	}
	if json.Unmarshal(body, &v) != nil || len(v.Input.InvokeModel.Body) == 0 || c.opt.Uncounted || !strings.HasPrefix(door.model, "anthropic.") {
		c.refuse(w, door, "ValidationException", "The provided model doesn't support counting tokens.")
		return
	}
	req, refused := c.unwrap(&door, r.Header, v.Input.InvokeModel.Body)
	if refused != "" {
		c.refuse(w, door, "ValidationException", refused)
		return
	}
	answer := &cloudWriter{c: c, w: w, door: door, head: http.Header{}, counting: true}
	c.s.ServeHTTP(answer, c.within(r, "/v1/messages/count_tokens", req))
	answer.close()
}

// unwrap checks a request as strictly as a cloud does, and returns it as one of the Messages API.
func (c *Cloud) unwrap(door *doorway, h http.Header, body []byte) (req []byte, refused string) {
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil {
		return nil, "Malformed input request, please reformat your input and try again."
	}
	betas := strings.FieldsFunc(strings.Join(h.Values("Anthropic-Beta"), ","), func(c rune) bool { return c == ',' || c == ' ' })
	if !door.google {
		betas = nil
		_ = json.Unmarshal(members["anthropic_beta"], &betas)
		delete(members, "anthropic_beta")
	}
	for _, name := range betas {
		if c.opt.Betas != nil && !slices.Contains(c.opt.Betas, name) {
			return nil, "invalid beta flag"
		}
	}
	if door.google && door.model == "count-tokens" {
		_ = json.Unmarshal(members["model"], &door.model)
		delete(members, "model")
	}
	for _, name := range []string{"anthropic_version", "messages"} {
		if members[name] == nil {
			return nil, name + ": Field required"
		}
	}
	delete(members, "anthropic_version")
	stream := door.op == "invoke-with-response-stream"
	if door.google {
		stream = string(members["stream"]) == "true"
		delete(members, "stream")
	}
	for name := range members {
		if !slices.Contains(firstMembers(), name) && !slices.Contains(c.opt.Extra, name) {
			return nil, name + ": Extra inputs are not permitted"
		}
	}
	members["model"], _ = json.Marshal(door.model)
	members["stream"] = json.RawMessage(strconv.FormatBool(stream))
	req, _ = json.Marshal(members)
	return req, ""
}

// firstMembers are those of the API's first version.
func firstMembers() []string {
	return []string{
		"messages", "max_tokens", "system", "tools", "tool_choice", "thinking", "metadata", "stop_sequences", "temperature", "top_p", "top_k",
	}
}

// refuse answers with an error of the cloud.
func (c *Cloud) refuse(w http.ResponseWriter, door doorway, name, message string) {
	status := cloudStatus(name)
	body, _ := json.Marshal(map[string]string{"message": message})
	if door.google {
		v := map[string]any{"error": map[string]any{"code": status, "message": message, "status": googleStatus(status)}}
		body, _ = json.Marshal(v)
	} else {
		w.Header().Set("X-Amzn-Errortype", name)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Requestid", c.requestID())
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func (c *Cloud) requestID() string {
	return fmt.Sprintf("00000000-0000-4000-8000-%012x", c.s.seq.Load())
}

// cloudStatus is the status of an error of Amazon.
func cloudStatus(name string) int {
	switch name {
	case "UnknownOperationException", "ResourceNotFoundException":
		return http.StatusNotFound
	case "ValidationException":
		return http.StatusBadRequest
	case "ThrottlingException", "ModelNotReadyException":
		return http.StatusTooManyRequests
	case "ModelTimeoutException":
		return http.StatusRequestTimeout
	case "ModelErrorException":
		return http.StatusFailedDependency
	case "ServiceUnavailableException":
		return http.StatusServiceUnavailable
	case "InternalServerException":
		return http.StatusInternalServerError
	case "UNAUTHENTICATED":
		return http.StatusUnauthorized
	}
	return http.StatusForbidden
}

// googleStatus is how Google calls a status.
func googleStatus(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "INVALID_ARGUMENT"
	case http.StatusUnauthorized:
		return "UNAUTHENTICATED"
	case http.StatusForbidden:
		return "PERMISSION_DENIED"
	case http.StatusNotFound:
		return "NOT_FOUND"
	case http.StatusTooManyRequests:
		return "RESOURCE_EXHAUSTED"
	case http.StatusServiceUnavailable:
		return "UNAVAILABLE"
	}
	return "INTERNAL"
}

// exceptionOf is what Amazon calls an error of Anthropic.
func exceptionOf(typ string) string {
	switch typ {
	case "invalid_request_error", "request_too_large":
		return "ValidationException"
	case "rate_limit_error":
		return "ThrottlingException"
	case "overloaded_error":
		return "ServiceUnavailableException"
	case "timeout_error":
		return "ModelTimeoutException"
	case "not_found_error":
		return "ResourceNotFoundException"
	case "authentication_error", "permission_error":
		return "AccessDeniedException"
	}
	return "InternalServerException"
}
