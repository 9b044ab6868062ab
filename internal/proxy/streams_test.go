package proxy_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/simulator"
	"prism/internal/stream"
)

const workers = 16

// each calls fn with 0 to n-1, sixteen at a time.
func each(n int, fn func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(workers, n) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				fn(i)
			}
		})
	}
	wg.Wait()
}

// seed returns the seed of a randomised test, which PRISM_SEED sets, and prints it.
func seed(t *testing.T) uint64 {
	t.Helper()
	s := uint64(time.Now().UnixNano())
	if v := os.Getenv("PRISM_SEED"); v != "" {
		var err error
		if s, err = strconv.ParseUint(v, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("PRISM_SEED=%d", s)
	return s
}

// dice draws the parts of random answers and requests.
type dice struct{ *rand.Rand }

func newDice(seed uint64, i int) dice { return dice{rand.New(rand.NewPCG(seed, uint64(i)))} }

// oneIn is true once in n times.
func (d dice) oneIn(n int) bool { return d.IntN(n) == 0 }

// text is up to n characters of one to four bytes each, and of what JSON has to escape.
func (d dice) text(n int) string {
	alphabet := []rune("abc xyz,.\"\\\n\t/{}äßçñ漢字かな한국🙂🚀𝄞\u2028\u0000")
	var b strings.Builder
	for range 1 + d.IntN(n) {
		b.WriteRune(alphabet[d.IntN(len(alphabet))])
	}
	return b.String()
}

// usage draws counts, and one of the ways in which a provider may hide them: cached tokens within
// the input, with a total that proves it, and cache writes without their time to live.
func (d dice) usage() simulator.Usage {
	u := simulator.Usage{
		Input: d.Int64N(100_000), Output: d.Int64N(32_000), CacheRead: d.Int64N(1_000_000), CacheWrite5m: d.Int64N(50_000), CacheWrite1h: d.Int64N(50_000),
		WebSearches: d.Int64N(5),
	}
	if d.oneIn(2) {
		u.InDelta = simulator.UsageOutputOnly
		return u
	}
	if d.oneIn(3) {
		u.CacheInside, u.Total = true, true
	}
	if d.oneIn(3) {
		u.InStart, u.CacheWrite1h = simulator.UsageNoSplit, 0
	}
	for range d.IntN(3) {
		kind := []simulator.Iteration{{Type: "compaction"}, {Type: "advisor_message", Model: "claude-fable-5-2"}}[d.IntN(2)]
		kind.Usage = simulator.Usage{Input: 1 + d.Int64N(1000), Output: d.Int64N(100), CacheRead: d.Int64N(10), CacheWrite5m: d.Int64N(10), CacheWrite1h: d.Int64N(10), CacheInside: u.CacheInside}
		u.Iterations = append(u.Iterations, kind)
	}
	return u
}

// answer draws an answer of any framing that a stream may have.
func (d dice) answer() simulator.Answer {
	parts := []simulator.Part{d.usage()}
	add := func(p simulator.Part) { parts = append(parts, p) }
	for range 1 + d.IntN(3) {
		switch d.IntN(4) {
		case 0:
			add(simulator.Thinking(d.text(200), ""))
		case 1:
			add(simulator.ToolUse("Bash", `{"command":"echo \"漢字\""}`))
		default:
			add(simulator.TextPieces(d.text(400), 1+d.IntN(40)))
		}
	}
	big := d.oneIn(50)
	if big {
		add(simulator.BigLine(1 << 20))
	}
	switch d.IntN(3) {
	case 0:
		add(simulator.CRLF())
	case 1:
		add(simulator.CR())
	}
	for _, p := range []simulator.Answer{
		simulator.Comments(), simulator.UnknownEvents(), simulator.BOM(), simulator.MultiLineData(), simulator.NoSpace(),
		simulator.IDLines(), simulator.Pings(2, 0), simulator.Interleave(), simulator.NoFinalBlankLine(),
	} {
		if d.oneIn(4) {
			add(p)
		}
	}
	sizes := []int{7, 64, 4096}
	if d.oneIn(20) {
		sizes[0] = 1
	}
	if big {
		sizes = []int{32 << 10, 300 << 10}
	}
	if n := d.IntN(len(sizes) + 1); n < len(sizes) {
		add(simulator.RandomChunks(d.Uint64(), sizes[n]))
	}
	if d.oneIn(20) {
		add(simulator.Jitter(d.Uint64(), 0, 3*time.Millisecond))
	}
	return simulator.Reply(parts...)
}

// request draws a request body in three pieces: the second is the value of model.
func (d dice) request(streaming bool) (before, model, after string) {
	space := []string{"", " ", "\n\t"}[d.IntN(3)]
	before = fmt.Sprintf(`{%s"max_tokens":%d,"system":%q,"model"%s:`, space, 1+d.IntN(1000), "a \"model\": \"of nothing\" ünïcode", space)
	model = []string{`"claude-opus-5-5"`, `"alias-one"`, `"alias-\u0074wo"`}[d.IntN(3)]
	after = fmt.Sprintf(`%s,"messages":[{"role":"user","content":%q}],"nested":{"model":"alias-x"},"stream":%v}`, space, strings.ToValidUTF8(d.text(300), ""), streaming)
	return before, model, strings.ReplaceAll(after, `\x00`, `\u0000`)
}

func TestAThousandRandomStreamsPassByteForByteAndAreBilledAsTheProviderDoes(t *testing.T) {
	seed, n := seed(t), 1000
	s := simulator.New(simulator.Options{Key: testKey, Record: simulator.RecordHashes})
	up := s.Start()
	defer up.Close()
	s.Script(simulator.Always(simulator.AnswerFunc(func(r simulator.Request) simulator.Answer {
		i, _ := strconv.Atoi(r.SessionID)
		return newDice(seed, i).answer()
	})))
	p := profile("work", up.URL)
	p.Models = []config.ModelRule{{Match: "alias-*", Use: "claude-sonnet-5"}}
	r := newRig(t, rigOptions{profiles: []config.Profile{p}})
	got := make([][sha256.Size]byte, n)
	sent := make([][sha256.Size]byte, n)
	each(n, func(i int) {
		d := newDice(seed+1, i)
		streaming := !d.oneIn(5)
		before, model, after := d.request(streaming)
		body := before + model + after
		if model != `"claude-opus-5-5"` {
			model = `"claude-sonnet-5"`
		}
		sent[i] = sha256.Sum256([]byte(before + model + after))
		a := r.post(body, "X-Claude-Code-Session-Id", strconv.Itoa(i))
		if a.status != http.StatusOK || a.err != nil {
			t.Errorf("stream %d: status %d, error %v: %.300s", i, a.status, a.err, a.body)
		}
		got[i] = sha256.Sum256(a.body)
	})
	rows := make(map[string]ledger.Entry, n)
	for _, e := range r.Journal.wait(t, n) {
		rows[e.SessionID] = e
	}
	bills, err := s.WaitBills(t.Context(), n)
	if err != nil || len(bills) != n || len(rows) != n {
		t.Fatalf("%d bills and %d entries of different sessions, want %d: %v", len(bills), len(rows), n, err)
	}
	for _, b := range bills {
		i, _ := strconv.Atoi(b.SessionID)
		e := rows[b.SessionID]
		if got[i] != b.ResponseSHA256 {
			t.Errorf("stream %d: the client's bytes are not the provider's", i)
		}
		if sent[i] != b.RequestSHA256 {
			t.Errorf("stream %d: the request differs in more than the model", i)
		}
		want, said := billed(&b.Charged), billed(&b.Usage)
		want.Reasoning, want.WebSearches = said.Reasoning, said.WebSearches // nobody can know them unsaid
		if e.Outcome != ledger.OutcomeOK || e.UsageSource != ledger.UsageFinal || e.Usage != want || e.ResponseBytes != stream.Count(b.ResponseBytes) || len(e.Attempts) != 1 {
			t.Errorf("stream %d: outcome %s, usage %s %+v, bytes %d; want ok, final %+v, %d", i, e.Outcome, e.UsageSource, e.Usage, e.ResponseBytes, want, b.ResponseBytes)
		}
		for j, it := range b.Charged.Iterations {
			if want := billed(&it.Usage); len(e.Iterations) != len(b.Charged.Iterations) || e.Iterations[j].Type != it.Type || !sameTokens(&e.Iterations[j].Usage, &want) {
				t.Errorf("stream %d: iterations %+v, want %+v", i, e.Iterations, b.Charged.Iterations)
				break
			}
		}
		if e.ResponseID != b.MessageID || e.UpstreamRequestID != b.RequestID || e.StopReason != b.StopReason || e.ResponseModel != b.ResponseModel {
			t.Errorf("stream %d: ids %q %q, stop %q, model %q", i, e.ResponseID, e.UpstreamRequestID, e.StopReason, e.ResponseModel)
		}
	}
}

// billed is a usage of the bill in the words of the ledger.
func billed(u *simulator.Usage) stream.Usage {
	count := func(n int64) stream.Count { return stream.Count(max(n, int64(stream.Unknown))) }
	return stream.Usage{
		Input: count(u.Input), Output: count(u.Output), CacheRead: count(u.CacheRead), CacheWrite: count(u.CacheWrite),
		CacheWrite5m: count(u.CacheWrite5m), CacheWrite1h: count(u.CacheWrite1h), Reasoning: count(u.Thinking), WebSearches: count(u.WebSearches),
	}
}

// sameTokens compares what iterations report.
func sameTokens(a, b *stream.Usage) bool {
	x, y := *a, *b
	x.Reasoning, x.WebSearches, y.Reasoning, y.WebSearches = 0, 0, 0, 0
	return x == y
}

// TestNoStreamBreaksBehindAnUpstreamThatAnswersAtOnce is what a proxy over net/http's
// Transport fails at: a few streams in a hundred thousand are cut in the middle.
func TestNoStreamBreaksBehindAnUpstreamThatAnswersAtOnce(t *testing.T) {
	n := 5_000
	if os.Getenv("PRISM_SOAK") != "" {
		n = 100_000
	}
	body := []byte(strings.Repeat("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"word\"}}\n\n", 20) +
		"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":20}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")
	s := simulator.New(simulator.Options{Record: simulator.RecordCount, Default: simulator.RawBody(200, "text/event-stream", body)})
	up := s.Start()
	defer up.Close()
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}})
	var broken atomic.Int64
	each(n, func(i int) {
		if a := r.post(streamBody); a.err != nil || a.status != http.StatusOK || !bytes.Equal(a.body, body) {
			broken.Add(1)
			t.Errorf("stream %d of %d: status %d, %d of %d bytes: %v", i, n, a.status, len(a.body), len(body), a.err)
		}
	})
	t.Logf("%d of %d streams broken", broken.Load(), n)
	outcomes := map[string]int{}
	for _, e := range r.Journal.wait(t, n) {
		outcomes[e.Outcome]++
	}
	if outcomes[ledger.OutcomeOK] != n || len(outcomes) != 1 {
		t.Errorf("outcomes %v, want %d ok", outcomes, n)
	}
	if ever, _ := up.Connections(); ever > 4*workers {
		t.Errorf("%d connections for %d streams of %d at a time", ever, n, workers)
	}
}

func TestResponseHeadersPassExactlyButForThoseThatStay(t *testing.T) {
	kept := "Content-Type: application/json; charset=utf-8\r\nDate: Mon, 02 Nov 2026 10:00:00 GMT\r\nrequest-id: req_1\r\nanthropic-ratelimit-requests-remaining: 7\r\n" +
		"retry-after: 0\r\nx-should-retry: true\r\nx-twice: a\r\nx-twice: b\r\nserver: cloudflare\r\nvia: 1.1 somewhere\r\ncontent-language: de\r\nvary: *\r\nx-empty:\r\nContent-Length: 2\r\n"
	stays := "set-cookie: a=b\r\nset-cookie2: a=b\r\naccess-control-allow-origin: *\r\naccess-control-expose-headers: x\r\nstrict-transport-security: max-age=9\r\n" +
		"content-security-policy: x\r\ncontent-security-policy-report-only: x\r\nclear-site-data: \"*\"\r\nalt-svc: h3=\":443\"\r\nrefresh: 0; url=http://evil.example/\r\n" +
		"link: <http://evil.example/>; rel=preload\r\nlocation: http://evil.example/\r\nreport-to: {}\r\nreporting-endpoints: a=\"b\"\r\nnel: {}\r\nproxy-authenticate: Basic\r\n" +
		"proxy-connection: close\r\nkeep-alive: timeout=5\r\nte: x\r\nupgrade: h2c\r\nx-prism-error: forged\r\nConnection: keep-alive, X-Hop\r\nx-hop: 1\r\n"
	s := simulator.New(simulator.Options{})
	up := s.Start()
	defer up.Close()
	s.Script(simulator.Always(simulator.RawResponse("HTTP/1.1 200 OK\r\n" + kept + stays + "\r\n{}")))
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}})
	want := http.Header{}
	for line := range strings.SplitSeq(strings.TrimSuffix(kept, "\r\n"), "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		want.Add(name, strings.TrimSpace(value))
	}
	if got := r.post(plainBody); !reflect.DeepEqual(got.header, want) || string(got.body) != "{}" {
		t.Errorf("headers %v\nwant    %v\nbody %q", got.header, want, got.body)
	}
}

func TestAnAnswerWithoutContentTypeGetsNone(t *testing.T) {
	s := simulator.New(simulator.Options{})
	up := s.Start()
	defer up.Close()
	s.Script(simulator.On("*", simulator.Always(simulator.RawBody(200, "", []byte("<html><script>alert(1)</script>")))))
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}})
	got := r.do(http.MethodGet, "/v1/models", "")
	if ct, ok := got.header["Content-Type"]; ok || got.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("content type %q, headers %v", ct, got.header)
	}
}

// TestEventsAreNotHeldBack measures what prism adds to the gap between two events.
func TestEventsAreNotHeldBack(t *testing.T) {
	s := simulator.New(simulator.Options{Trace: true})
	up := s.Start()
	defer up.Close()
	s.Script(simulator.Always(simulator.Reply(simulator.TextPieces(strings.Repeat("word ", 20), 5), simulator.EventDelay(20*time.Millisecond))))
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}})
	req, err := http.NewRequest(http.MethodPost, r.URL+"/v1/messages", strings.NewReader(streamBody))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := r.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var got []simulator.Write
	var total int64
	buf := make([]byte, 64<<10)
	for err == nil {
		var n int
		n, err = resp.Body.Read(buf)
		if total += int64(n); n > 0 {
			got = append(got, simulator.Write{At: time.Now(), Total: total})
		}
	}
	if err != io.EOF { //nolint:errorlint // the bare EOF of a whole body
		t.Fatal(err)
	}
	bills, err := s.WaitBills(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	late, k := 0, 0
	for _, w := range bills[0].Writes {
		for k < len(got) && got[k].Total < w.Total {
			k++
		}
		if got[k].At.Sub(w.At) > 20*time.Millisecond {
			late++
		}
	}
	if n := len(bills[0].Writes); n < 20 || late > n/10 {
		t.Errorf("%d of %d events came more than 20 ms late", late, n)
	}
}
