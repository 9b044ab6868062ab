package main

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/daemon"
)

// TestASecondSignalIsNotLostInTheFirst: one that comes while the first waits is no signal of its own.
func TestASecondSignalIsNotLostInTheFirst(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	// A shell looks at its signals between two commands, and like the kernel counts those as one.
	child := exec.CommandContext(ctx, "sh", "-c", `n=0; trap 'n=$((n+1)); [ $n = 1 ] || exit 0' TERM; echo ready; while :; do sleep 0.2; done`)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	lock, err := daemon.TakeLock(filepath.Join(dir, "lock")) // as the gateway would have it
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		err := child.Wait()
		_ = lock.Close()
		ended <- err
	}()
	r := room{paths: config.Paths{State: dir}, settings: config.Settings{Drain: time.Minute}, client: admin.Dial(filepath.Join(dir, "none"))}
	err = newApp().stopProcess(ctx, r, admin.Status{PID: child.Process.Pid}, true)
	if err != nil {
		t.Error("it was not stopped: ", err)
	}
	cancel()
	if err := <-ended; err != nil && ctx.Err() == nil {
		t.Error("it did not end by itself: ", err)
	}
}
