package simulator

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestFreeAddressesAreNobodyElses: none is given twice, and none is among those that a system gives.
func TestFreeAddressesAreNobodyElses(t *testing.T) {
	seen := map[string]bool{}
	for range 50 {
		address, err := FreeAddress()
		if err != nil {
			t.Fatal(err)
		}
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := strconv.Atoi(port); err != nil || n < 1024 || n >= 32_768 || seen[address] {
			t.Errorf("%s, %v; before: %v", address, err, seen[address])
		}
		seen[address] = true
		l, err := listen(address)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	streamBody = `{"model":"claude-opus-5-5","max_tokens":1024,"stream":true,"messages":[{"role":"user","content":"hi"}]}`
	jsonBody   = `{"model":"claude-opus-5-5","max_tokens":1024,"messages":[{"role":"user","content":"hi"}]}`
)

// serve starts a simulator with these steps, and closes it with the test.
func serve(t testing.TB, o Options, steps ...Step) (*Server, *Running) {
	t.Helper()
	s := New(o)
	s.Script(steps...)
	up := s.Start()
	t.Cleanup(up.Close)
	return s, up
}

// wireClient talks to the simulator without any help of net/http's client.
type wireClient struct {
	net.Conn
	r *bufio.Reader
}

func dial(t testing.TB, up *Running) *wireClient {
	t.Helper()
	c, err := net.DialTimeout("tcp", up.Addr, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &wireClient{c, bufio.NewReader(c)}
}

// send writes a request; lines are extra header lines.
func (c *wireClient) send(t testing.TB, method, path, body string, lines ...string) {
	t.Helper()
	if err := c.write(method, path, body, lines...); err != nil {
		t.Fatal(err)
	}
}

func (c *wireClient) write(method, path, body string, lines ...string) error {
	var b strings.Builder
	b.WriteString(method + " " + path + " HTTP/1.1\r\nHost: sim\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n")
	for _, l := range lines {
		b.WriteString(l + "\r\n")
	}
	b.WriteString("\r\n" + body)
	_, err := io.WriteString(c, b.String())
	return err
}

// reply is a response as it was on the wire.
type reply struct {
	status int
	header http.Header
	body   []byte
	err    error // how the body ended, if not well
}

func (c *wireClient) read(t testing.TB) reply {
	t.Helper()
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return reply{err: err}
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, body, err}
}

// ask sends one request on a connection of its own.
func ask(t testing.TB, up *Running, body string, lines ...string) reply {
	t.Helper()
	c := dial(t, up)
	c.send(t, http.MethodPost, "/v1/messages?beta=true", body, lines...)
	return c.read(t)
}

// bills waits for n bills.
func bills(t testing.TB, s *Server, n int) []Billed {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	list, err := s.WaitBills(ctx, n)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// names returns the event names of a stream in the usual framing.
func names(stream []byte) []string {
	var list []string
	for line := range bytes.Lines(stream) {
		if name, ok := bytes.CutPrefix(line, []byte("event: ")); ok {
			list = append(list, string(bytes.TrimSpace(name)))
		}
	}
	return list
}

// wasReset tells whether a connection ended by RST.
func wasReset(err error) bool { return err != nil && strings.Contains(err.Error(), "connection reset") }

// wasCut tells whether a connection ended by FIN before the body was whole.
func wasCut(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) }
