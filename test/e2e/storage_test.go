//go:build e2e && linux

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"prism/internal/admin"
	"prism/internal/simulator"
)

// soonRecovered is how long it may take after there is space again until every record is on
// the disk.
const soonRecovered = limit / 4

// smallDisk puts the data of a house on a file system of its own, so that it can be full.
func (h *house) smallDisk(t *testing.T, size string) {
	t.Helper()
	dir := h.path("data", "prism")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=0700,size="+size); err != nil {
		t.Skipf("no file system can be mounted here, so no disk was full: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
}

// fill takes all the space of the disk, but for what is given back by free.
func (h *house) fill(t *testing.T) (free func()) {
	t.Helper()
	name := h.path("data", "prism", "ballast")
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil && !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err == nil {
		defer f.Close()
		for page := make([]byte, 4096); err == nil; {
			_, err = f.Write(page)
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("filling the disk ended with %v", err)
	}
	return func() {
		if err := os.Remove(name); err != nil {
			t.Error(err)
		}
	}
}

// asked is the sessions that were answered; each must have one row in the end.
type asked struct {
	h *house
	n int
}

// good sends n requests that must succeed.
func (a *asked) good(t *testing.T, n int) {
	t.Helper()
	var wg sync.WaitGroup
	for range n {
		a.n++
		session := fmt.Sprintf("session-%05d", a.n)
		wg.Go(func() {
			if status, body, err := a.h.post(t.Context(), session); err != nil || status != http.StatusOK || !strings.Contains(body, "message_stop") {
				t.Errorf("%s: status %d, %v: %s", session, status, err, body)
			}
		})
	}
	wg.Wait()
}

// recovered waits until the journal is well, within the time that it may take.
func (a *asked) recovered(t *testing.T) {
	t.Helper()
	began := time.Now()
	for a.h.status(t).Ledger.Degraded != "" {
		if time.Since(began) > soonRecovered {
			t.Fatalf("after %v: %+v", soonRecovered, a.h.status(t).Ledger)
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Logf("recovered %v after there was space", time.Since(began).Round(time.Millisecond))
}

// rows demands exactly one good row for each.
func (a *asked) rows(t *testing.T) {
	t.Helper()
	got := a.h.query(t, "select count(*) as n, count(distinct session_id) as sessions, count(*) filter (outcome = 'ok') as good from requests")[0]
	if n := int64(a.n); got.num(t, "n") != n || got.num(t, "sessions") != n || got.num(t, "good") != n {
		t.Errorf("%d requests, %d rows of %d sessions, %d of them good", n, got.num(t, "n"), got.num(t, "sessions"), got.num(t, "good"))
	}
}

// TestAFullDiskFailsNoRequestAndLosesNoRow fills the disk in six phases of a gateway's life:
// once with room for the journal's reserve, and once without, where memory has to do.
func TestAFullDiskFailsNoRequestAndLosesNoRow(t *testing.T) {
	for _, disk := range []struct {
		size    string
		reserve bool
	}{{"16m", false}, {"32m", true}} {
		t.Run(disk.size, func(t *testing.T) {
			h := prepare(t)
			h.smallDisk(t, disk.size)
			h.work.Script(simulator.Always(simulator.Reply(simulator.TextPieces("one two three four", 5), simulator.EventDelay(20*time.Millisecond))))
			a := &asked{h: h}
			loud := func(t *testing.T) {
				t.Helper()
				h.wait(t, "the status says it", func() bool { return h.status(t).Ledger.Degraded != "" })
				if !strings.Contains(h.said(t), `"journal degraded"`) {
					t.Error("the log does not say it")
				}
			}

			t.Log("phase 1: full before the start")
			free := h.fill(t)
			cmd, _ := h.launch(t)
			a.good(t, 20)
			loud(t)
			free()
			a.recovered(t)
			a.rows(t)

			t.Log("phase 2: full between requests")
			free = h.fill(t)
			a.good(t, 200)
			loud(t)
			free()
			a.recovered(t)
			a.rows(t)

			t.Log("phase 3: full under streams")
			done := make(chan struct{})
			go func() {
				defer close(done)
				a.good(t, 100)
			}()
			h.wait(t, "streams are under way", func() bool { return h.status(t).InFlight > 10 })
			free = h.fill(t)
			<-done
			a.good(t, 5)
			loud(t)
			free()
			a.recovered(t)
			a.rows(t)

			t.Log("phase 4: full when the fold comes")
			free = h.fill(t)
			a.good(t, 20)
			_, _ = admin.Dial(h.path("run", "prism", "prism.sock")).Fold(t.Context())
			a.good(t, 20)
			free()
			a.recovered(t)
			a.rows(t)
			if !disk.reserve {
				stop(t, cmd)
				return
			}

			t.Log("phase 5: full at a kill")
			free = h.fill(t)
			a.good(t, 50)
			loud(t)
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			free()
			cmd, _ = h.launch(t)
			a.rows(t)

			t.Log("phase 6: full at the stop")
			h.wait(t, "the reserve is back", func() bool { _, err := os.Stat(h.path("data", "prism", "journal", "reserve")); return err == nil })
			free = h.fill(t)
			a.good(t, 50)
			stop(t, cmd)
			free()
			cmd, _ = h.launch(t)
			a.rows(t)
			stop(t, cmd)
		})
	}
}

// TestAuditStrictRefusesWhatItCannotRecord is the other choice: no request goes out whose row
// has no place.
func TestAuditStrictRefusesWhatItCannotRecord(t *testing.T) {
	h := prepare(t)
	h.smallDisk(t, "16m")
	cmd := h.launchFrom(t, "export PRISM_AUDIT=strict")
	a := &asked{h: h}
	a.good(t, 20)
	free := h.fill(t)
	refused := 0
	for range 200 {
		seen, _ := h.work.Requests()
		a.n++
		req := fmt.Sprintf("session-%05d", a.n)
		status, body, header := h.postHead(t, req)
		if status == http.StatusOK {
			continue // what the kernel had already made room for
		}
		a.n--
		refused++
		if now, _ := h.work.Requests(); now != seen {
			t.Fatal("a request that was refused has reached the provider")
		}
		if status != http.StatusServiceUnavailable || header.Get("X-Prism-Error") != "audit_unavailable" || header.Get("Retry-After") != "5" || !strings.Contains(body, `"api_error"`) {
			t.Fatalf("status %d, %v: %s", status, header, body)
		}
	}
	if refused == 0 {
		t.Error("nothing was refused on a full disk")
	}
	t.Logf("%d of 200 refused", refused)
	free()
	a.recovered(t)
	a.good(t, 20)
	a.rows(t)
	stop(t, cmd)
}

// postHead is post with the head of the answer.
func (h *house) postHead(t *testing.T, session string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+"/v1/messages",
		strings.NewReader(`{"model":"claude-opus-5-5","messages":[{"role":"user","content":"hi"}],"max_tokens":100,"stream":true}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+h.token)
	req.Header.Set("X-Claude-Code-Session-Id", session)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body.String(), resp.Header
}

// TestADatabaseThatIsTakenAwayHeldOrSpoiltHurtsNoRequest does to the database what people and
// their tools do, while the gateway serves.
func TestADatabaseThatIsTakenAwayHeldOrSpoiltHurtsNoRequest(t *testing.T) {
	h := prepare(t)
	cmd, _ := h.launch(t)
	a := &asked{h: h}
	file := h.path("data", "prism", "ledger.duckdb")
	a.good(t, 10)
	a.rows(t)

	t.Run("deleted", func(t *testing.T) {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		a.good(t, 10)
		a.rows(t)
		if _, err := os.Stat(file); err != nil {
			t.Error(err)
		}
	})
	t.Run("moved away", func(t *testing.T) {
		if err := os.Rename(file, file+".elsewhere"); err != nil {
			t.Fatal(err)
		}
		a.good(t, 10)
		h.wait(t, "it is made anew by itself", func() bool { _, err := os.Stat(file); return err == nil })
		a.rows(t)
	})
	t.Run("overwritten", func(t *testing.T) {
		if err := os.WriteFile(file, []byte(strings.Repeat("not a database ", 10_000)), 0o600); err != nil {
			t.Fatal(err)
		}
		a.good(t, 10)
		a.rows(t)
	})
	t.Run("held by a process that was stopped", func(t *testing.T) {
		holder := h.hold(t, file)
		a.good(t, 10)
		h.wait(t, "the status names the holder", func() bool { return strings.Contains(h.status(t).Ledger.Holder, fmt.Sprint(holder.Process.Pid)) })
		if st := h.status(t); st.Ledger.Waiting < 10 {
			t.Errorf("%d entries wait, want 10", st.Ledger.Waiting)
		}
		a.good(t, 10)
		_ = holder.Process.Kill()
		_ = holder.Wait()
		a.rows(t)
	})
	stop(t, cmd)
}

// hold lets another process take the lock of the database and stops it there.
func (h *house) hold(t *testing.T, file string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^TestHoldsALock$")
	cmd.Env = append(os.Environ(), "PRISM_HOLD="+file)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	h.wait(t, "the lock is taken", func() bool { _, err := os.Stat(file + ".held"); return err == nil })
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// TestHoldsALock is the other process: it locks as DuckDB does, and stays.
func TestHoldsALock(t *testing.T) {
	file := os.Getenv("PRISM_HOLD")
	if file == "" {
		t.Skip("it is a part of another test")
	}
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.FcntlFlock(f.Fd(), syscall.F_SETLKW, &syscall.Flock_t{Type: syscall.F_WRLCK}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file+".held", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	select {}
}
