//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"prism/config/sealed"
	sim "prism/internal/simulator"
)

// other is a provider that speaks another dialect than the client.
type other struct {
	*provider
	dialect string
	quirks  []string // lines of its profile
	wire    *wire    // over which the client talks to prism
}

// otherModel is what the other provider is asked for, and what a million tokens of it cost.
const (
	otherModel      = "gpt-5.6-sol"
	otherInput      = 4.0
	otherCacheRead  = 0.4
	otherCacheWrite = 5.0
	otherOutput     = 20.0
)

// front is where the client finds prism.
func (h *house) front() string {
	if h.other != nil {
		return h.other.wire.url
	}
	return h.url
}

// openOther makes a house in which the active profile speaks that dialect. quirks are lines of
// the profile.
func openOther(t *testing.T, dialect string, o sim.Options, quirks ...string) *house {
	t.Helper()
	h := prepare(t)
	o.Name, o.Key = "other", "sk-other-"+secret(t)
	s := sim.New(o)
	up := s.Start()
	t.Cleanup(up.Close)
	h.other = &other{provider: &provider{Server: s, name: "other", url: up.URL, key: o.Key}, dialect: dialect, quirks: quirks}
	h.furnishOther(t)
	cmd, _ := h.launch(t)
	t.Cleanup(func() { h.close(t, cmd) })
	h.other.wire = tap(t, h.url)
	return h
}

// furnishOther puts the profile of the other provider in front of the others, and makes it the
// active one.
func (h *house) furnishOther(t *testing.T) {
	t.Helper()
	identity, err := os.ReadFile(h.path("keys.txt"))
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{
		"  - name: other", "    dialect: " + h.other.dialect, "    base_url: " + h.other.url + "/v1",
		"    api_key: " + h.other.key, "    provider: openai", "    model: " + otherModel,
		"    quirks:", "      cache_key: true", // it tells the session
	}
	for _, q := range h.other.quirks {
		lines = append(lines, "      "+q)
	}
	clear := strings.Replace(h.profiles(), "active: work", "active: other", 1)
	clear = strings.Replace(clear, "\nprofiles:\n", "\nprofiles:\n"+strings.Join(lines, "\n")+"\n\n", 1)
	recipient := regexp.MustCompile(`age1[0-9a-z]+`).FindString(string(identity))
	out, err := sealed.Encrypt([]byte(clear), []string{recipient})
	if err != nil {
		t.Fatal(err)
	}
	write(t, h.path("config", "profiles.yaml"), string(out))
}

// otherCounts are counts as other dialects report them; see counts.
func otherCounts(n int64) sim.Usage {
	return sim.Usage{Input: 1000 + n, Output: 200 + 3*n, CacheRead: 30_000 + 7*n, CacheWrite5m: 400 + 11*n, Thinking: 2 * n}
}

// otherBooks waits until the other provider is done and compares its bill with the ledger: one
// row for each request that reached it. It returns all rows, in the order they began; local ones
// are those that prism answered by itself, of which want says how many there are (-1 = any).
func (h *house) otherBooks(t *testing.T, requests, local int) []row {
	t.Helper()
	h.wait(t, "the provider is done", func() bool { seen, ended := h.other.Requests(); return seen == ended })
	bill := map[string]sim.Billed{}
	for _, b := range h.other.Bill() {
		bill[b.RequestID] = b
		if dir := os.Getenv("PRISM_REQUESTS"); dir != "" { // for the types of OpenAI; see test/conformance
			write(t, filepath.Join(dir, fmt.Sprintf("client-%x%s.json", b.RequestSHA256[:8], h.other.marks())), string(b.RequestBody))
		}
	}
	if len(bill) != requests {
		t.Errorf("the provider saw %d requests, want %d", len(bill), requests)
	}
	if n := h.other.Unused(); n > 0 {
		t.Errorf("%d scripted answers were not asked for", n)
	}
	var rows []row
	h.wait(t, "the ledger has a row for each request", func() bool {
		rows = h.query(t, everyRow)
		known := 0
		for _, r := range rows {
			if _, ok := bill[r.text("upstream_request_id")]; ok {
				known++
			}
		}
		return known >= len(bill) && len(rows) >= len(bill)+max(local, 0)
	})
	own := 0
	for _, r := range rows {
		id := r.text("upstream_request_id")
		b, ok := bill[id]
		delete(bill, id)
		switch {
		case ok:
			h.compareOther(t, r, &b)
		case id == "" && r.text("profile") == "other":
			own++
			mustBeFree(t, r)
		case r.text("profile") == "other":
			t.Errorf("a row of the request %q, which no provider knows or which has two rows", id)
		}
	}
	if local >= 0 && own != local {
		t.Errorf("prism answered %d requests by itself, want %d", own, local)
	}
	return rows
}

// mustBeFree checks a row of a request that reached no provider.
func mustBeFree(t *testing.T, r row) {
	t.Helper()
	for _, column := range []string{"input_tokens", "output_tokens", "cost_usd"} {
		if got := r.text(column); got != "" && got != "0" {
			t.Errorf("a request that was never sent has %s %s", column, got)
		}
	}
}

// marks names the quirks of the profile in the names of files.
func (o *other) marks() string {
	marks := ""
	for _, q := range o.quirks {
		name, _, _ := strings.Cut(q, ":")
		marks += "+" + name
	}
	return marks
}

// otherReconcile compares all three books: bill and ledger, then ledger and client, whose names
// of models are not the provider's.
func (h *house) otherReconcile(t *testing.T, requests, local int, tr *transcript) []row {
	t.Helper()
	rows := h.otherBooks(t, requests, local)
	ledger := modelUsage{}
	for _, r := range rows {
		if r.text("operation") == "messages" && r.text("outcome") == "ok" {
			ledger.Input += r.num(t, "input_tokens")
			ledger.Output += r.num(t, "output_tokens")
			ledger.CacheRead += max(r.num(t, "cache_read_tokens"), 0)
			ledger.CacheWrite5m += max(r.num(t, "cache_write_5m_tokens"), 0)
			ledger.Cost += r.dollars(t, "cost_list_usd") // the client has prices of its own
		}
	}
	client := modelUsage{}
	for _, m := range tr.last(t).ModelUsage {
		client.Input += m.Input
		client.Output += m.Output
		client.CacheRead += m.CacheRead
		client.CacheWrite += m.CacheWrite
		client.CacheWrite5m += m.CacheWrite // it was told the sum only
	}
	ledger.agree(t, "everything", &client, false)
	return rows
}
