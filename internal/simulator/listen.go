package simulator

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// connKey is the context key of a request's *conn.
type connKey struct{}

// conn is one connection of a client.
type conn struct {
	net.Conn
	number   uint64
	served   atomic.Int64
	hijacked atomic.Bool
	closing  atomic.Pointer[Cut] // set: close it as soon as the response is out
}

// reset makes the next close of the connection a reset.
func (c *conn) reset() {
	raw := c.Conn
	if t, ok := raw.(*tls.Conn); ok {
		raw = t.NetConn()
	}
	if t, ok := raw.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
}

// end closes the connection in that way.
func (c *conn) end(how Cut) {
	if how == CutRST {
		c.reset()
	}
	_ = c.Close()
}

// Running is a simulator, or something worse, that listens on loopback.
type Running struct {
	URL  string // without a slash at the end
	Addr string // host:port
	CA   []byte // PEM of the certificate, where it has one

	listener net.Listener
	server   *http.Server
	stop     context.CancelFunc
	wait     sync.WaitGroup

	mu    sync.Mutex // guards conns and count
	conns map[net.Conn]*conn
	count uint64
}

// Start serves the simulator on a free port of loopback. Like httptest.NewServer it panics
// where that is not possible.
func (s *Server) Start() *Running {
	r, err := s.Listen("127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	return r
}

// Listen serves the simulator on address, over HTTP/1.1 without TLS.
func (s *Server) Listen(address string) (*Running, error) {
	l, err := listen(address)
	if err != nil {
		return nil, err
	}
	return s.serve(l, "http://", nil), nil
}

// StartTLS is Start over TLS, with a certificate of its own making.
func (s *Server) StartTLS(c Certificate) *Running {
	pair, pem, err := c.make()
	if err != nil {
		panic(err)
	}
	l, err := listen("127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12}
	return s.serve(tls.NewListener(l, config), "https://", pem)
}

// Ports that programs are told to listen on: below those that a system gives to whoever asks for any.
const (
	firstPort = 11_000
	manyPorts = 18_000
)

// given holds the addresses that FreeAddress has returned.
var given sync.Map //nolint:gochecknoglobals // what is taken is so for the whole process

// FreeAddress returns a loopback address on which nobody listens, for a program that must be told where
// to. Nobody who asks the system for any port gets this one before the program has it, or while it is
// started anew, and no other caller in this process does.
func FreeAddress() (string, error) {
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", firstPort+rand.IntN(manyPorts))
		l, err := listen(address)
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			return "", fmt.Errorf("close a port: %w", err)
		}
		if _, taken := given.LoadOrStore(address, nil); !taken {
			return address, nil
		}
	}
	return "", errors.New("every port that was tried is taken")
}

func listen(address string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return l, nil
}

// serve serves on l until the Running is closed.
func (s *Server) serve(l net.Listener, scheme string, ca []byte) *Running {
	return s.serveAs(s, l, scheme, ca)
}

// serveAs is serve with something before the simulator.
func (*Server) serveAs(h http.Handler, l net.Listener, scheme string, ca []byte) *Running {
	ctx, stop := context.WithCancel(context.Background())
	r := &Running{URL: scheme + l.Addr().String(), Addr: l.Addr().String(), CA: ca, listener: l, stop: stop, conns: map[net.Conn]*conn{}}
	r.server = &http.Server{
		Handler:           r.hijackable(h),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext:       r.opened,
		ConnState:         r.changed,
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	r.wait.Go(func() { _ = r.server.Serve(l) })
	return r
}

// hijackable ends, with its handler, the life of a connection that net/http let go.
func (r *Running) hijackable(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		defer func() {
			if c, ok := req.Context().Value(connKey{}).(*conn); ok && c.hijacked.Load() {
				r.wait.Done()
			}
		}()
		h.ServeHTTP(w, req)
	})
}

// opened is where every connection's life begins. Close waits for its end: http.Server.Close
// by itself does not wait for handlers.
func (r *Running) opened(ctx context.Context, nc net.Conn) context.Context {
	r.wait.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count++
	c := &conn{Conn: nc, number: r.count}
	r.conns[nc] = c
	return context.WithValue(ctx, connKey{}, c)
}

func (r *Running) changed(nc net.Conn, state http.ConnState) {
	r.mu.Lock()
	c := r.conns[nc]
	if state == http.StateClosed || state == http.StateHijacked {
		delete(r.conns, nc)
	}
	r.mu.Unlock()
	switch state {
	case http.StateIdle:
		if how := c.closing.Load(); how != nil {
			c.end(*how)
		}
	case http.StateHijacked:
		c.hijacked.Store(true)
	case http.StateClosed:
		r.wait.Done()
	case http.StateNew, http.StateActive:
	}
}

// Connections returns how many connections were ever opened and how many are open.
func (r *Running) Connections() (ever, open int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return int(r.count), len(r.conns)
}

// CloseConnections ends all connections in that way, idle or not, as a restart of the provider
// does. It goes on listening.
func (r *Running) CloseConnections(how Cut) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		c.end(how)
	}
}

// Close stops listening, ends all connections and waits for everything to be over.
func (r *Running) Close() {
	r.stop()
	if r.server != nil {
		_ = r.server.Close()
	} else {
		_ = r.listener.Close()
		r.CloseConnections(CutFIN)
	}
	r.wait.Wait()
}

// RawListen serves each connection with handle, which need not speak HTTP: a failing TLS
// handshake, garbage, a connection closed on accept. handle's connection is closed after it.
func RawListen(handle func(net.Conn)) *Running {
	l, err := listen("127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &Running{URL: "http://" + l.Addr().String(), Addr: l.Addr().String(), listener: l, stop: stop, conns: map[net.Conn]*conn{}}
	r.wait.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			r.opened(ctx, nc)
			r.wait.Go(func() {
				handle(nc)
				_ = nc.Close()
				r.changed(nc, http.StateClosed)
			})
		}
	})
	return r
}

// Refused returns the address (host:port) of a loopback port where nobody listens.
func Refused() string {
	l, err := listen("127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
