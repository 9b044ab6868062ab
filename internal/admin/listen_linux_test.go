package admin_test

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"prism/internal/admin"
)

// nobody is a user who is neither us nor root.
const nobody = 65534

// asNobody runs fn on a thread of another user. The thread ends with it.
func asNobody(t *testing.T, fn func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	failed := make(chan syscall.Errno, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the runtime throws the thread away
		_, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, nobody, nobody, nobody)
		if errno == 0 {
			fn()
		}
		failed <- errno
	}()
	if errno := <-failed; errno != 0 {
		t.Skipf("this thread cannot be somebody else: %v", errno)
	}
}

// TestASocketThatOthersCanReachStillAnswersNobodyElse opens every door before the last one.
func TestASocketThatOthersCanReachStillAnswersNobodyElse(t *testing.T) {
	top, err := os.MkdirTemp("/tmp", "adm") //nolint:usetesting // the user's own folder for temporary files may be closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(top) })
	dir := filepath.Join(top, "s")
	path := filepath.Join(dir, "prism.sock")
	ln, err := admin.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	served := make(chan struct{})
	go func() {
		defer close(served)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "hello")
			_ = c.Close()
		}
	}()
	for name, mode := range map[string]os.FileMode{top: 0o755, dir: 0o755, path: 0o777} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	asNobody(t, func() {
		fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Error(err)
			return
		}
		defer syscall.Close(fd) //nolint:errcheck // nothing was written
		if err := syscall.Connect(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
			t.Errorf("the doors are not open: %v", err)
			return
		}
		b := make([]byte, 16)
		if n, err := syscall.Read(fd, b); n > 0 || err != nil {
			t.Errorf("another user was told %q, %v", b[:max(0, n)], err)
		}
	})
	c, err := net.DialTimeout("unix", path, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if b, err := io.ReadAll(c); err != nil || string(b) != "hello" {
		t.Errorf("we were told %q, %v", b, err)
	}
	_ = ln.Close()
	<-served
}
