package ledger

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
)

// writeUntilKilled journals exchanges and says on standard output which ones were
// acknowledged: "open ID" and "close ID", each after the call returned.
func writeUntilKilled(dir string) {
	j, found, err := OpenJournal(JournalOptions{Dir: dir, SegmentBytes: 64 << 10, Reserve: 1 << 20})
	if err != nil {
		fmt.Println("failed", err)
		return
	}
	for _, e := range found.Open {
		e.Outcome = OutcomeCrashed
		if err := j.Close(e); err != nil {
			fmt.Println("failed", err)
			return
		}
	}
	e := full(0)
	for n := 0; ; n++ {
		e.RequestID = NewID(time.Now())
		if err := j.Open(e); err != nil {
			fmt.Println("failed", err)
			return
		}
		fmt.Println("open", e.RequestID)
		if n%5 == 0 {
			continue // still running when the process dies
		}
		if err := j.Close(e); err != nil {
			fmt.Println("failed", err)
			return
		}
		fmt.Println("close", e.RequestID)
	}
}

// rounds is how often a process is killed: PRISM_SOAK=1 asks for the long form.
func rounds(short, long int) int {
	if os.Getenv("PRISM_SOAK") != "" {
		return long
	}
	return short
}

func TestKillNineLosesNoAcknowledgedRecord(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	opened, closed := make(map[string]bool), make(map[string]bool)
	for range rounds(30, 300) {
		killOne(t, dir, opened, closed)
	}
	// The last run's open exchanges.
	j, found := openTest(t, JournalOptions{Dir: dir})
	for _, e := range found.Open {
		e.Outcome = OutcomeCrashed
		if err := j.Close(e); err != nil {
			t.Fatal(err)
		}
	}
	rows := make(map[string]int)
	for _, id := range closes(t, Source{Journal: dir}) {
		rows[id]++
	}
	for id := range opened {
		if rows[id] != 1 {
			t.Errorf("%s has %d rows (closed %v)", id, rows[id], closed[id])
		}
	}
	for id, n := range rows {
		if n != 1 {
			t.Errorf("%s has %d rows", id, n)
		}
	}
	if len(found.Damaged) > 0 {
		t.Errorf("damage: %v", found.Damaged)
	}
	t.Logf("%d exchanges opened, %d closed, %d rows", len(opened), len(closed), len(rows))
}

func killOne(t *testing.T, dir string, opened, closed map[string]bool) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childEnv+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	kill := time.AfterFunc(time.Hour, func() { _ = child.Process.Kill() })
	defer kill.Stop()
	for first := true; lines.Scan(); first = false {
		if first {
			kill.Reset(time.Duration(rand.IntN(20_000)) * time.Microsecond)
		}
		what, id, ok := strings.Cut(lines.Text(), " ")
		switch {
		case !ok || len(id) != ulid.EncodedSize: // cut by the kill, or a failure
			if what == "failed" {
				t.Fatal(lines.Text())
			}
		case what == "open":
			opened[id] = true
		case what == "close":
			closed[id] = true
		default:
			t.Fatalf("child says %q", lines.Text())
		}
	}
	_ = child.Wait()
}
