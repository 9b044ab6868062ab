//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"prism/internal/simulator"
)

// row is one row of table requests, as `prism sql --json` prints it.
type row map[string]any

// text returns a column as text; NULL is empty.
func (r row) text(column string) string {
	if r[column] == nil {
		return ""
	}
	return fmt.Sprint(r[column])
}

// num returns a whole number; NULL is simulator.Absent.
func (r row) num(t *testing.T, column string) int64 {
	t.Helper()
	if r[column] == nil {
		return simulator.Absent
	}
	n, err := strconv.ParseInt(r.text(column), 10, 64)
	if err != nil {
		t.Fatalf("column %s: %v", column, err)
	}
	return n
}

// dollars returns an amount; NULL is not a number.
func (r row) dollars(t *testing.T, column string) float64 {
	t.Helper()
	if r[column] == nil {
		return math.NaN()
	}
	f, err := strconv.ParseFloat(r.text(column), 64)
	if err != nil {
		t.Fatalf("column %s: %v", column, err)
	}
	return f
}

// time returns an instant.
func (r row) time(t *testing.T, column string) time.Time {
	t.Helper()
	return time.UnixMicro(r.num(t, column+"_us"))
}

// query asks the ledger the way a user does.
func (h *house) query(t *testing.T, sql string) []row {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Getenv("PRISM_BIN"), "sql", "--json", sql)
	cmd.Env, cmd.Dir = h.env, h.dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("prism sql: %v\n%s%s", err, out, stderr.String())
	}
	dec := json.NewDecoder(bytes.NewReader(out))
	dec.UseNumber()
	var rows []row
	if err := dec.Decode(&rows); err != nil {
		t.Fatalf("prism sql printed %q: %v", out, err)
	}
	return rows
}

const everyRow = `select *, epoch_us(started_at) as started_at_us, epoch_us(ended_at) as ended_at_us
from requests order by started_at, request_id`

// books waits until the providers are done, compares their bill with the ledger row by row and
// field by field, and returns the rows in the order they began. The bill must have want
// requests, or any number if want is 0.
func (h *house) books(t *testing.T, want int) []row {
	t.Helper()
	type charge struct {
		simulator.Billed
		by *provider
	}
	bill := map[string]charge{}
	for _, p := range []*provider{h.work, h.spare} {
		h.wait(t, "the provider is done", func() bool { seen, ended := p.Requests(); return seen == ended })
		for _, b := range p.Bill() {
			bill[b.RequestID] = charge{b, p}
		}
		if n := p.Unused(); n > 0 {
			t.Errorf("%d scripted answers were not asked for", n)
		}
	}
	if want > 0 && len(bill) != want {
		t.Errorf("the providers saw %d requests, want %d", len(bill), want)
	}
	var rows []row
	h.wait(t, "the ledger has a row for each request", func() bool {
		rows = h.query(t, everyRow)
		return len(rows) >= len(bill)
	})
	if len(rows) != len(bill) {
		t.Errorf("%d rows for %d requests", len(rows), len(bill))
	}
	for i, r := range rows {
		id := r.text("upstream_request_id")
		c, ok := bill[id]
		if !ok {
			t.Errorf("row %d: no provider knows the request %q, or it has two rows", i, id)
			continue
		}
		delete(bill, id)
		h.compare(t, r, &c.Billed, c.by)
	}
	return rows
}

// compare checks one row against the bill of its request.
func (h *house) compare(t *testing.T, r row, b *simulator.Billed, by *provider) {
	t.Helper()
	u, source := b.Charged, b.Source
	if source == simulator.SourcePartial && r.text("usage_source") == "estimated" {
		// The provider never said how much it wrote: the ledger has what was delivered.
		source = "estimated"
		if got := r.num(t, "output_tokens"); got < u.Output {
			t.Errorf("request %d: an estimate of %d tokens, the bill says at least %d", b.Seq, got, u.Output)
		}
		u.Output = r.num(t, "output_tokens")
	}
	host, _, _ := strings.Cut(b.Host, ":")
	for column, billed := range map[string]int64{
		"input_tokens": u.Input, "output_tokens": u.Output, "cache_read_tokens": u.CacheRead,
		"cache_write_5m_tokens": u.CacheWrite5m, "cache_write_1h_tokens": u.CacheWrite1h,
		"reasoning_tokens": u.Thinking, "web_search_requests": u.WebSearches,
		"http_status": int64(b.Status), "response_bytes": b.ResponseBytes,
	} {
		cut := column == "response_bytes" && b.Ending != simulator.EndComplete
		if got := r.num(t, column); got != max(billed, simulator.Absent) && !cut {
			t.Errorf("request %d: %s is %d, the bill says %d", b.Seq, column, got, billed)
		}
	}
	for column, billed := range map[string]string{
		"usage_source": source, "upstream_model": b.Model, "response_model": b.ResponseModel, "response_id": b.MessageID,
		"session_id": b.SessionID, "agent_id": b.AgentID, "operation": b.Operation, "profile": by.name,
		"service_tier": u.ServiceTier, "speed": u.Speed, "stream": strconv.FormatBool(b.Stream),
		"server_address": host,
	} {
		if got := r.text(column); got != billed {
			t.Errorf("request %d: %s is %q, the bill says %q", b.Seq, column, got, billed)
		}
	}
	h.compareIterations(t, r, b)
	if b.ErrorType != "" && r.text("error_type") != b.ErrorType {
		t.Errorf("request %d: error_type is %q, the bill says %q", b.Seq, r.text("error_type"), b.ErrorType)
	}
	if len(b.Credentials) != 1 || b.Key != by.key {
		t.Errorf("request %d: %d credentials reached %s, want one, its own", b.Seq, len(b.Credentials), by.name)
	}
	for name, values := range b.Header {
		if slices.ContainsFunc(values, func(v string) bool { return strings.Contains(v, h.token) }) {
			t.Errorf("request %d: the client token went upstream in %s", b.Seq, name)
		}
	}
}

// compareIterations checks that a row has those iterations which the bill charges beside the top
// level, in its order.
func (h *house) compareIterations(t *testing.T, r row, b *simulator.Billed) {
	t.Helper()
	var charged []simulator.Iteration
	for _, it := range b.Charged.Iterations {
		hop := it.Type == "message" && it.Model != "" && it.Model != b.ResponseModel
		if hop || it.Type == "compaction" || it.Type == "advisor_message" {
			charged = append(charged, it)
		}
	}
	got := r.iterations(t)
	if len(got) != len(charged) {
		t.Errorf("request %d: %d iterations, the bill says %d", b.Seq, len(got), len(charged))
		return
	}
	for i, it := range charged {
		for column, billed := range map[string]int64{
			"input_tokens": it.Usage.Input, "output_tokens": it.Usage.Output, "cache_read_tokens": it.Usage.CacheRead,
			"cache_write_5m_tokens": it.Usage.CacheWrite5m, "cache_write_1h_tokens": it.Usage.CacheWrite1h,
		} {
			if n := got[i].num(t, column); n != billed {
				t.Errorf("request %d, iteration %d: %s is %d, the bill says %d", b.Seq, i, column, n, billed)
			}
		}
	}
}

// reconcile compares all three books: bill and ledger, then ledger and client. The client's
// last result counts everything it did; requests that failed are no part of it.
func (h *house) reconcile(t *testing.T, want int, tr *transcript) []row {
	t.Helper()
	rows := h.books(t, want)
	ledger := account(t, rows)
	last := tr.last(t)
	if len(last.ModelUsage) != len(ledger) {
		t.Errorf("the client names %d models, the ledger %d", len(last.ModelUsage), len(ledger))
	}
	total, money := 0.0, true
	for model, client := range last.ModelUsage {
		m := strings.TrimSuffix(model, "[1m]")
		ours := ledger[m]
		if ours == nil {
			t.Errorf("the client used %s, the ledger has no row of it", m)
			continue
		}
		ours.agree(t, m, &client, !ours.renamed)
		total += ours.Cost
		money = money && !ours.renamed
	}
	if money {
		mustCost(t, "total_cost_usd", total, tr.total(t))
	}
	return rows
}

// account adds up, by the model that was asked for, the messages that the client got whole.
func account(t *testing.T, rows []row) map[string]*modelUsage {
	t.Helper()
	ledger := map[string]*modelUsage{}
	of := func(model string) *modelUsage {
		if ledger[model] == nil {
			ledger[model] = &modelUsage{}
		}
		return ledger[model]
	}
	for _, r := range rows {
		if r.text("operation") != "messages" || r.text("outcome") != "ok" {
			continue
		}
		u := of(r.text("request_model"))
		u.add(t, r)
		u.WebSearches += max(r.num(t, "web_search_requests"), 0)
		u.Cost += r.dollars(t, "cost_list_usd")
		u.renamed = u.renamed || r.text("upstream_model") != r.text("request_model")
		for _, it := range r.iterations(t) { // the client names them by their own model
			u.Cost -= it.dollars(t, "cost_list_usd")
			v := of(it.text("model"))
			v.add(t, it)
			v.Cost += it.dollars(t, "cost_list_usd")
		}
	}
	return ledger
}

// add adds the tokens of a row or of an iteration.
func (u *modelUsage) add(t *testing.T, r row) {
	t.Helper()
	u.Input += r.num(t, "input_tokens")
	u.Output += r.num(t, "output_tokens")
	u.CacheRead += r.num(t, "cache_read_tokens")
	u.CacheWrite5m += r.num(t, "cache_write_5m_tokens")
	u.CacheWrite1h += r.num(t, "cache_write_1h_tokens")
}

// iterations returns what was billed beside the top level of a row's usage.
func (r row) iterations(t *testing.T) []row {
	t.Helper()
	list, _ := r["iterations"].([]any)
	var out []row
	for _, v := range list {
		it, ok := v.(map[string]any)
		if !ok {
			t.Fatalf("an iteration is %v", v)
		}
		out = append(out, it)
	}
	return out
}

// listCost is what all rows cost at list prices.
func listCost(t *testing.T, rows []row) float64 {
	t.Helper()
	sum := 0.0
	for _, r := range rows {
		sum += r.dollars(t, "cost_list_usd")
	}
	return sum
}

// mustCost compares two amounts. The client adds up in floating point; its noise is far below the
// ledger's last digit.
func mustCost(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) < 1e-11) {
		t.Errorf("%s: %.10f USD, want %.10f", what, got, want)
	}
}

// agree checks what the ledger says about a model against what the client says. Money is
// comparable only where the model that was asked for is the one that served.
func (u *modelUsage) agree(t *testing.T, model string, client *modelUsage, money bool) {
	t.Helper()
	agreed := true
	for what, pair := range map[string][2]int64{
		"input":       {u.Input, client.Input},
		"output":      {u.Output, client.Output},
		"cache read":  {u.CacheRead, client.CacheRead},
		"cache write": {u.CacheWrite5m + u.CacheWrite1h, client.CacheWrite},
		"5m write":    {u.CacheWrite5m, client.CacheWrite5m},
		"1h write":    {u.CacheWrite1h, client.CacheWrite1h},
		"web search":  {u.WebSearches, client.WebSearches},
	} {
		if pair[0] != pair[1] {
			agreed = false
			t.Errorf("%s: %s is %d in the ledger, %d at the client", model, what, pair[0], pair[1])
		}
	}
	if money && (client.CostBasis != "list" || !(math.Abs(u.Cost-client.Cost) < 1e-11)) {
		agreed = false
		t.Errorf("%s: %.10f USD in the ledger, %.10f USD (%s) at the client", model, u.Cost, client.Cost, client.CostBasis)
	}
	if !agreed {
		return
	}
	t.Logf("bill = ledger = client: %s in %d, out %d, read %d, 5m %d, 1h %d, searches %d, %.10f USD",
		model, u.Input, u.Output, u.CacheRead, u.CacheWrite5m, u.CacheWrite1h, u.WebSearches, u.Cost)
}

// mustSay checks that the client ended well and with this text.
func (tr *transcript) mustSay(t *testing.T, want string) {
	t.Helper()
	if last := tr.last(t); tr.exit != 0 || last.IsError || last.Result != want {
		t.Errorf("the client ended with exit %d, error %v, result %q; want %q", tr.exit, last.IsError, last.Result, want)
	}
}

// mustHaveWaited checks how often the client came back on its own.
func (tr *transcript) mustHaveWaited(t *testing.T, want int) {
	t.Helper()
	if len(tr.retries) != want {
		t.Errorf("the client tried again %d times (%q), want %d", len(tr.retries), tr.retries, want)
	}
}
