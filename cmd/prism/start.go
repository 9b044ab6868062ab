package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"prism/internal/admin"
)

// Limits of the start of a gateway in the background.
const (
	readyTimeout = 15 * time.Second
	retryFor     = 3 * time.Second // an old one may be about to end
	retryPause   = 200 * time.Millisecond
)

// startDetached starts a gateway that outlives this process and waits until it answers. What
// it says goes to a file in the state directory. One that is just ending still holds the
// port and the lock: then it is tried again.
func (a *app) startDetached(ctx context.Context, r room) error {
	name := serveLog(r)
	for deadline := time.Now().Add(retryFor); ; {
		pid, from, err := a.tryStart(ctx, r, name)
		if err == nil {
			a.note("started the gateway in the background (PID %d, log %s)", pid, a.tilde(name))
			return nil
		}
		exit, ended := errors.AsType[*exec.ExitError](err)
		if !ended || exit.ExitCode() != exitOccupied || time.Now().After(deadline) {
			return a.startError(name, from, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(retryPause):
		}
	}
}

// tryStart starts a gateway once; from is where its words begin in the log.
func (a *app) tryStart(ctx context.Context, r room, name string) (pid int, from int64, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, 0, fmt.Errorf("find the program file: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return 0, 0, fmt.Errorf("start the gateway: %w", err)
	}
	logFile, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND|noFollow, 0o600)
	if err != nil {
		return 0, 0, fmt.Errorf("start the gateway: %w", err)
	}
	defer logFile.Close()
	if from, err = logFile.Seek(0, io.SeekEnd); err != nil {
		return 0, 0, fmt.Errorf("start the gateway: %w", err)
	}
	argv := []string{"serve"}
	if a.configFlag != "" {
		argv = append(argv, "--config", a.configFlag)
	}
	child := exec.Command(self, argv...) //nolint:noctx // it outlives us
	child.Stdout, child.Stderr = logFile, logFile
	child.Env = append(os.Environ(), "PRISM_LANG="+a.lang.Tag().String()) // its last words are read here
	detach(child)
	if err := child.Start(); err != nil {
		return 0, from, fmt.Errorf("start the gateway: %w", err)
	}
	died := make(chan error, 1)
	go func() { died <- child.Wait() }()
	return child.Process.Pid, from, a.waitReady(ctx, r, died)
}

func (a *app) waitReady(ctx context.Context, r room, died <-chan error) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("the gateway was not ready within %s", readyTimeout)
		case err := <-died:
			// Another client may have started one at the same moment, and won.
			if _, live := r.client.Status(ctx); live == nil {
				return nil
			}
			return fmt.Errorf("the gateway ended at once: %w", err)
		case <-tick.C:
			if _, err := r.client.Status(ctx); err == nil {
				return nil
			} else if !errors.Is(err, admin.ErrNotRunning) {
				return err
			}
		}
	}
}

// maxServeLog is how large the log of a gateway in the background may be at a start, in bytes;
// maxLastWords is how much of it is looked at for what went wrong.
const (
	maxServeLog  = 16 << 20
	maxLastWords = 1 << 20
)

// boundLog keeps the log of a gateway without a terminal from growing for ever: where out, to which
// it writes, is that file and has grown too large, what it holds goes over the one before. Whoever
// opened it appends to it, so that it can be emptied. What cannot be done keeps nothing from starting.
func boundLog(out *os.File, name string) {
	own, err := out.Stat()
	if err != nil {
		return
	}
	there, err := os.Lstat(name)
	if err != nil || !there.Mode().IsRegular() || !os.SameFile(own, there) || there.Size() <= maxServeLog {
		return
	}
	from, err := os.OpenFile(name, os.O_RDONLY|noFollow, 0)
	if err != nil {
		return
	}
	defer from.Close()
	to, err := renameio.NewPendingFile(name+".1", renameio.WithPermissions(0o600))
	if err != nil {
		return
	}
	defer func() { _ = to.Cleanup() }()
	if _, err := io.Copy(to, from); err == nil && to.CloseAtomicallyReplace() == nil {
		_ = os.Truncate(name, 0)
	}
}

// lastWords is what was written to a log from an offset on, or to one that was emptied since.
func lastWords(name string, from int64) string {
	f, err := os.OpenFile(name, os.O_RDONLY|noFollow, 0)
	if err != nil {
		return ""
	}
	defer f.Close()
	if st, err := f.Stat(); err == nil && st.Size() < from {
		from = 0
	}
	b, err := io.ReadAll(io.NewSectionReader(f, from, maxLastWords))
	if err != nil {
		return ""
	}
	return string(b)
}

// startError repeats what the gateway said to people at its end: the lines of its log that
// are not JSON, with the fix that it gave.
func (a *app) startError(name string, from int64, err error) error {
	e := &admin.Error{Code: codeNotRunning, Message: err.Error(), Fix: "prism serve, which shows what is wrong"}
	var said []string
	for line := range strings.Lines(lastWords(name, from)) {
		line = strings.TrimRight(line, "\n")
		if fix, ok := strings.CutPrefix(line, a.text("fix: %s", "")); ok {
			e.Fix = fix
		} else if line != "" && !strings.HasPrefix(line, "{") {
			said = append(said, strings.TrimPrefix(line, a.text("error: %s", "")))
		}
	}
	switch len(said) {
	case 0:
	case 1:
		e.Message = "the gateway could not start: " + said[0]
	default:
		e.Message = "the gateway could not start:\n" + strings.Join(said, "\n")
	}
	return e
}
