//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"prism/internal/simulator"
)

// streams opens n streams, each a session of its own, and returns once each has begun. Their
// bodies come through the channel; a body that broke ends with the error.
func (h *house) streams(t *testing.T, n int) <-chan string {
	t.Helper()
	out := make(chan string, n)
	var begun sync.WaitGroup
	for i := range n {
		begun.Add(1)
		go func() {
			started := sync.OnceFunc(begun.Done)
			defer started()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+"/v1/messages",
				strings.NewReader(`{"model":"claude-opus-5-5","messages":[{"role":"user","content":"hi"}],"max_tokens":100,"stream":true}`))
			if err != nil {
				out <- err.Error()
				return
			}
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Authorization", "Bearer "+h.token)
			req.Header.Set("X-Claude-Code-Session-Id", fmt.Sprintf("stream-%03d", i))
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				out <- err.Error()
				return
			}
			defer resp.Body.Close()
			first := make([]byte, 1)
			_, err = io.ReadFull(resp.Body, first)
			started()
			rest, more := io.ReadAll(resp.Body)
			if err == nil {
				err = more
			}
			if err != nil {
				rest = append(rest, "\nbroken: "+err.Error()...)
			}
			out <- string(first) + string(rest)
		}()
	}
	begun.Wait()
	return out
}

// outcomes counts the rows of the ledger by outcome.
func (h *house) outcomes(t *testing.T) map[string]int64 {
	t.Helper()
	n := map[string]int64{}
	for _, r := range h.query(t, "select outcome, count(*) as n from requests group by all") {
		n[r.text("outcome")] = r.num(t, "n")
	}
	return n
}

// stop sends SIGTERM and waits for the end, which must be orderly.
func stop(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ended(t, cmd)
}

func ended(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	late := time.AfterFunc(limit, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	if err := cmd.Wait(); err != nil {
		t.Errorf("prism ended with %v", err)
	}
}

func TestSIGTERMLetsStreamsFinishAndLeavesTheirRows(t *testing.T) {
	const streams = 100
	h := prepare(t)
	h.work.Script(simulator.Always(simulator.Reply(simulator.TextPieces("one two three four five six", 5), simulator.EventDelay(50*time.Millisecond))))
	cmd, _ := h.launch(t)
	out := h.streams(t, streams)
	stop(t, cmd)
	for range streams {
		if got := <-out; !strings.Contains(got, "message_stop") || strings.Contains(got, "broken") {
			t.Fatalf("a stream ended with %q", got)
		}
	}
	if !strings.Contains(h.said(t), "gateway stopped") {
		t.Error("the last words are missing in the log")
	}
	// The last fold has put the rows into the ledger; nothing waits in the journal.
	if n := h.outcomes(t); n["ok"] != streams || len(n) != 1 {
		t.Errorf("outcomes %v", n)
	}
}

func TestASecondSIGTERMBreaksStreamsOffAndLeavesTheirRows(t *testing.T) {
	const streams = 50
	h := prepare(t)
	h.work.Script(simulator.Always(simulator.Reply(simulator.TextPieces("one two three", 5), simulator.EventDelay(10*time.Minute))))
	cmd, _ := h.launch(t)
	out := h.streams(t, streams)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	h.wait(t, "the drain has begun", func() bool { return strings.Contains(h.said(t), `"draining"`) })
	began := time.Now()
	stop(t, cmd)
	if took := time.Since(began); took > limit/2 {
		t.Errorf("the stop took %v after the second signal, as long as the drain", took)
	}
	for range streams {
		if got := <-out; !strings.Contains(got, "event: error") || strings.Contains(got, "message_stop") {
			t.Fatalf("a stream ended with %q", got)
		}
	}
	if n := h.outcomes(t); n["shutdown"] != streams || len(n) != 1 {
		t.Errorf("outcomes %v", n)
	}
}

// TestFewDescriptorsMakeClientsWaitAndFailNoRequest opens far more connections than the
// process may have descriptors, keeps them idle, and sends requests beside them.
func TestFewDescriptorsMakeClientsWaitAndFailNoRequest(t *testing.T) {
	const idle, requests = 1000, 64
	h := prepare(t)
	cmd := h.launchFrom(t, "ulimit -n 256")
	address := strings.TrimPrefix(h.url, "http://")
	var conns []net.Conn
	for range idle {
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			break // the kernel's queue is full
		}
		conns = append(conns, c)
	}
	var wg sync.WaitGroup
	failures := make(chan string, requests)
	for i := range requests {
		wg.Go(func() {
			status, body, err := h.post(t.Context(), fmt.Sprintf("session-%d", i))
			if err != nil || status != http.StatusOK || !strings.Contains(body, "message_stop") {
				failures <- fmt.Sprintf("status %d, %v: %s", status, err, body)
			}
		})
	}
	before := cpu(t, cmd.Process.Pid)
	h.wait(t, "prism says that clients wait", func() bool { return strings.Contains(h.said(t), "clients wait") })
	for _, c := range conns {
		c.Close()
	}
	wg.Wait()
	close(failures)
	for f := range failures {
		t.Errorf("a request failed: %s", f)
	}
	if spent := cpu(t, cmd.Process.Pid) - before; spent > 5*time.Second {
		t.Errorf("prism spent %v of CPU", spent)
	}
	stop(t, cmd)
	if n := h.outcomes(t); n["ok"] != requests || len(n) != 1 {
		t.Errorf("outcomes %v", n)
	}
}

// cpu is the time that a process has spent.
func cpu(t *testing.T, pid int) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	var user, system int64
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		t.Fatal(err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

// TestALogThatNobodyTakesHurtsNoRequest gives prism outputs that are closed, that break while
// it runs, and that nobody reads.
func TestALogThatNobodyTakesHurtsNoRequest(t *testing.T) {
	const requests = 400
	serve := func(t *testing.T, h *house) {
		t.Helper()
		for i := range requests {
			if status, body, err := h.post(t.Context(), fmt.Sprint("session-", i)); err != nil || status != http.StatusOK {
				t.Fatalf("request %d: status %d, %v: %s", i, status, err, body)
			}
		}
	}
	end := func(t *testing.T, h *house, cmd *exec.Cmd) {
		t.Helper()
		stop(t, cmd)
		if n := h.outcomes(t); n["ok"] != requests || len(n) != 1 {
			t.Errorf("outcomes %v", n)
		}
	}
	t.Run("closed from the start", func(t *testing.T) {
		h := prepare(t)
		cmd := h.launchFrom(t, "exec >&- 2>&-")
		serve(t, h)
		end(t, h, cmd)
	})
	t.Run("nobody at the other end", func(t *testing.T) {
		h := prepare(t)
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(os.Getenv("PRISM_BIN"), "serve")
		cmd.Stdout, cmd.Stderr = w, w
		h.run(t, cmd)
		w.Close()
		r.Close()
		serve(t, h)
		end(t, h, cmd)
	})
	t.Run("full", func(t *testing.T) {
		h := prepare(t)
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		cmd := exec.Command(os.Getenv("PRISM_BIN"), "serve", "--log-level", "debug")
		cmd.Stdout, cmd.Stderr = w, w
		h.run(t, cmd)
		w.Close()
		serve(t, h)
		end(t, h, cmd)
	})
	t.Run("a full disk", func(t *testing.T) {
		h := prepare(t)
		cmd := h.launchFrom(t, "exec >/dev/full 2>&1")
		serve(t, h)
		end(t, h, cmd)
	})
}

// TestEveryFileIsForItsOwnerAlone starts prism with an open umask, and looks at everything it
// makes: the journal, the archive, the ledger, the pins, the socket.
func TestEveryFileIsForItsOwnerAlone(t *testing.T) {
	h := prepare(t)
	cmd := h.launchFrom(t, "umask 0; ulimit -c unlimited")
	for i := range 3 {
		if status, body, err := h.post(t.Context(), fmt.Sprint("session-", i)); err != nil || status != http.StatusOK {
			t.Fatalf("status %d, %v: %s", status, err, body)
		}
	}
	h.query(t, "from requests")
	looked := 0
	look := func() {
		t.Helper()
		for _, dir := range []string{"data", "state", "run"} {
			err := filepath.WalkDir(filepath.Join(h.path(dir), "prism"), func(path string, e fs.DirEntry, err error) error {
				if err != nil {
					return err
				}
				st, err := e.Info()
				if err != nil {
					return err
				}
				looked++
				if st.Mode().Perm()&0o077 != 0 {
					t.Errorf("%s has mode %v", path, st.Mode())
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
	}
	look()
	if _, err := os.Stat(h.path("data", "prism", "ledger.duckdb")); err != nil {
		t.Error(err)
	}
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(limits), "\n") {
		if f := strings.Fields(line); strings.HasPrefix(line, "Max core file size") && (f[4] != "0" || f[5] != "0") {
			t.Errorf("limits: %s", line)
		}
	}
	stop(t, cmd)
	look()
	if looked < 16 {
		t.Errorf("only %d files were looked at", looked)
	}
}

// TestAbortLeavesNoCore ends prism the way that would leave its memory in a file.
func TestAbortLeavesNoCore(t *testing.T) {
	h := prepare(t)
	cmd := h.launchFrom(t, "ulimit -c unlimited; export GOTRACEBACK=crash")
	if status, body, err := h.post(t.Context(), "session"); err != nil || status != http.StatusOK {
		t.Fatalf("status %d, %v: %s", status, err, body)
	}
	if err := cmd.Process.Signal(syscall.SIGABRT); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("it went on")
	}
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.CoreDump() {
		t.Error("there is a core")
	}
	for what, key := range map[string]string{"the key": h.work.key, "the client token": h.token} {
		if strings.Contains(h.said(t), key) {
			t.Errorf("%s is in the last words", what)
		}
	}
}
