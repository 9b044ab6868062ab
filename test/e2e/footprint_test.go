//go:build e2e && linux

package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"prism/internal/simulator"
)

// idleLimit is the resident memory that an idle gateway may keep, in KiB.
const idleLimit = 45 << 10

// TestAnIdleGatewayIsSmall looks at the resident memory of a gateway that has served: it links
// DuckDB and four clouds' libraries, and must give back what only its start needed.
func TestAnIdleGatewayIsSmall(t *testing.T) {
	h := prepare(t)
	h.work.Script(simulator.Always(simulator.Reply(simulator.Text("done"))))
	cmd, took := h.launch(t)
	t.Cleanup(func() { h.close(t, cmd) })
	if status, body, err := h.post(t.Context(), "session-1"); status != 200 || err != nil {
		t.Fatalf("status %d, %v: %s", status, err, body)
	}
	var resident int
	h.wait(t, fmt.Sprintf("the gateway keeps less than %d KiB", idleLimit), func() bool {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(string(b), "VmRSS:")
		if _, err := fmt.Sscan(after, &resident); err != nil {
			t.Fatal(err)
		}
		return resident > 0 && resident < idleLimit
	})
	t.Logf("first answer after %v, %d KiB resident", took, resident)
}
