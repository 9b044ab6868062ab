//go:build e2e && linux

package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"prism/internal/simulator"
)

// activator does for a test what systemd does with examples/systemd: it holds the data port
// and the control socket, starts prism with both, and is told when prism is ready.
type activator struct {
	h        *house
	sockets  []*os.File
	notify   *net.UnixConn
	control  *net.UnixListener
	unitName string // of the data socket
}

// leave closes the control socket, so that commands do not wait for a prism that systemd would
// start for them.
func (a *activator) leave() {
	_ = a.control.Close()
	_ = a.sockets[1].Close()
}

// newActivator listens where the house expects prism.
func newActivator(t *testing.T, h *house) *activator {
	t.Helper()
	data, err := net.Listen("tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(h.path("run", "prism"), 0o700); err != nil {
		t.Fatal(err)
	}
	control, err := net.ListenUnix("unix", &net.UnixAddr{Name: h.path("run", "prism", "prism.sock"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	a := &activator{h: h, control: control, unitName: "data"}
	for _, ln := range []interface{ File() (*os.File, error) }{data.(*net.TCPListener), control} {
		f, err := ln.File()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		a.sockets = append(a.sockets, f)
	}
	t.Cleanup(func() {
		_ = data.Close()
		_ = control.Close()
	})
	if a.notify, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: h.path("notify"), Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.notify.Close() })
	return a
}

// start starts prism and waits until it says that it is ready.
func (a *activator) start(t *testing.T) *exec.Cmd {
	t.Helper()
	// LISTEN_PID is the process's own; only a shell that becomes prism knows it before.
	cmd := exec.Command("sh", "-c", `export LISTEN_PID=$$; exec "$0" serve`, os.Getenv("PRISM_BIN"))
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = a.h.dir, a.h.log, a.h.log, a.sockets
	cmd.Env = append([]string{"LISTEN_FDS=2", "LISTEN_FDNAMES=" + a.unitName + ":control", "NOTIFY_SOCKET=" + a.h.path("notify")}, a.h.env...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	a.hears(t, "READY=1")
	return cmd
}

// hears waits for a word from prism.
func (a *activator) hears(t *testing.T, word string) {
	t.Helper()
	b := make([]byte, 4096)
	for {
		_ = a.notify.SetReadDeadline(time.Now().Add(limit))
		n, err := a.notify.Read(b)
		if err != nil {
			t.Fatalf("waited in vain for %s: %v; prism said:\n%s", word, err, a.h.said(t))
		}
		for w := range strings.SplitSeq(string(b[:n]), "\n") {
			if w == word {
				return
			}
		}
	}
}

// TestAnUpgradeRefusesNoConnection replaces the program ten times under load. Half of the
// clients keep their connections, half make a new one for every request; one has a stream
// under way that is longer than the upgrade.
func TestAnUpgradeRefusesNoConnection(t *testing.T) {
	const upgrades, clients = 10, 16
	h := prepare(t)
	h.work.Script(simulator.Always(simulator.Reply(simulator.TextPieces("one two three four five", 5), simulator.Jitter(5, 0, 10*time.Millisecond))))
	a := newActivator(t, h)
	cmd := a.start(t)
	var n, failed, slowest atomic.Int64
	var wg sync.WaitGroup
	stopped := make(chan struct{})
	for i := range clients {
		tr := &http.Transport{DisableKeepAlives: i%2 == 0}
		wg.Go(func() {
			defer tr.CloseIdleConnections()
			for {
				select {
				case <-stopped:
					return
				default:
				}
				began := time.Now()
				if err := h.ask(tr, fmt.Sprintf("session-%06d", n.Add(1))); err != nil {
					if failed.Add(1) < 10 {
						t.Errorf("a request failed: %v", err)
					}
				}
				for took := int64(time.Since(began)); ; {
					old := slowest.Load()
					if took <= old || slowest.CompareAndSwap(old, took) {
						break
					}
				}
			}
		})
	}
	var longest time.Duration
	for range upgrades {
		served := n.Load()
		h.wait(t, "the new one serves", func() bool { return n.Load() > served+4*clients })
		began := time.Now()
		stop(t, cmd)
		cmd = a.start(t)
		longest = max(longest, time.Since(began))
	}
	close(stopped)
	wg.Wait()
	stop(t, cmd)
	t.Logf("%d upgrades, %d requests, %d failed; longest upgrade %v, slowest request %v", upgrades, n.Load(), failed.Load(),
		longest.Round(time.Millisecond), time.Duration(slowest.Load()).Round(time.Millisecond))
	a.leave()
	if got := h.outcomes(t); got["ok"] != n.Load() || len(got) != 1 {
		t.Errorf("%d requests, outcomes %v", n.Load(), got)
	}
	if strings.Contains(h.said(t), "not where clients look") {
		t.Error("prism does not know that the control socket is where it should be")
	}
}

// ask sends one request of a session and reads the answer to its end.
func (h *house) ask(tr http.RoundTripper, session string) error {
	req, err := http.NewRequest(http.MethodPost, h.url+"/v1/messages",
		strings.NewReader(`{"model":"claude-opus-5-5","messages":[{"role":"user","content":"hi"}],"max_tokens":100,"stream":true}`))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+h.token)
	req.Header.Set("X-Claude-Code-Session-Id", session)
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || !strings.Contains(string(b), "message_stop")) {
		err = fmt.Errorf("status %d: %s", resp.StatusCode, b)
	}
	return err
}

// TestUnderSystemdPrismSaysWhereItStands follows the words from the first to the last, and
// proves that no child hears the address of the manager.
func TestUnderSystemdPrismSaysWhereItStands(t *testing.T) {
	h := prepare(t)
	a := newActivator(t, h)
	a.unitName = "prism.socket" // as systemd names a socket that has no name
	cmd := a.start(t)
	if status, body, err := h.post(t.Context(), "session"); err != nil || status != http.StatusOK {
		t.Fatalf("status %d, %v: %s", status, err, body)
	}
	h.query(t, "from requests") // through the control socket that was inherited
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	a.hears(t, "RELOADING=1")
	a.hears(t, "READY=1")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	a.hears(t, "STOPPING=1")
	ended(t, cmd)
	if _, err := os.Lstat(h.path("run", "prism", "prism.sock")); err != nil {
		t.Errorf("the control socket went with prism: %v", err)
	}
}

// TestASocketThatOthersCouldReachIsRefused passes on a port of all addresses.
func TestASocketThatOthersCouldReachIsRefused(t *testing.T) {
	h := prepare(t)
	ln, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	f, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd := exec.Command("sh", "-c", `export LISTEN_PID=$$; exec "$0" serve`, os.Getenv("PRISM_BIN"))
	cmd.Dir, cmd.ExtraFiles, cmd.Env = h.dir, []*os.File{f}, append([]string{"LISTEN_FDS=1"}, h.env...)
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "other machines can reach it") || !strings.Contains(string(out), "fix: ListenStream=127.0.0.1:3000") {
		t.Errorf("%v: %s", err, out)
	}
}

// TestTheUnitFilesAreSound asks systemd itself about the examples.
func TestTheUnitFilesAreSound(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd-analyze here: the unit files are not looked at")
	}
	home := shortDir(t)
	if err := os.MkdirAll(home+"/.local/bin", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(home+"/.local/bin/prism", []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	units := []string{"prism.service", "prism.socket", "prism-control.socket", "prism-dashboard.socket"}
	args := []string{"--user", "verify"}
	for _, u := range units {
		args = append(args, "../../examples/systemd/"+u)
	}
	cmd := exec.Command(analyze, args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_RUNTIME_DIR=" + home}
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}
