package proxy_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/simulator"
)

// soak tells whether the long form of a test is asked for.
func soak() bool { return os.Getenv("PRISM_SOAK") != "" }

// crowd calls fn with 0 to n-1, so many at a time.
func crowd(n, atOnce int, fn func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, atOnce) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				fn(i)
			}
		})
	}
	wg.Wait()
}

// booked is a journal on disk, and what can be read in it afterwards.
type booked struct {
	*ledger.Journal
	dir    string
	closes atomic.Int64 // a reader passes over a second close of the same exchange
}

// Close implements proxy.Journal.
func (b *booked) Close(e *ledger.Entry) error {
	b.closes.Add(1)
	return b.Journal.Close(e)
}

// newBooked opens a journal in a folder of its own.
func newBooked(t *testing.T) *booked {
	t.Helper()
	dir := t.TempDir()
	j, _, err := ledger.OpenJournal(ledger.JournalOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Shutdown(context.Background()) })
	return &booked{Journal: j, dir: dir}
}

// read closes the journal and returns its close records, and how many open ones there are.
func (b *booked) read(t *testing.T) (rows []ledger.Entry, opens int) {
	t.Helper()
	if err := b.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := ledger.ReadSegments(b.dir, ledger.Watermark{}, func(r ledger.Record) error {
		switch r.Kind {
		case ledger.KindOpen:
			opens++
		case ledger.KindClose:
			rows = append(rows, ledger.Entry{})
			return r.Entry(&rows[len(rows)-1])
		case ledger.KindSegment, ledger.KindUsage, ledger.KindVoid, ledger.KindConfig, ledger.KindCorrection, ledger.KindAlert, ledger.KindHealth: // no rows of exchanges
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows, opens
}

// held is what a process holds that a leak would show in.
type held struct{ goroutines, descriptors int }

func holds() held {
	fds, _ := os.ReadDir("/proc/self/fd")
	return held{runtime.NumGoroutine(), len(fds)}
}

// back waits until goroutines and descriptors are where they were, five more or less.
func (h held) back(t *testing.T) {
	t.Helper()
	const slack, patience = 5, 2 * time.Second
	began := time.Now()
	for {
		now := holds()
		if now.goroutines <= h.goroutines+slack && now.descriptors <= h.descriptors+slack {
			t.Logf("goroutines %d -> %d, descriptors %d -> %d, %v after the end", h.goroutines, now.goroutines, h.descriptors, now.descriptors, time.Since(began).Round(time.Millisecond))
			return
		}
		if time.Since(began) > patience {
			buf := make([]byte, 1<<20)
			t.Errorf("%v after the end: goroutines %d -> %d, descriptors %d -> %d\n%s", patience, h.goroutines, now.goroutines, h.descriptors, now.descriptors, buf[:runtime.Stack(buf, true)])
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// phase is where a client leaves. The request was sent whole.
type phase struct {
	name  string
	plain bool                                   // asked for without a stream
	until func(c *net.TCPConn, br *bufio.Reader) // what it waits for
}

// phases are the places where a client can leave.
func phases(d dice) []phase {
	lines := func(end string) func(*net.TCPConn, *bufio.Reader) {
		return func(_ *net.TCPConn, br *bufio.Reader) {
			for line := ""; !strings.Contains(line, end); {
				var err error
				if line, err = br.ReadString('\n'); err != nil {
					return
				}
			}
		}
	}
	some := func(most int) func(*net.TCPConn, *bufio.Reader) {
		return func(_ *net.TCPConn, br *bufio.Reader) { _, _ = io.CopyN(io.Discard, br, int64(d.IntN(most))) }
	}
	soon := func(*net.TCPConn, *bufio.Reader) {
		time.Sleep(time.Duration(d.IntN(20_000)) * time.Microsecond) // the moment is what is random
	}
	half := func(c *net.TCPConn, br *bufio.Reader) {
		_ = c.CloseWrite()
		lines("text_delta")(c, br)
	}
	return []phase{
		{name: "at once", until: func(*net.TCPConn, *bufio.Reader) {}},
		{name: "at once, no stream", plain: true, until: func(*net.TCPConn, *bufio.Reader) {}},
		{name: "at any time", until: soon},
		{name: "at any time, no stream", plain: true, until: soon},
		{name: "within the head", until: some(300)},
		{name: "within the body", until: some(4000)},
		{name: "after the head", until: lines("\r\n\r\n")},
		{name: "after message_start", until: lines("message_start")},
		{name: "after the first text", until: lines("text_delta")},
		{name: "after half closing", until: half},
		{name: "after message_delta", until: lines(`data: {"type":"message_delta"`)},
		{name: "after message_stop", until: lines(`data: {"type":"message_stop"}`)},
	}
}

// storm is the answers of a provider that is left in the middle of everything.
func storm(seed uint64) simulator.AnswerFunc {
	return func(r simulator.Request) simulator.Answer {
		i, _ := strconv.Atoi(r.SessionID)
		d := newDice(seed, i)
		switch d.IntN(8) {
		case 0:
			return simulator.Silence(0)
		case 1:
			return text(simulator.Delay(time.Duration(d.IntN(30)) * time.Millisecond))
		case 2:
			return text(simulator.Pause(3+d.IntN(4), time.Minute))
		case 3:
			return text(simulator.InsertEvents(1000, simulator.Event{Raw: []byte(": late\n\n"), Wait: time.Minute}))
		case 4:
			return text(simulator.BigLine(256 << 10))
		}
		return text(simulator.Jitter(d.Uint64(), 0, 5*time.Millisecond), simulator.RandomChunks(d.Uint64(), 64))
	}
}

// TestEveryClientThatLeavesLeavesOneRowAndNothingElse has clients leave at all phases of an
// exchange, by a reset or by closing. Beside them others leave within their request: of those
// there must be no row.
func TestEveryClientThatLeavesLeavesOneRowAndNothingElse(t *testing.T) {
	seed, n := seed(t), 600
	if soak() {
		n = 10_000
	}
	s := simulator.New(simulator.Options{Record: simulator.RecordHashes})
	up := s.Start()
	defer up.Close()
	other := simulator.New(simulator.Options{}).Start()
	defer other.Close()
	s.Script(simulator.Always(storm(seed)))
	j := newBooked(t)
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("other", other.URL)}, journal: j})
	before := holds()
	r.swap([]config.Profile{profile("work", up.URL)}, nil, "")

	left := make([]time.Time, n)
	var named [32]atomic.Int64
	crowd(n+n/10, 64, func(i int) {
		d := newDice(seed+1, i)
		if i >= n {
			r.leaveEarly(d)
			return
		}
		all := phases(d)
		p := &all[d.IntN(len(all))]
		body := streamBody
		if p.plain {
			body = plainBody
		}
		c := r.dial(strings.Replace(rawPost(body), "Content-Type", "X-Claude-Code-Session-Id: "+strconv.Itoa(i)+"\r\nContent-Type", 1))
		// An answer that never comes, or pauses, is left as well.
		_ = c.SetReadDeadline(time.Now().Add(time.Duration(100+d.IntN(300)) * time.Millisecond))
		br := bufio.NewReader(c)
		p.until(c, br)
		named[slices.IndexFunc(all, func(q phase) bool { return q.name == p.name })].Add(1)
		left[i] = time.Now()
		leave(c, d.oneIn(2))
	})
	r.settle(t)
	r.swap([]config.Profile{profile("other", other.URL)}, nil, "")
	before.back(t)
	for i, p := range phases(newDice(0, 0)) {
		t.Logf("%-24s %5d clients", p.name, named[i].Load())
	}
	checkStorm(t, s, j, left)
	if h := r.Router.Health("work").View(time.Now()); h.Errors1h != 0 || h.InFlight != 0 {
		t.Errorf("clients that left were blamed on the upstream: %+v", h)
	}
}

// leaveEarly leaves before the request was sent whole.
func (r *rig) leaveEarly(d dice) {
	whole := rawPost(streamBody)
	c := r.dial(whole[:1+d.IntN(len(whole)-2)])
	if d.oneIn(2) {
		time.Sleep(time.Duration(d.IntN(5_000)) * time.Microsecond) // the moment is what is random
	}
	leave(c, d.oneIn(2))
}

// settle waits until no exchange is under way.
func (r *rig) settle(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := r.Proxy.Wait(ctx); err != nil {
		t.Fatalf("handlers still run: %v", err)
	}
}

// checkStorm compares the journal with what the provider saw: one row for each client, the
// truth in it, and the provider told at once.
func checkStorm(t *testing.T, s *simulator.Server, j *booked, left []time.Time) {
	t.Helper()
	seen, _ := s.Requests()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	bills, err := s.WaitBills(ctx, seen)
	if err != nil {
		t.Fatalf("the provider still works for clients that left: %v", err)
	}
	billOf := make(map[string]*simulator.Billed, len(bills))
	var cancels []time.Duration
	for i := range bills {
		b := &bills[i]
		if billOf[b.SessionID] != nil {
			t.Errorf("client %s was sent to the provider twice", b.SessionID)
		}
		billOf[b.SessionID] = b
		if c, _ := strconv.Atoi(b.SessionID); b.Ending == simulator.EndCancelled {
			cancels = append(cancels, b.Ended.Sub(left[c]))
		}
	}
	rows, opens := j.read(t)
	outcomes, clients := map[string]int{}, map[string]int{}
	for i := range rows {
		e := &rows[i]
		outcomes[e.Outcome]++
		clients[e.SessionID]++
		b := billOf[e.SessionID]
		if e.Outcome != ledger.OutcomeOK && e.Outcome != ledger.OutcomeClientAbort || len(e.Attempts) > 1 {
			t.Errorf("client %s: outcome %s, %d attempts, error %s", e.SessionID, e.Outcome, len(e.Attempts), e.ErrorType)
		}
		if e.UsageSource == ledger.UsageFinal && (b == nil || e.Usage != billed(&b.Charged)) {
			t.Errorf("client %s: usage %+v is not what was billed", e.SessionID, e.Usage)
		}
	}
	if n := j.closes.Load(); n != int64(len(rows)) {
		t.Errorf("%d close records for %d rows", n, len(rows))
	}
	if len(rows) != len(left) || opens != len(left) || len(clients) != len(left) {
		t.Errorf("%d rows of %d clients, %d open records; want %d of each", len(rows), len(clients), opens, len(left))
	}
	if outcomes[ledger.OutcomeClientAbort] < len(left)/4 || len(cancels) < len(left)/10 {
		t.Errorf("too few were left in the middle: %v, %d cancelled", outcomes, len(cancels))
	}
	t.Logf("%d clients left: rows %v, %d seen by the provider, %d cancelled there %s after", len(left), outcomes, len(bills), len(cancels), spread(cancels))
	if p99 := cancels[len(cancels)*99/100]; soak() && p99 > 250*time.Millisecond {
		t.Errorf("the provider was told %v after the client had left (p99), want 250 ms", p99)
	}
}

// spread sorts durations, and says how they are spread.
func spread(d []time.Duration) string {
	if len(d) == 0 {
		return "-"
	}
	slices.Sort(d)
	at := func(q float64) time.Duration { return d[int(q*float64(len(d)-1))].Round(10 * time.Microsecond) }
	return fmt.Sprintf("p50 %v, p99 %v, max %v", at(0.5), at(0.99), at(1))
}
