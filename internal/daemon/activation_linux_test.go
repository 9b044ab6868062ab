package daemon

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"prism/internal/admin"
	"prism/internal/ledger"
	"prism/internal/simulator"
)

// passed makes a file of a listener, as systemd passes it on under a name.
func passed(t *testing.T, name string, ln net.Listener) *os.File {
	t.Helper()
	filer, ok := ln.(interface{ File() (*os.File, error) })
	if !ok {
		t.Fatalf("%T has no file", ln)
	}
	f, err := filer.File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return renamed(t, name, f)
}

// renamed is a duplicate of f under another name.
func renamed(t *testing.T, name string, f *os.File) *os.File {
	t.Helper()
	fd, err := dup(f)
	if err != nil {
		t.Fatal(err)
	}
	return os.NewFile(fd, name)
}

// dup returns a descriptor of its own for what f has open.
func dup(f *os.File) (uintptr, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	var fd int
	var dupErr error
	if err := raw.Control(func(p uintptr) { fd, dupErr = unix.FcntlInt(p, unix.F_DUPFD_CLOEXEC, 0) }); err != nil {
		return 0, err
	}
	return uintptr(fd), dupErr
}

func listenTCP(t *testing.T, address string) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return ln
}

func listenUnix(t *testing.T) *net.UnixListener {
	t.Helper()
	dir, err := os.MkdirTemp("", "prism") //nolint:usetesting // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return ln
}

func TestInheritedSocketsFindTheirPlaces(t *testing.T) {
	data, dash, control := listenTCP(t, "127.0.0.1:0"), listenTCP(t, "127.0.0.1:0"), listenUnix(t)
	for _, c := range []struct {
		name                string
		files               []*os.File
		data, dash, control bool
	}{
		{"none", nil, false, false, false},
		{"by name", []*os.File{passed(t, "control", control), passed(t, "dashboard", dash), passed(t, "data", data)}, true, true, true},
		{"as systemd names them by itself", []*os.File{passed(t, "prism.socket", data), passed(t, "prism-control.socket", control)}, true, false, true},
		{"without names", []*os.File{passed(t, "", control), passed(t, "unknown", data)}, true, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := socketsOf(c.files)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			for what, x := range map[string]struct {
				want bool
				got  net.Listener
				addr net.Addr
			}{"data": {c.data, s.Data, data.Addr()}, "dashboard": {c.dash, s.Dashboard, dash.Addr()}, "control": {c.control, s.Control, control.Addr()}} {
				if (x.got != nil) != x.want || x.want && x.got.Addr().String() != x.addr.String() {
					t.Errorf("%s: %v, want %v", what, x.got, x.addr)
				}
			}
		})
	}
}

func TestAnInheritedSocketThatDoesNotFitIsRefusedWithItsReason(t *testing.T) {
	data, other, control := listenTCP(t, "127.0.0.1:0"), listenTCP(t, "127.0.0.1:0"), listenUnix(t)
	public := listenTCP(t, "0.0.0.0:0")
	conn, err := net.Dial("tcp", data.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	connected, err := conn.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	packets, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Close()
	datagrams, err := packets.File()
	if err != nil {
		t.Fatal(err)
	}
	plain, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		files []*os.File
		want  string
	}{
		{"reachable by other machines", []*os.File{passed(t, "data", public)}, "other machines can reach it"},
		{"a dashboard that is", []*os.File{passed(t, "dashboard", public)}, "other machines can reach it"},
		{"twice", []*os.File{passed(t, "data", data), passed(t, "", other)}, "the second one for its purpose"},
		{"data on a path", []*os.File{passed(t, "data", control)}, "is of the kind unix, not tcp"},
		{"control on a port", []*os.File{passed(t, "control", data)}, "is of the kind tcp, not unix"},
		{"a connection, as with Accept=yes", []*os.File{renamed(t, "data", connected)}, "is not a socket that listens"},
		{"datagrams", []*os.File{renamed(t, "data", datagrams)}, "is not a socket that listens"},
		{"a file", []*os.File{renamed(t, "data", plain)}, "is not a socket that listens"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := socketsOf(c.files)
			if err == nil {
				s.Close()
				t.Fatal("it was taken")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v, want %q in it", err, c.want)
			}
			for _, f := range c.files {
				if _, err := f.Stat(); err == nil {
					t.Errorf("descriptor %s stays open", f.Name())
				}
			}
		})
	}
}

func TestSocketsOfAnotherProcessAreLeftAlone(t *testing.T) {
	for _, env := range []map[string]string{
		{},
		{"LISTEN_FDS": "1"},
		{"LISTEN_FDS": "1", "LISTEN_PID": "1"},
		{"LISTEN_FDS": "0", "LISTEN_PID": strconv.Itoa(os.Getpid())},
		{"LISTEN_FDS": "-1", "LISTEN_PID": strconv.Itoa(os.Getpid())},
		{"LISTEN_FDS": "many", "LISTEN_PID": strconv.Itoa(os.Getpid())},
	} {
		s, err := Inherited(func(name string) string { return env[name] })
		if err != nil || s != (Sockets{}) {
			t.Errorf("%v: %+v, %v", env, s, err)
		}
	}
}

func TestAnInheritedControlSocketOutlivesTheGateway(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	outer := listenUnix(t)
	r.edit = func(o *Options) {
		s, err := socketsOf([]*os.File{passed(t, "control", outer)})
		if err != nil {
			t.Fatal(err)
		}
		o.Control = s.Control
	}
	ready := r.start()
	if ready.Socket != outer.Addr().String() {
		t.Errorf("the socket is said to be %s", ready.Socket)
	}
	st, err := admin.Dial(ready.Socket).Status(t.Context())
	if err != nil || st.Socket != ready.Socket {
		t.Errorf("status %+v, %v", st, err)
	}
	if !strings.Contains(r.log.String(), "not where clients look for it") {
		t.Error("nobody was told that clients look elsewhere")
	}
	if _, err := os.Lstat(r.paths.Socket); !os.IsNotExist(err) {
		t.Errorf("another socket was made: %v", err)
	}
	r.halt()
	if _, err := os.Lstat(ready.Socket); err != nil {
		t.Errorf("the socket is gone with the gateway: %v", err)
	}
}

// TestAnUpgradeRefusesNobody replaces the gateway again and again while clients, with and
// without kept connections, send one request after the other. The socket stays open outside,
// as systemd keeps it.
func TestAnUpgradeRefusesNobody(t *testing.T) {
	upgrades, clients := 4, 16
	if soak() {
		upgrades, clients = 20, 64
	}
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	r.a.Script(simulator.Always(simulator.Reply(simulator.TextPieces("one two three", 5), simulator.Jitter(3, 0, 8*time.Millisecond))))
	outer := listenTCP(t, "127.0.0.1:0")
	r.edit = func(o *Options) {
		s, err := socketsOf([]*os.File{passed(t, "data", outer)})
		if err != nil {
			t.Fatal(err)
		}
		_ = o.Listener.Close()
		o.Listener = s.Data
	}
	var sent, slowest atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for n := range clients {
		wg.Go(func() {
			tr := &http.Transport{DisableKeepAlives: n%2 == 0}
			defer tr.CloseIdleConnections()
			for {
				select {
				case <-stop:
					return
				default:
				}
				began := time.Now()
				if err := send(tr, "http://"+outer.Addr().String()); err != nil {
					t.Errorf("request %d: %v", sent.Load(), err)
				}
				sent.Add(1)
				slowest.Store(max(slowest.Load(), int64(time.Since(began))))
			}
		})
	}
	for range upgrades {
		r.start()
		served := sent.Load()
		r.until("the new one serves", func() bool { return sent.Load() > served+int64(4*clients) })
		r.halt()
	}
	r.start()
	close(stop)
	wg.Wait()
	r.halt()
	t.Logf("%d upgrades, %d requests, slowest %v", upgrades, sent.Load(), time.Duration(slowest.Load()).Round(time.Millisecond))
	if n := r.outcomes(); int64(n[ledger.OutcomeOK]) != sent.Load() || len(n) != 1 {
		t.Errorf("%d requests, outcomes %v", sent.Load(), n)
	}
}

// send sends one request and reads the answer to its end.
func send(tr *http.Transport, url string) error {
	req, err := http.NewRequest(http.MethodPost, url+"/v1/messages", strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Api-Key", token)
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || !strings.Contains(string(b), "message_stop")) {
		err = fmt.Errorf("status %d: %s", resp.StatusCode, b)
	}
	return err
}
