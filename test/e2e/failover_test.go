//go:build e2e

package e2e

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sim "prism/internal/simulator"
)

// mishap is what happens to the upstream that is asked first in one round of a session, and how
// the ledger must have the attempt.
type mishap struct {
	name      string
	does      sim.Answer
	port      bool // its port is closed while the client works
	errorType string
	outcome   string
	status    int64
	told      bool // it reported the tokens of the prompt before it failed
	seen      bool // the client sees it, and asks again by itself
}

// mishaps are the rounds of the session in which something goes wrong. After each there is one in which all
// goes well, so that the attempts at the other upstream never use the budget up, however long they take.
func mishaps() map[int]mishap {
	long := sim.Text(strings.Repeat("words and more words ", 20))
	return map[int]mishap{
		1:  {name: "529", does: sim.Overloaded(), errorType: "overloaded_error", outcome: "error", status: 529},
		3:  {name: "a stream that is cut before the commit", does: sim.Reply(long, counts(90), sim.CutAfter(1, sim.CutFIN)), errorType: "eof", outcome: "truncated", status: 200, told: true},
		5:  {name: "silence", does: sim.Silence(0), errorType: "timeout", outcome: "error", status: sim.Absent},
		7:  {name: "a dead port", port: true, errorType: "dial", outcome: "error", status: sim.Absent},
		9:  {name: "429", does: sim.RateLimited("2"), errorType: "rate_limit_error", outcome: "error", status: 429},
		11: {name: "500", does: sim.Error(500, "api_error", "Internal server error", nil), errorType: "api_error", outcome: "error", status: 500},
		13: {name: "a stream that is cut after the commit", does: sim.Reply(long, counts(91), sim.CutAfter(4, sim.CutFIN)), errorType: "eof", outcome: "truncated", status: 200, told: true, seen: true},
		15: {name: "a stream that begins with an error", does: sim.ErrorEventFirst("overloaded_error", "Overloaded"), errorType: "overloaded_error", outcome: "error", status: 200},
		17: {name: "an empty stream", does: sim.EmptyStream(), errorType: "empty_stream", outcome: "error", status: 200},
	}
}

// lastRound is the one in which the model is done: rounds of a tool come before it.
const lastRound = 18

// bout is a session with two upstreams of which the one that is asked first fails, round by round.
type bout struct {
	t    *testing.T
	h    *house
	flag string // the file by which the tool asks for a port to be closed

	mu    sync.Mutex
	asked map[int]int // requests by round
	last  string      // who answered last, and is asked first in the next round
	open  map[string]*sim.Running
}

// answer is what the provider called name answers.
func (b *bout) answer(name string) sim.AnswerFunc {
	return func(r sim.Request) sim.Answer {
		b.mu.Lock()
		defer b.mu.Unlock()
		n := r.Rounds
		b.asked[n]++
		if m, ok := mishaps()[n]; ok && !m.port && b.asked[n] == 1 {
			return m.does
		}
		b.last = name
		if n == lastRound {
			return sim.Reply(sim.Text("finished"), counts(int64(n)))
		}
		return sim.Reply(sim.Text(fmt.Sprintf("step %d", n)), sim.ToolUse("Bash", `{"command":"`+b.command(n)+`","description":"work"}`), counts(int64(n)))
	}
}

// pace is how long the tool works in a round. The failover budget has room for three mishaps within
// ten seconds: the long form keeps to it, the short one has a larger budget.
func pace() int {
	if soak() {
		return 6
	}
	return 0
}

// command is what the tool does in round n. Before the round with the dead port it waits until the
// port is closed.
func (b *bout) command(n int) string {
	if mishaps()[n+1].port {
		return fmt.Sprintf("sleep %d; touch %s; while [ -e %s ]; do sleep 0.05; done; echo closed", pace(), b.flag, b.flag)
	}
	return fmt.Sprintf("sleep %d; echo step-%d", pace(), n)
}

// closePort closes the port of whoever answered last when the tool asks for it, until the round is
// over.
func (b *bout) closePort(over <-chan struct{}) {
	await := func(ok func() bool) bool {
		for !ok() {
			select {
			case <-over:
				return false
			case <-time.After(20 * time.Millisecond):
			}
		}
		return true
	}
	if !await(func() bool { _, err := os.Stat(b.flag); return err == nil }) {
		return
	}
	b.mu.Lock()
	name := b.last
	b.mu.Unlock()
	p := map[string]*provider{"work": b.h.work, "spare": b.h.spare}[name]
	b.open[name].Close()
	if err := os.Remove(b.flag); err != nil {
		b.t.Error(err)
	}
	await(func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		for n, m := range mishaps() {
			if m.port && b.asked[n] > 0 {
				return true
			}
		}
		return false
	})
	up, err := p.Listen(strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		b.t.Error(err)
		return
	}
	b.t.Cleanup(up.Close)
}

// newBout makes a house whose work profile falls back to spare, which takes the same models at the
// same prices.
func newBout(t *testing.T) *bout {
	t.Helper()
	b := &bout{t: t, asked: map[int]int{}, open: map[string]*sim.Running{}, flag: filepath.Join(t.TempDir(), "close")}
	h := &house{dir: shortDir(t), token: "pt-" + secret(t)}
	for _, p := range []**provider{&h.work, &h.spare} {
		name := map[bool]string{true: "work", false: "spare"}[p == &h.work]
		key := "sk-" + name + "-" + secret(t)
		s := sim.New(sim.Options{Name: name, Key: key})
		up, err := s.Listen(freeAddress(t)) // which stays free while its port is closed
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(up.Close)
		s.Script(sim.Always(b.answer(name)))
		b.open[name] = up
		*p = &provider{Server: s, name: name, url: up.URL, key: key}
	}
	addr := freeAddress(t)
	h.url = "http://" + addr
	h.furnish(t, addr)
	b.h = h
	b.link()
	log, err := os.Create(h.path("log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	h.log = log
	return b
}

// link edits the sealed file: these fields are not sealed.
func (b *bout) link() {
	file := b.h.path("config", "profiles.yaml")
	src, err := os.ReadFile(file)
	if err != nil {
		b.t.Fatal(err)
	}
	var out []string
	for line := range strings.SplitSeq(string(src), "\n") {
		field := strings.TrimLeft(line, " -")
		pad := strings.Repeat(" ", len(line)-len(field))
		switch field {
		case "name: work":
			out = append(out, line, pad+"fallback: [spare]", pad+"timeouts: {first_byte: 5s}")
		case "name: spare":
			out = append(out, line, pad+"timeouts: {first_byte: 5s}")
		case "provider: moonshot":
			out = append(out, pad+"provider: anthropic")
		case "model: kimi-k3":
		default:
			out = append(out, line)
		}
	}
	write(b.t, file, strings.Join(out, "\n"))
	if pace() == 0 {
		settings := b.h.path("config", "prism.yaml")
		src, err := os.ReadFile(settings)
		if err != nil {
			b.t.Fatal(err)
		}
		write(b.t, settings, string(src)+"failover: {budget: 100%}\n")
	}
}

// TestATenTurnSessionSurvivesEveryMishapOfItsUpstreams: the user sees no error, and the ledger
// tells the truth about every attempt.
func TestATenTurnSessionSurvivesEveryMishapOfItsUpstreams(t *testing.T) {
	b := newBout(t)
	cmd, _ := b.h.launch(t)
	t.Cleanup(func() { b.h.close(t, cmd) })
	over := make(chan struct{})
	var closing sync.WaitGroup
	closing.Go(func() { b.closePort(over) })
	k := newClient(t, b.h).start(t, "--allowedTools", "Bash")
	last := k.turn(t, "go on until it is finished")
	tr := k.end(t)
	close(over)
	closing.Wait()

	if last.Result != "finished" || last.IsError {
		t.Errorf("the session ended with %q", last.Result)
	}
	for _, text := range tr.texts {
		if strings.Contains(text, "API Error") {
			t.Errorf("the user was shown %q", text)
		}
	}
	for n := range mishaps() {
		if b.asked[n] == 0 {
			t.Errorf("round %d did not happen", n)
		}
	}
	b.checkAttempts(b.checkRows(tr))
}

// checkRows: one row for every request of the client, each with the answer that it got.
func (b *bout) checkRows(tr *transcript) []row {
	t := b.t
	var rows []row
	want := lastRound + 1
	for _, m := range mishaps() {
		if m.seen {
			want++
		}
	}
	b.h.wait(t, fmt.Sprintf("the ledger has %d rows", want), func() bool {
		rows = b.h.query(t, everyRow)
		return len(rows) >= want
	})
	if len(rows) != want {
		t.Errorf("%d rows, want %d", len(rows), want)
	}
	paid, whole, broken := 0.0, 0.0, 0.0
	for i, r := range rows {
		outcome := r.text("outcome")
		seen := outcome == "truncated"
		if outcome != "ok" && !seen || r.num(t, "http_status") != 200 {
			t.Errorf("row %d: %s with status %s", i, outcome, r.text("http_status"))
		}
		paid += r.dollars(t, "cost_usd")
		if seen {
			broken += r.dollars(t, "cost_list_usd")
		} else {
			whole += r.dollars(t, "cost_list_usd")
		}
	}
	// The client counts what it got whole. Of the stream that broke in its hands it counts, depending
	// on what it had read by then, nothing, or what message_start said and its own estimate of the
	// rest. What prism lost before the commit it cannot know: that is in the ledger alone.
	if extra := tr.total(t) - whole; math.Abs(extra) > 1e-9 && (extra < 0.95*broken || extra > 1.05*broken) {
		t.Errorf("the client counts %.10f USD; %.10f were whole, %.10f broke off", tr.total(t), whole, broken)
	}
	if paid <= whole+broken {
		t.Errorf("%.10f USD were paid in all, no more than the %.10f that the client can know of", paid, whole+broken)
	}
	t.Logf("client %.10f USD; whole %.10f, broken off %.10f, paid in all %.10f; the client waited for %v", tr.total(t), whole, broken, paid, tr.retries)
	return rows
}

// checkAttempts: every request that a provider saw is an attempt in the ledger and the other way
// round, with what the provider says about it.
func (b *bout) checkAttempts(rows []row) {
	t := b.t
	attempts := b.h.query(t, `select *, epoch_us(started_at) as started_at_us from attempts order by started_at, n`)
	type contact struct {
		sim.Billed
		by string
	}
	var bills []contact
	for _, p := range []*provider{b.h.work, b.h.spare} {
		for _, bill := range p.Bill() {
			bills = append(bills, contact{bill, p.name})
			if len(bill.Credentials) != 1 || bill.Key != p.key {
				t.Errorf("%s got the credentials %+v", p.name, bill.Credentials)
			}
		}
	}
	slices.SortFunc(bills, func(a, b contact) int { return a.Started.Compare(b.Started) })
	sum := 0.0
	for i, a := range attempts {
		t.Logf("%s %s %s: %s because of %s: %s %s", a.time(t, "started_at").Format("05.000"), a.text("request_id"), a.text("n"), a.text("profile"), a.text("why"), a.text("outcome"), a.text("error_type"))
		if cost := a.dollars(t, "cost_list_usd"); !math.IsNaN(cost) {
			sum += cost
		}
		if a.text("error_type") == "dial" {
			continue // nobody saw it
		}
		if len(bills) == 0 {
			t.Fatalf("attempt %d of %d is not known to any provider: %v", i, len(attempts), a)
		}
		bill := bills[0]
		bills = bills[1:]
		status := int64(bill.Status)
		if status == 0 {
			status = sim.Absent
		}
		if a.text("profile") != bill.by || a.num(t, "http_status") != status {
			t.Errorf("attempt %d: %s with status %d; the bill says %s, %d", i, a.text("profile"), a.num(t, "http_status"), bill.by, status)
		}
		if final := bill.Source == sim.SourceFinal; final != (a.text("outcome") == "ok") || final && a.num(t, "input_tokens") != bill.Charged.Input || final && a.num(t, "output_tokens") != bill.Charged.Output {
			t.Errorf("attempt %d: %s with %s and %s tokens; the bill says %s, %+v", i, a.text("outcome"), a.text("input_tokens"), a.text("output_tokens"), bill.Source, bill.Charged)
		}
	}
	if len(bills) > 0 {
		t.Errorf("the providers saw %d requests of which the ledger knows nothing", len(bills))
	}
	paid := 0.0
	for _, r := range rows {
		paid += r.dollars(t, "cost_usd")
	}
	mustCost(t, "all attempts together", sum, paid)
	b.checkMishaps(rows, attempts)
}

// checkMishaps: each mishap is there once, in its turn, followed by an attempt that went well.
func (b *bout) checkMishaps(rows, attempts []row) {
	t := b.t
	byRow := map[string][]row{}
	for _, a := range attempts {
		byRow[a.text("request_id")] = append(byRow[a.text("request_id")], a)
	}
	i := 0
	for round := 0; round <= lastRound && i < len(rows); round++ {
		list := byRow[rows[i].text("request_id")]
		i++
		m, bad := mishaps()[round]
		lost := list[:len(list)-1]
		if m.seen {
			lost = list
			i++ // the client asked again
		}
		switch tries := len(lost); {
		case !bad && tries != 0, bad && !m.port && tries != 1, m.port && tries != 2:
			t.Errorf("round %d, %s: %d attempts failed: %v", round, m.name, tries, list)
		}
		for _, a := range lost {
			told := a.num(t, "input_tokens") != sim.Absent
			if a.text("error_type") != m.errorType || a.text("outcome") != m.outcome || a.num(t, "http_status") != m.status || told != m.told {
				t.Errorf("round %d, %s: %s, %s, status %s, tokens told: %v", round, m.name, a.text("outcome"), a.text("error_type"), a.text("http_status"), told)
			}
		}
		if served := list[len(list)-1]; !m.seen && bad && len(lost) > 0 && served.text("profile") == lost[0].text("profile") {
			t.Errorf("round %d, %s: served by %s because of %s, after %s", round, m.name, served.text("profile"), served.text("why"), lost[0].text("profile"))
		}
	}
}
