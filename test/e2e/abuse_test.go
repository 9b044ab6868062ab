//go:build e2e && linux

package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"prism/internal/simulator"
)

// crowd is clients that hold on to what they get.
type crowd struct {
	heads, bodies, readers int
	header, stall          time.Duration // limits of the gateway
}

// TestAbuseCostsTheHonestLittleAndEnds opens thousands of connections that send half a head,
// half a body, or take nothing of their answer, and measures what is left for a client that
// behaves.
func TestAbuseCostsTheHonestLittleAndEnds(t *testing.T) {
	c := crowd{heads: 500, bodies: 120, readers: 50, header: 3 * time.Second, stall: 8 * time.Second}
	if soak() {
		c = crowd{heads: 2000, bodies: 500, readers: 200, header: 10 * time.Second, stall: 60 * time.Second}
	}
	h := prepare(t)
	h.work.Script(
		simulator.When(simulator.Model("slow-reader"), simulator.Reply(simulator.BigLine(6<<20), simulator.Usage{Input: 1, Output: 1})),
		simulator.Always(simulator.Reply(simulator.Text("one two three"))))
	cmd := h.launchFrom(t, fmt.Sprintf("export PRISM_TIMEOUTS_READ_HEADER=%v PRISM_TIMEOUTS_BODY_STALL=%v PRISM_TIMEOUTS_WRITE_STALL=%v", c.header, c.stall, c.stall))
	pid := cmd.Process.Pid

	h.honest(t, 200) // warm
	calm := h.honest(t, 1000)
	rss, spent, began := anonymous(t, pid), cpu(t, pid), time.Now()
	conns := c.open(t, h)
	h.wait(t, "the readers' answers are under way", func() bool { return h.status(t).InFlight >= c.readers })
	opened := time.Since(began)
	storm := h.honest(t, 1000)
	more := resident(t, pid) - rss
	ends := conns.ends()
	took := time.Since(began)
	spent = cpu(t, pid) - spent
	t.Logf("honest p99 %v, with %d slow clients %v; %d KiB more resident; %v of CPU in %v (opening took %v)",
		calm, c.heads+c.bodies+c.readers, storm, more, spent, took.Round(time.Millisecond), opened.Round(time.Millisecond))
	// A reader's kernel may take a little more once, when it has memory again.
	for what, x := range map[string]struct{ got, limit time.Duration }{
		"heads": {ends["head"], c.header + 5*time.Second}, "bodies": {ends["body"], c.stall + 5*time.Second}, "readers": {ends["reader"], 2*c.stall + 15*time.Second},
	} {
		t.Logf("the last of the slow %s was dropped after %v", what, x.got.Round(time.Millisecond))
		if x.got > x.limit {
			t.Errorf("slow %s stay for %v, want %v at most", what, x.got, x.limit)
		}
	}
	// Below a few milliseconds it is the machine that is measured.
	if storm > 2*calm+10*time.Millisecond {
		t.Errorf("honest requests take %v at p99, %v without the others", storm, calm)
	}
	if spent > took/5 {
		t.Errorf("the processor was busy for %v of %v", spent, took)
	}
	if more > 64<<10 {
		t.Errorf("slow clients cost %d KiB", more)
	}
	stop(t, cmd)
}

// honest sends n requests, one after the other, and returns the 99th percentile.
func (h *house) honest(t *testing.T, n int) time.Duration {
	t.Helper()
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	took := make([]time.Duration, n)
	for i := range took {
		began := time.Now()
		if err := h.ask(tr, "honest"); err != nil {
			t.Fatalf("an honest request failed: %v", err)
		}
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took[n*99/100].Round(10 * time.Microsecond)
}

// slow are the connections of a crowd, by kind.
type slow struct {
	mu   sync.Mutex
	wg   sync.WaitGroup
	last map[string]time.Duration // until the last one was dropped; guarded by mu
}

// open opens the connections and watches for their ends.
func (c crowd) open(t *testing.T, h *house) *slow {
	t.Helper()
	s := &slow{last: map[string]time.Duration{}}
	host := strings.TrimPrefix(h.url, "http://")
	head := func(length int) string {
		return fmt.Sprintf("POST /v1/messages HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nX-Api-Key: %s\r\nContent-Length: %d\r\n\r\n", host, h.token, length)
	}
	// Little fits into the kernel of a client that takes nothing.
	narrow := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<10) })
	}}
	const ask = `{"model":"slow-reader","messages":[{"role":"user","content":"hi"}],"max_tokens":9,"stream":true}`
	for _, k := range []struct {
		kind, send string
		n          int
	}{{"head", "POST /v1/messages HTTP/1.1\r\nHost: " + host + "\r\nX-Slow: ", c.heads}, {"body", head(1000) + `{"model":`, c.bodies}, {"reader", head(len(ask)) + ask, c.readers}} {
		for range k.n {
			conn, err := narrow.Dial("tcp", host)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			if _, err := io.WriteString(conn, k.send); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			s.wg.Go(func() {
				if k.kind == "reader" {
					waitReset(conn)
				} else {
					_, _ = io.Copy(io.Discard, conn)
				}
				s.mu.Lock()
				defer s.mu.Unlock()
				s.last[k.kind] = max(s.last[k.kind], time.Since(began))
			})
		}
	}
	return s
}

// waitReset waits until the other end has given the connection up, without taking anything: a
// byte that is sent comes back as a reset then.
func waitReset(conn net.Conn) {
	for deadline := time.Now().Add(3 * limit); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if _, err := conn.Write([]byte{' '}); err != nil {
			return
		}
	}
}

// ends waits for the last of each kind.
func (s *slow) ends() map[string]time.Duration {
	s.wg.Wait()
	return s.last
}

// resident is the median of what [anonymous] says within a few seconds: a single look sees more or
// less of what was not collected yet.
func resident(t *testing.T, pid int) int {
	t.Helper()
	var looks [5]int
	for i := range looks {
		looks[i] = anonymous(t, pid)
		time.Sleep(500 * time.Millisecond)
	}
	slices.Sort(looks[:])
	return looks[len(looks)/2]
}

// anonymous is the resident memory of a process in KiB that is its own. Pages of the program
// file come and go besides.
func anonymous(t *testing.T, pid int) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	var kib int
	_, after, _ := strings.Cut(string(b), "RssAnon:")
	if _, err := fmt.Sscan(after, &kib); err != nil {
		t.Fatal(err)
	}
	return kib
}
