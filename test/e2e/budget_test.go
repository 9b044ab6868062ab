//go:build e2e

package e2e

import (
	"os"
	"strings"
	"testing"

	sim "prism/internal/simulator"
)

// TestTheClientShowsABudgetThatIsUsedUpAndDoesNotRepeat: the first request uses the budget up,
// the next one is refused. The client must tell its user which budget it is, at once, and not
// try again.
func TestTheClientShowsABudgetThatIsUsedUpAndDoesNotRepeat(t *testing.T) {
	sameDay()
	h := prepare(t)
	file := h.path("config", "prism.yaml")
	settings, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, string(settings)+"budgets:\n  - {name: today, usd: 0.0001, per: day, then: block}\n")
	cmd, _ := h.launch(t)
	t.Cleanup(func() { h.close(t, cmd) })
	h.work.Script(sim.Always(sim.Reply(sim.Text("Hello."), counts(1))))
	c := newClient(t, h)
	c.ask(t, "say hello").mustSay(t, "Hello.")
	asked, _ := h.work.Requests()

	tr := c.ask(t, "say it again")
	if got := tr.last(t); !got.IsError || !strings.Contains(got.Result, `budget "today" is used up: $0.`) || !strings.Contains(got.Result, "of $0.0001 this day; it resets at ") {
		t.Errorf("the client says %q", got.Result)
	}
	if len(tr.retries) != 0 {
		t.Errorf("the client tried again: %q", tr.retries)
	}
	if now, _ := h.work.Requests(); now != asked {
		t.Errorf("%d requests reached the provider behind the budget", now-asked)
	}
	const refused = "select 1 from requests where outcome = 'blocked' and error_type = 'budget' and http_status = 429 and cost_usd is null and coalesce(len(attempts), 0) = 0"
	if n := len(h.query(t, refused)); n != 1 {
		t.Errorf("%d rows of refused requests, want 1", n)
	}
}
