package dashboard

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"prism/internal/admin"
	"prism/internal/ledger"
)

// event is one that a page got.
type event struct{ id, name, data string }

// page is an open page: it reads events until the test stops it.
type page struct {
	events chan event
	stop   context.CancelFunc
}

// open opens the stream; after is the id to go on from.
func (r *rig) open(session func(*http.Request), after string) *page {
	r.Helper()
	ctx, stop := context.WithCancel(r.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.http.URL+"/api/events", nil)
	if err != nil {
		r.Fatal(err)
	}
	session(req)
	if after != "" {
		req.Header.Set("Last-Event-ID", after)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		r.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		r.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	p := &page{make(chan event, 4096), stop}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(p.events)
		defer resp.Body.Close()
		var e event
		for sc := bufio.NewScanner(resp.Body); sc.Scan(); {
			key, value, _ := strings.Cut(sc.Text(), ": ")
			switch key {
			case "id":
				e.id = value
			case "event":
				e.name = value
			case "data":
				e.data = value
			case "":
				if e.name != "" {
					p.events <- e
				}
				e = event{}
			}
		}
	}()
	r.Cleanup(func() { stop(); <-done })
	return p
}

// next waits for an event of that name.
func (p *page) next(t *testing.T, name string) event {
	t.Helper()
	limit := time.After(10 * time.Second)
	for {
		select {
		case e, ok := <-p.events:
			if !ok {
				t.Fatalf("the stream ended before %s", name)
			}
			if e.name == name {
				return e
			}
		case <-limit:
			t.Fatalf("no event %s", name)
		}
	}
}

// finish makes so many exchanges finish.
func (r *rig) finish(n int) {
	for range n {
		e := &ledger.Entry{}
		e.Reset()
		r.gateway.change(func(g *gateway) {
			e.RequestID = fmt.Sprint(len(g.recent) + 1)
			g.recent = append(g.recent, admin.ExchangeOf(e))
		})
		r.feed.Publish(e)
	}
}

func TestAPageIsToldWhatHappens(t *testing.T) {
	r := newRig(t, nil)
	p := r.open(r.signIn(), "")
	if e := p.next(t, "hello"); !strings.Contains(e.data, `"seq":0`) || !strings.Contains(e.data, `"version":"1.2.3"`) {
		t.Errorf("hello: %s", e.data)
	}
	r.finish(2)
	one, two := p.next(t, "exchange"), p.next(t, "exchange")
	if !strings.Contains(one.data, `"request_id":"1"`) || !strings.Contains(two.data, `"request_id":"2"`) || one.id == two.id {
		t.Errorf("%v, %v", one, two)
	}
	r.gateway.change(func(g *gateway) {
		g.live.InFlight = []admin.Flight{{RequestID: "x", Stage: admin.StageStreaming, OutputTokens: 12}}
	})
	for !strings.Contains(p.next(t, "flights").data, `"output_tokens":12`) {
	}
	r.feed.PublishHealth(admin.HealthChange{Profile: "work", To: ledger.HealthOpen})
	if e := p.next(t, "health"); !strings.Contains(e.data, `"to_state":"open"`) {
		t.Errorf("health: %s", e.data)
	}
	r.feed.PublishNotice(admin.Notice{Kind: admin.NoticeFallback, Text: "%s", Args: []string{"<img src=x>"}})
	if e := p.next(t, "notice"); !strings.Contains(e.data, `\u003cimg`) {
		t.Errorf("notice: %s", e.data)
	}
	r.gateway.change(func(g *gateway) {
		g.swaps = []admin.Swap{{At: time.Now(), Verdict: admin.Verdict{OK: true, Trigger: "file", Active: "kimi"}}}
		g.st.Active = "kimi"
	})
	if e := p.next(t, "swap"); !strings.Contains(e.data, `"active":"kimi"`) || !strings.Contains(e.data, `"at":"`) {
		t.Errorf("swap: %s", e.data)
	}
	for !strings.Contains(p.next(t, "status").data, `"active":"kimi"`) {
	}
}

// Nothing changes while the second page comes: it is told all the same.
func TestAPageThatJoinsOthersIsToldHowEverythingIs(t *testing.T) {
	r := newRig(t, nil)
	r.gateway.change(func(g *gateway) {
		g.st.File.OK = false
		g.live.Windows = []admin.Window{{Profile: "work", Name: admin.Window5h}}
		g.live.InFlight = []admin.Flight{{RequestID: "x"}}
		g.swaps = []admin.Swap{{At: time.Now(), Verdict: admin.Verdict{OK: true, Active: "work"}}}
	})
	session := r.signIn()
	first := r.open(session, "")
	first.next(t, "notices")
	r.until("the watch has told everything", func() bool { return r.gateway.looked() > 4 })
	second := r.open(session, "")
	got := map[string]string{}
	for e := second.next(t, "hello"); len(got) < 5; {
		select {
		case e = <-second.events:
			got[e.name] = e.data
		case <-time.After(10 * time.Second):
			t.Fatalf("told only %v", got)
		}
	}
	for name, want := range map[string]string{"flights": `"request_id":"x"`, "windows": `"name":"5h"`, "status": `"active":"work"`, "notices": admin.NoticeFileRefused, "swaps": `"at":"`} {
		if !strings.Contains(got[name], want) {
			t.Errorf("%s: %s", name, got[name])
		}
	}
}

// Whoever comes back is told what it missed, once, and in order.
func TestAPageThatComesBackMissesNothing(t *testing.T) {
	r := newRig(t, nil)
	session := r.signIn()
	p := r.open(session, "")
	p.next(t, "hello")
	r.finish(3)
	p.next(t, "exchange")
	last := p.next(t, "exchange")
	p.stop()
	r.until("it has gone", func() bool { return r.readers() == 0 })
	r.finish(2)
	back := r.open(session, last.id)
	for n := 3; n <= 5; n++ {
		if e := back.next(t, "exchange"); !strings.Contains(e.data, fmt.Sprintf(`"request_id":"%d"`, n)) {
			t.Errorf("want %d: %s", n, e.data)
		}
	}
	r.finish(1)
	if e := back.next(t, "exchange"); !strings.Contains(e.data, `"request_id":"6"`) {
		t.Errorf("then: %s", e.data)
	}
}

// The gateway's numbers begin anew with each start: ids of another run say nothing.
func TestIdsOfAnotherRunAreNotTakenForOurs(t *testing.T) {
	r := newRig(t, nil)
	session := r.signIn()
	r.finish(2)
	for _, after := range []string{"1-1", "junk", "-", eventID(r.gateway.live.StartedAt, 99), eventID(r.gateway.live.StartedAt, 1) + "x", "0x1-0"} {
		p := r.open(session, after)
		if e := p.next(t, "exchange"); !strings.Contains(e.data, `"request_id":"1"`) {
			t.Errorf("after %s: %s", after, e.data)
		}
		p.stop()
	}
}

func (r *rig) readers() int {
	r.pages.hub.mu.Lock()
	defer r.pages.hub.mu.Unlock()
	return len(r.pages.hub.readers)
}

func TestNobodyLooksWhileNoPageIsOpen(t *testing.T) {
	r := newRig(t, nil)
	p := r.open(r.signIn(), "")
	p.next(t, "hello")
	r.until("it is looked", func() bool { return r.gateway.looked() > 3 })
	p.stop()
	r.until("it has gone", func() bool { return r.readers() == 0 })
	r.pages.hub.watches.Wait()
	before := r.gateway.looked()
	r.finish(10)
	time.Sleep(2 * lookEvery) // nothing is to happen, so there is nothing to wait for
	if after := r.gateway.looked(); after != before {
		t.Errorf("looked %d times", after-before)
	}
}

// A browser whose machine sleeps takes nothing. It is parted with, others are not held up, and what
// was kept for it is bounded.
func TestAPageThatReadsNothingIsDropped(t *testing.T) {
	r := newRig(t, nil)
	session := r.signIn()
	req, _ := http.NewRequest(http.MethodGet, "/api/events", nil)
	session(req)
	asleep, err := net.Dial("tcp", r.host)
	if err != nil {
		t.Fatal(err)
	}
	defer asleep.Close()
	_ = asleep.(*net.TCPConn).SetReadBuffer(4 << 10)
	fmt.Fprintf(asleep, "GET /api/events HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\n\r\n", r.host, req.Header.Get("Cookie"))
	awake := r.open(session, "")
	awake.next(t, "hello")
	r.until("both are there", func() bool { return r.readers() == 2 })
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	big := strings.Repeat("x", 32<<10)
	r.until("the sleeper is dropped", func() bool {
		r.feed.PublishNotice(admin.Notice{Kind: "x", Text: big})
		awake.next(t, "notice")
		return r.readers() == 1
	})
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<20 {
		t.Errorf("%d bytes more", grown)
	}
}

// Of a burst a page is shown the newest, and told how many it was not.
func TestABurstDoesNotFloodAPage(t *testing.T) {
	r := newRig(t, nil)
	p := r.open(r.signIn(), "")
	p.next(t, "hello")
	r.gateway.change(func(g *gateway) {
		for n := range 1000 {
			g.recent = append(g.recent, admin.Exchange{RequestID: fmt.Sprint(n + 1)})
		}
	})
	r.finish(1)
	if e := p.next(t, "skipped"); e.data != fmt.Sprintf(`{"count":%d}`, 1001-maxBurst) {
		t.Errorf("skipped: %s", e.data)
	}
	for n := 1001 - maxBurst + 1; n <= 1001; n++ {
		if e := p.next(t, "exchange"); !strings.Contains(e.data, fmt.Sprintf(`"request_id":"%d"`, n)) || e.id != eventID(r.gateway.live.StartedAt, int64(n)) {
			t.Fatalf("want %d: %v", n, e)
		}
	}
}

func TestSigningOutEndsTheStreamsOfTheSession(t *testing.T) {
	r := newRig(t, nil)
	one, other := r.signIn(), r.signIn()
	p, q := r.open(one, ""), r.open(other, "")
	p.next(t, "hello")
	q.next(t, "hello")
	r.ask(http.MethodPost, "/api/logout", "{}", one)
	p.next(t, "bye")
	r.finish(1)
	q.next(t, "exchange")
}

func TestTooManyPagesAreRefusedAndNotTheOthers(t *testing.T) {
	r := newRig(t, nil)
	session := r.signIn()
	var first *page
	for n := range maxReaders {
		p := r.open(session, "")
		p.next(t, "hello")
		if n == 0 {
			first = p
		}
	}
	if resp, body := r.ask(http.MethodGet, "/api/events", "", session); resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, codeBusy) {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	r.finish(1)
	first.next(t, "exchange")
}

func TestClosingEndsEveryStream(t *testing.T) {
	r := newRig(t, nil)
	session := r.signIn()
	p := r.open(session, "")
	p.next(t, "hello")
	r.pages.Close()
	p.next(t, "bye")
	if resp, body := r.ask(http.MethodGet, "/api/events", "", session); resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "about to stop") {
		t.Errorf("a stream after the end: %d %s", resp.StatusCode, body)
	}
}
