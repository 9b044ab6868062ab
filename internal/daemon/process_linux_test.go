package daemon

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestARunningGatewayLeavesNoCoreAndShowsNoMemory(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	r.start()
	if n, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || n != 0 {
		t.Errorf("dumpable %d, %v", n, err)
	}
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &lim); err != nil || lim.Cur != 0 || lim.Max != 0 {
		t.Errorf("core limit %+v, %v", lim, err)
	}
	if old := unix.Umask(0o077); old != 0o077 {
		t.Errorf("umask %#o", old)
	}
}
