//go:build e2e

package browser

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"prism/internal/admin"
	"prism/internal/simulator"
)

// house is one prism with two providers behind it, in a folder of its own.
type house struct {
	dir         string
	url         string // of the gateway
	pages       string // URL of the dashboard
	token       string // what the client presents
	work, spare *simulator.Server
	provider    string   // URL of work
	keys        []string // of the providers
	env         []string // of prism
	log         *os.File // what prism prints
	cmd         *exec.Cmd
	admin       *admin.Client
}

// profiles is the file; its words are the ones that people find in theirs.
const profiles = `# Who answers. Save this file to switch.
active: work   # the one for every day

profiles:
  - name: work
    base_url: %s
    provider: anthropic
    api_key: %s
    fallback: [spare]
    budget: {daily_usd: 40}

  - name: spare   # takes over when work is away
    base_url: %s
    provider: moonshot
    auth: bearer
    api_key: %s
    model: kimi-k3

client_token: %s
`

// open makes a house in which prism runs on a ledger with this past. It ends with the test.
func open(t *testing.T, p past) *house {
	t.Helper()
	h := furnish(t)
	h.history(t, p)
	h.serve(t)
	return h
}

// furnish writes the files of a house.
func furnish(t *testing.T) *house {
	t.Helper()
	if os.Getenv("PRISM_BIN") == "" {
		t.Fatal("PRISM_BIN is not set: run make browser")
	}
	dir, err := os.MkdirTemp("/tmp", "house") //nolint:usetesting // its name leaves room for that of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	h := &house{dir: dir, token: "pt-" + secret(t), keys: []string{"sk-work-" + secret(t), "sk-spare-" + secret(t)}}
	for _, d := range []string{"home", "config", "data", "state", "run"} {
		if err := os.Mkdir(h.path(d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var urls [2]string
	h.work, urls[0] = simulate(t, "work", h.keys[0])
	h.spare, urls[1] = simulate(t, "spare", h.keys[1])
	h.provider = urls[0]
	gateway, dashboard := freeAddress(t), freeAddress(t)
	h.url, h.pages = "http://"+gateway, "http://"+dashboard
	h.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + h.path("home"), "TZ=UTC", "LANG=en_US.UTF-8", "PRISM_ALLOW_PLAINTEXT=true",
		"PRISM_CONFIG=" + h.path("config"), "XDG_CONFIG_HOME=" + h.path("config"), "XDG_DATA_HOME=" + h.path("data"),
		"XDG_STATE_HOME=" + h.path("state"), "XDG_RUNTIME_DIR=" + h.path("run"),
	}
	write(t, h.path("config", "profiles.yaml"), fmt.Sprintf(profiles, urls[0], h.keys[0], urls[1], h.keys[1], h.token))
	write(t, h.path("config", "prism.yaml"), fmt.Sprintf("listen: %s\ndashboard: %s\nlog_level: debug\n", gateway, dashboard))
	return h
}

// serve starts prism, which ends in an orderly way before the house is torn down.
func (h *house) serve(t *testing.T) {
	t.Helper()
	out, err := os.Create(h.path("log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	h.log = out
	h.cmd = exec.Command(os.Getenv("PRISM_BIN"), "serve")
	h.cmd.Env, h.cmd.Dir, h.cmd.Stdout, h.cmd.Stderr = h.env, h.dir, out, out
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.stop(t) })
	h.admin = admin.Dial(h.path("run", "prism", "prism.sock"))
	h.wait(t, "the gateway answers", func() bool {
		_, err := h.admin.Status(t.Context())
		return err == nil
	})
}

// stop ends prism, if it runs.
func (h *house) stop(t *testing.T) {
	t.Helper()
	if h.cmd.ProcessState != nil {
		return
	}
	if err := h.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	late := time.AfterFunc(limit, func() { _ = h.cmd.Process.Kill() })
	defer late.Stop()
	if err := h.cmd.Wait(); err != nil {
		t.Errorf("prism ended with %v", err)
	}
	if t.Failed() {
		t.Logf("prism said:\n%s", h.said(t))
	}
}

// enter opens a tab that is signed in and shows the first page.
func (h *house) enter(t *testing.T, c *chrome) *tab {
	t.Helper()
	b := c.open(t, h.pages)
	h.signIn(t, b)
	return b
}

// signIn takes a code to the page, as prism ui does.
func (h *house) signIn(t *testing.T, b *tab) {
	t.Helper()
	b.visit(strings.TrimPrefix(h.prism(t, "ui", "--print-url"), h.pages))
	b.until("the page of now is shown", `document.querySelector("nav [aria-current=page]") !== null`)
}

// wait asks until ok or fails the test.
func (h *house) wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s; prism said:\n%s", what, h.said(t))
		}
	}
}

// said returns what prism printed so far.
func (h *house) said(t *testing.T) string {
	t.Helper()
	out, err := os.ReadFile(h.log.Name())
	if err != nil {
		t.Error(err)
	}
	return string(out)
}

func (h *house) path(parts ...string) string {
	return filepath.Join(append([]string{h.dir}, parts...)...)
}

// file returns profiles.yaml.
func (h *house) file(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(h.path("config", "profiles.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// save replaces profiles.yaml, as an editor does.
func (h *house) save(t *testing.T, text string) {
	t.Helper()
	file := h.path("config", "profiles.yaml")
	write(t, file+".new", text)
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

// simulate starts a provider that takes one key only.
func simulate(t *testing.T, name, key string) (*simulator.Server, string) {
	t.Helper()
	s := simulator.New(simulator.Options{Name: name, Key: key})
	up := s.Start()
	t.Cleanup(up.Close)
	return s, up.URL
}

// sameDay waits for midnight where that is near: a test that asks for the day must not see two of them.
func sameDay() {
	now := time.Now().UTC()
	if left := now.Truncate(24 * time.Hour).Add(24 * time.Hour).Sub(now); left < time.Minute {
		time.Sleep(left)
	}
}

// secret returns text that occurs nowhere else.
func secret(t *testing.T) string {
	t.Helper()
	b := make([]byte, 20)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(b)
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
