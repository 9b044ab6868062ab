//go:build e2e

package conformance

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"prism/internal/simulator"
)

// limit is how long anything but a suite may take before it counts as stuck.
const limit = 60 * time.Second

// need returns what an environment variable names.
func need(t *testing.T, name string) string {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		t.Fatalf("%s is not set: run make conformance", name)
	}
	return v
}

// prism starts a gateway with these profiles and returns its URL. It ends with the test.
func prism(t *testing.T, profiles string) string {
	t.Helper()
	bin, dir, addr := need(t, "PRISM_BIN"), shortDir(t), freeAddress(t)
	write(t, filepath.Join(dir, "profiles.yaml"), profiles)
	write(t, filepath.Join(dir, "prism.yaml"), "listen: "+addr+"\nallow_plaintext: true\n")
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), bin, "serve")
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "PRISM_CONFIG=" + dir, "PRISM_DASHBOARD=127.0.0.1:0",
		"XDG_DATA_HOME=" + dir, "XDG_STATE_HOME=" + dir, "XDG_RUNTIME_DIR=" + dir,
	}
	start(t, cmd, "http://"+addr+"/")
	return "http://" + addr
}

// steady starts the mock of the Messages API and returns its URL.
func steady(t *testing.T) string {
	t.Helper()
	tools, addr := need(t, "CONFORMANCE_TOOLS"), freeAddress(t)
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), filepath.Join(tools, "node_modules/.bin/steady"), "--host", host, "-p", port,
		"--validator-query-array-format=brackets", "--validator-form-array-format=brackets",
		"--validator-query-object-format=brackets", "--validator-form-object-format=brackets", filepath.Join(tools, "spec.json"))
	start(t, cmd, "http://"+addr+"/_x-steady/health")
	return "http://" + addr
}

// start starts a server, waits until url answers, and stops it with the test.
func start(t *testing.T, cmd *exec.Cmd, url string) {
	t.Helper()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // npm's launchers have children
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		late := time.AfterFunc(limit, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
		defer late.Stop()
		var exit *exec.ExitError
		if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(cmd.Path), said.Bytes())
		}
	})
	for began := time.Now(); !answers(t, url); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > limit {
			t.Fatalf("%s does not answer", filepath.Base(cmd.Path))
		}
	}
}

func answers(t *testing.T, url string) bool {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return true
}

// shortDir is a temporary directory whose name leaves room for that of a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "conf") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// freeAddress returns a loopback address nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := simulator.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
