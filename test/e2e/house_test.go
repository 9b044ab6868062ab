//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"prism/config/sealed"
	"prism/internal/admin"
	"prism/internal/simulator"
)

// limit is how long anything in these tests may take before it counts as stuck.
const limit = 60 * time.Second

// house is one prism with two providers behind it, in a folder of its own.
type house struct {
	dir   string
	url   string // of the gateway
	token string // what the client presents
	work  *provider
	spare *provider         // takes kimi-k3 whatever was asked, with a bearer key
	pool  *simulator.Server // of the profile with several keys, where there is one
	other *other            // that speaks another dialect, where there is one
	env   []string          // of prism
	log   *os.File          // what prism prints
}

// provider is a simulator behind a real server, with the key it demands.
type provider struct {
	*simulator.Server
	name, url, key string
}

// open makes a house in which prism runs. It ends with the test, after which no key of the
// house may be found in anything that prism wrote.
func open(t *testing.T) *house {
	t.Helper()
	h := prepare(t)
	cmd, _ := h.launch(t)
	t.Cleanup(func() { h.close(t, cmd) })
	return h
}

// furnish writes the files of the house: an age identity, the settings, the sealed profiles.
func (h *house) furnish(t *testing.T, addr string) {
	t.Helper()
	for _, d := range []string{"home", "config", "data", "state", "run"} {
		if err := os.Mkdir(filepath.Join(h.dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	h.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + h.path("home"),
		"XDG_CONFIG_HOME=" + h.path("config"), "XDG_DATA_HOME=" + h.path("data"),
		"PRISM_DASHBOARD=127.0.0.1:0", "XDG_STATE_HOME=" + h.path("state"), "XDG_RUNTIME_DIR=" + h.path("run"),
		"PRISM_CONFIG=" + h.path("config"), "SOPS_AGE_KEY_FILE=" + h.path("keys.txt"),
	}
	identity, recipient, err := sealed.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	if err := sealed.WriteIdentity(h.path("keys.txt"), identity); err != nil {
		t.Fatal(err)
	}
	out, err := sealed.Encrypt([]byte(h.profiles()), []string{recipient})
	if err != nil {
		t.Fatal(err)
	}
	write(t, h.path("config", "profiles.yaml"), string(out))
	write(t, h.path("config", "prism.yaml"), "listen: "+addr+"\nlog_level: debug\nlog_format: json\n")
}

// profiles is the file before it is sealed. The work profile has the provider's own prices, so
// that the client's idea of the cost and the ledger's can be compared.
func (h *house) profiles() string {
	return `active: work

profiles:
  - name: work
    base_url: ` + h.work.url + `
    provider: anthropic
    api_key: ` + h.work.key + `

  - name: spare
    base_url: ` + h.spare.url + `
    provider: moonshot
    auth: bearer
    api_key: ` + h.spare.key + `
    model: kimi-k3

client_token: ` + h.token + "\n"
}

// activate saves profiles.yaml with another active profile, the way an editor does: a new file
// beside it, renamed over it. It waits until prism has taken it.
func (h *house) activate(t *testing.T, name string) {
	t.Helper()
	file := h.path("config", "profiles.yaml")
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before := h.status(t).Generation
	lines := strings.Split(string(src), "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, "active:") {
			lines[i] = "active: " + name
		}
	}
	write(t, file+".new", strings.Join(lines, "\n"))
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
	h.wait(t, name+" is active", func() bool {
		st := h.status(t)
		return st.Active == name && st.Generation > before
	})
}

// close stops prism, and looks for keys in what it leaves behind.
func (h *house) close(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	late := time.AfterFunc(limit, func() { cmd.Process.Kill() }) //nolint:errcheck // it may have gone
	if err := cmd.Wait(); err != nil {
		t.Errorf("prism serve: %v", err)
	}
	late.Stop()
	if t.Failed() {
		t.Logf("prism said:\n%s", h.said(t))
	}
	secrets := map[string]string{"the key of work": h.work.key, "the key of spare": h.spare.key, "the client token": h.token}
	if h.other != nil {
		secrets["the key of other"] = h.other.key
	}
	find := func(where string, content []byte) {
		for what, s := range secrets {
			if bytes.Contains(content, []byte(s)) {
				t.Errorf("%s is found in %s", what, where)
			}
		}
	}
	find("the log", []byte(h.said(t)))
	for _, d := range []string{"config", "data", "state", "run"} {
		err := filepath.WalkDir(h.path(d), func(path string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			content, err := os.ReadFile(path)
			find(path, content)
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// wait asks until ok or fails the test.
func (h *house) wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain until %s; prism said:\n%s", what, h.said(t))
		case <-time.After(20 * time.Millisecond):
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

// status is what prism says of itself. It is asked again where it is too busy to say so in time.
func (h *house) status(t *testing.T) (st admin.Status) {
	t.Helper()
	h.wait(t, "prism says how it is", func() bool {
		var err error
		st, err = admin.Dial(h.path("run", "prism", "prism.sock")).Status(t.Context())
		return err == nil
	})
	return st
}

// idle waits until every request has its row: the client has its answer a moment before.
func (h *house) idle(t *testing.T) {
	t.Helper()
	h.wait(t, "no request is under way", func() bool { return h.status(t).InFlight == 0 })
}

func (h *house) path(parts ...string) string {
	return filepath.Join(append([]string{h.dir}, parts...)...)
}

// newProvider starts a simulator that takes one key only.
func newProvider(t *testing.T, name string) *provider {
	t.Helper()
	key := "sk-" + name + "-" + secret(t)
	s := simulator.New(simulator.Options{Name: name, Key: key})
	up := s.Start()
	t.Cleanup(up.Close)
	return &provider{Server: s, name: name, url: up.URL, key: key}
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
