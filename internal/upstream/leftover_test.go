package upstream_test

import (
	"bufio"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"prism/internal/simulator"
	"prism/internal/upstream"
)

// secureRaw serves every request of a TLS connection with these bytes, in as few records as can be.
// It returns the base URL and the file of the certificate.
func secureRaw(t *testing.T, answer string) (base, caFile string) {
	t.Helper()
	borrowed := httptest.NewTLSServer(http.NotFoundHandler())
	cert := borrowed.TLS.Certificates[0]
	borrowed.Close()
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}), 0o600); err != nil {
		t.Fatal(err)
	}
	conf := &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS13, DynamicRecordSizingDisabled: true}
	up := simulator.RawListen(func(nc net.Conn) {
		c := tls.Server(nc, conf)
		for br := bufio.NewReader(c); ; {
			req, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			if _, err := io.Copy(io.Discard, req.Body); err != nil {
				return
			}
			if _, err := io.WriteString(c, answer); err != nil {
				return
			}
		}
	})
	t.Cleanup(up.Close)
	return "https://" + up.Addr, caFile
}

// TestWhatComesBehindAnAnswerIsNotTheNextOne is about a record of TLS: of one that was read, nothing
// is left in the kernel where a connection that is kept would be seen to have something.
func TestWhatComesBehindAnAnswerIsNotTheNextOne(t *testing.T) {
	const stray = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nSTALE"
	for _, size := range []int{10, 4 << 10, 10_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			want := strings.Repeat("x", size)
			base, caFile := secureRaw(t, fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s%s", size, want, stray))
			l := newLeg(t, base, legOptions{caFile: caFile})
			for i := range 3 {
				resp, err := l.send(t.Context(), body, false)
				if err != nil {
					t.Fatal(err)
				}
				// Large reads, as the proxy makes them, end exactly where the body does.
				buf := make([]byte, 16<<10)
				n, err := io.ReadFull(resp.Body, buf)
				if !errors.Is(err, io.ErrUnexpectedEOF) || string(buf[:n]) != want {
					t.Errorf("request %d: %.20q of %d bytes, %v", i, buf[:n], n, err)
				}
				_ = resp.Body.Close()
			}
		})
	}
}

// TestAConnectionWithNothingBehindItsAnswerIsKept is the other half: looking must not cost it.
func TestAConnectionWithNothingBehindItsAnswerIsKept(t *testing.T) {
	s := simulator.New(simulator.Options{Key: testKey})
	up := s.StartTLS(simulator.Certificate{})
	t.Cleanup(up.Close)
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, up.CA, 0o600); err != nil {
		t.Fatal(err)
	}
	l := newLeg(t, up.URL, legOptions{caFile: caFile, timeouts: upstream.Timeouts{FirstByte: 10 * time.Second, Idle: 10 * time.Second}})
	for range 5 {
		l.whole(t, body)
		l.whole(t, streamBody)
	}
	if made, _ := up.Connections(); made != 1 {
		t.Errorf("%d connections for 10 requests", made)
	}
}

// TestAnOutboundProxyThatSaysNothingIsGivenUp is about the time before the request is sent: the
// bound of the answer does not run yet.
func TestAnOutboundProxyThatSaysNothingIsGivenUp(t *testing.T) {
	mute := simulator.RawListen(func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	t.Cleanup(mute.Close)
	bounds := upstream.Timeouts{Dial: 50 * time.Millisecond, TLS: 50 * time.Millisecond, Write: 100 * time.Millisecond, FirstByte: time.Hour}
	l := newLeg(t, "https://provider.invalid", legOptions{proxy: mute.URL, timeouts: bounds})
	failed := make(chan error, 1)
	go func() {
		resp, err := l.send(t.Context(), body, false)
		if err == nil {
			_ = resp.Body.Close()
		}
		failed <- err
	}()
	select {
	case err := <-failed:
		var ue *upstream.Error
		if !errors.As(err, &ue) || ue.Kind != upstream.KindTimeout || ue.Sent {
			t.Errorf("error %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it is still waited for")
	}
}

func TestHalfAHeadIsNoAnswerInTime(t *testing.T) {
	for _, half := range []string{"HTTP/1.1 2", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Ty"} {
		up := simulator.RawListen(func(c net.Conn) {
			_, _ = io.WriteString(c, half)
			_, _ = io.Copy(io.Discard, c)
		})
		l := newLeg(t, up.URL, legOptions{timeouts: upstream.Timeouts{FirstByte: 100 * time.Millisecond}})
		if ue := l.fails(t, body); ue.Kind != upstream.KindTimeout || !ue.Head {
			t.Errorf("%q: %+v", half, ue)
		}
		up.Close()
	}
}
