//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTheRealPortsRefuseWhatPagesAndStrangersSend sends to the program itself, with the server it
// really runs, what the tests of the guard send to the handler.
func TestTheRealPortsRefuseWhatPagesAndStrangersSend(t *testing.T) {
	h := open(t)
	addr := strings.TrimPrefix(h.url, "http://")
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	const body = `{"model":"claude-opus-5-5","messages":[],"max_tokens":1}`
	post := func(head string) string {
		return "POST /v1/messages HTTP/1.1\r\n" + head + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
	}
	good := "Host: " + addr + "\r\nContent-Type: application/json\r\nX-Api-Key: " + h.token + "\r\n"
	for name, c := range map[string]struct {
		raw    string
		status string // those that are right
	}{
		"rebinding":             {post("Host: evil.example:" + port + "\r\nContent-Type: application/json\r\nX-Api-Key: " + h.token + "\r\n"), "421"},
		"all interfaces":        {post("Host: 0.0.0.0:" + port + "\r\nContent-Type: application/json\r\nX-Api-Key: " + h.token + "\r\n"), "421"},
		"no host":               {strings.Replace(post("Content-Type: application/json\r\n"), "HTTP/1.1", "HTTP/1.0", 1), "421"},
		"a page":                {post(good + "Origin: https://evil.example\r\n"), "403"},
		"a page, by fetch":      {post(good + "Sec-Fetch-Site: cross-site\r\n"), "403"},
		"a form":                {post(strings.Replace(good, "application/json", "text/plain", 1)), "415"},
		"a preflight":           {"OPTIONS /v1/messages HTTP/1.1\r\n" + good + "\r\n", "403"},
		"no token":              {post("Host: " + addr + "\r\nContent-Type: application/json\r\n"), "401"},
		"the key of a provider": {post("Host: " + addr + "\r\nContent-Type: application/json\r\nX-Api-Key: " + h.work.key + "\r\n"), "401"},
		"pprof":                 {"GET /debug/pprof/ HTTP/1.1\r\n" + good + "\r\n", "400 404"},
		"pprof without a slash": {"GET /debug/pprof HTTP/1.1\r\n" + good + "\r\n", "404"},
		"the control API":       {"GET /status HTTP/1.1\r\n" + good + "\r\n", "404"},
		"metrics":               {"GET /metrics HTTP/1.1\r\n" + good + "\r\n", "404"},
		"dot dot":               {strings.Replace(post(good), "/v1/messages", "/v1/../status", 1), "400"},
		"an upgrade":            {post(good + "Connection: Upgrade\r\nUpgrade: h2c\r\n"), "400"},
		"h2 prior knowledge":    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "0 400 403 505"},
		"a header of 300 KiB":   {post(good + "X-Big: " + strings.Repeat("x", 300<<10) + "\r\n"), "0 431"},
		"a body of a terabyte":  {"POST /v1/messages HTTP/1.1\r\n" + good + "Content-Length: 1099511627776\r\n\r\n{", "413"},
	} {
		status, header, answer := raw(t, addr, c.raw)
		if !strings.Contains(" "+c.status+" ", fmt.Sprintf(" %d ", status)) {
			t.Errorf("%s: status %d, want %s: %s", name, status, c.status, answer)
		}
		if all := fmt.Sprint(header, answer); strings.Contains(all, h.token) || strings.Contains(all, h.work.key) || strings.Contains(all, "Access-Control") {
			t.Errorf("%s: %s", name, all)
		}
	}
	if seen, _ := h.work.Requests(); seen != 0 {
		t.Errorf("%d requests reached the provider", seen)
	}
	if rows := h.query(t, "select 1 from requests"); len(rows) != 0 {
		t.Errorf("%d rows", len(rows))
	}
}

// raw sends bytes and reads an answer; status 0 = none came.
func raw(t *testing.T, addr, text string) (int, http.Header, string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(limit))
	_, _ = io.WriteString(c, text)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, nil, ""
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, string(b)
}

// TestAnotherUserFindsEveryDoorClosed is another user of this machine, who knows where everything
// lies.
func TestAnotherUserFindsEveryDoorClosed(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	h := prepare(t)
	cmd, _ := h.launch(t)
	defer h.close(t, cmd)
	if status, body, err := h.post(t.Context(), "session"); err != nil || status != http.StatusOK {
		t.Fatalf("status %d, %v: %s", status, err, body)
	}
	h.query(t, "from requests")
	// Whoever made the folder above let everybody in.
	for dir := h.dir; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{"config", "data", "state", "run"} {
		if err := os.Chmod(h.path(d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	pages := h.pages(t)
	places := []string{
		h.path("keys.txt"), h.path("config", "profiles.yaml"), h.path("data", "prism"), h.path("data", "prism", "ledger.duckdb"), h.path("data", "prism", "journal"),
		h.path("state", "prism"), h.path("state", "prism", "pins.json"), h.path("run", "prism"),
		fmt.Sprintf("/proc/%d/environ", cmd.Process.Pid), fmt.Sprintf("/proc/%d/mem", cmd.Process.Pid), fmt.Sprintf("/proc/%d/maps", cmd.Process.Pid), fmt.Sprintf("/proc/%d/fd", cmd.Process.Pid),
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, 65534, 65534, 65534); errno != 0 {
			t.Errorf("become somebody else: %v", errno)
			return
		}
		for _, path := range places {
			if fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0); err == nil {
				_ = syscall.Close(fd)
				t.Errorf("%s can be opened", path)
			}
		}
		fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Error(err)
			return
		}
		defer syscall.Close(fd) //nolint:errcheck // nothing was written
		if err := syscall.Connect(fd, &syscall.SockaddrUnix{Name: h.path("run", "prism", "prism.sock")}); err == nil {
			t.Error("the socket takes a connection")
		}
		pages.knock(t)
	}()
	<-done
	// It stays good for whom it was made.
	status, header, body := raw(t, pages.address, pages.login())
	if status != http.StatusNoContent || header.Get("Set-Cookie") == "" {
		t.Errorf("the code is not good any more: %d %s", status, body)
	}
}

// pages is the dashboard of a house, with what opens it.
type pages struct {
	address      string // host:port
	code, cookie string
}

// pages signs in, and has a code made that nobody has used.
func (h *house) pages(t *testing.T) pages {
	t.Helper()
	var p pages
	for range 2 {
		said, err := h.prism("ui", "--print-url")
		page, code, found := strings.Cut(strings.TrimSpace(said), "/#code=")
		if err != nil || !found {
			t.Fatalf("%v: %s", err, said)
		}
		p.address, p.code = strings.TrimPrefix(page, "http://"), code
		if p.cookie != "" {
			break
		}
		_, header, _ := raw(t, p.address, p.login())
		if p.cookie, _, found = strings.Cut(header.Get("Set-Cookie"), ";"); !found {
			t.Fatalf("not signed in: %v", header)
		}
	}
	return p
}

// request is one as a page sends it.
func (p pages) request(method, path, body string) string {
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", method, path, p.address, p.cookie, len(body), body)
}

func (p pages) login() string {
	return p.request(http.MethodPost, "/api/login", `{"code":"`+p.code+`"}`)
}

// knock tries the code and the cookie as the user of the thread it runs on, by IPv4 and by IPv4 through
// a socket of IPv6. It makes its calls itself: the runtime may make them on other threads.
func (p pages) knock(t *testing.T) {
	t.Helper()
	at, err := netip.ParseAddrPort(p.address)
	if err != nil {
		t.Error(err)
		return
	}
	port := int(at.Port())
	for name, text := range map[string]string{
		"a code": p.login(), "a look with the cookie": p.request(http.MethodGet, "/api/state", ""), "a switch with the cookie": p.request(http.MethodPost, "/api/use", `{"name":"spare"}`),
	} {
		for family, to := range map[int]syscall.Sockaddr{
			syscall.AF_INET: &syscall.SockaddrInet4{Port: port, Addr: at.Addr().As4()}, syscall.AF_INET6: &syscall.SockaddrInet6{Port: port, Addr: at.Addr().As16()},
		} {
			answer, spoken := exchange(t, family, to, text)
			if !spoken {
				continue
			}
			if !strings.HasPrefix(answer, "HTTP/1.1 403 ") || !strings.Contains(answer, "another user") || strings.Contains(answer, "Set-Cookie") {
				t.Errorf("%s by family %d: %s", name, family, answer)
			}
		}
	}
}

// exchange sends text and returns all that comes; false where the machine does not know the family.
func exchange(t *testing.T, family int, to syscall.Sockaddr, text string) (string, bool) {
	t.Helper()
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if family == syscall.AF_INET6 && errors.Is(err, syscall.EAFNOSUPPORT) {
		return "", false
	}
	if err != nil {
		t.Error(err)
		return "", true
	}
	defer syscall.Close(fd) //nolint:errcheck // all was read
	if err := syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &syscall.Timeval{Sec: 30}); err != nil {
		t.Error(err)
	}
	if err := syscall.Connect(fd, to); err != nil {
		t.Error(err)
		return "", true
	}
	if _, err := syscall.Write(fd, []byte(text)); err != nil {
		t.Error(err)
	}
	var out []byte
	for b := make([]byte, 4<<10); ; {
		n, err := syscall.Read(fd, b)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			t.Errorf("after %q: %v", out, err)
		}
		if n <= 0 {
			return string(out), true
		}
		out = append(out, b[:n]...)
	}
}

// TestPlacesThatSomebodyElsePreparedAreRefused: the start ends with a reason and a fix before a
// byte is written there.
func TestPlacesThatSomebodyElsePreparedAreRefused(t *testing.T) {
	for name, plant := range map[string]func(t *testing.T, h *house) string{
		"a state directory that all can write": func(t *testing.T, h *house) string {
			return plantDir(t, h.path("state", "prism"), 0o777, -1)
		},
		"a data directory of a group": func(t *testing.T, h *house) string {
			return plantDir(t, h.path("data", "prism"), 0o770, -1)
		},
		"a state directory of another user": func(t *testing.T, h *house) string {
			return plantDir(t, h.path("state", "prism"), 0o700, 65534)
		},
		"a socket directory that all can enter": func(t *testing.T, h *house) string {
			return plantDir(t, h.path("run", "prism"), 0o755, -1)
		},
		"a socket directory of another user": func(t *testing.T, h *house) string {
			return plantDir(t, h.path("run", "prism"), 0o700, 65534)
		},
		"a socket directory that is a link": func(t *testing.T, h *house) string {
			return plantLink(t, h.path("config"), h.path("run", "prism"))
		},
		"a ledger that is a link": func(t *testing.T, h *house) string {
			plantDir(t, h.path("data", "prism"), 0o700, -1)
			return plantLink(t, h.path("keys.txt"), h.path("data", "prism", "ledger.duckdb"))
		},
		"a log of the ledger that is a link": func(t *testing.T, h *house) string {
			plantDir(t, h.path("data", "prism"), 0o700, -1)
			return plantLink(t, h.path("keys.txt"), h.path("data", "prism", "ledger.duckdb.wal"))
		},
		"a journal that is a link": func(t *testing.T, h *house) string {
			plantDir(t, h.path("data", "prism"), 0o700, -1)
			return plantLink(t, h.path("config"), h.path("data", "prism", "journal"))
		},
		"a lock that is a link": func(t *testing.T, h *house) string {
			plantDir(t, h.path("state", "prism"), 0o700, -1)
			return plantLink(t, h.path("keys.txt"), h.path("state", "prism", "lock"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := prepare(t)
			place := plant(t, h)
			victim, err := os.ReadFile(h.path("keys.txt"))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			cmd := exec.CommandContext(ctx, os.Getenv("PRISM_BIN"), "serve")
			cmd.Env, cmd.Dir = h.env, h.dir
			out, err := cmd.CombinedOutput()
			if err == nil || ctx.Err() != nil {
				t.Fatalf("it started: %s", out)
			}
			if text := string(out); !strings.Contains(text, place) || !strings.Contains(text, "fix: ") {
				t.Errorf("it said %s", text)
			}
			if now, err := os.ReadFile(h.path("keys.txt")); err != nil || string(now) != string(victim) {
				t.Errorf("the file behind the link was changed: %v", err)
			}
		})
	}
}

func plantDir(t *testing.T, path string, mode os.FileMode, owner int) string {
	t.Helper()
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	if owner >= 0 {
		if os.Geteuid() != 0 {
			t.Skip("only root can give a directory away")
		}
		if err := os.Chown(path, owner, owner); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func plantLink(t *testing.T, to, path string) string {
	t.Helper()
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
	return path
}
