//go:build e2e

package e2e

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// soak tells whether the long form of a test is asked for; see make soak.
func soak() bool { return os.Getenv("PRISM_SOAK") != "" }

// prepare makes a house in which prism does not run yet.
func prepare(t *testing.T) *house {
	t.Helper()
	if os.Getenv("PRISM_BIN") == "" {
		t.Fatal("PRISM_BIN is not set: run make e2e")
	}
	h := &house{dir: shortDir(t), token: "pt-" + secret(t)}
	h.work, h.spare = newProvider(t, "work"), newProvider(t, "spare")
	addr := freeAddress(t)
	h.url = "http://" + addr
	h.furnish(t, addr)
	log, err := os.Create(h.path("log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	h.log = log
	return h
}

// shortDir is a temporary directory whose name leaves room for that of a socket: prism puts its
// socket elsewhere where there is none.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "house") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// launch starts prism and returns it with the time to its first answer.
func (h *house) launch(t *testing.T) (*exec.Cmd, time.Duration) {
	t.Helper()
	cmd := exec.Command(os.Getenv("PRISM_BIN"), "serve")
	cmd.Stdout, cmd.Stderr = h.log, h.log
	return cmd, h.run(t, cmd)
}

// launchFrom starts prism from a shell, which sets the scene with setup and then becomes prism.
func (h *house) launchFrom(t *testing.T, setup string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sh", "-c", setup+"; exec \"$0\" serve", os.Getenv("PRISM_BIN"))
	cmd.Stdout, cmd.Stderr = h.log, h.log
	h.run(t, cmd)
	return cmd
}

// run starts prism as cmd says, and waits for its first answer.
func (h *house) run(t *testing.T, cmd *exec.Cmd) time.Duration {
	t.Helper()
	cmd.Env, cmd.Dir = h.env, h.dir
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // of a test that failed half-way
	for {
		if h.answers(t) {
			return time.Since(began)
		}
		if time.Since(began) > limit {
			t.Fatalf("prism does not answer; it said:\n%s", h.said(t))
		}
		time.Sleep(time.Millisecond)
	}
}

// answers tells whether the gateway answers.
func (h *house) answers(t *testing.T) bool {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, h.url+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// post sends one request of a session and reads the answer to its end.
func (h *house) post(ctx context.Context, session string, header ...string) (int, string, error) {
	const body = `{"model":"claude-opus-5-5","messages":[{"role":"user","content":"hi"}],"max_tokens":100,"stream":true}`
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url+"/v1/messages?beta=true", strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+h.token)
	req.Header.Set("X-Claude-Code-Session-Id", session)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// load is clients that send one request after the other until it is ended.
type load struct {
	wg         sync.WaitGroup
	stop       context.CancelFunc
	sent, good atomic.Int64
	slowest    atomic.Int64 // nanoseconds, of the good ones
	failure    atomic.Value
}

// begin starts clients. Each request has a session of its own, named by id.
func (h *house) begin(t *testing.T, clients int, id func() string) *load {
	ctx, stop := context.WithCancel(t.Context())
	l := &load{stop: stop}
	for range clients {
		l.wg.Go(func() {
			for ctx.Err() == nil {
				l.sent.Add(1)
				began := time.Now()
				status, body, err := h.post(context.WithoutCancel(ctx), id())
				took := int64(time.Since(began))
				if err == nil && status == http.StatusOK && strings.Contains(body, "message_stop") {
					l.good.Add(1)
					for {
						old := l.slowest.Load()
						if took <= old || l.slowest.CompareAndSwap(old, took) {
							break
						}
					}
					continue
				}
				l.failure.CompareAndSwap(nil, failed{status, body, err})
				if err != nil {
					time.Sleep(2 * time.Millisecond) // nobody listens: do not spin
				}
			}
		})
	}
	return l
}

type failed struct {
	status int
	body   string
	err    error
}

// end stops the clients and waits for their last requests.
func (l *load) end() {
	l.stop()
	l.wg.Wait()
}
