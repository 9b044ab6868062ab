//go:build e2e && linux

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"prism/internal/simulator"
)

// refuses runs `prism serve` where it must not start, and returns what it says.
func (h *house) refuses(t *testing.T, setup string, env ...string) (said string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", setup+"; exec \"$0\" serve", os.Getenv("PRISM_BIN"))
	cmd.Dir, cmd.Env = h.dir, env
	late := time.AfterFunc(limit, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatalf("it ended as if all were well: %s", out)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// without leaves out variables of an environment.
func without(env []string, names ...string) []string {
	var kept []string
	for _, kv := range env {
		drop := false
		for _, n := range names {
			drop = drop || strings.HasPrefix(kv, n+"=")
		}
		if !drop {
			kept = append(kept, kv)
		}
	}
	return kept
}

// TestAHostThatLacksSomethingIsToldWhat starts prism without a home and on disks that take
// nothing.
func TestAHostThatLacksSomethingIsToldWhat(t *testing.T) {
	t.Run("an empty environment", func(t *testing.T) {
		said, code := prepare(t).refuses(t, "true", "PATH="+os.Getenv("PATH"))
		if code != 3 || !strings.Contains(said, "fix: set HOME") {
			t.Errorf("exit %d: %s", code, said)
		}
	})
	t.Run("no home, but directories", func(t *testing.T) {
		h := prepare(t)
		h.env = without(h.env, "HOME")
		cmd, _ := h.launch(t)
		if status, body, err := h.post(t.Context(), "session"); err != nil || status != http.StatusOK {
			t.Errorf("status %d, %v: %s", status, err, body)
		}
		stop(t, cmd)
	})
	t.Run("directories that are not there", func(t *testing.T) {
		h := prepare(t)
		for _, d := range []string{"data", "state", "run"} {
			if err := os.Remove(h.path(d)); err != nil {
				t.Fatal(err)
			}
		}
		cmd, _ := h.launch(t)
		if status, body, err := h.post(t.Context(), "session"); err != nil || status != http.StatusOK {
			t.Errorf("status %d, %v: %s", status, err, body)
		}
		stop(t, cmd)
	})
	for _, d := range []string{"state", "data", "run"} {
		t.Run("a read-only disk under "+d, func(t *testing.T) {
			h := prepare(t)
			mountReadOnly(t, h.path(d))
			said, code := h.refuses(t, "true", h.env...)
			if code == 0 || code > 100 || !strings.Contains(said, h.path(d)) || !strings.Contains(said, "read-only") || !strings.Contains(said, "fix: ") {
				t.Errorf("exit %d: %s", code, said)
			}
		})
	}
}

// mountReadOnly puts an empty file system that takes nothing over a directory.
func mountReadOnly(t *testing.T, dir string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_RDONLY, "size=1m"); err != nil {
		t.Skipf("no file system can be mounted here, so none was read-only: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
}

// TestADiskThatTurnsReadOnlyFailsNoRequest is what ext4 does after an error of the device.
func TestADiskThatTurnsReadOnlyFailsNoRequest(t *testing.T) {
	h := prepare(t)
	h.smallDisk(t, "64m")
	dir := h.path("data", "prism")
	cmd, _ := h.launch(t)
	a := &asked{h: h}
	a.good(t, 20)
	a.rows(t)
	// Files that are open for writing keep a disk from being turned by hand; a second mount over
	// it takes the folder away as an error of the device would.
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_RDONLY, "size=1m"); err != nil {
		t.Fatal(err)
	}
	a.good(t, 20)
	h.wait(t, "the status says it", func() bool { return h.status(t).Ledger.Degraded != "" })
	if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
	a.recovered(t)
	a.good(t, 20)
	a.rows(t)
	stop(t, cmd)
}

// TestAStormOfHangUpsLosesNoRequest sends SIGHUP as fast as it goes while clients are served.
func TestAStormOfHangUpsLosesNoRequest(t *testing.T) {
	h := prepare(t)
	cmd, _ := h.launch(t)
	var n atomic.Int64
	l := h.begin(t, 8, func() string { return fmt.Sprintf("session-%06d", n.Add(1)) })
	const signals = 2000
	for range signals {
		if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	l.end()
	if l.good.Load() != l.sent.Load() || l.sent.Load() == 0 {
		t.Errorf("%d of %d requests failed, first: %v", l.sent.Load()-l.good.Load(), l.sent.Load(), l.failure.Load())
	}
	stop(t, cmd)
	t.Logf("%d signals, %d requests, slowest %v", signals, l.good.Load(), time.Duration(l.slowest.Load()))
	if got := h.outcomes(t); got["ok"] != l.good.Load() || len(got) != 1 {
		t.Errorf("%d requests, outcomes %v", l.good.Load(), got)
	}
}

// TestOneProcessorAndHardCollectionServeAll bounds the runtime to one processor and lets it
// collect garbage all the time.
func TestOneProcessorAndHardCollectionServeAll(t *testing.T) {
	h := prepare(t)
	h.work.Script(simulator.Always(simulator.Reply(simulator.TextPieces("one two three four five", 5), simulator.EventDelay(5*time.Millisecond))))
	cmd := h.launchFrom(t, "export GOMAXPROCS=1 GOGC=5")
	var n atomic.Int64
	l := h.begin(t, 64, func() string { return fmt.Sprintf("session-%06d", n.Add(1)) })
	time.Sleep(3 * time.Second)
	l.end()
	if l.good.Load() != l.sent.Load() || l.sent.Load() < 64 {
		t.Errorf("%d of %d requests failed, first: %v", l.sent.Load()-l.good.Load(), l.sent.Load(), l.failure.Load())
	}
	slowest := time.Duration(l.slowest.Load())
	t.Logf("%d requests of 64 clients, slowest %v", l.good.Load(), slowest)
	if slowest > limit/2 {
		t.Errorf("a request took %v", slowest)
	}
	stop(t, cmd)
	if got := h.outcomes(t); got["ok"] != l.good.Load() || len(got) != 1 {
		t.Errorf("%d requests, outcomes %v", l.good.Load(), got)
	}
}

// TestAProcessThatWasStoppedGoesOnWithNewConnections stops prism, lets its provider close the
// kept connection as a provider does in half an hour, and lets prism go on.
func TestAProcessThatWasStoppedGoesOnWithNewConnections(t *testing.T) {
	h := prepare(t)
	cmd, _ := h.launch(t)
	ask := func(session string) {
		t.Helper()
		if status, body, err := h.post(t.Context(), session); err != nil || status != http.StatusOK {
			t.Fatalf("status %d, %v: %s", status, err, body)
		}
	}
	ask("before")
	h.wait(t, "prism has started", func() bool { return strings.Contains(h.said(t), `"gateway started"`) })
	for _, s := range []os.Signal{syscall.SIGSTOP, syscall.SIGCONT} {
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	h.wait(t, "prism has noticed", func() bool { return strings.Contains(h.said(t), `"process went on"`) })
	ask("after")
	bills := h.work.Bill()
	if last := bills[len(bills)-1]; last.Reused {
		t.Errorf("connection %d from before the stop was used again", last.Conn)
	}
	stop(t, cmd)
}
