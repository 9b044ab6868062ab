package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/daemon"
	"prism/internal/service"
)

// stubborn starts a process that ends well with the second signal; ended says how it ended.
func stubborn(ctx context.Context, t *testing.T) (pid int, ended <-chan error) {
	t.Helper()
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
	wait := make(chan error, 1)
	go func() { wait <- child.Wait() }()
	return child.Process.Pid, wait
}

// TestASecondSignalIsNotLostInTheFirst: one that comes while the first waits is no signal of its own.
func TestASecondSignalIsNotLostInTheFirst(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	lock, err := daemon.TakeLock(filepath.Join(dir, "lock")) // as the gateway would have it
	if err != nil {
		t.Fatal(err)
	}
	pid, end := stubborn(ctx, t)
	ended := make(chan error, 1)
	go func() {
		err := <-end
		_ = lock.Close()
		ended <- err
	}()
	r := room{paths: config.Paths{State: dir}, settings: config.Settings{Drain: time.Minute}, client: admin.Dial(filepath.Join(dir, "none"))}
	if err := newApp().stopProcess(ctx, r, admin.Status{PID: pid}, true); err != nil {
		t.Error("it was not stopped: ", err)
	}
	if err := <-ended; err != nil {
		t.Error("it did not end by itself: ", err)
	}
}

// machineService gives a a service of the machine that runs as name, by a unit that has a socket of its
// own. stop is what its manager does for a stop, pid the process that it says it runs; told is what
// it was told.
func machineService(t *testing.T, a *app, name, stop string, pid int) (told func() string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("it is a unit of systemd")
	}
	there, _ := clientApp(t, nil, strings.NewReader("")) // whose socket answers
	gateway(t, there, &observer{Control: standing{}})
	p, err := there.paths()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	log := filepath.Join(dir, "told")
	a.machine = dir
	for file, text := range map[string]string{
		"prism.service": "# Written by: prism service install\n[Service]\nUser=" + name + "\nEnvironment=PRISM_SOCKET=" + p.Socket + "\nExecStart=/usr/bin/prism serve\n",
		"systemctl":     fmt.Sprintf("#!/bin/sh\necho \"$*\" >>'%s'\ncase \"$*\" in\nshow*) echo ActiveState=active; echo MainPID=%d ;;\nstop*) %s ;;\nesac\n", log, pid, stop),
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return func() string {
		b, err := os.ReadFile(log)
		if err != nil {
			return err.Error()
		}
		return string(b)
	}
}

func ownName(t *testing.T) string {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return u.Username
}

// TestTheServiceOfTheMachineIsStartedAndStopped: by its user, and by root whoever that is.
func TestTheServiceOfTheMachineIsStartedAndStopped(t *testing.T) {
	names := []string{ownName(t)}
	if _, err := user.Lookup("nobody"); err == nil && os.Geteuid() == 0 {
		names = append(names, "nobody")
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			a, _ := clientApp(t, nil, strings.NewReader(""))
			var said bytes.Buffer
			a.err = &said
			told := machineService(t, a, name, ":", 0)
			r, err := a.room(nil)
			if err != nil {
				t.Fatal(err)
			}
			r.paths.State = filepath.Join(os.Args[0], "none") // a gateway without a service would be this test once more
			for _, do := range []func() error{
				func() error { return a.start(t.Context(), r, false) },
				func() error { return a.restart(t.Context(), r) },
				func() error { return a.stop(t.Context(), r, false) },
			} {
				if err := do(); err != nil {
					t.Error(err)
				}
			}
			for _, want := range []string{"start prism.service\n", "restart prism.service\n", "stop prism.service\n"} {
				if got := told(); !strings.Contains("\n"+got, "\n"+want) {
					t.Errorf("the manager was told\n%s, want %s", got, want)
				}
			}
			if want := "started the service\nrestarted the service\nstopped the service\n"; said.String() != want {
				t.Errorf("it said\n%s, want\n%s", said.String(), want)
			}
		})
	}
}

// TestRootFindsTheServiceOfTheMachine: for what only looks, root needs not say that it is one, nor whose.
func TestRootFindsTheServiceOfTheMachine(t *testing.T) {
	if _, err := user.Lookup("nobody"); err != nil || os.Geteuid() != 0 {
		t.Skip("it takes root, and a user who is nobody")
	}
	a, _ := clientApp(t, nil, strings.NewReader(""))
	machineService(t, a, "nobody", ":", 0)
	for _, o := range []serviceOptions{{}, {system: true}} {
		h, err := a.installedHouse(o)
		if err != nil || !h.system || h.user != "nobody" || !h.ours() {
			t.Errorf("%+v: system %t, as %q, %v", o, h.system, h.user, err)
		}
	}
	own, err := service.New(a.serviceManager())
	if err != nil {
		t.Fatal(err)
	}
	unit := own.Files(service.Spec{})[0].Path
	if err := os.MkdirAll(filepath.Dir(unit), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(unit, []byte("# "+service.Mark+"\n[Service]\nExecStart=/usr/bin/prism serve\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if h, err := a.installedHouse(serviceOptions{}); err != nil || h.system {
		t.Errorf("beside one of root's own: system %t, %v", h.system, err)
	}
}

// TestNowReachesTheServiceOfAnother: its gateway does not answer at the socket of who stops it.
func TestNowReachesTheServiceOfAnother(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	pid, ended := stubborn(ctx, t)
	a, _ := clientApp(t, nil, strings.NewReader(""))
	machineService(t, a, ownName(t), fmt.Sprintf("while kill -0 %d; do sleep 0.05; done", pid), pid)
	r, err := a.room(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.stop(ctx, r, true); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error("it did not end by itself: ", err)
	}
}

// TestTheFixOfARefusalDoesTheSame: what a user may not do at once, root does at once.
func TestTheFixOfARefusalDoesTheSame(t *testing.T) {
	a, _ := clientApp(t, nil, strings.NewReader(""))
	machineService(t, a, ownName(t), "echo Access denied; exit 1", 0)
	r, err := a.room(nil)
	if err != nil {
		t.Fatal(err)
	}
	for now, want := range map[bool]string{false: "sudo prism stop", true: "sudo prism stop --now"} {
		if err := a.stop(t.Context(), r, now); err == nil || describe(err).Fix != want {
			t.Errorf("now %t: %v, want the fix %s", now, err, want)
		}
	}
}
