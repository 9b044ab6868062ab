//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"prism/config/sealed"
	"prism/internal/simulator"
)

// TestAThousandStreamsCostLittleMemoryAndLeaveNothing has streams pass through the real program
// for minutes, and looks at it from outside: memory, descriptors, threads, and the rows after.
func TestAThousandStreamsCostLittleMemoryAndLeaveNothing(t *testing.T) {
	streams, m := 200, &simulator.Metronome{Events: 40, Beat: 100 * time.Millisecond}
	if soak() {
		streams, m.Events = 1000, 1800
	}
	h := prepareBefore(t, startMetronome(t, m))
	cmd, _ := h.launch(t)
	pid := cmd.Process.Pid
	if err := h.stream(t, "warm", &simulator.Metronome{}, nil); err != nil { // what the first request costs is no leak
		t.Fatal(err)
	}
	before := footprintOf(t, pid)
	var late delays
	var broken atomic.Int64
	var wg sync.WaitGroup
	for i := range streams {
		wg.Go(func() {
			time.Sleep(time.Duration(i) * m.Beat / time.Duration(streams)) // so that the beats do not coincide
			if err := h.stream(t, "stream-"+strconv.Itoa(i), m, &late); err != nil {
				broken.Add(1)
				t.Errorf("stream %d: %v", i, err)
			}
		})
	}
	most := watchUntil(t, pid, wg.Wait, time.Duration(m.Events)*m.Beat/3)
	t.Logf("%d streams of %d events, %v apart: %d broken; events came late by %v", streams, m.Events, m.Beat, broken.Load(), &late)
	t.Logf("prism alone: memory %.1f MiB before, at most %.1f MiB, %+.2f MiB over the last two thirds; descriptors %d before, %d at most", before.memory, most.high, most.rise, before.descriptors, most.descriptors)
	if most.high > 256 || soak() && most.rise > 2 {
		t.Errorf("memory reached %.1f MiB and grew by %.2f MiB; want at most 256 and 2", most.high, most.rise)
	}
	h.forget(t)
	after := footprintOf(t, pid)
	for deadline := time.Now().Add(limit); after.descriptors > before.descriptors+5 && time.Now().Before(deadline); after = footprintOf(t, pid) {
		time.Sleep(10 * time.Millisecond)
	}
	if after.descriptors > before.descriptors+5 {
		t.Errorf("%d descriptors before, %d after", before.descriptors, after.descriptors)
	}
	stop(t, cmd)
	rows := h.query(t, "select count(*) as n, count(distinct session_id) as sessions, count_if(outcome = 'ok' and usage_source = 'final') as good from requests")
	want := int64(streams + 1)
	if r := rows[0]; r.num(t, "n") != want || r.num(t, "sessions") != want || r.num(t, "good") != want {
		t.Errorf("rows %v, want %d of each", r, want)
	}
}

// prepareBefore makes a house whose work profile leads to url.
func prepareBefore(t *testing.T, url string) *house {
	t.Helper()
	if os.Getenv("PRISM_BIN") == "" {
		t.Fatal("PRISM_BIN is not set: run make e2e")
	}
	h := &house{dir: shortDir(t), token: "pt-" + secret(t)}
	h.work, h.spare = newProvider(t, "work"), newProvider(t, "spare")
	h.work.url = url
	addr := freeAddress(t)
	h.url = "http://" + addr
	h.furnish(t, addr)
	out, err := os.Create(h.path("log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	h.log = out
	return h
}

// startMetronome serves the metronome on loopback.
func startMetronome(t *testing.T, m *simulator.Metronome) (url string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: m, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute}
	go srv.Serve(ln) //nolint:errcheck // it ends with Close
	t.Cleanup(func() { srv.Close() })
	return "http://" + ln.Addr().String()
}

// delays counts how late events came, in tenths of a millisecond.
type delays struct{ counts [20_001]atomic.Int64 }

func (d *delays) add(late time.Duration) {
	d.counts[min(max(late/(100*time.Microsecond), 0), 20_000)].Add(1)
}

func (d *delays) String() string {
	var total int64
	for i := range d.counts {
		total += d.counts[i].Load()
	}
	at := func(q float64) time.Duration {
		var seen int64
		for i := range d.counts {
			if seen += d.counts[i].Load(); float64(seen) >= q*float64(total) {
				return time.Duration(i) * 100 * time.Microsecond
			}
		}
		return 0
	}
	return fmt.Sprintf("p50 %v, p99 %v, p99.9 %v", at(0.5), at(0.99), at(0.999))
}

// stream sends one request and reads the answer to its end. What came must be what m has sent; a
// metronome without events is not compared.
func (h *house) stream(t *testing.T, session string, m *simulator.Metronome, late *delays) error {
	t.Helper()
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodPost, h.url+"/v1/messages",
		strings.NewReader(`{"model":"claude-opus-5-5","messages":[{"role":"user","content":"hi"}],"max_tokens":100,"stream":true}`))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+h.token)
	req.Header.Set("X-Claude-Code-Session-Id", session)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	sum, br := sha256.New(), bufio.NewReaderSize(resp.Body, 4<<10)
	for {
		line, err := br.ReadSlice('\n')
		sum.Write(line)
		if d, ok := m.Late(line); ok && late != nil {
			late.add(d)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	want, ok := m.Sum(session)
	if m.Events > 0 && (!ok || [sha256.Size]byte(sum.Sum(nil)) != want) {
		return errors.New("the bytes are not those that were sent")
	}
	return nil
}

// forget has prism let go of its connections: those of clients here, those upstream by a file in
// which the work profile is not named any more.
func (h *house) forget(t *testing.T) {
	t.Helper()
	http.DefaultClient.CloseIdleConnections()
	keys, err := os.ReadFile(h.path("keys.txt"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(keys), "# public key: ")
	recipient, _, _ := strings.Cut(after, "\n")
	_, others, _ := strings.Cut(h.profiles(), "  - name: spare")
	out, err := sealed.Encrypt([]byte("active: spare\n\nprofiles:\n  - name: spare"+others), []string{recipient})
	if err != nil {
		t.Fatal(err)
	}
	write(t, h.path("config", "profiles.yaml"), string(out))
	if out, err := h.prism("reload"); err != nil {
		t.Errorf("prism reload: %v\n%s", err, out)
	}
}

// weight is what a process is seen to hold.
type weight struct {
	memory      float64 // MiB
	descriptors int
}

func footprintOf(t *testing.T, pid int) weight {
	t.Helper()
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	var size, pages int64
	if _, err := fmt.Sscan(string(b), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return weight{float64(pages*int64(os.Getpagesize())) / (1 << 20), len(fds)}
}

// course is how a process fared over time.
type course struct {
	high        float64 // MiB
	rise        float64 // MiB, of a straight line through the samples after the warm-up
	descriptors int     // at most
}

// watchUntil looks at the process each second until wait returns.
func watchUntil(t *testing.T, pid int, wait func(), warm time.Duration) course {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		wait()
	}()
	var c course
	var samples []float64
	began := time.Now()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		w := footprintOf(t, pid)
		c.high, c.descriptors = max(c.high, w.memory), max(c.descriptors, w.descriptors)
		if time.Since(began) > warm {
			samples = append(samples, w.memory)
		}
		select {
		case <-tick.C:
		case <-done:
			c.rise = rise(samples)
			return c
		}
	}
}

// rise is by how much the line of least squares rises over all samples.
func rise(y []float64) float64 {
	n := float64(len(y))
	if n < 2 {
		return 0
	}
	var sx, sy, sxx, sxy float64
	for i, v := range y {
		x := float64(i)
		sx, sy, sxx, sxy = sx+x, sy+v, sxx+x*x, sxy+x*v
	}
	return (n*sxy - sx*sy) / (n*sxx - sx*sx) * (n - 1)
}
