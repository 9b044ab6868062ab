//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"prism/config/sealed"
	"prism/internal/simulator"
)

// TestNoSecretIsFoundAnywhere drives prism into every corner where a key could slip out, with
// keys that occur nowhere else, and then looks for them in everything it wrote, said or sent:
// in clear and in the encodings in which keys travel.
func TestNoSecretIsFoundAnywhere(t *testing.T) {
	h := prepare(t)
	identity, err := os.ReadFile(h.path("keys.txt"))
	if err != nil {
		t.Fatal(err)
	}
	found := canaries{t: t, forms: map[string][]byte{}}
	found.add("the key of work", h.work.key)
	found.add("the key of spare", h.spare.key)
	found.add("the client token", h.token)
	pool := []string{"sk-pool-one-" + secret(t), "sk-pool-two-" + secret(t)}
	found.add("the first key of pool", pool[0])
	found.add("the second key of pool", pool[1])
	h.addPool(t, string(identity), pool)
	h.env = append(h.env, "TMPDIR="+h.path("tmp"))
	for line := range strings.SplitSeq(string(identity), "\n") {
		if strings.HasPrefix(line, "AGE-SECRET-KEY") {
			found.add("the age identity", strings.TrimSpace(line))
		}
	}

	echo := func(format string) simulator.Answer {
		return simulator.Error(401, "authentication_error", fmt.Sprintf(format, h.work.key), http.Header{"X-Echo": {h.work.key}})
	}
	h.work.Script(
		simulator.Reply(simulator.Text("fine")),
		echo("invalid key %s"),
		simulator.Error(403, "permission_error", "Bearer "+base64.StdEncoding.EncodeToString([]byte(h.work.key)), nil),
		simulator.RawBody(500, "text/plain", []byte("key="+url.QueryEscape(h.work.key)+" hex="+hex.EncodeToString([]byte(h.work.key)))),
		simulator.Reply(simulator.Text("cut"), simulator.CutAfter(3, simulator.CutRST)),
		simulator.CloseBeforeHeaders(simulator.CutRST),
		simulator.Redirect("http://127.0.0.1:9/?key="+h.work.key),
		simulator.ErrorEventFirst("overloaded_error", "no room for "+h.work.key),
		simulator.Reply(simulator.Text("fine again")),
	)
	h.pool.Script(simulator.Always(simulator.Error(401, "authentication_error", "invalid "+strings.Join(pool, " and "), http.Header{"Www-Authenticate": {pool[1]}})))
	cmd, _ := h.launch(t)
	for i := range 12 {
		path := "/v1/messages"
		if i > 9 {
			path = "/p/pool/v1/messages"
		}
		found.look(fmt.Sprintf("answer %d", i), h.answer(t, path, fmt.Sprint("session-", i)))
		found.children(cmd.Process.Pid)
	}
	// Once a stream has begun, the client gets the provider's bytes as they are; what is kept of them
	// must still be without the key.
	h.work.Script(simulator.ErrorEventAfter(4, "api_error", "lost "+base64.StdEncoding.EncodeToString([]byte("user:"+h.work.key))))
	_ = h.answer(t, "/v1/messages", "session-cut")
	found.surfaces(h)
	for _, wrong := range []string{h.token + "x", h.work.key} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+"/v1/messages", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+wrong)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		_, _ = b.ReadFrom(resp.Body)
		resp.Body.Close()
		found.look("a refusal", b.Bytes())
	}
	for _, what := range []string{"cmdline", "environ"} {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", cmd.Process.Pid, what))
		if err != nil {
			t.Fatal(err)
		}
		found.look(what, b)
	}
	h.commands(t, &found)

	// A key pasted in clear text and a broken file are reported, not repeated.
	file := h.path("config", "profiles.yaml")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pasted := "canary-pasted-" + secret(t)
	found.add("a pasted key", pasted)
	at := bytes.Index(good, []byte("api_key: ENC["))
	end := at + bytes.IndexByte(good[at:], '\n')
	bad := append(append(bytes.Clone(good[:at]), "api_key: "+pasted...), good[end:]...)
	write(t, file, string(bad))
	h.wait(t, "the file is refused", func() bool { return strings.Contains(h.said(t), "profiles refused") })
	h.commands(t, &found)
	write(t, file, string(good))

	found.children(cmd.Process.Pid)
	h.close(t, cmd)
	found.look("the log", []byte(h.said(t)))
	for _, d := range []string{"config", "data", "state", "run", "home", "tmp"} {
		found.folder(h.path(d))
	}
	for _, r := range h.query(t, "from requests") {
		found.look("a row of the ledger", fmt.Append(nil, map[string]any(r)))
	}
	if found.looked < 20 {
		t.Errorf("only %d places were looked at", found.looked)
	}
	t.Logf("%d secrets in %d forms, looked for in %d places, found %d times", found.secrets, len(found.forms), found.looked, found.hits)
}

// commands runs what people run, and looks through its output.
func (h *house) commands(t *testing.T, found *canaries) {
	t.Helper()
	for _, line := range []string{
		"status", "status --json", "check", "check --json", "profiles list", "profiles show work", "profiles list --json", "logs", "logs --json",
		"doctor", "paths", "trust --list", "reload", "spend", "sql --json from~requests", "sql --json from~config_events",
		"sql --json from~attempts", "sql --json from~health_events", "route --model claude-opus-5-5", "route --model x --profile pool --json", "ledger verify", "ledger info",
		"export requests -o " + h.path("home", "requests.csv") + " --format csv", "doctor --json --bundle " + h.path("home", fmt.Sprintf("bundle-%d.txt", found.looked)),
	} {
		args := strings.Fields(line)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "~", " ")
		}
		cmd := exec.CommandContext(t.Context(), os.Getenv("PRISM_BIN"), args...)
		cmd.Env, cmd.Dir = h.env, h.dir
		out, _ := cmd.CombinedOutput() // some of them report what is wrong with their exit code
		if len(out) == 0 {
			t.Errorf("prism %s printed nothing", line)
		}
		found.look("prism "+line, out)
	}
}

// addPool adds a profile with two keys to the file, behind a provider of its own.
func (h *house) addPool(t *testing.T, identity string, keys []string) {
	t.Helper()
	recipient := regexp.MustCompile(`age1[0-9a-z]+`).FindString(identity)
	h.pool = simulator.New(simulator.Options{Name: "pool"})
	up := h.pool.Start()
	t.Cleanup(up.Close)
	clear := strings.Replace(h.profiles(), "\nclient_token:", "\n  - name: pool\n    base_url: "+up.URL+"\n    keys:\n      - {name: one, api_key: "+keys[0]+"}\n      - {name: two, api_key: "+keys[1]+"}\n\nclient_token:", 1)
	out, err := sealed.Encrypt([]byte(clear), []string{recipient})
	if err != nil {
		t.Fatal(err)
	}
	write(t, h.path("config", "profiles.yaml"), string(out))
	if err := os.Mkdir(h.path("tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
}

// answer sends a request and returns all that comes back: head and body.
func (h *house) answer(t *testing.T, path, session string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+path, strings.NewReader(`{"model":"claude-opus-5-5","max_tokens":10,"stream":true,"messages":[{"role":"user","content":"hi"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Api-Key", h.token)
	req.Header.Set("X-Claude-Code-Session-Id", session)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return []byte(err.Error())
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body) // some are cut
	return fmt.Append(nil, resp.Status, resp.Header, string(body))
}

// surfaces looks through what the control socket and the dashboard port say.
func (c *canaries) surfaces(h *house) {
	c.t.Helper()
	socket := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", h.path("run", "prism", "prism.sock"))
	}}
	defer socket.CloseIdleConnections()
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/v1/status", "/status"} {
		req, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, "http://prism"+path, nil)
		if err != nil {
			c.t.Fatal(err)
		}
		resp, err := socket.RoundTrip(req)
		if err != nil {
			c.t.Error(err)
			continue
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		c.look("the socket: "+path, fmt.Append(b, resp.Header))
	}
}

// children looks at the command lines and environments of a process and of its children.
func (c *canaries) children(parent int) {
	c.t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		c.t.Fatal(err)
	}
	for _, dir := range all {
		status, err := os.ReadFile(dir + "/status")
		if err != nil || !bytes.Contains(status, fmt.Appendf(nil, "\nPPid:\t%d\n", parent)) {
			continue
		}
		for _, what := range []string{"cmdline", "environ"} {
			if b, err := os.ReadFile(dir + "/" + what); err == nil { // it may be gone
				c.look("a child's "+what, b)
			}
		}
	}
}

// canaries are the secrets that must be found nowhere.
type canaries struct {
	t                     *testing.T
	forms                 map[string][]byte
	secrets, looked, hits int
}

func (c *canaries) add(name, s string) {
	c.secrets++
	b := []byte(s)
	c.forms[name+", in clear"] = b
	c.forms[name+", in hex"] = []byte(hex.EncodeToString(b))
	c.forms[name+", in a URL"] = []byte(url.QueryEscape(s))
	// Base64 depends on where in a longer text the secret begins: the middle of each of the
	// three alignments is looked for.
	for skip := range 3 {
		e := base64.RawStdEncoding.EncodeToString(b[skip:])
		c.forms[fmt.Sprintf("%s, in base64 (%d)", name, skip)] = []byte(e[:len(e)-4])
	}
}

func (c *canaries) look(where string, text []byte) {
	c.t.Helper()
	c.looked++
	for what, form := range c.forms {
		if bytes.Contains(text, form) {
			c.hits++
			c.t.Errorf("%s: found in %s", what, where)
		}
	}
}

// folder looks through all files below dir, packed ones unpacked.
func (c *canaries) folder(dir string) {
	c.t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if strings.HasSuffix(path, ".zst") {
			d, err := zstd.NewReader(nil)
			if err != nil {
				return err
			}
			defer d.Close()
			if b, err = d.DecodeAll(b, nil); err != nil {
				return err
			}
		}
		c.look(path, b)
		return nil
	})
	if err != nil {
		c.t.Error(err)
	}
}
