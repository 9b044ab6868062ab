package daemon

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// gated serves on a gate with so many places. /slow answers once slow is closed.
func gated(t *testing.T, places int) (dial func(request string) net.Conn, slow chan struct{}) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := newGate(ln, places, zerolog.Nop())
	slow = make(chan struct{})
	s := &http.Server{ConnState: g.note, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-slow
		}
		_, _ = io.WriteString(w, "hello")
	})}
	done := make(chan error, 1)
	go func() { done <- s.Serve(g) }()
	t.Cleanup(func() {
		_ = s.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("the server ended with %v", err)
		}
	})
	return func(request string) net.Conn {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		_, _ = io.WriteString(c, request)
		return c
	}, slow
}

const hello = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

// greeted reads one answer.
func greeted(c net.Conn, within time.Duration) error {
	_ = c.SetReadDeadline(time.Now().Add(within))
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "hello" {
		return fmt.Errorf("%q, %w", b, err)
	}
	return nil
}

func TestConnectionsOnWhichNothingHappensGiveUpTheirPlaces(t *testing.T) {
	const patience = gatePatience + 3*time.Second
	for name, request := range map[string]string{
		"kept after an answer":       hello,
		"without a word":             "",
		"with half a head":           "GET / HTTP/1.1\r\nHost: x\r\nX-",
		"with half a next head":      hello + "GET / HT",
		"with many empty beginnings": "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dial, slow := gated(t, 3)
			busy := dial("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
			for range 2 {
				if c := dial(request); strings.HasPrefix(request, hello) {
					if err := greeted(c, patience); err != nil {
						t.Fatal(err)
					}
				}
			}
			for n := range 5 {
				if err := greeted(dial(hello), patience); err != nil {
					t.Fatalf("client %d was not served: %v", n, err)
				}
			}
			close(slow)
			if err := greeted(busy, patience); err != nil {
				t.Errorf("the one that was being served: %v", err)
			}
		})
	}
}

// TestAHeadThatComesByteByByteGainsNoTime has clients on every place that send the next byte of
// their heads just before anybody loses patience.
func TestAHeadThatComesByteByByteGainsNoTime(t *testing.T) {
	const places, patience = 8, gatePatience + 4*time.Second
	dial, _ := gated(t, places)
	stop := make(chan struct{})
	var drips sync.WaitGroup
	defer drips.Wait()
	defer close(stop)
	for range places {
		c := dial(hello)
		if err := greeted(c, patience); err != nil {
			t.Fatal(err)
		}
		drips.Go(func() {
			tick := time.NewTicker(gatePatience * 9 / 10)
			defer tick.Stop()
			for text := "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: " + strings.Repeat("x", 100); text != ""; text = text[1:] {
				if _, err := io.WriteString(c, text[:1]); err != nil {
					return
				}
				select {
				case <-stop:
					return
				case <-tick.C:
				}
			}
		})
	}
	for n := range places {
		if err := greeted(dial(hello), patience); err != nil {
			t.Fatalf("client %d was not served: %v", n, err)
		}
	}
}

func TestACrowdOfWhichNothingComesIsThinned(t *testing.T) {
	const more = 100
	dial, _ := gated(t, 4*gateCrowd)
	ended := make(chan struct{}, gateCrowd+more)
	for range gateCrowd + more {
		c := dial("GET / HTTP/1.1\r\nX-Slow: ")
		go func() {
			_, _ = io.Copy(io.Discard, c)
			ended <- struct{}{}
		}()
	}
	late := time.After(gatePatience + 5*time.Second)
	for n := range more {
		select {
		case <-ended:
		case <-late:
			t.Fatalf("%d of %d too many were dismissed", n, more)
		}
	}
	select {
	case <-ended:
		t.Errorf("more than the %d too many were dismissed", more)
	case <-time.After(2 * gatePatience):
	}
	if err := greeted(dial(hello), time.Second); err != nil {
		t.Errorf("a client beside the crowd: %v", err)
	}
}

func TestWithoutPressureNobodyIsDismissed(t *testing.T) {
	dial, _ := gated(t, 3)
	kept, silent := dial(hello), dial("")
	if err := greeted(kept, time.Second); err != nil {
		t.Fatal(err)
	}
	time.Sleep(gatePatience + 2*gateLook)
	for what, c := range map[string]net.Conn{"kept": kept, "silent": silent} {
		_, _ = io.WriteString(c, hello)
		if err := greeted(c, time.Second); err != nil {
			t.Errorf("the %s connection: %v", what, err)
		}
	}
}

func TestTheGateKeepsWhatTheServerAsksOfATCPConnection(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := newGate(ln, 1, zerolog.Nop())
	defer g.Close()
	out, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	in, err := g.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if _, ok := in.(io.ReaderFrom); !ok {
		t.Error("no ReadFrom")
	}
	if _, ok := in.(interface{ CloseWrite() error }); !ok {
		t.Error("no CloseWrite")
	}
}

// TestARequestThatNobodyHasReadYetIsNotCutOff lets a request lie in the kernel for longer than
// anybody's patience, as on a machine that is very busy.
func TestARequestThatNobodyHasReadYetIsNotCutOff(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("what lies in the kernel is seen on Linux alone")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := newGate(ln, 2, zerolog.Nop())
	defer g.Close()
	out, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	in, err := g.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if _, err := io.WriteString(out, "x"); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Second); !unread(in.(tcpGuest).TCPConn); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the byte does not arrive")
		}
	}
	g.dismiss(0, 10)
	if _, err := in.Read(make([]byte, 1)); err != nil {
		t.Fatalf("the connection was dismissed: %v", err)
	}
	g.dismiss(0, 10)
	if _, err := in.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("nothing lies there, and the connection stays: %v", err)
	}
}
