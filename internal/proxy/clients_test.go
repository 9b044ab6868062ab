package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/proxy"
	"prism/internal/simulator"
)

// dial opens a connection to the proxy and sends raw, in which HOST stands for its address.
func (r *rig) dial(raw string) *net.TCPConn {
	r.t.Helper()
	c, err := net.Dial("tcp", r.Addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, strings.ReplaceAll(raw, "HOST", r.Addr)); err != nil {
		r.t.Fatal(err)
	}
	tcp, _ := c.(*net.TCPConn)
	return tcp
}

// rawPost is a request for a message as bytes.
func rawPost(body string) string {
	return fmt.Sprintf("POST /v1/messages HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// leave ends a connection: by a reset or by closing it.
func leave(c *net.TCPConn, reset bool) {
	if reset {
		_ = c.SetLinger(0)
	}
	_ = c.Close()
}

// untilSeen waits until n requests have reached the simulator.
func untilSeen(t *testing.T, s *simulator.Server, n int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if seen, _ := s.Requests(); seen >= n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the upstream was not asked %d times", n)
		}
	}
}

func TestAClientThatLeavesBeforeTheAnswerStopsTheUpstreamAtOnce(t *testing.T) {
	s := simulator.New(simulator.Options{})
	up := s.Start()
	defer up.Close()
	s.Script(simulator.Always(simulator.Silence(0)))
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}})
	for i, body := range []string{streamBody, plainBody, streamBody, plainBody} {
		c := r.dial(rawPost(body))
		untilSeen(t, s, i+1)
		left := time.Now()
		leave(c, i > 1)
		bills, err := s.WaitBills(t.Context(), i+1)
		if err != nil || bills[i].Ending != simulator.EndCancelled {
			t.Fatalf("ending %q: %v", bills[i].Ending, err)
		}
		if took := bills[i].Ended.Sub(left); took > 250*time.Millisecond {
			t.Errorf("the upstream was stopped after %v", took)
		}
		e := r.Journal.wait(t, i+1)[i]
		if e.Outcome != ledger.OutcomeClientAbort || e.UsageSource != ledger.UsageNone || e.HTTPStatus != 0 || len(e.Attempts) != 1 || !e.Attempts[0].MaybeBilled || e.Attempts[0].Outcome != ledger.OutcomeClientAbort {
			t.Errorf("entry %+v", e)
		}
	}
	if h := r.Router.Health("work").View(time.Now()); h.Errors1h != 0 || h.Requests1h != 0 || h.InFlight != 0 {
		t.Errorf("a client that left was blamed on the upstream: %+v", h)
	}
}

func TestAClientThatLeavesInTheMiddlePaysForWhatCame(t *testing.T) {
	s := simulator.New(simulator.Options{})
	up := s.Start()
	defer up.Close()
	s.Script(simulator.Always(text(simulator.Pause(6, time.Minute))))
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}})
	for i, reset := range []bool{false, true} {
		c := r.dial(rawPost(streamBody))
		br := bufio.NewReader(c)
		for line := ""; !strings.Contains(line, "text_delta"); {
			var err error
			if line, err = br.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
		leave(c, reset)
		if bills, err := s.WaitBills(t.Context(), i+1); err != nil || bills[i].Ending != simulator.EndCancelled {
			t.Errorf("ending %q: %v", bills[i].Ending, err)
		}
		e := r.Journal.wait(t, i+1)[i]
		if e.Outcome != ledger.OutcomeClientAbort || e.UsageSource != ledger.UsageEstimated || e.Usage.Input != 100 || e.Usage.CacheRead != 50 || e.Usage.Output < 1 || !e.Attempts[0].MaybeBilled || !e.Cost.Known() {
			t.Errorf("entry %+v", e)
		}
	}
}

func TestAClientThatLeavesAfterMessageStopGotAWholeAnswer(t *testing.T) {
	s := simulator.New(simulator.Options{})
	up := s.Start()
	defer up.Close()
	s.Script(simulator.Always(text(simulator.InsertEvents(1000, simulator.Event{Raw: []byte(": late\n\n"), Wait: time.Minute}))))
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}})
	c := r.dial(rawPost(streamBody))
	br := bufio.NewReader(c)
	for line := ""; !strings.Contains(line, `{"type":"message_stop"`); {
		var err error
		if line, err = br.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	leave(c, true)
	if e := r.Journal.wait(t, 1)[0]; e.Outcome != ledger.OutcomeOK || e.UsageSource != ledger.UsageFinal || e.Usage.Output != 9 || e.Attempts[0].MaybeBilled {
		t.Errorf("entry %+v", e)
	}
}

func TestFiveHundredClientsThatLeaveAnywhereLeaveOneRowEach(t *testing.T) {
	seed, n := seed(t), 500
	s := simulator.New(simulator.Options{Record: simulator.RecordHashes})
	up := s.Start()
	defer up.Close()
	s.Script(simulator.Always(text(simulator.Jitter(seed, 0, 2*time.Millisecond), simulator.Delay(3*time.Millisecond))))
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}})
	each(n, func(i int) {
		d := newDice(seed, i)
		body := []string{streamBody, plainBody}[d.IntN(2)]
		c := r.dial(rawPost(body))
		if d.oneIn(2) {
			_ = c.SetReadDeadline(time.Now().Add(time.Duration(d.IntN(15_000)) * time.Microsecond))
			_, _ = io.Copy(io.Discard, c)
		} else {
			_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)) // an answer may be shorter
			_, _ = io.CopyN(io.Discard, c, int64(d.IntN(2000)))
		}
		leave(c, d.oneIn(2))
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := r.Proxy.Wait(ctx); err != nil {
		t.Fatalf("handlers still run: %v", err)
	}
	accepted := int(r.Proxy.Counts().Requests)
	seen, _ := s.Requests()
	if _, err := s.WaitBills(ctx, seen); err != nil {
		t.Errorf("the upstream still works for clients that left: %v", err)
	}
	rows, ids := r.Journal.entries(), map[string]bool{}
	outcomes := map[string]int{}
	for _, e := range rows {
		ids[e.RequestID] = true
		outcomes[e.Outcome]++
		if len(e.Attempts) != 1 || e.UsageSource != ledger.UsageNone && e.Usage.Input != 100 {
			t.Errorf("entry %+v", e)
		}
	}
	if len(rows) != accepted || len(ids) != accepted || len(r.Journal.opens) != accepted || accepted < n*9/10 {
		t.Errorf("%d rows, %d ids, %d open records for %d accepted requests of %d", len(rows), len(ids), len(r.Journal.opens), accepted, n)
	}
	if outcomes[ledger.OutcomeOK]+outcomes[ledger.OutcomeClientAbort] != accepted || outcomes[ledger.OutcomeClientAbort] < n/10 {
		t.Errorf("outcomes %v", outcomes)
	}
	if h := r.Router.Health("work").View(time.Now()); h.Errors1h != 0 || h.InFlight != 0 {
		t.Errorf("health %+v", h)
	}
	t.Logf("%d accepted: %v", accepted, outcomes)
}

func TestAClientThatTakesNothingIsGivenUp(t *testing.T) {
	s := simulator.New(simulator.Options{Record: simulator.RecordHashes})
	up := s.Start()
	defer up.Close()
	s.Script(simulator.Always(text(simulator.BigLine(32 << 20))))
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}, limits: proxy.Limits{WriteStall: 300 * time.Millisecond}})
	r.dial(rawPost(streamBody)) // and read nothing
	if e := r.Journal.wait(t, 1)[0]; e.Outcome != ledger.OutcomeClientAbort || e.ErrorType != "write_stall" || e.Usage.Input != 100 {
		t.Errorf("entry %+v", e)
	}
	if bills, err := s.WaitBills(t.Context(), 1); err != nil || bills[0].Ending != simulator.EndCancelled {
		t.Errorf("ending %q: %v", bills[0].Ending, err)
	}
}

// TestAKeptConnectionOutlivesTheBoundOnWrites: the deadline of one exchange must not fail the
// answer to a request that comes long after it.
func TestAKeptConnectionOutlivesTheBoundOnWrites(t *testing.T) {
	s := simulator.New(simulator.Options{})
	up := s.Start()
	defer up.Close()
	const stall = 100 * time.Millisecond
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}, limits: proxy.Limits{WriteStall: stall}})
	s.Script(text(), simulator.Silence(2*stall))
	c := r.dial(rawPost(streamBody))
	br := bufio.NewReader(c)
	for i, next := range []string{"GET / HTTP/1.1\r\nHost: HOST\r\n\r\n", "GET /nowhere HTTP/1.1\r\nHost: HOST\r\n\r\n", rawPost(plainBody), "GET / HTTP/1.1\r\nHost: HOST\r\n\r\n"} {
		resp, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		_ = resp.Body.Close()
		time.Sleep(2 * stall) // longer than the bound: this is the case
		if _, err := io.WriteString(c, strings.ReplaceAll(next, "HOST", r.Addr)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestABodyThatStopsComingIsRefused(t *testing.T) {
	s := simulator.New(simulator.Options{})
	up := s.Start()
	defer up.Close()
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}, limits: proxy.Limits{BodyStall: 100 * time.Millisecond}})
	head := "POST /v1/messages HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json\r\nContent-Length: 100\r\n"
	for _, raw := range []string{head + "\r\n", head + "\r\n{\"model\":", head + "Content-Encoding: gzip\r\n\r\n", head + "Content-Encoding: gzip\r\n\r\n\x1f\x8b", head + "Content-Encoding: zstd\r\n\r\n\x28\xb5\x2f\xfd"} {
		resp, err := http.ReadResponse(bufio.NewReader(r.dial(raw)), nil)
		if err != nil {
			t.Fatal(err)
		}
		if code := resp.Header.Get("X-Prism-Error"); code != "body_stalled" || resp.StatusCode != 408 || !resp.Close {
			t.Errorf("status %d, code %q, close %v for %q", resp.StatusCode, code, resp.Close, raw)
		}
		_ = resp.Body.Close()
	}
	// A refusal that comes before the body is not held up by it for longer.
	resp, err := http.ReadResponse(bufio.NewReader(r.dial(strings.Replace(head, "/v1/messages", "/nowhere", 1)+"\r\n{")), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 404 {
		t.Errorf("status %d", resp.StatusCode)
	}
	if seen, _ := s.Requests(); seen != 0 || len(r.Journal.entries()) != 0 {
		t.Errorf("%d requests upstream, %d entries", seen, len(r.Journal.entries()))
	}
}

func TestOddButLawfulRequestsAreServedOneByOne(t *testing.T) {
	s := simulator.New(simulator.Options{})
	up := s.Start()
	defer up.Close()
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}})
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\nX-Trailer: 1\r\n\r\n", len(plainBody), plainBody)
	for name, c := range map[string]struct {
		raw     string
		answers int
	}{
		"pipelined": {rawPost(plainBody) + rawPost(streamBody) + rawPost(plainBody), 3},
		"HTTP/1.0":  {strings.Replace(rawPost(plainBody), "HTTP/1.1", "HTTP/1.0", 1), 1},
		"trailers":  {"POST /v1/messages HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nTrailer: X-Trailer\r\n\r\n" + chunked, 1},
		"expect":    {strings.Replace(rawPost(plainBody), "Content-Length", "Expect: 100-continue\r\nContent-Length", 1), 1},
	} {
		before := len(s.Bill())
		br := bufio.NewReader(r.dial(c.raw))
		for i := range c.answers {
			resp, err := http.ReadResponse(br, nil)
			if err == nil && resp.StatusCode == http.StatusContinue {
				resp, err = http.ReadResponse(br, nil)
			}
			if err != nil {
				t.Fatalf("%s: answer %d: %v", name, i, err)
			}
			b, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK || err != nil || !bytes.Contains(b, []byte(`"type":"message`)) {
				t.Errorf("%s: answer %d: status %d, error %v: %.200s", name, i, resp.StatusCode, err, b)
			}
		}
		bills := s.Bill()[before:]
		if len(bills) != c.answers || string(bills[0].RequestBody) != plainBody {
			t.Errorf("%s: %d requests upstream, want %d", name, len(bills), c.answers)
		}
	}
}

// faulty is a journal in which one kind of record panics.
type faulty struct{ *memory }

func (f faulty) Usage(*ledger.Entry) error { panic("journal: usage") }

func TestAPanicEndsOneExchangeAndIsRecordedOnce(t *testing.T) {
	s := simulator.New(simulator.Options{})
	up := s.Start()
	defer up.Close()
	s.Script(simulator.Always(text(simulator.EventDelay(2 * time.Millisecond))))
	m := newMemory()
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}, journal: faulty{m}})
	if got := r.post(streamBody); got.err == nil {
		t.Errorf("status %d: the answer seems whole: %s", got.status, got.body)
	}
	e := m.wait(t, 1)[0]
	if e.Outcome != ledger.OutcomeError || e.ErrorType != "internal" || e.Usage.Input != 100 || e.EndedAt.IsZero() || e.Attempts[0].Outcome != ledger.OutcomeError {
		t.Errorf("entry %+v", e)
	}
	if bills, err := s.WaitBills(t.Context(), 1); err != nil || bills[0].Ending != simulator.EndCancelled {
		t.Errorf("ending %q: %v", bills[0].Ending, err)
	}
	if got := r.post(plainBody); got.status != 200 || got.err != nil { // JSON has no usage record
		t.Errorf("after it: status %d: %v", got.status, got.err)
	}
	if n := len(m.wait(t, 2)); n != 2 || len(m.opens) != 2 {
		t.Errorf("%d close and %d open records, want 2", n, len(m.opens))
	}
	if h := r.Router.Health("work").View(time.Now()); h.InFlight != 0 {
		t.Errorf("%d in flight", h.InFlight)
	}
}

func TestAPanicOfAnOnlookerCostsNoRow(t *testing.T) {
	s := simulator.New(simulator.Options{})
	up := s.Start()
	defer up.Close()
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}, finished: func(*ledger.Entry) { panic("onlooker") }})
	for range 2 {
		r.post(streamBody)
	}
	if all := r.Journal.wait(t, 2); len(all) != 2 || all[1].Outcome != ledger.OutcomeOK || r.Proxy.Counts().InFlight != 0 {
		t.Errorf("entries %+v", all)
	}
}

func TestAShutdownTellsTheClientAndRecordsIt(t *testing.T) {
	s := simulator.New(simulator.Options{})
	up := s.Start()
	defer up.Close()
	s.Script(text(simulator.Pause(6, time.Minute)), simulator.Silence(0))
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}})
	answers := make(chan answer, 2)
	for n := range 2 {
		go func() { answers <- r.post(streamBody) }()
		untilSeen(t, s, n+1)
	}
	for deadline := time.Now().Add(10 * time.Second); len(r.Journal.started()) == 0 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
	}
	r.Proxy.Stop()
	r.cancel()
	for range 2 {
		got := <-answers
		switch got.status {
		case 200:
			if got.err == nil || !bytes.Contains(got.body, []byte("event: error\n")) || !bytes.Contains(got.body, []byte("prism: stopped")) {
				t.Errorf("error %v: %s", got.err, got.body)
			}
		default:
			if got.status != 503 || got.header.Get("X-Prism-Error") != "shutdown" {
				t.Errorf("status %d, error %v: %s", got.status, got.err, got.body)
			}
		}
	}
	for _, e := range r.Journal.wait(t, 2) {
		if e.Outcome != ledger.OutcomeShutdown {
			t.Errorf("outcome %s", e.Outcome)
		}
	}
	if h := r.Router.Health("work").View(time.Now()); h.Errors1h != 0 {
		t.Errorf("%d errors", h.Errors1h)
	}
}

// started returns the exchanges with a usage record.
func (m *memory) started() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.usages...)
}

func TestWhereTheClientWorksArrivesDecoded(t *testing.T) {
	up := simulator.New(simulator.Options{}).Start()
	defer up.Close()
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}})
	for i, c := range []struct{ sent, want string }{
		{"/home/u/proj", "/home/u/proj"},
		{"/home/u/%E9%A1%B9%E7%9B%AE%20x", "/home/u/项目 x"},
		{"feature/100%25", "feature/100%"},
		{"50%-off", "50%-off"}, // not an encoding
		{"%ff%fe", "%ff%fe"},   // not text
	} {
		r.post(streamBody, "X-Prism-Cwd", c.sent, "X-Prism-Project", c.sent, "X-Prism-Branch", c.sent)
		e := r.Journal.wait(t, i+1)[i]
		if e.Cwd != c.want || e.Project != c.want || e.GitBranch != c.want {
			t.Errorf("%s became cwd %q, project %q, branch %q, want %q", c.sent, e.Cwd, e.Project, e.GitBranch, c.want)
		}
	}
}
