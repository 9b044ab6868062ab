//go:build e2e

package browser

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"

	"prism/internal/simulator"
)

// busy is the traffic of some seconds, of which one request is under way still.
func (h *house) busy(t *testing.T) {
	t.Helper()
	h.work.Script(simulator.Always(simulator.AnswerFunc(func(r simulator.Request) simulator.Answer {
		n := int64(len(r.SessionID)) + int64(r.MaxTokens)
		return simulator.Reply(simulator.TextPieces("one two three four five six seven eight nine ten eleven twelve", 1), simulator.Delay(400*time.Millisecond),
			simulator.EventDelay(time.Duration(10+n%30)*time.Millisecond), simulator.Usage{Input: 14 + n, Output: 60 + 31*n, CacheRead: 31_000 + 977*n, CacheWrite5m: 700 + 13*n})
	})))
	var done sync.WaitGroup
	for i := range 9 {
		done.Go(func() {
			place := projects()[i%3]
			session := fmt.Sprintf("0b6f1a52-77aa-4a0e-8b0e-3f4be1d7c%s", strings.Repeat("a", 3+i))
			if _, _, err := h.send(t.Context(), "claude-sonnet-5", "User-Agent", "claude-cli/2.1.330", "X-Claude-Code-Session-Id", session, "X-Prism-Project", place[0], "X-Prism-Branch", place[1]); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(300 * time.Millisecond) // as people are: not all at once
	}
	done.Wait()
	h.work.ClearScript()
	h.work.Script(simulator.Always(simulator.Reply(simulator.TextPieces(strings.Repeat("one two three four ", 30), 8), simulator.EventDelay(400*time.Millisecond), simulator.Usage{Input: 12, Output: 400, CacheRead: 48_000, CacheWrite5m: 900})))
	go func() {
		_, _, _ = h.send(t.Context(), "claude-opus-5-5", "X-Prism-Project", "website", "X-Prism-Branch", "new-checkout") // it ends with the test
	}()
}

// TestPictures takes the pictures of the pages that docs/dashboard.md shows. `make screenshots` says
// where they belong; without it they are taken and thrown away.
func TestPictures(t *testing.T) {
	dir := os.Getenv("PRISM_SCREENSHOTS")
	if dir == "" {
		dir = t.TempDir()
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	h := open(t, past{rows: 2600, span: 24 * day})
	b := h.enter(t, newChrome(t))
	h.busy(t)
	b.shows("streaming")
	take := func(name string) {
		t.Helper()
		b.settled()
		shot := call(b, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatPng})
		if len(shot.Data) < 10_000 {
			t.Errorf("the picture of %s has %d bytes", name, len(shot.Data))
		}
		write(t, filepath.Join(dir, name+".png"), string(shot.Data))
	}
	b.prefer("prefers-color-scheme", "light", "prefers-reduced-motion", "reduce")
	b.visit("/now")
	take("now")
	b.visit("/requests?range=7d")
	take("requests")
	b.point(rowsShown + "[4].querySelector('td:nth-child(3)')")
	b.until("the details are there", `document.querySelector(".drawer table, .drawer .timeline") !== null`)
	take("request")
	b.visit("/sql?view=chart&q=" + `select+date_trunc('day',started_at)+as+day,sum(cost_usd)+as+cost+from+priced+group+by+all+order+by+day`)
	b.click("button", "Run")
	b.until("the chart is there", `document.querySelector(".plot canvas") !== null`)
	take("sql")
	b.visit("/profiles")
	take("profiles")
	b.prefer("prefers-color-scheme", "dark", "prefers-reduced-motion", "reduce")
	b.visit("/spend?range=30d&split=model")
	take("spend-dark")
	b.visit("/now?lang=zh")
	take("now-dark-zh")
	b.prefer("prefers-color-scheme", "light", "prefers-reduced-motion", "reduce")
	b.size(narrow())
	b.visit("/requests?lang=en")
	take("requests-small")
}
