package chaos

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"prism/internal/simulator"
)

// wreck is something in the place of a provider that a simulator cannot be.
type wreck struct {
	url   string
	ca    string // file of the certificate that is trusted
	deaf  bool   // it never gets as far as a request
	count atomic.Int64
	body  []byte // of its answer
}

// asked is how many requests it has read.
func (w *wreck) asked() int { return int(w.count.Load()) }

// nowhere is an address where nobody answers.
func nowhere(url string) func(*testing.T) *wreck {
	return func(*testing.T) *wreck { return &wreck{url: url, deaf: true} }
}

// refusing is a port where nobody listens, and which nobody else can get meanwhile.
func refusing(t *testing.T) *wreck {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr, ok := name.(*syscall.SockaddrInet4)
	if !ok {
		t.Fatalf("the address of the socket is %v", name)
	}
	return &wreck{url: "http://127.0.0.1:" + strconv.Itoa(addr.Port), deaf: true}
}

// blackHole neither accepts nor refuses a connection.
func blackHole(t *testing.T) *wreck {
	t.Helper()
	addr, closeIt, err := simulator.BlackHole()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(closeIt)
	return &wreck{url: "http://" + addr, deaf: true}
}

// badTLS speaks TLS with a certificate; trusted says that its maker is.
func badTLS(c simulator.Certificate, trusted bool) func(*testing.T) *wreck {
	return func(t *testing.T) *wreck {
		t.Helper()
		up := simulator.New(simulator.Options{}).StartTLS(c)
		t.Cleanup(up.Close)
		w := &wreck{url: up.URL, deaf: true}
		if trusted {
			w.ca = filepath.Join(t.TempDir(), "ca.pem")
			if err := os.WriteFile(w.ca, up.CA, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return w
	}
}

// handshaking serves every connection with handle where a TLS handshake is expected.
func handshaking(handle func(net.Conn)) func(*testing.T) *wreck {
	return func(t *testing.T) *wreck {
		t.Helper()
		up := simulator.RawListen(handle)
		t.Cleanup(up.Close)
		return &wreck{url: "https://" + up.Addr, deaf: true}
	}
}

// talking reads a whole request from every connection, counts it and lets answer go on with the
// connection, which is closed after it.
func talking(body []byte, answer func(net.Conn)) func(*testing.T) *wreck {
	return func(t *testing.T) *wreck {
		t.Helper()
		w := &wreck{body: body}
		up := simulator.RawListen(func(c net.Conn) {
			req, err := http.ReadRequest(bufio.NewReader(c))
			if err != nil {
				return
			}
			if _, err := io.Copy(io.Discard, req.Body); err != nil {
				return
			}
			w.count.Add(1)
			answer(c)
		})
		t.Cleanup(up.Close)
		w.url = up.URL
		return w
	}
}

// dripping sends the pieces again and again, d apart, until the other side has had enough.
func dripping(d time.Duration, pieces ...string) func(net.Conn) {
	return func(c net.Conn) {
		for i := 0; ; i++ {
			if _, err := io.WriteString(c, pieces[min(i, len(pieces)-1)]); err != nil {
				return
			}
			time.Sleep(d)
		}
	}
}

// mute waits until the other side has had enough.
func mute(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
