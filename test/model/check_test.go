package model

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"prism/internal/ledger"
	"prism/internal/simulator"
	"prism/internal/stream"
)

// bill is a bill and whose it is.
type bill struct {
	simulator.Billed
	host int
}

// books are all books of a world, by session.
type books struct {
	bills map[string][]bill
	rows  map[string][]*ledger.Entry
}

// check holds the books of a world that is over against the invariants, and notes what is wrong.
func (w *world) check() {
	b := books{bills: map[string][]bill{}, rows: map[string][]*ledger.Entry{}}
	for i, h := range w.hosts {
		for _, one := range h.Bill() {
			b.bills[one.SessionID] = append(b.bills[one.SessionID], bill{one, i})
		}
	}
	w.readJournal(&b)
	for _, v := range w.seen {
		c := checker{w: w, v: v, bills: b.bills[v.session]}
		slices.SortFunc(c.bills, func(x, y bill) int { return x.Started.Compare(y.Started) })
		c.check(b.rows[v.session])
		delete(b.bills, v.session)
		delete(b.rows, v.session)
	}
	for session := range b.bills {
		w.fail("I1: the provider saw %q, which nobody asked for", session)
	}
	for session := range b.rows {
		w.fail("I1: there is a row of %q, which nobody asked for", session)
	}
}

// readJournal reads the rows, and checks that every open record has one end.
func (w *world) readJournal(b *books) {
	opens, ends := map[string]int{}, map[string]int{}
	_, err := ledger.ReadSegments(filepath.Join(w.dir, "journal"), ledger.Watermark{}, func(r ledger.Record) error {
		switch r.Kind {
		case ledger.KindOpen:
			opens[r.RequestID]++
		case ledger.KindVoid:
			ends[r.RequestID]++
		case ledger.KindClose:
			ends[r.RequestID]++
			e := new(ledger.Entry)
			if err := r.Entry(e); err != nil {
				return err
			}
			b.rows[e.SessionID] = append(b.rows[e.SessionID], e)
		case ledger.KindSegment, ledger.KindUsage, ledger.KindConfig, ledger.KindCorrection, ledger.KindAlert, ledger.KindHealth: // neither open nor end anything
		}
		return nil
	})
	if err != nil {
		w.fail("journal: %v", err)
	}
	for _, g := range w.gates {
		for id, n := range g.journal.closes {
			if n != 1 {
				w.fail("I1: %s was closed %d times", id, n)
			}
		}
	}
	for id, n := range opens {
		if n != 1 || ends[id] != 1 {
			w.fail("I1: %s was opened %d times and ended %d times", id, n, ends[id])
		}
	}
	for id := range ends {
		if opens[id] == 0 {
			w.fail("I1: %s ended without having begun", id)
		}
	}
}

// checker checks one visit.
type checker struct {
	w     *world
	v     *visit
	bills []bill
	row   *ledger.Entry
}

func (c *checker) fail(format string, args ...any) {
	v := c.v
	end := fmt.Sprint(v.err)
	c.w.fail("%s: %s\n      client: status %d %q, %d bytes, end %s, left %v\n      %s", v.session, fmt.Sprintf(format, args...),
		v.status, v.header.Get("X-Prism-Error"), len(v.got), end, v.left, c.describe())
}

// describe tells what the provider and the ledger know.
func (c *checker) describe() string {
	var b strings.Builder
	for i := range c.bills {
		x := &c.bills[i]
		fmt.Fprintf(&b, "bill: host %d, status %d, %s, model %s, %d bytes, usage %s; ", x.host, x.Status, x.Ending, x.Model, x.ResponseBytes, x.Source)
	}
	if e := c.row; e != nil {
		fmt.Fprintf(&b, "row: generation %d, profile %s, outcome %s, error %s (%s), status %d, usage %s %+v;", e.Generation, e.Profile, e.Outcome, e.ErrorType, e.ErrorMessage, e.HTTPStatus, e.UsageSource, e.Usage)
		for i := range e.Attempts {
			a := &e.Attempts[i]
			fmt.Fprintf(&b, " attempt %d: %s %s %s %d", a.N, a.Profile, a.Outcome, a.ErrorType, a.HTTPStatus)
		}
	}
	return b.String()
}

// check holds one visit against the invariants.
func (c *checker) check(rows []*ledger.Entry) {
	if len(rows) > 0 {
		c.row = rows[0]
	}
	c.keys()
	if c.v.ask.odd != "" {
		if len(rows) != 0 || len(c.bills) != 0 || c.v.status != 0 && (c.v.status < 400 || c.v.header.Get("X-Prism-Error") == "") {
			c.fail("refused requests leave nothing: %d rows, %d bills", len(rows), len(c.bills))
		}
		return
	}
	served := c.v.status != 0 && c.v.header.Get("X-Prism-Error") != "busy"
	if len(rows) > 1 || len(rows) == 0 && (len(c.bills) > 0 || served) {
		c.fail("I1: %d rows", len(rows))
	}
	c.attempts()
	c.route()
	c.bytes()
	c.usage()
	c.outcome()
}

// keys is I4: a key is sent to its own host, alone, and the client's token to nobody.
func (c *checker) keys() {
	for i := range c.bills {
		b := &c.bills[i]
		if len(b.Credentials) != 1 || !strings.HasSuffix(b.Key, fmt.Sprintf("-of-host-%d-0123456789", b.host)) {
			c.fail("I4: host %d was sent %v", b.host, b.Credentials)
		}
		for name, values := range b.Header {
			if strings.Contains(strings.Join(values, " "), token) {
				c.fail("I4: the client's token went out in %s", name)
			}
		}
	}
}

// attempts checks that there are three tries at most, and that each is written down.
func (c *checker) attempts() {
	if len(c.bills) > 3 {
		c.fail("%d tries reached a provider", len(c.bills))
	}
	if e := c.row; e != nil && e.Outcome != ledger.OutcomeCrashed && len(e.Attempts) < len(c.bills) {
		c.fail("%d tries reached a provider, %d are in the row", len(c.bills), len(e.Attempts))
	}
}

// route is I6: all that was done for a request was done by one table, the one in its row.
func (c *checker) route() {
	e := c.row
	if e == nil {
		return
	}
	g, ok := c.w.tables[e.Generation]
	if !ok {
		c.fail("I6: there never was a generation %d", e.Generation)
		return
	}
	chosen := c.v.ask.named
	if chosen == "" {
		chosen = g.active
	}
	chain := g.chain[chosen]
	for i := range e.Attempts {
		if !slices.Contains(chain, e.Attempts[i].Profile) {
			c.fail("I6: profile %s was tried, the table says %v", e.Attempts[i].Profile, chain)
		}
	}
	for i := range c.bills {
		b := &c.bills[i]
		matches := slices.ContainsFunc(chain, func(name string) bool {
			l := g.lanes[name]
			model := c.v.ask.model
			if l.renames && strings.HasPrefix(model, "alias-") {
				model = "claude-sonnet-5"
			}
			want := strings.Replace(c.v.body, fmt.Sprintf("%q", c.v.ask.model), fmt.Sprintf("%q", model), 1)
			return l.host == b.host && slices.Contains(l.keys, b.Key) && (b.Ending == simulator.EndCancelled && b.Model == "" || string(b.RequestBody) == want)
		})
		if !matches {
			c.fail("I6: host %d was asked for %s with key %q; the table says %+v", b.host, b.Model, b.Key, g)
		}
	}
}

// usage is I5: what is final is what was billed.
func (c *checker) usage() {
	e := c.row
	if e == nil || e.UsageSource != ledger.UsageFinal {
		return
	}
	for i := range c.bills {
		b := &c.bills[i]
		if e.UpstreamRequestID != "" && b.RequestID != e.UpstreamRequestID || e.UpstreamRequestID == "" && b.MessageID != e.ResponseID {
			continue
		}
		if b.Source != simulator.SourceFinal && stopped(b.ResponseBody) {
			return // cut between the last count and the blank line behind it: it was read, but the bill has it as not sent
		}
		want, said := billed(&b.Charged), billed(&b.Usage)
		want.Reasoning, want.WebSearches = said.Reasoning, said.WebSearches
		if b.Start.Input < 0 { // message_start did not get through, and nothing else says how long what is written lives
			want.CacheWrite5m, want.CacheWrite1h = e.Usage.CacheWrite5m, e.Usage.CacheWrite1h
		}
		if e.Usage != want {
			c.fail("I5: usage %+v, billed %+v", e.Usage, want)
		}
		return
	}
	c.fail("I5: a final usage of request %q, which no provider answered", e.UpstreamRequestID)
}

// billed is a usage of the bill in the words of the ledger.
func billed(u *simulator.Usage) stream.Usage {
	count := func(n int64) stream.Count { return stream.Count(max(n, int64(stream.Unknown))) }
	return stream.Usage{
		Input: count(u.Input), Output: count(u.Output), CacheRead: count(u.CacheRead), CacheWrite: count(u.CacheWrite),
		CacheWrite5m: count(u.CacheWrite5m), CacheWrite1h: count(u.CacheWrite1h), Reasoning: count(u.Thinking), WebSearches: count(u.WebSearches),
	}
}

// outcome checks that the row says what the client has seen.
func (c *checker) outcome() {
	e, v := c.row, c.v
	if e == nil {
		return
	}
	if e.Outcome == ledger.OutcomeCrashed {
		return
	}
	if e.DurationMS < 0 || e.EndedAt.IsZero() || len(e.Attempts) > 3 {
		c.fail("the row is not whole: duration %d, ended %v, %d attempts", e.DurationMS, e.EndedAt, len(e.Attempts))
	}
	whole := v.err == nil && v.status != 0
	switch {
	case e.Outcome == ledger.OutcomeShutdown:
		c.fail("nobody stopped the gateway in good order")
	case whole && v.status != e.HTTPStatus:
		c.fail("the row has status %d", e.HTTPStatus)
	case whole && e.Outcome == ledger.OutcomeClientAbort:
		c.fail("the client got everything")
	case e.ErrorType == "" && (e.Outcome == ledger.OutcomeTruncated || e.Outcome == ledger.OutcomeError):
		c.fail("nothing says what went wrong")
	case v.status >= 400 && e.Outcome == ledger.OutcomeOK:
		c.fail("an error was a success")
	case e.Outcome == ledger.OutcomeTruncated && whole && v.status == 200:
		c.fail("what was cut came whole")
	}
}
