package daemon

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"prism/internal/ledger"
	"prism/internal/simulator"
)

func TestASecondSignalEndsTheDrainAtOnce(t *testing.T) {
	const streams = 20
	r := newRig(t)
	r.settings.Drain = 10 * time.Minute
	kill := make(chan struct{})
	r.edit = func(o *Options) { o.Kill = kill }
	r.write(r.seal(r.two("a")))
	r.a.Script(simulator.Always(simulator.Reply(simulator.TextPieces("one two three", 5), simulator.EventDelay(time.Hour))))
	r.start()
	out := r.open(streams)
	r.stop()
	r.until("the drain has begun", func() bool { return strings.Contains(r.log.String(), `"message":"draining"`) })
	began := time.Now()
	close(kill)
	r.halt()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the stop took %v after the second signal", took)
	}
	for range streams {
		if got := <-out; !strings.Contains(got, "event: error") || strings.Contains(got, "message_stop") {
			t.Fatalf("a stream ended with %q", got)
		}
	}
	if n := r.outcomes(); n[ledger.OutcomeShutdown] != streams || len(n) != 1 {
		t.Errorf("outcomes %v", n)
	}
}

// TestAClientThatTakesNothingDoesNotHoldUpTheStop fills the connection of a client that never
// reads: its handler is in the middle of a write when prism is to stop.
func TestAClientThatTakesNothingDoesNotHoldUpTheStop(t *testing.T) {
	r := newRig(t)
	r.settings.Drain = 50 * time.Millisecond
	r.write(r.seal(r.two("a")))
	r.a.Script(simulator.Always(simulator.Reply(simulator.Text("x"), simulator.BigLine(64<<20))))
	r.start()
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "POST /v1/messages HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nX-Api-Key: %s\r\nContent-Length: %d\r\n\r\n%s",
		strings.TrimPrefix(r.url, "http://"), token, len(body), body)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 64)); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	r.halt()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the stop took %v", took)
	}
	n := r.outcomes()
	if n[ledger.OutcomeShutdown]+n[ledger.OutcomeClientAbort] != 1 || len(n) != 1 {
		t.Errorf("outcomes %v", n)
	}
}

func TestAStopTakesNobodyInAndServesTheLast(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	r.a.Script(simulator.Always(simulator.Reply(simulator.TextPieces("one two three", 5), simulator.EventDelay(100*time.Millisecond))))
	r.start()
	out := r.open(1)
	thaw := r.a.Freeze()
	r.stop()
	address := strings.TrimPrefix(r.url, "http://")
	r.until("nobody listens", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	if st := r.status(); st.InFlight != 1 {
		t.Errorf("during the drain %d are in flight, want 1", st.InFlight)
	}
	thaw()
	if got := <-out; !strings.Contains(got, "message_stop") {
		t.Errorf("the stream ended with %q", got)
	}
	r.halt()
}

// TestAKeptConnectionMayBringOneMoreRequestIntoTheStop sends a request at the very moment of the
// stop: net/http would have closed the connection under it.
func TestAKeptConnectionMayBringOneMoreRequestIntoTheStop(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	r.a.Script(simulator.Always(simulator.Reply(simulator.TextPieces("one two three", 5), simulator.EventDelay(100*time.Millisecond))))
	r.start()
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	ask := func() (*http.Response, string) {
		t.Helper()
		_, err := fmt.Fprintf(conn, "POST /v1/messages HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nX-Api-Key: %s\r\nContent-Length: %d\r\n\r\n%s",
			strings.TrimPrefix(r.url, "http://"), token, len(body), body)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil || !strings.Contains(string(b), "message_stop") {
			t.Errorf("%v: %s", err, b)
		}
		return resp, string(b)
	}
	if resp, _ := ask(); resp.Close {
		t.Error("the connection is not kept")
	}
	r.stop()
	r.until("the stop has begun", r.d.leaving.Load)
	if resp, _ := ask(); !resp.Close {
		t.Error("the last answer does not say that it is the last")
	}
	if _, err := in.ReadByte(); err != io.EOF {
		t.Errorf("after the last answer: %v", err)
	}
	r.halt()
	if n := r.outcomes(); n[ledger.OutcomeOK] != 2 || len(n) != 1 {
		t.Errorf("outcomes %v", n)
	}
}

func TestClientsBeyondTheDescriptorsWaitAndAreServedLater(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var said logs
	g := newGate(ln, 2, zerolog.New(&said))
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }), ConnState: g.note}
	done := make(chan error, 1)
	go func() { done <- s.Serve(g) }()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		return c
	}
	answered := func(c net.Conn) error {
		_, err := io.ReadFull(c, make([]byte, len("HTTP/1.1 200 OK")))
		return err
	}
	first, second, third := dial(), dial(), dial()
	defer second.Close()
	defer third.Close()
	for _, c := range []net.Conn{first, second} {
		if err := answered(c); err != nil {
			t.Fatal(err)
		}
	}
	_ = third.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if err := answered(third); err == nil {
		t.Error("a third client was admitted beside two")
	}
	if !strings.Contains(said.String(), "clients wait") {
		t.Errorf("nobody was told: %s", said.String())
	}
	_ = third.SetReadDeadline(time.Time{})
	first.Close()
	if err := answered(third); err != nil {
		t.Errorf("the third client was not served: %v", err)
	}
	fourth := dial()
	defer fourth.Close()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != http.ErrServerClosed { //nolint:errorlint // it is returned as it is
		t.Errorf("the server ended with %v", err)
	}
}

func TestEveryLimitOfDescriptorsAdmitsSomebody(t *testing.T) {
	for limit, want := range map[uint64]int{0: 8, 64: 8, 256: 96, 1024: 480, 1 << 20: 524256, 1 << 62: 524256} {
		if got := clientsFor(limit); got != want {
			t.Errorf("%d descriptors admit %d clients, want %d", limit, got, want)
		}
	}
}
