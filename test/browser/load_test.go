//go:build e2e && linux

package browser

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// openFor says for how long pages are open; `make browser-load` says five minutes.
const openFor = "PRISM_OPEN_FOR"

// TestOpenPagesCostTheDataPlaneNothing has three pages open under load, and compares with the same load
// while the same browser shows nothing.
//
// Every client asks the gateway and the provider itself by turns; what the gateway adds is the
// difference. A browser also takes processors away from what runs beside it. So the streams of three
// pages are read without a browser, too: that is what the gateway does for them.
func TestOpenPagesCostTheDataPlaneNothing(t *testing.T) {
	open3, atMost, mayRise, short := 10*time.Second, 3.0, 24.0, true // a short run on a busy machine says little more than that nothing breaks
	if d, err := time.ParseDuration(os.Getenv(openFor)); err == nil {
		open3, atMost, mayRise, short = d, 1.25, 4, false
	}
	h := open(t, past{rows: 3000, span: 20 * day})
	c := newChrome(t)
	l := &load{h: h, direct: h.provider}
	l.run(t, open3/10) // the first requests make connections
	var tabs []*tab
	measure := func(d time.Duration) *phase {
		before := h.footprint(t)
		p := l.run(t, d)
		p.cpu = (h.footprint(t).cpu - before.cpu) / time.Duration(len(p.through))
		return p
	}
	closed := measure(open3 / 2)
	hear := h.listen(t, 3)
	heard := measure(open3 / 2)
	if n := hear(); n < 3*int64(len(heard.through))/2 {
		t.Errorf("three listeners heard %d events of %d requests", n, len(heard.through))
	}
	for _, path := range []string{"/now", "/requests", "/spend"} {
		b := h.enter(t, c)
		b.visit(path)
		tabs = append(tabs, b)
	}
	memory := h.watchMemory(t)
	opened := measure(open3)
	high, rise := memory()
	for _, b := range tabs {
		b.do(chromedp.Navigate("about:blank"))
	}
	closed.join(measure(open3 / 2))
	t.Logf("pages closed: %v", closed)
	t.Logf("three heard:  %v", heard)
	t.Logf("three open:   %v", opened)
	ratio := float64(opened.added(0.5)) / float64(closed.added(0.5))
	bare := float64(heard.added(0.5)) / float64(closed.added(0.5))
	t.Logf("what the gateway adds, three pages open against closed: %.2f times at p50, %.2f at p99; processor time of a request: %.2f times",
		ratio, float64(opened.added(0.99))/float64(closed.added(0.99)), float64(opened.cpu)/float64(closed.cpu))
	t.Logf("the same for three streams without a browser: %.2f, %.2f; %.2f",
		bare, float64(heard.added(0.99))/float64(closed.added(0.99)), float64(heard.cpu)/float64(closed.cpu))
	t.Logf("memory of prism with three pages open: at most %.1f MiB, %+.2f MiB over the last two thirds", high, rise)
	if short { // what else the machine has to do in one of the times is not the gateway's
		ratio = min(ratio, bare)
	}
	if ratio > atMost {
		t.Errorf("the gateway adds %.2f times as much while three pages are open; want at most %.2f", ratio, atMost)
	}
	if rise > mayRise {
		t.Errorf("memory grew by %.2f MiB; want at most %.0f", rise, mayRise)
	}
	for _, b := range tabs {
		b.visit("/now") // they still work
	}
}

// listen reads the stream of events n times over, as pages do, until the function that it returns is
// called: that tells how many events came.
func (h *house) listen(t *testing.T, n int) (end func() (events int64)) {
	t.Helper()
	_, code, _ := strings.Cut(h.prism(t, "ui", "--print-url"), "#code=")
	resp, err := http.Post(h.pages+"/api/login", "application/json", strings.NewReader(`{"code":"`+code+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	ctx, stop := context.WithCancel(t.Context())
	var events atomic.Int64
	var wg sync.WaitGroup
	for range n {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.pages+"/api/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range resp.Cookies() {
			req.AddCookie(c)
		}
		stream, err := http.DefaultClient.Do(req)
		if err != nil || stream.StatusCode != http.StatusOK {
			t.Fatalf("%v, %v", stream, err)
		}
		wg.Go(func() {
			defer stream.Body.Close()
			for lines := bufio.NewScanner(stream.Body); lines.Scan(); {
				if strings.HasPrefix(lines.Text(), "event: exchange") {
					events.Add(1)
				}
			}
		})
	}
	return func() int64 {
		stop()
		wg.Wait()
		return events.Load()
	}
}

// load sends requests at a steady pace.
type load struct {
	h      *house
	direct string // URL of the provider
}

// phase is what a load measured.
type phase struct {
	through, direct []time.Duration // of a whole request, each
	cpu             time.Duration   // of prism, per request
}

const (
	clients = 4
	pause   = 40 * time.Millisecond // of a client, between two requests
)

// run lets the clients ask for d. Every request must be answered.
func (l *load) run(t *testing.T, d time.Duration) *phase {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), d)
	defer stop()
	var mu sync.Mutex // guards p and failed
	p, failed := &phase{}, error(nil)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			tick := time.NewTicker(pause)
			defer tick.Stop()
			for n := 0; ctx.Err() == nil; n++ {
				url, key := l.h.url, l.h.token
				if n%2 == 1 {
					url, key = l.direct, l.h.keys[0]
				}
				took, err := once(context.WithoutCancel(ctx), url, key, fmt.Sprintf("load-%d-%d", i, n))
				mu.Lock()
				switch {
				case err != nil:
					failed = err
				case n%2 == 0:
					p.through = append(p.through, took)
				default:
					p.direct = append(p.direct, took)
				}
				mu.Unlock()
				select {
				case <-tick.C:
				case <-ctx.Done():
				}
			}
		})
	}
	wg.Wait()
	if failed != nil || len(p.through) == 0 || len(p.direct) == 0 {
		t.Fatalf("%d requests, %v", len(p.through), failed)
	}
	return p
}

func once(ctx context.Context, url, key, session string) (time.Duration, error) {
	const body = `{"model":"claude-sonnet-5","messages":[{"role":"user","content":"hi"}],"max_tokens":100,"stream":true}`
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/messages", strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Api-Key", key)
	req.Header.Set("X-Claude-Code-Session-Id", session)
	began := time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var answer bytes.Buffer
	if _, err := answer.ReadFrom(resp.Body); err != nil || !bytes.Contains(answer.Bytes(), []byte("message_stop")) {
		return 0, fmt.Errorf("status %d, %w: %s", resp.StatusCode, err, answer.Bytes())
	}
	return time.Since(began), nil
}

func (p *phase) join(o *phase) {
	p.cpu = (p.cpu + o.cpu) / 2
	p.through, p.direct = append(p.through, o.through...), append(p.direct, o.direct...)
}

// added is what the gateway adds at a quantile.
func (p *phase) added(q float64) time.Duration { return quantile(p.through, q) - quantile(p.direct, q) }

func quantile(all []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[int(q*float64(len(sorted)-1))]
}

func (p *phase) String() string {
	us := func(d time.Duration) time.Duration { return d.Round(time.Microsecond) }
	return fmt.Sprintf("%d requests, through prism p50 %v p99 %v, without p50 %v p99 %v, added %v and %v; %v of processor time each", len(p.through),
		us(quantile(p.through, 0.5)), us(quantile(p.through, 0.99)), us(quantile(p.direct, 0.5)), us(quantile(p.direct, 0.99)), us(p.added(0.5)), us(p.added(0.99)), us(p.cpu))
}

// footprint is what a process takes.
type footprint struct {
	memory float64 // MiB, resident
	cpu    time.Duration
}

func (h *house) footprint(t *testing.T) footprint {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/", h.cmd.Process.Pid)
	stat, err := os.ReadFile(dir + "stat")
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var user, system, pages int64
	if _, err := fmt.Sscan(fields[11]+" "+fields[12]+" "+fields[21], &user, &system, &pages); err != nil {
		t.Fatal(err)
	}
	return footprint{float64(pages*int64(os.Getpagesize())) / (1 << 20), time.Duration(user+system) * 10 * time.Millisecond}
}

// watchMemory looks at prism's memory until the function that it returns is called: that tells the
// most, and by how much the last of three thirds lay above the middle one.
func (h *house) watchMemory(t *testing.T) (end func() (high, rise float64)) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var all []float64
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			all = append(all, h.footprint(t).memory)
			select {
			case <-time.After(200 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	})
	return func() (float64, float64) {
		stop()
		wg.Wait()
		third := len(all) / 3
		mean := func(part []float64) (sum float64) {
			for _, v := range part {
				sum += v / float64(len(part))
			}
			return sum
		}
		return slices.Max(all), mean(all[2*third:]) - mean(all[third:2*third])
	}
}
