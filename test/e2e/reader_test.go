//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"prism/internal/ledger/duckdb"
	"prism/internal/simulator"
)

// readerFile names the ledger for a test binary that is started as the reader.
const readerFile = "PRISM_TEST_READER_FILE"

// TestMain turns the test binary into a second process that holds the ledger open, as a
// notebook or a database tool would, where a test asks for one.
func TestMain(m *testing.M) {
	if file := os.Getenv(readerFile); file != "" {
		os.Exit(holdOpen(file))
	}
	os.Exit(m.Run())
}

// holdOpen opens the ledger read-only, says so, and keeps it until its input ends.
func holdOpen(file string) int {
	ctx := context.Background()
	for {
		db, err := duckdb.OpenReader(ctx, file, duckdb.ReaderOptions{})
		if err != nil {
			// A fold may hold the file this very moment.
			if strings.Contains(err.Error(), "lock") {
				time.Sleep(5 * time.Millisecond)
				continue
			}
			fmt.Println("error:", err)
			return 1
		}
		var n int64
		if err := db.QueryRowContext(ctx, "select count(*) from requests").Scan(&n); err != nil {
			fmt.Println("error:", err)
			return 1
		}
		fmt.Println("open", n)
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
		_ = db.Close()
		return 0
	}
}

// TestAReaderOfTheLedgerHoldsUpNoRequest has a second process keep the ledger open during load.
func TestAReaderOfTheLedgerHoldsUpNoRequest(t *testing.T) {
	hold := 6 * time.Second
	if soak() {
		hold = 30 * time.Second
	}
	h := prepare(t)
	h.work.Script(simulator.Always(simulator.Reply(simulator.Text("done"))))
	cmd, _ := h.launch(t)
	t.Cleanup(func() { h.close(t, cmd) })
	var n atomic.Int64
	id := func() string { return fmt.Sprintf("session-%06d", n.Add(1)) }
	if status, body, err := h.post(t.Context(), id()); status != 200 || err != nil {
		t.Fatalf("status %d, %v: %s", status, err, body)
	}
	h.query(t, "select 1") // folds: the file is there
	file := h.path("data", "prism", "ledger.duckdb")

	reader := exec.CommandContext(t.Context(), os.Args[0])
	reader.Env = append(os.Environ(), readerFile+"="+file)
	stdin, err := reader.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := reader.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := reader.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "open") {
		t.Fatalf("the reader said %q, %v", line, err)
	}

	l := h.begin(t, 8, id)
	time.Sleep(hold)
	pid := fmt.Sprint(reader.Process.Pid)
	h.wait(t, "prism status names process "+pid, func() bool { return strings.Contains(h.holder(t), pid) })
	l.end()
	if l.good.Load() != l.sent.Load() || l.good.Load() == 0 {
		t.Errorf("%d of %d requests were answered; the first that was not: %v", l.good.Load(), l.sent.Load(), l.failure.Load())
	}
	_ = stdin.Close()
	if err := reader.Wait(); err != nil {
		t.Errorf("the reader: %v", err)
	}
	var rows int64
	h.wait(t, "the rows arrive", func() bool {
		rows = h.query(t, "select count(*) as n from requests")[0].num(t, "n")
		return rows == l.sent.Load()+1
	})
	t.Logf("held for %v: %d requests, all answered, the slowest in %v; %d rows afterwards", hold, l.sent.Load(), time.Duration(l.slowest.Load()).Round(time.Millisecond), rows)
}

// holder is who prism status says holds the ledger; nobody where it says nothing.
func (h *house) holder(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Getenv("PRISM_BIN"), "status", "--json")
	cmd.Env, cmd.Dir = h.env, h.dir
	out, err := cmd.Output()
	if err != nil {
		return "" // the gateway was too busy to say so in time
	}
	var st struct {
		Ledger struct {
			Holder string `json:"holder"`
		} `json:"ledger"`
	}
	if err := json.Unmarshal(out, &st); err != nil {
		t.Fatalf("prism status printed %q: %v", out, err)
	}
	return st.Ledger.Holder
}
