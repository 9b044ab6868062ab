package daemon

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// dieWithParent ends a child when prism ends, whatever ends it.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
}

// harden keeps keys out of core files and out of the reach of other processes of the user,
// as far as the kernel lets a process ask for it.
func harden() {
	unix.Umask(0o077)
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}

// releasePages gives back the pages of the program file that only the start needed: the
// initialisation of the cloud SDKs behind sops and of DuckDB touches some fifty megabytes of
// code and tables that a running gateway never reads again. The pages stay in the kernel's
// cache and come back on demand. Only pages that were never written are released, so that
// nothing can be lost.
func releasePages() {
	debug.FreeOSMemory()
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	for _, m := range cleanMappings(smaps, self) {
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, m.from, m.to-m.from, unix.MADV_DONTNEED)
	}
}

type mapping struct{ from, to uintptr }

// cleanMappings finds the mappings of file that are neither writable nor hold a page of their
// own.
func cleanMappings(smaps []byte, file string) []mapping {
	var all []mapping
	var now *mapping
	sc := bufio.NewScanner(bytes.NewReader(smaps))
	for sc.Scan() {
		line := sc.Text()
		var m mapping
		var perm string
		if n, _ := fmt.Sscanf(line, "%x-%x %s", &m.from, &m.to, &perm); n == 3 {
			now = nil
			if strings.HasSuffix(line, " "+file) && perm[0] == 'r' && perm[1] == '-' {
				now = &m
			}
			continue
		}
		if now != nil && strings.HasPrefix(line, "Anonymous:") {
			if strings.TrimSpace(strings.TrimSuffix(line[len("Anonymous:"):], "kB")) == "0" {
				all = append(all, *now)
			}
			now = nil
		}
	}
	return all
}
