package daemon

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"prism/internal/simulator"
)

// fakeManager is the end of a service manager: it collects what it is told.
type fakeManager struct {
	socket string
	conn   *net.UnixConn
	mu     sync.Mutex
	said   []string // guarded by mu
}

func newManager(t *testing.T) *fakeManager {
	t.Helper()
	m := &fakeManager{socket: filepath.Join(t.TempDir(), "notify")}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: m.socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	m.conn = conn
	return m
}

// listen collects until the test ends.
func (m *fakeManager) listen(t *testing.T) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for b := make([]byte, 4096); ; {
			n, err := m.conn.Read(b)
			if err != nil {
				return
			}
			m.mu.Lock()
			m.said = append(m.said, string(b[:n]))
			m.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = m.conn.Close()
		<-done
	})
}

// heard returns the words of which one has the prefix.
func (m *fakeManager) heard(prefix string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range slices.Backward(m.said) {
		words := strings.Split(s, "\n")
		if slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, prefix) }) {
			return words
		}
	}
	return nil
}

// env is the environment that the manager gives.
func (m *fakeManager) env(more map[string]string) func(string) string {
	return func(name string) string {
		if name == "NOTIFY_SOCKET" {
			return m.socket
		}
		return more[name]
	}
}

func TestTheServiceManagerIsToldOfEveryStateInItsOrder(t *testing.T) {
	m := newManager(t)
	m.listen(t)
	r := newRig(t)
	r.settings.Drain = 7 * time.Second
	r.edit = func(o *Options) { o.Manager = ManagerOf(m.env(map[string]string{"WATCHDOG_USEC": "40000"})) }
	r.write(r.seal(r.two("a")))
	r.start()
	r.until("READY=1", func() bool { return m.heard("READY=1") != nil })
	if words := m.heard("READY=1"); !slices.Contains(words, "STATUS=a answers on "+strings.TrimPrefix(r.url, "http://")+", generation 1") {
		t.Errorf("with READY=1 it was told %q", words)
	}
	r.until("a sign of life", func() bool { return m.heard("WATCHDOG=1") != nil })

	before := monotonicMicros()
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	r.until("RELOADING=1", func() bool { return m.heard("RELOADING=1") != nil })
	words := m.heard("RELOADING=1")
	if at, err := strconv.ParseInt(strings.TrimPrefix(words[1], "MONOTONIC_USEC="), 10, 64); err != nil || at < before || at > monotonicMicros() {
		t.Errorf("the reload began at %q, not between %d and %d", words, before, monotonicMicros())
	}
	r.write(r.seal(r.two("b")))
	r.until("the new profile", func() bool { return strings.HasPrefix(strings.Join(m.heard("STATUS="), ""), "STATUS=b answers on ") })
	r.write([]byte("profiles: ["))
	r.until("the refusal", func() bool { return strings.Contains(strings.Join(m.heard("STATUS="), ""), "profiles.yaml is REFUSED") })

	r.halt()
	words = m.heard("STOPPING=1")
	if !slices.Contains(words, "EXTEND_TIMEOUT_USEC="+strconv.FormatInt((7*time.Second+stopMargin).Microseconds(), 10)) {
		t.Errorf("with STOPPING=1 it was told %q", words)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	order := []string{}
	for _, s := range m.said {
		if w, _, _ := strings.Cut(s, "\n"); w != "WATCHDOG=1" && !strings.HasPrefix(w, "STATUS=") {
			order = append(order, w)
		}
	}
	if want := []string{"READY=1", "RELOADING=1", "READY=1", "STOPPING=1"}; !slices.Equal(order, want) {
		t.Errorf("the states came as %q, want %q", order, want)
	}
}

func TestAServiceManagerThatHangsHoldsUpNothing(t *testing.T) {
	m := newManager(t)
	defer m.conn.Close()
	mgr := ManagerOf(m.env(nil))
	began := time.Now()
	var err error
	for range 2000 { // more than any queue holds
		if err = mgr.tell("STATUS=" + strings.Repeat("x", 1024)); err != nil {
			break
		}
	}
	if err == nil {
		t.Fatal("2,000 words went out although nobody reads")
	}
	if took := time.Since(began); took > 10*tellTimeout {
		t.Errorf("it took %v to give up", took)
	}

	r := newRig(t)
	r.edit = func(o *Options) { o.Manager = mgr }
	r.write(r.seal(r.two("a")))
	r.a.Script(simulator.Always(simulator.Reply(simulator.Text("done"))))
	r.start()
	if status, out, err := r.post(); status != 200 || err != nil {
		t.Errorf("status %d, %v: %s", status, err, out)
	}
	r.halt()
}

func TestTheManagerIsReadFromTheEnvironment(t *testing.T) {
	self := strconv.Itoa(os.Getpid())
	for _, c := range []struct {
		name string
		env  map[string]string
		want *Manager
	}{
		{"nobody", map[string]string{"WATCHDOG_USEC": "1000000"}, nil},
		{"no watchdog", map[string]string{"NOTIFY_SOCKET": "/run/x"}, &Manager{socket: "/run/x"}},
		{"watchdog", map[string]string{"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "1000000"}, &Manager{"@x", time.Second}},
		{"of this process", map[string]string{"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "5", "WATCHDOG_PID": self}, &Manager{"@x", 5 * time.Microsecond}},
		{"of another process", map[string]string{"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "5", "WATCHDOG_PID": "1"}, &Manager{socket: "@x"}},
		{"garbage", map[string]string{"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "soon"}, &Manager{socket: "@x"}},
		{"negative", map[string]string{"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "-5"}, &Manager{socket: "@x"}},
		{"infinity", map[string]string{"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "9223372036854775807"}, &Manager{socket: "@x"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ManagerOf(func(name string) string { return c.env[name] })
			if (got == nil) != (c.want == nil) || got != nil && *got != *c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

func TestNoNameFromAFileBecomesAWordOfItsOwn(t *testing.T) {
	if got := oneLine("a\nMAINPID=1\x00\x7f"); got != "a?MAINPID=1??" {
		t.Errorf("%q", got)
	}
}
