package proxy_test

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"runtime/debug"
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

// lateness counts how late events came, in hundredths of a millisecond, up to a second.
type lateness struct{ counts [100_001]atomic.Int64 }

func (l *lateness) add(d time.Duration) {
	l.counts[min(max(d/(10*time.Microsecond), 0), 100_000)].Add(1)
}

// quantile returns the lateness that a share q of all events did not exceed.
func (l *lateness) quantile(q float64) time.Duration {
	var total, seen int64
	for i := range l.counts {
		total += l.counts[i].Load()
	}
	for i := range l.counts {
		if seen += l.counts[i].Load(); float64(seen) >= q*float64(total) {
			return time.Duration(i) * 10 * time.Microsecond
		}
	}
	return 0
}

func (l *lateness) String() string {
	return fmt.Sprintf("p50 %v, p99 %v, p99.9 %v", l.quantile(0.5), l.quantile(0.99), l.quantile(0.999))
}

// beats starts a metronome on a real server.
func beats(t *testing.T, m *simulator.Metronome) (url string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: m, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute}
	var wg sync.WaitGroup
	wg.Go(func() { _ = srv.Serve(ln) })
	t.Cleanup(func() {
		_ = srv.Close()
		wg.Wait()
	})
	return "http://" + ln.Addr().String()
}

// listen opens n streams within a beat, reads them to their ends and returns how many were not
// what the metronome had sent. Each is a session of its own, named by prefix and number.
func listen(client *http.Client, url, prefix string, n int, m *simulator.Metronome, late *lateness) (broken int64, first error) {
	var bad atomic.Int64
	var cause atomic.Value
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			time.Sleep(time.Duration(i) * m.Beat / time.Duration(n)) // so that the beats do not coincide
			if err := listenOne(client, url, prefix+strconv.Itoa(i), m, late); err != nil {
				bad.Add(1)
				cause.CompareAndSwap(nil, err)
			}
		})
	}
	wg.Wait()
	first, _ = cause.Load().(error)
	return bad.Load(), first
}

func listenOne(client *http.Client, url, session string, m *simulator.Metronome, late *lateness) error {
	req, err := http.NewRequest(http.MethodPost, url+"/v1/messages", strings.NewReader(streamBody))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Claude-Code-Session-Id", session)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	sum := sha256.New()
	br := bufio.NewReaderSize(resp.Body, 4<<10)
	for {
		line, err := br.ReadSlice('\n')
		_, _ = sum.Write(line)
		if d, ok := m.Late(line); ok {
			late.add(d)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("stream %s: %w", session, err)
		}
	}
	want, ok := m.Sum(session)
	if got := [sha256.Size]byte(sum.Sum(nil)); !ok || got != want {
		return fmt.Errorf("stream %s: the bytes are not those that were sent", session)
	}
	return nil
}

// TestStreamsAtOnceArriveWholeAndInTime has a thousand streams pass at the same time, as deep
// into the day as a test can afford, and looks at every byte, at how late events come, at memory,
// and at what is left when they are over. The same streams without prism are the measure.
func TestStreamsAtOnceArriveWholeAndInTime(t *testing.T) {
	streams, m := 200, &simulator.Metronome{Events: 30, Beat: 100 * time.Millisecond}
	if soak() {
		streams, m.Events = 1000, 1800
	}
	url := beats(t, m)
	j := newBooked(t)
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", url)}, journal: j})
	var direct, through lateness
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: -1, DisableCompression: true}}
	before := holds()
	alone := &simulator.Metronome{Events: min(m.Events, 300), Beat: m.Beat}
	if n, err := listen(client, beats(t, alone), "direct-", streams, alone, &direct); n != 0 {
		t.Fatalf("%d streams broke without prism, the first: %v", n, err)
	}
	before.descriptors++ // the second metronome listens on
	before.goroutines++

	watch := watchMemory(time.Duration(m.Events) * m.Beat / 3)
	broken, err := listen(client, r.URL, "", streams, m, &through)
	low, high, slope := watch()
	if broken != 0 {
		t.Errorf("%d of %d streams were not what the provider sent, the first: %v", broken, streams, err)
	}
	r.settle(t)
	r.swap([]config.Profile{profile("work", "http://"+simulator.Refused())}, nil, "") // lets go of the connections
	before.back(t)
	rows, opens := j.read(t)
	for i := range rows {
		if e := &rows[i]; e.Outcome != ledger.OutcomeOK || e.UsageSource != ledger.UsageFinal || int(e.Usage.Output) != m.Events {
			t.Errorf("session %s: outcome %s, usage %s %+v", e.SessionID, e.Outcome, e.UsageSource, e.Usage)
		}
	}
	if len(rows) != streams || opens != streams {
		t.Errorf("%d rows, %d open records, want %d", len(rows), opens, streams)
	}
	t.Logf("%d streams of %d events, %v apart: %d broken", streams, m.Events, m.Beat, broken)
	t.Logf("late without prism: %v", &direct)
	t.Logf("late with prism:    %v", &through)
	added50, added99 := through.quantile(0.5)-direct.quantile(0.5), through.quantile(0.99)-direct.quantile(0.99)
	t.Logf("added: p50 %v, p99 %v", added50, added99)
	t.Logf("memory of prism, provider and clients together: %.1f to %.1f MiB, %+.2f MiB over the last two thirds", low, high, slope)
	if !soak() {
		return
	}
	if added50 > 2*time.Millisecond || added99 > 25*time.Millisecond {
		t.Errorf("prism adds p50 %v, p99 %v; want 2 ms and 25 ms", added50, added99)
	}
	if high > 256 || slope > 2 {
		t.Errorf("memory up to %.1f MiB, growing by %.2f MiB; want 256 and 2", high, slope)
	}
}

// watchMemory samples the memory of the process every ten seconds after warm, until the function
// it returns is called: that tells the least, the most, and by how much a straight line through the
// samples rises from the first to the last, in MiB. What nobody has collected yet is not counted:
// between two collections it grows for minutes.
func watchMemory(warm time.Duration) func() (low, high, slope float64) {
	stop, done := make(chan struct{}), make(chan struct{})
	var samples []float64
	go func() {
		defer close(done)
		select {
		case <-time.After(warm):
		case <-stop:
			return
		}
		tick := time.NewTicker(10 * time.Second)
		defer tick.Stop()
		for {
			debug.FreeOSMemory()
			samples = append(samples, residentMiB())
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	}()
	return func() (low, high, slope float64) {
		close(stop)
		<-done
		if len(samples) == 0 {
			return 0, 0, 0
		}
		return slices.Min(samples), slices.Max(samples), rise(samples)
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

// residentMiB is the memory of this process; 0 where that cannot be known.
func residentMiB() float64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, pages int64
	_, _ = fmt.Sscan(string(b), &size, &pages)
	return float64(pages*int64(os.Getpagesize())) / (1 << 20)
}
