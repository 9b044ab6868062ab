package daemon

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"prism/internal/ledger"
	"prism/internal/simulator"
)

// outcomes counts the close records in the journal by outcome.
func (r *rig) outcomes() map[string]int {
	r.t.Helper()
	n := map[string]int{}
	_, err := ledger.ReadSegments(r.paths.Journal, ledger.Watermark{}, func(rec ledger.Record) error {
		if rec.Kind != ledger.KindClose {
			return nil
		}
		var e ledger.Entry
		if err := rec.Entry(&e); err != nil {
			return err
		}
		n[e.Outcome]++
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return n
}

// open starts n streams and returns once all have their first event; each sends its whole
// body to the channel.
func (r *rig) open(n int) <-chan string {
	r.t.Helper()
	out := make(chan string, n)
	var first sync.WaitGroup
	for range n {
		first.Add(1)
		go func() {
			var once sync.Once
			defer once.Do(first.Done)
			req, _ := http.NewRequest(http.MethodPost, r.url+"/v1/messages", strings.NewReader(body))
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("X-Api-Key", token)
			resp, err := r.client.Do(req)
			if err != nil {
				out <- "error: " + err.Error()
				return
			}
			defer resp.Body.Close()
			var got strings.Builder
			buf := make([]byte, 4096)
			for {
				n, err := resp.Body.Read(buf)
				got.Write(buf[:n])
				once.Do(first.Done)
				if err == io.EOF {
					break
				}
				if err != nil {
					got.WriteString("\nbroken: " + err.Error())
					break
				}
			}
			out <- got.String()
		}()
	}
	first.Wait()
	return out
}

func TestStreamsFinishAfterTheFirstSignal(t *testing.T) {
	const streams = 200
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	r.a.Script(simulator.Always(simulator.Reply(simulator.TextPieces("one two three four five six", 5), simulator.EventDelay(40*time.Millisecond))))
	r.start()
	out := r.open(streams)
	r.halt()
	for range streams {
		if got := <-out; !strings.Contains(got, "message_stop") || strings.Contains(got, "broken") {
			t.Fatalf("a stream ended with %q", got)
		}
	}
	if n := r.outcomes(); n[ledger.OutcomeOK] != streams || len(n) != 1 {
		t.Errorf("outcomes %v", n)
	}
}

func TestStreamsAreBrokenOffVisiblyWhenTheDrainIsOver(t *testing.T) {
	const streams = 50
	r := newRig(t)
	r.settings.Drain = 50 * time.Millisecond
	r.write(r.seal(r.two("a")))
	r.a.Script(simulator.Always(simulator.Reply(simulator.TextPieces("one two three four five six", 5), simulator.EventDelay(10*time.Second))))
	r.start()
	out := r.open(streams)
	began := time.Now()
	r.halt()
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("the stop took %v", took)
	}
	for range streams {
		got := <-out
		if !strings.Contains(got, "event: error") || !strings.Contains(got, "broken") || strings.Contains(got, "message_stop") {
			t.Fatalf("a stream ended with %q", got)
		}
	}
	if n := r.outcomes(); n[ledger.OutcomeShutdown] != streams || len(n) != 1 {
		t.Errorf("outcomes %v", n)
	}
}
