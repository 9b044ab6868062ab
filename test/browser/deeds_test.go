//go:build e2e

package browser

import (
	"context"
	"strings"
	"testing"
	"time"

	"prism/internal/simulator"
)

// TestASwitchIsOneClickAndOneLineOfTheFile switches by the mouse, on each of the places that offer it.
func TestASwitchIsOneClickAndOneLineOfTheFile(t *testing.T) {
	h := open(t, past{})
	b := h.enter(t, newChrome(t))
	before := h.file(t)
	b.click("button", "Active profile: work")
	b.click("menuitemradio", "spare")
	check := func(name string) {
		t.Helper()
		b.find("button", "Active profile: "+name)
		if got, want := h.file(t), strings.Replace(before, "active: work ", "active: "+name+" ", 1); got != want {
			t.Errorf("the file is now\n%s", got)
		}
	}
	check("spare")
	h.ask(t, "claude-sonnet-5")
	if n := len(h.spare.Bill()); n != 1 {
		t.Errorf("spare answered %d requests", n)
	}
	b.shows("kimi-k3") // the live list
	b.click("button", "back")
	check("work")
	b.click("link", "Profiles")
	b.settled()
	b.click("button", "Use spare")
	check("spare")
	h.prism(t, "use", "work") // and a switch elsewhere is seen here
	check("work")
}

// brake takes an answer and freezes its provider at each of the marks, which are numbers of bytes.
type brake struct {
	provider *simulator.Server
	marks    []int
	took     int
	thaw     chan func() // for each mark what lets the answer go on
}

// Write implements io.Writer.
func (b *brake) Write(p []byte) (int, error) {
	if b.took += len(p); len(b.marks) > 0 && b.took > b.marks[0] {
		b.marks = b.marks[1:]
		b.thaw <- b.provider.Freeze()
	}
	return len(p), nil
}

// TestARequestIsSeenWhileItStreams watches one request from its first token to its price.
func TestARequestIsSeenWhileItStreams(t *testing.T) {
	sameDay()
	h := open(t, past{})
	b := h.enter(t, newChrome(t))
	text := strings.Repeat("one two three four five ", 40)
	h.work.Script(simulator.Reply(simulator.TextPieces(text, 8), simulator.EventDelay(40*time.Millisecond), simulator.Usage{Input: 700, Output: 240}))
	stops := &brake{provider: h.work, marks: []int{1000, 4000}, thaw: make(chan func(), 2)}
	ended := make(chan error, 1)
	go func() {
		_, err := h.sendTo(context.WithoutCancel(t.Context()), stops, "claude-sonnet-5", "X-Prism-Project", "website", "X-Prism-Branch", "main")
		close(stops.thaw)
		ended <- err
	}()
	next := func() func() {
		t.Helper()
		thaw, ok := <-stops.thaw
		if !ok {
			t.Fatalf("the answer ended after %d bytes: %v", stops.took, <-ended)
		}
		t.Cleanup(thaw)
		return thaw
	}
	goOn := next()
	const row = `([...document.querySelectorAll("main tr, main li")].find((r) => r.textContent.includes("claude-sonnet-5"))?.textContent ?? "")`
	b.until("the request is under way", row+`.includes("streaming")`)
	if text := js[string](b, row); !strings.Contains(text, "work") || !strings.Contains(text, "website") {
		t.Errorf("the row of the request says %q", text)
	}
	first := js[string](b, row)
	goOn()
	goOn = next()
	b.until("it goes on", row+" !== "+mustJSON(first)+" && "+row+`.includes("streaming")`)
	goOn()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	b.until("it has a price", row+`.includes("$0.0")`)
	if text := js[string](b, row); strings.Contains(text, "streaming") || !strings.Contains(text, "200") {
		t.Errorf("the row of the finished request says %q", text)
	}
	b.until("today counts it", `document.querySelector("main").innerText.includes("1 request")`)
}
