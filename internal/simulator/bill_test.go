package simulator

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestTheBillSaysWhatWasReceivedAndSent(t *testing.T) {
	now := time.Unix(1795000000, 0)
	usage := Usage{Input: 12, Output: 34, CacheRead: 56, CacheWrite5m: 7, CacheWrite1h: 8, Thinking: 9, WebSearches: 1, Speed: "fast", InferenceGeo: "us"}
	s, up := serve(t, Options{Key: "key-1", Now: func() time.Time { return now }}, Reply(Text("hi"), ToolUse("Bash", `{}`), usage, ModelName("served")))
	r := ask(t, up, streamBody, "X-Api-Key: key-1", "Authorization: bearer tok-2", "X-Claude-Code-Session-Id: s-1", "X-Claude-Code-Agent-Id: a-1", "X-Claude-Code-Parent-Agent-Id: p-1")
	b := bills(t, s, 1)[0]
	want := Billed{
		Seq: 1, Started: now, Ended: now, Ending: EndComplete, Method: "POST", Path: "/v1/messages", Query: "beta=true", Host: "sim", Operation: OpMessages, Dialect: DialectAnthropic,
		Key: "key-1", KeyKind: KindAPIKey, SessionID: "s-1", AgentID: "a-1", ParentAgentID: "p-1", Conn: 1,
		Model: "claude-opus-5-5", Stream: true, RequestBytes: int64(len(streamBody)), RequestSHA256: sha256.Sum256([]byte(streamBody)),
		Status: 200, RequestID: r.header.Get("Request-Id"), MessageID: b.MessageID, ResponseModel: "served", StopReason: "tool_use",
		Start: Usage{
			Input: 12, Output: 1, CacheRead: 56, CacheWrite: 15, CacheWrite5m: 7, CacheWrite1h: 8, Thinking: Absent, WebSearches: Absent,
			WebFetches: Absent, Speed: "fast", InferenceGeo: "us", ServiceTier: "standard",
		},
		Usage:   Usage{Input: 12, Output: 34, CacheRead: 56, CacheWrite: 15, CacheWrite5m: 7, CacheWrite1h: 8, Thinking: 9, WebSearches: 1, Speed: "fast", InferenceGeo: "us", ServiceTier: "standard"},
		Charged: Usage{Input: 12, Output: 34, CacheRead: 56, CacheWrite: 15, CacheWrite5m: 7, CacheWrite1h: 8, Thinking: 9, WebSearches: 1, Speed: "fast", InferenceGeo: "us", ServiceTier: "standard"},
		Source:  SourceFinal, ResponseBytes: int64(len(r.body)), ResponseSHA256: sha256.Sum256(r.body),
	}
	got := b
	got.Header, got.Credentials, got.RequestBody, got.ResponseBody = nil, nil, nil, nil
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if fmt.Sprint(b.Credentials) != "[{x-api-key key-1} {bearer tok-2}]" || string(b.RequestBody) != streamBody || !bytes.Equal(b.ResponseBody, r.body) {
		t.Errorf("credentials %v, %d and %d bytes kept", b.Credentials, len(b.RequestBody), len(b.ResponseBody))
	}
	if !bytes.Contains(r.body, []byte(b.MessageID)) || b.Header.Get("X-Claude-Code-Session-Id") != "s-1" {
		t.Errorf("message id %q, header %v", b.MessageID, b.Header)
	}
}

func TestAWrongCredentialIsRefusedAndBilled(t *testing.T) {
	s, up := serve(t, Options{Key: "right"}, Text("x"))
	for _, line := range []string{"X-Api-Key: wrong", "Authorization: Bearer wrong", "X-None: right"} {
		if r := ask(t, up, streamBody, line); r.status != 401 || !bytes.Contains(r.body, []byte("authentication_error")) {
			t.Errorf("%s: %d %s", line, r.status, r.body)
		}
	}
	for _, line := range []string{"X-Api-Key: right", "Authorization: Bearer right", "Api-Key: right"} {
		if r := ask(t, up, streamBody, line); r.status != 200 {
			t.Errorf("%s: %d %s", line, r.status, r.body)
		}
	}
	kinds := ""
	for _, b := range bills(t, s, 6) {
		kinds += b.KeyKind + ":" + b.Key + " "
	}
	if kinds != "x-api-key:wrong bearer:wrong : x-api-key:right bearer:right api-key:right " {
		t.Error(kinds)
	}
}

func TestWhatIsBilledIsWhatWasSaid(t *testing.T) {
	u := Usage{Input: 10, Output: 20, CacheRead: 30, CacheWrite5m: 40}
	with := func(f func(*Usage)) Usage { c := u; f(&c); return c }
	for name, c := range map[string]struct {
		answer                  Answer
		body, source            string
		input, output, read, w5 int64
	}{
		"stream":            {Reply(Text("x"), u), streamBody, SourceFinal, 10, 20, 30, 40},
		"JSON":              {Reply(Text("x"), u), jsonBody, SourceFinal, 10, 20, 30, 40},
		"cut before start":  {Reply(Text("x"), u, CutAfter(0, CutFIN)), streamBody, SourceNone, Absent, Absent, Absent, Absent},
		"cut within start":  {Reply(Text("x"), u, CutAtByte(300, CutFIN)), streamBody, SourceNone, Absent, Absent, Absent, Absent},
		"cut after start":   {Reply(Text("x"), u, CutAfter(1, CutFIN)), streamBody, SourcePartial, 10, 1, 30, 40},
		"cut JSON":          {Reply(Text("x"), u, CutAtByte(50, CutFIN)), jsonBody, SourceNone, Absent, Absent, Absent, Absent},
		"no stop":           {Reply(Text("x"), u, NoMessageStop()), streamBody, SourceFinal, 10, 20, 30, 40},
		"no delta":          {Reply(Text("x"), u, NoMessageDelta()), streamBody, SourcePartial, 10, 1, 30, 40},
		"zero start":        {Reply(Text("x"), with(func(u *Usage) { u.InStart = UsageZero })), streamBody, SourceFinal, 10, 20, 30, 0},
		"output only":       {Reply(Text("x"), with(func(u *Usage) { u.InDelta = UsageOutputOnly })), streamBody, SourceFinal, 10, 20, 30, 40},
		"zero delta":        {Reply(Text("x"), with(func(u *Usage) { u.InDelta = UsageZero })), streamBody, SourceFinal, 10, 0, 30, 40},
		"no split":          {Reply(Text("x"), with(func(u *Usage) { u.InStart = UsageNoSplit })), streamBody, SourceFinal, 10, 20, 30, Absent},
		"null everywhere":   {Reply(Text("x"), with(func(u *Usage) { u.InStart, u.InDelta = UsageNull, UsageNull })), streamBody, SourceNone, Absent, Absent, Absent, Absent},
		"absent delta":      {Reply(Text("x"), with(func(u *Usage) { u.InDelta = UsageAbsent })), streamBody, SourcePartial, 10, 1, 30, 40},
		"raised input":      {Reply(Text("x"), with(func(u *Usage) { u.Start = &Usage{Input: 3, CacheWrite5m: 40} })), streamBody, SourceFinal, 10, 20, 30, 40},
		"counts going down": {Reply(Text("x"), u, EarlierDelta(Usage{Input: 99, Output: 99})), streamBody, SourceFinal, 10, 20, 30, 40},
		"error":             {Overloaded(), streamBody, SourceNone, Absent, Absent, Absent, Absent},
	} {
		s, up := serve(t, Options{}, c.answer)
		ask(t, up, c.body)
		b := bills(t, s, 1)[0]
		if b.Source != c.source || b.Usage.Input != c.input || b.Usage.Output != c.output || b.Usage.CacheRead != c.read || b.Usage.CacheWrite5m != c.w5 {
			t.Errorf("%s: %s %+v", name, b.Source, b.Usage)
		}
	}
}

// TestWhatIsChargedIsMoreThanWhatIsSaid has a provider that counts cached tokens inside the input,
// does not divide its cache writes, and bills iterations.
func TestWhatIsChargedIsMoreThanWhatIsSaid(t *testing.T) {
	u := Usage{
		Input: 10, Output: 20, CacheRead: 300, CacheWrite1h: 40, InStart: UsageNoSplit, CacheInside: true, Total: true, ServiceTier: "batch",
		Iterations: []Iteration{
			{Type: "compaction", Usage: Usage{Input: 7, Output: 8, CacheWrite5m: 9, InStart: UsageNoSplit}},
			{Type: "advisor_message", Model: "other", Usage: Usage{Input: 1, Output: 2, CacheRead: 3, CacheWrite1h: 4}},
		},
	}
	for _, body := range []string{streamBody, strings.Replace(streamBody, `"stream":true`, `"stream":false`, 1)} {
		s, up := serve(t, Options{}, Reply(Text("x"), u))
		r := ask(t, up, body)
		for _, want := range []string{
			`"input_tokens":350,`, `"total_tokens":370`, `"iterations":[{"type":"compaction","model":null,"input_tokens":7,"output_tokens":8,"cache_read_input_tokens":0,"cache_creation_input_tokens":9},`,
			`{"type":"advisor_message","model":"other","input_tokens":1,"output_tokens":2,"cache_read_input_tokens":3,"cache_creation_input_tokens":4,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":4}}]`,
		} {
			if !bytes.Contains(r.body, []byte(want)) {
				t.Errorf("the answer lacks %s:\n%s", want, r.body)
			}
		}
		b := bills(t, s, 1)[0]
		if b.Usage.Input != 350 || b.Usage.CacheWrite1h != Absent {
			t.Errorf("said: %+v", b.Usage)
		}
		c := b.Charged
		if c.Input != 10 || c.CacheWrite1h != 40 || c.CacheWrite5m != 0 || c.ServiceTier != "batch" || len(c.Iterations) != 2 || c.Iterations[0].Usage.CacheWrite5m != 9 || c.Iterations[1].Model != "other" {
			t.Errorf("charged: %+v", c)
		}
	}
}

func TestUsageThatIsNotScriptedDiffersFromRequestToRequestAndRepeats(t *testing.T) {
	s, up := serve(t, Options{}, Always(Text("x")))
	body := func(n int, ttl string) string {
		return fmt.Sprintf(`{"model":"m","stream":true,"messages":[{"role":"user","content":[{"type":"text","text":"question %d %s","cache_control":{"type":"ephemeral"%s}}]}]}`, n, strings.Repeat("x", 4000), ttl)
	}
	seen := map[string]int{}
	for n := range 20 {
		ask(t, up, body(n, ""))
		ask(t, up, body(n, ""))
	}
	for _, b := range bills(t, s, 40) {
		seen[fmt.Sprint(b.Usage)]++
		if b.Usage.CacheWrite5m == 0 || b.Usage.CacheWrite1h != 0 || b.Usage.CacheRead == 0 {
			t.Errorf("usage %+v", b.Usage)
		}
	}
	if len(seen) < 10 {
		t.Errorf("%d different figures for 20 different requests", len(seen))
	}
	for u, n := range seen {
		if n%2 != 0 {
			t.Errorf("the same request was billed differently: %s", u)
		}
	}
	ask(t, up, body(1, `,"ttl":"1h"`))
	if u := bills(t, s, 41)[40].Usage; u.CacheWrite1h == 0 || u.CacheWrite5m != 0 {
		t.Errorf("an hour's cache mark was billed as %+v", u)
	}
}

func TestAClientThatLeavesIsBilledAsCancelled(t *testing.T) {
	s, up := serve(t, Options{}, long().With(Usage{Input: 7, Output: 9}, Pause(3, time.Hour)))
	c := dial(t, up)
	c.send(t, http.MethodPost, "/v1/messages", streamBody)
	if _, err := c.r.Peek(700); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	b := bills(t, s, 1)[0]
	if b.Ending != EndCancelled || b.Source != SourcePartial || b.Usage.Input != 7 || b.ResponseBytes < 700 {
		t.Errorf("%+v", b)
	}
	half := dial(t, up)
	if _, err := fmt.Fprintf(half, "POST /v1/messages HTTP/1.1\r\nHost: s\r\nContent-Length: 100\r\n\r\n{\"model\""); err != nil {
		t.Fatal(err)
	}
	_ = half.Close()
	if b := bills(t, s, 2)[1]; b.Ending != EndCancelled || b.RequestBytes != 8 || b.Status != 0 {
		t.Errorf("half a request: %+v", b)
	}
}

func TestManyRequestsAtOnceAreBilledOnceEach(t *testing.T) {
	s, up := serve(t, Options{Record: RecordHashes}, Always(AnswerFunc(func(r Request) Answer { return Text("echo " + r.Prompt) })))
	const clients, each = 8, 25
	var wg sync.WaitGroup
	var mu sync.Mutex
	sums := map[string][sha256.Size]byte{}
	for i := range clients {
		c := dial(t, up)
		wg.Go(func() {
			for n := range each {
				name := fmt.Sprintf("%d-%d", i, n)
				body := fmt.Sprintf(`{"model":%q,"stream":true,"messages":[{"role":"user","content":%q}]}`, name, name)
				if err := c.write(http.MethodPost, "/v1/messages", body); err != nil {
					t.Error(err)
					return
				}
				r := c.read(t)
				if r.err != nil || !bytes.Contains(r.body, []byte(name)) {
					t.Errorf("%s: %v", name, r.err)
				}
				mu.Lock()
				sums[name] = sha256.Sum256(r.body)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	ids := map[string]bool{}
	for i, b := range bills(t, s, clients*each) {
		ids[b.RequestID], ids[b.MessageID] = true, true
		if sums[b.Model] != b.ResponseSHA256 || b.Seq != i+1 || b.ResponseBody != nil {
			t.Errorf("%s: the bill's bytes are not the client's", b.Model)
		}
		delete(sums, b.Model)
	}
	if len(sums) != 0 || len(ids) != 2*clients*each {
		t.Errorf("%d requests without a bill, %d ids", len(sums), len(ids))
	}
	if _, open := up.Connections(); open > clients {
		t.Errorf("%d connections", open)
	}
}

func TestWaitingForBillsEndsWithItsContext(t *testing.T) {
	s, up := serve(t, Options{Record: RecordCount}, Always(Text("x")))
	ask(t, up, streamBody)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if list, err := s.WaitBills(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%d bills, %v", len(list), err)
	}
	if seen, _ := s.Requests(); seen != 1 || len(s.Bill()) != 0 {
		t.Errorf("%d requests counted", seen)
	}
}

func TestOtherEndpointsAnswerAndAreBilled(t *testing.T) {
	s, up := serve(t, Options{})
	for _, c := range []struct{ method, path, operation, want string }{
		{"HEAD", "/", OpHello, ""},
		{"GET", "/", OpHello, "ok"},
		{"HEAD", "/api/hello", OpHello, ""},
		{"POST", "/v1/messages/count_tokens?beta=true", OpCountTokens, `{"input_tokens":`},
		{"POST", "/anthropic/v1/messages", OpMessages, "simulator"},
		{"GET", "/v1/models?limit=1000", OpModels, `"has_more":false`},
		{"GET", "/v1/models/claude-opus-5-5", OpModels, `"type":"model"`},
		{"GET", "/v1/models/nope", OpModels, "not_found_error"},
		{"POST", "/v1/messages/batches", OpOther, `"type":"echo"`},
		{"GET", "/v1/files/f%2F1?x=y", OpOther, `"path":"/v1/files/f%2F1","query":"x=y"`},
		{"GET", "/favicon.ico", OpUnknown, "not_found_error"},
		{"PUT", "/v1/messages", OpMessages, "Method Not Allowed"},
	} {
		conn := dial(t, up)
		conn.send(t, c.method, c.path, jsonBody)
		if c.method == "HEAD" {
			if status := conn.head(t); status != 200 {
				t.Errorf("%s %s: %d", c.method, c.path, status)
			}
			continue
		}
		r := conn.read(t)
		if r.err != nil || !strings.Contains(string(r.body), c.want) || r.header.Get("Content-Type") == jsonType && !json.Valid(r.body) {
			t.Errorf("%s %s: %d %s (%v)", c.method, c.path, r.status, r.body, r.err)
		}
		list := s.Bill()
		if got := list[len(list)-1].Operation; got != c.operation {
			t.Errorf("%s %s: billed as %s", c.method, c.path, got)
		}
	}
}
