package proxy_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/proxy"
	"prism/internal/simulator"
)

const badSignature = "messages.1.content.0: Invalid `signature` in `thinking` block"

// twoMinds are two providers that sign thinking. The first one refuses what it has not signed; the
// second one takes everything.
type twoMinds struct {
	*rig
	strict, lax *simulator.Server
	history     []string // messages so far
}

func newTwoMinds(t *testing.T, change ...func(*config.Profile)) *twoMinds {
	t.Helper()
	m := &twoMinds{
		strict: simulator.New(simulator.Options{Name: "strict", Key: testKey, CheckSignatures: true}),
		lax:    simulator.New(simulator.Options{Name: "lax", Key: testKey}),
	}
	one, two := m.strict.Start(), m.lax.Start()
	t.Cleanup(one.Close)
	t.Cleanup(two.Close)
	first, second := profile("strict", one.URL), profile("lax", two.URL)
	for _, f := range change {
		f(&first)
		f(&second)
	}
	m.rig = newRig(t, rigOptions{profiles: []config.Profile{first, second}})
	return m
}

// body is a request with the history so far.
func (m *twoMinds) body(streaming bool) string {
	return fmt.Sprintf(`{"model":"claude-opus-5-5", "messages":[ %s ],"max_tokens":100,"stream":%v}`, strings.Join(m.history, " , "), streaming)
}

// turn says something to a profile, which thinks and answers, and adds both to the history. It
// returns the entry and the signature of the thinking.
func (m *twoMinds) turn(t *testing.T, to string, streaming bool, header ...string) (ledger.Entry, string) {
	t.Helper()
	n := len(m.Journal.entries())
	m.history = append(m.history, fmt.Sprintf(`{"role":"user","content":"turn %d"}`, n))
	script := simulator.Reply(simulator.Thinking(fmt.Sprintf("thought %d", n), ""), simulator.Text("fine"), simulator.Usage{Input: 10, Output: 5})
	m.strict.Script(simulator.Always(script))
	m.lax.Script(simulator.Always(script))
	got := m.post(m.body(streaming), append([]string{"X-Prism-Profile", to, "X-Claude-Code-Session-Id", "s1"}, header...)...)
	if got.status != 200 || got.err != nil {
		t.Fatalf("turn to %s: %d %s %v", to, got.status, got.body, got.err)
	}
	thinking, sig := thought(t, got.body)
	m.history = append(m.history, fmt.Sprintf(`{"role":"assistant","content":[%s,{"type":"text","text":"fine"}]}`, thinking))
	return m.Journal.wait(t, n+1)[n], sig
}

// thought returns the thinking block of an answer, and its signature.
func thought(t *testing.T, answer []byte) (block, sig string) {
	t.Helper()
	for line := range strings.Lines(string(answer)) {
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			data = line
		}
		var v struct {
			Delta   struct{ Signature string }
			Content []struct{ Type, Signature string }
		}
		_ = json.Unmarshal([]byte(data), &v)
		if len(v.Content) > 0 {
			sig = v.Content[0].Signature
		}
		if v.Delta.Signature != "" {
			sig = v.Delta.Signature
		}
	}
	if sig == "" {
		t.Fatalf("no signature in %s", answer)
	}
	return fmt.Sprintf(`{"type":"thinking","thinking":"thought","signature":%q}`, sig), sig
}

// sent returns the body of the last request that a simulator got.
func sent(s *simulator.Server) string {
	bill := s.Bill()
	return string(bill[len(bill)-1].RequestBody)
}

// without returns body without the thinking blocks of these signatures, each the first of its
// message.
func without(body string, sigs ...string) string {
	for _, s := range sigs {
		body = strings.Replace(body, fmt.Sprintf(`{"type":"thinking","thinking":"thought","signature":%q},`, s), "", 1)
	}
	return body
}

func whys(e *ledger.Entry) string {
	var out []string
	for _, a := range e.Attempts {
		out = append(out, fmt.Sprintf("%s %s %d", a.Profile, a.Why, a.HTTPStatus))
	}
	return strings.Join(out, ", ")
}

func healedNote(e *ledger.Entry) bool {
	return slices.Contains(e.TranslationNotes, "thinking_removed")
}

func TestForeignThinkingIsCutOnceItIsRefusedAndStaysCut(t *testing.T) {
	for _, streaming := range []bool{true, false} {
		t.Run(fmt.Sprintf("stream %v", streaming), func(t *testing.T) {
			m := newTwoMinds(t)
			e, own := m.turn(t, "strict", streaming)
			if healedNote(&e) {
				t.Errorf("notes %v of a turn without history", e.TranslationNotes)
			}
			_, foreign := m.turn(t, "lax", streaming)
			if got := sent(m.lax); !strings.Contains(got, own) {
				t.Errorf("what nobody refused was cut: %s", got)
			}

			e, third := m.turn(t, "strict", streaming)
			if got, want := whys(&e), "strict header 400, strict healed 200"; got != want {
				t.Errorf("attempts %s, want %s", got, want)
			}
			if !healedNote(&e) || e.Outcome != ledger.OutcomeOK || e.HTTPStatus != 200 {
				t.Errorf("entry %s %d, notes %v", e.Outcome, e.HTTPStatus, e.TranslationNotes)
			}
			bill := m.strict.Bill()
			refused, healed := string(bill[len(bill)-2].RequestBody), string(bill[len(bill)-1].RequestBody)
			if healed != without(refused, foreign) || healed == refused {
				t.Errorf("sent\n%s\nwant\n%s", healed, without(refused, foreign))
			}
			if !strings.Contains(healed, own) {
				t.Errorf("its own thinking was cut: %s", healed)
			}

			e, _ = m.turn(t, "strict", streaming)
			if got, want := whys(&e), "strict header 200"; got != want || !healedNote(&e) {
				t.Errorf("the turn after: attempts %s, notes %v; want %s and a note", got, e.TranslationNotes, want)
			}
			// The prompt cache of the provider holds: what it was sent begins as before.
			again := sent(m.strict)
			stable := healed[:strings.LastIndex(healed, " ],")]
			if !strings.HasPrefix(again, stable) || !strings.Contains(again, third) || strings.Contains(again, foreign) {
				t.Errorf("sent\n%s\nwhich does not begin with\n%s", again, stable)
			}

			e, _ = m.turn(t, "lax", streaming)
			if got := sent(m.lax); healedNote(&e) || !strings.Contains(got, own) || !strings.Contains(got, foreign) || !strings.Contains(got, third) {
				t.Errorf("who takes everything gets everything: %s", got)
			}
		})
	}
}

func TestAnotherSessionIsNotCutInAdvance(t *testing.T) {
	m := newTwoMinds(t)
	m.turn(t, "lax", true)
	m.turn(t, "strict", true)
	e, _ := m.turn(t, "strict", true, "X-Claude-Code-Session-Id", "other")
	if got, want := whys(&e), "strict header 400, strict healed 200"; got != want {
		t.Errorf("attempts %s, want %s", got, want)
	}
}

func TestWhatIsNotKnownCountsAsForeign(t *testing.T) {
	m := newTwoMinds(t)
	_, own := m.turn(t, "strict", true)
	_, foreign := m.turn(t, "lax", true)
	history := m.history
	// The same providers, seen by a prism that has just started.
	one, two := m.strict.Start(), m.lax.Start()
	t.Cleanup(one.Close)
	t.Cleanup(two.Close)
	m.rig = newRig(t, rigOptions{profiles: []config.Profile{profile("strict", one.URL), profile("lax", two.URL)}})
	m.history = history
	e, _ := m.turn(t, "strict", true)
	if got, want := whys(&e), "strict header 400, strict healed 200"; got != want {
		t.Errorf("attempts %s, want %s", got, want)
	}
	if got := sent(m.strict); strings.Contains(got, own) || strings.Contains(got, foreign) {
		t.Errorf("unknown thinking was sent: %s", got)
	}
}

func TestThinkingOfAnotherModelIsForeignWhereNothingElseIs(t *testing.T) {
	s := simulator.New(simulator.Options{Key: testKey})
	up := s.Start()
	defer up.Close()
	spare := profile("spare", up.URL)
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL), spare}})
	s.Script(
		simulator.Once(simulator.Always(simulator.Reply(simulator.Thinking("a", ""), simulator.Text("x")))),
		simulator.Once(simulator.Always(simulator.BadSignature(1, 0))),
		simulator.Always(simulator.Reply(simulator.Text("y"))),
	)
	block, sig := thought(t, r.post(streamBody).body)
	body := `{"model":"claude-sonnet-5-5","messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[` + block + `,{"type":"text","text":"x"}]},{"role":"user","content":"go on"}],"stream":true}`
	if got := r.post(body); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if got := sent(s); strings.Contains(got, sig) {
		t.Errorf("sent %s", got)
	}
}

func TestARefusalThatCutsNothingReachesTheClientUnchanged(t *testing.T) {
	const (
		none     = `{"model":"claude-opus-5-5","messages":[{"role":"user","content":"hi"}],"max_tokens":100,"stream":true}`
		thinking = `{"model":"claude-opus-5-5","messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"x"},{"type":"text","text":"t"}]},{"role":"user","content":"go on"}],"stream":true}`
		onlyOne  = `{"model":"claude-opus-5-5","messages":[{"role":"user","content":"hi"},{"role":"system","content":"s"},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"x"}]},{"role":"user","content":"go on"}],"stream":true}`
	)
	tests := []struct {
		name, body string
		answer     simulator.Answer
		calls      int
	}{
		{"no thinking in it", none, simulator.BadSignature(1, 0), 1},
		{"about something else", thinking, simulator.Error(400, "invalid_request_error", "messages.1.content.1: text is too short", nil), 1},
		{"about the effort", thinking, simulator.Error(400, "invalid_request_error", "adaptive thinking is not supported on this model", nil), 1},
		{"too long", thinking, simulator.PromptTooLong(300_000, 200_000), 1},
		{"of another status", thinking, simulator.Error(422, "invalid_request_error", badSignature, nil), 1},
		{"no conversation would be left", onlyOne, simulator.BadSignature(2, 0), 1},
		{"refused again", thinking, simulator.BadSignature(1, 0), 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := simulator.New(simulator.Options{Key: testKey})
			up := s.Start()
			defer up.Close()
			s.Script(simulator.Always(tt.answer))
			r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}})
			got := r.post(tt.body)
			bill := s.Bill()
			if len(bill) != tt.calls {
				t.Fatalf("%d calls, want %d", len(bill), tt.calls)
			}
			if last := bill[len(bill)-1]; got.status != last.Status || string(got.body) != string(last.ResponseBody) {
				t.Errorf("the client got %d %s, the provider sent %d %s", got.status, got.body, last.Status, last.ResponseBody)
			}
			if string(bill[0].RequestBody) != tt.body {
				t.Errorf("sent %s", bill[0].RequestBody)
			}
			e := r.Journal.wait(t, 1)[0]
			if e.Outcome != ledger.OutcomeError || healedNote(&e) != (tt.calls > 1) || len(e.Attempts) != tt.calls {
				t.Errorf("entry %+v", e)
			}
		})
	}
}

func TestARefusalIsHealedInWhateverWordsItComes(t *testing.T) {
	const body = `{"model":"claude-opus-5-5","messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"x"},{"type":"redacted_thinking","data":"d"},{"type":"text","text":"t"}]},{"role":"user","content":"go on"}],"stream":true}`
	quoted := func(s string) string { b, _ := json.Marshal(s); return string(b) }
	for _, refusal := range []string{
		`{"type":"error","error":{"type":"invalid_request_error","message":` + quoted(badSignature) + `},"request_id":"req_1"}`,
		`{"type":"error","error":{"type":"invalid_request_error","message":` + quoted(badSignature+`. The block is bound to a different conversation. Remove the block, or set ...`) + `}}`,
		`{"type":"error","error":{"type":"invalid_request_error","message":"messages.3.content.0: ` + "`thinking` or `redacted_thinking`" + ` blocks in the latest assistant message cannot be modified. These blocks must remain as they were in the original response."}}`,
		`{"type":"error","error":{"type":"invalid_request_error","message":"messages.1.content.0.thinking.signature: Field required"}}`,
		`{"type":"error","error":{"type":"invalid_request_error","message":"messages.1.content.1: Invalid ` + "`data` in `redacted_thinking`" + ` block"}}`,
		`{"error":{"code":400,"message":` + quoted(`{"type":"error","error":{"message":`+quoted(badSignature)+`}}`) + `,"status":"INVALID_ARGUMENT"}}`,
		`{"message":"ValidationException: ***.***.content.0: Invalid ` + "`signature` in `thinking`" + ` block"}`,
		`{"error":"messages.1.content.0: Invalid signature in thinking block"}`,
	} {
		s := simulator.New(simulator.Options{Key: testKey})
		up := s.Start()
		s.Script(simulator.Once(simulator.Always(simulator.RawBody(400, "application/json", []byte(refusal)))), simulator.Always(simulator.Reply(simulator.Text("fine"))))
		r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}})
		if got := r.post(body); got.status != 200 {
			t.Errorf("%d after %s", got.status, refusal)
		}
		if got, want := sent(s), strings.Replace(body, `{"type":"thinking","thinking":"t","signature":"x"},{"type":"redacted_thinking","data":"d"},`, "", 1); got != want {
			t.Errorf("sent %s", got)
		}
		up.Close()
	}
}

func TestHealingRenamesTheModelAsBefore(t *testing.T) {
	m := newTwoMinds(t, func(p *config.Profile) {
		p.Models = []config.ModelRule{{Match: "*", Use: "another/model"}}
	})
	m.turn(t, "lax", true)
	m.turn(t, "strict", true)
	if got := sent(m.strict); !strings.HasPrefix(got, `{"model":"another/model", "messages":[ {"role":"user","content":"turn 0"} , {"role":"assistant","content":[{"type":"text"`) {
		t.Errorf("sent %s", got)
	}
}

func TestTheModelMayStandBehindTheMessages(t *testing.T) {
	s := simulator.New(simulator.Options{Key: testKey})
	up := s.Start()
	defer up.Close()
	s.Script(simulator.Once(simulator.Always(simulator.BadSignature(1, 0))), simulator.Always(simulator.Reply(simulator.Text("fine"))))
	p := profile("work", up.URL)
	p.Models = []config.ModelRule{{Match: "*", Use: "m2"}}
	r := newRig(t, rigOptions{profiles: []config.Profile{p}})
	r.post(`{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"x"},{"type":"text","text":"t"}]}],"model":"m1","stream":true}`)
	if got, want := sent(s), `{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"text","text":"t"}]}],"model":"m2","stream":true}`; got != want {
		t.Errorf("sent %s\nwant %s", got, want)
	}
}

func TestAFallbackGetsTheWholeThinking(t *testing.T) {
	p := newPair(t, rigOptions{})
	p.work.Script(simulator.Once(simulator.Always(simulator.BadSignature(1, 0))), simulator.Always(simulator.Overloaded()))
	p.spare.Script(simulator.Always(simulator.Reply(simulator.Text("fine"))))
	got := p.post(`{"model":"claude-opus-5-5","messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"x"},{"type":"text","text":"t"}]},{"role":"user","content":"go on"}],"stream":true}`)
	if got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	e := p.Journal.wait(t, 1)[0]
	if got, want := whys(&e), "work active 400, work healed 529, spare fallback 200"; got != want {
		t.Errorf("attempts %s, want %s", got, want)
	}
	if got := sent(p.spare); !strings.Contains(got, `"signature":"x"`) {
		t.Errorf("the fallback was sent %s", got)
	}
}

func TestHealingStaysWithinTheBodyBudget(t *testing.T) {
	s := simulator.New(simulator.Options{Key: testKey})
	up := s.Start()
	defer up.Close()
	s.Script(simulator.Always(simulator.BadSignature(1, 0)))
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}, limits: proxy.Limits{BodyBudget: 64 << 10}})
	body := `{"model":"m","messages":[{"role":"user","content":"` + strings.Repeat("x", 30<<10) + `"},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"x"},{"type":"text","text":"t"}]}],"stream":true}`
	for range 3 {
		if got := r.post(body); got.status != http.StatusBadRequest || !strings.Contains(string(got.body), "Invalid `signature`") {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	if n := len(s.Bill()); n > 6 {
		t.Errorf("%d calls for three requests", n)
	}
}

func TestHealedBodiesGiveTheirMemoryBack(t *testing.T) {
	s := simulator.New(simulator.Options{Key: testKey})
	up := s.Start()
	defer up.Close()
	s.Script(simulator.Always(simulator.AnswerFunc(func(r simulator.Request) simulator.Answer {
		if r.Signed() > 0 {
			return simulator.BadSignature(1, 0)
		}
		return simulator.Reply(simulator.Text("fine"))
	})))
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}, limits: proxy.Limits{BodyBudget: 256 << 10}})
	for i := range 60 { // each takes 64 KiB twice
		body := fmt.Sprintf(`{"model":"m","messages":[{"role":"user","content":"%s"},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"x%d"},{"type":"text","text":"t"}]}],"stream":%v}`, strings.Repeat("x", 40<<10), i/2, i%2 == 0)
		if got := r.post(body, "X-Claude-Code-Session-Id", fmt.Sprint(i/2)); got.status != http.StatusOK {
			t.Fatalf("request %d: %d %s", i, got.status, got.body)
		}
	}
}
