package daemon

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"prism/internal/ledger"
)

// TestClientsThatNeverFinishTheirHeadAreDroppedAndNobodyWaits opens many connections that
// send a beginning and no more.
func TestClientsThatNeverFinishTheirHeadAreDroppedAndNobodyWaits(t *testing.T) {
	const slow = 300
	r := newRig(t)
	r.settings.Timeouts.ReadHeader = 300 * time.Millisecond
	r.write(r.seal(r.two("a")))
	r.start()
	address := strings.TrimPrefix(r.url, "http://")
	began := time.Now()
	var wg sync.WaitGroup
	for range slow {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = fmt.Fprintf(conn, "POST /v1/messages HTTP/1.1\r\nHost: %s\r\nX-Slow: ", address)
		wg.Go(func() {
			_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
			if _, err := io.Copy(io.Discard, conn); err != nil {
				t.Errorf("a slow client was not dropped: %v", err)
			}
		})
	}
	for range 20 {
		r.answers()
	}
	wg.Wait()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v until the last was dropped", took)
	}
	if seen, _ := r.a.Requests(); seen != 20 {
		t.Errorf("the upstream saw %d requests, want 20", seen)
	}
}

// TestAThousandRequestsAtOnceAreServedWithARowEach releases all of them together.
func TestAThousandRequestsAtOnceAreServedWithARowEach(t *testing.T) {
	const requests = 1000
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	r.start()
	gate := make(chan struct{})
	var wg sync.WaitGroup
	for range requests {
		wg.Go(func() {
			<-gate
			status, out, err := r.post()
			if err != nil || status != http.StatusOK || !strings.Contains(out, "message_stop") {
				t.Errorf("status %d, %v: %s", status, err, out)
			}
		})
	}
	close(gate)
	wg.Wait()
	r.halt()
	if n := r.outcomes(); n[ledger.OutcomeOK] != requests || len(n) != 1 {
		t.Errorf("outcomes %v", n)
	}
}
