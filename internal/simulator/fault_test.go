package simulator

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// long is an answer of many events: start, block start, 5 deltas, block stop, delta, stop.
func long() Answer { return TextPieces("0123456789", 2) }

func TestCutsEndTheConnectionAsScripted(t *testing.T) {
	whole := names(streamOf(t, long()))
	for n := range whole {
		for _, how := range []Cut{CutClean, CutFIN, CutRST} {
			s, up := serve(t, Options{}, long().With(CutAfter(n, how)))
			r := ask(t, up, streamBody)
			if got := names(r.body); !slices.Equal(got, whole[:n]) {
				t.Errorf("cut %d after %d: events %v", how, n, got)
			}
			good := how == CutClean && r.err == nil || how == CutFIN && wasCut(r.err) || how == CutRST && wasReset(r.err)
			if !good || r.status != http.StatusOK {
				t.Errorf("cut %d after %d: status %d, end %v", how, n, r.status, r.err)
			}
			b := bills(t, s, 1)[0]
			if b.Ending != EndCut || !bytes.Equal(b.ResponseBody, r.body) {
				t.Errorf("cut %d after %d: bill says %s, %d bytes; client has %d", how, n, b.Ending, b.ResponseBytes, len(r.body))
			}
		}
	}
}

// streamOf returns the stream of an answer as a client without faults sees it.
func streamOf(t testing.TB, a Answer) []byte {
	t.Helper()
	_, up := serve(t, Options{}, a)
	r := ask(t, up, streamBody)
	if r.err != nil {
		t.Fatal(r.err)
	}
	return r.body
}

func TestAResetAfterTheLastEventLosesNoByte(t *testing.T) {
	_, up := serve(t, Options{}, long().With(CutAfter(1000, CutRST)))
	r := ask(t, up, streamBody)
	if all := names(r.body); !wasReset(r.err) || all[len(all)-1] != "message_stop" {
		t.Errorf("events %v, end %v", all, r.err)
	}
}

func TestACutAtAByteLeavesHalfALine(t *testing.T) {
	whole := streamOf(t, long())
	_, up := serve(t, Options{}, long().With(CutAtByte(101, CutFIN)))
	if r := ask(t, up, streamBody); !bytes.Equal(r.body, whole[:101]) || !wasCut(r.err) {
		t.Errorf("%d bytes, end %v", len(r.body), r.err)
	}
}

func TestNothingIsAnsweredWhereTheScriptSaysSo(t *testing.T) {
	s, up := serve(t, Options{}, CloseBeforeHeaders(CutFIN), CloseBeforeHeaders(CutRST), Silence(time.Millisecond), Silence(0))
	if r := ask(t, up, streamBody); !wasCut(r.err) || r.status != 0 {
		t.Errorf("FIN: %+v", r)
	}
	if r := ask(t, up, streamBody); !wasReset(r.err) || r.status != 0 {
		t.Errorf("RST: %+v", r)
	}
	if r := ask(t, up, streamBody); !wasCut(r.err) {
		t.Errorf("silence: %+v", r)
	}
	c := dial(t, up)
	c.send(t, http.MethodPost, "/v1/messages", streamBody)
	if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if r := c.read(t); !errors.Is(r.err, os.ErrDeadlineExceeded) {
		t.Errorf("silence without end: %+v", r)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	list := bills(t, s, 4)
	for i, want := range []Ending{EndCut, EndCut, EndCut, EndCancelled} {
		if list[i].Ending != want || list[i].Status != 0 || list[i].RequestSHA256 != list[0].RequestSHA256 {
			t.Errorf("bill %d: %s, status %d", i, list[i].Ending, list[i].Status)
		}
	}
}

func TestAKeepAliveConnectionIsClosedExactlyAtReuse(t *testing.T) {
	for _, how := range []Cut{CutFIN, CutRST} {
		s, up := serve(t, Options{}, Text("one"), Text("two").With(KeepAliveClose(how)))
		c := dial(t, up)
		c.send(t, http.MethodPost, "/v1/messages", streamBody)
		if r := c.read(t); r.err != nil || r.header.Get("Connection") == "close" {
			t.Fatalf("first: %+v", r)
		}
		c.send(t, http.MethodPost, "/v1/messages", streamBody)
		if r := c.read(t); how == CutFIN && !wasCut(r.err) || how == CutRST && !wasReset(r.err) {
			t.Errorf("second: %v", r.err)
		}
		if r := ask(t, up, streamBody); !strings.Contains(string(r.body), "two") {
			t.Errorf("third, on a fresh connection: %+v", r)
		}
		list := bills(t, s, 3)
		if !list[1].Reused || list[1].Ending != EndCut || list[2].Reused || s.Unused() != 0 {
			t.Errorf("bills: %+v", list)
		}
	}
}

func TestAConnectionIsClosedUnannouncedAfterTheReply(t *testing.T) {
	_, up := serve(t, Options{}, Text("one").With(CloseAfterReply(CutFIN)))
	c := dial(t, up)
	c.send(t, http.MethodPost, "/v1/messages", streamBody)
	r := c.read(t)
	if r.err != nil || r.header.Get("Connection") != "" {
		t.Fatalf("%+v", r)
	}
	if _, err := c.r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("the connection is still open: %v", err)
	}
}

func TestBodiesThatAreNoMessage(t *testing.T) {
	_, up := serve(t, Options{},
		HTML(200), NoContent(), Redirect("http://evil.invalid/v1/messages"), JSONInsteadOfStream().With(Text("x")), EmptyStream(),
		HeaderThenClose(), Text("x").With(ContentType("")), Error(200, "api_error", "in disguise", nil), Text("x").With(Header("Request-Id", "")))
	for i, want := range []struct {
		status       int
		typ, content string
	}{
		{200, "text/html; charset=utf-8", "<html>"},
		{204, "", ""},
		{307, "", ""},
		{200, jsonType, `"role":"assistant"`},
		{200, streamType, ""},
		{200, streamType, ""},
		{200, "", "event: message_start"},
		{200, jsonType, `"type":"error"`},
		{200, streamType, "message_stop"},
	} {
		r := ask(t, up, streamBody)
		empty := want.content == "" && len(r.body) > 0
		if r.err != nil || r.status != want.status || r.header.Get("Content-Type") != want.typ || empty || !strings.Contains(string(r.body), want.content) {
			t.Errorf("%d: %d %v %q (%v)", i, r.status, r.header, r.body, r.err)
		}
		if i == 2 && r.header.Get("Location") != "http://evil.invalid/v1/messages" {
			t.Errorf("location %q", r.header.Get("Location"))
		}
		if id := r.header.Get("Request-Id"); (id == "") != (i == 8) {
			t.Errorf("%d: request-id %q", i, id)
		}
	}
}

func TestHeaderBombsAndBrokenHeads(t *testing.T) {
	_, up := serve(t, Options{},
		Text("x").With(HeaderBomb(10<<20)), Text("x").With(ManyHeaders(10_000)), Text("x").With(BadFolding()), BadChunks(),
		Text("x").With(CloseDelimited()), Text("x").With(Informational(103, 50)), RawResponse("garbage\r\n\r\n"))
	if r := ask(t, up, streamBody); len(r.header.Get("X-Bomb")) != 10<<20 {
		t.Errorf("header of %d bytes (%v)", len(r.header.Get("X-Bomb")), r.err)
	}
	if r := ask(t, up, streamBody); len(r.header) < 10_000 {
		t.Errorf("%d headers (%v)", len(r.header), r.err)
	}
	if r := ask(t, up, streamBody); r.err == nil {
		t.Errorf("bad folding was accepted: %v", r.header)
	}
	if r := ask(t, up, streamBody); r.err == nil || !bytes.HasPrefix(r.body, []byte("event: ping")) {
		t.Errorf("bad chunks: %q, %v", r.body, r.err)
	}
	if r := ask(t, up, streamBody); r.err != nil || r.header.Get("Transfer-Encoding") != "" || !bytes.Contains(r.body, []byte("message_stop")) {
		t.Errorf("close delimited: %+v", r)
	}
	c := dial(t, up)
	c.send(t, http.MethodPost, "/v1/messages", streamBody)
	for i := range 51 {
		if r := c.head(t); (r == 103) != (i < 50) {
			t.Fatalf("response %d has status %d", i, r)
		}
	}
	if r := ask(t, up, streamBody); r.err == nil {
		t.Errorf("garbage was accepted: %+v", r)
	}
}

// head reads one response head and returns its status.
func (c *wireClient) head(t *testing.T) int {
	t.Helper()
	res, err := http.ReadResponse(c.r, &http.Request{Method: http.MethodHead})
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

func TestCompressedAnswersAndBombs(t *testing.T) {
	s, up := serve(t, Options{}, Text("compressed").With(Gzip()), GzipBomb(64))
	r := ask(t, up, streamBody)
	z, err := gzip.NewReader(bytes.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil || !bytes.Contains(plain, []byte("message_stop")) || bills(t, s, 1)[0].Source != SourceFinal {
		t.Errorf("%q (%v)", plain, err)
	}
	r = ask(t, up, streamBody)
	if z, err = gzip.NewReader(bytes.NewReader(r.body)); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, z); err != nil || n != 64<<20 || len(r.body) > 1<<20 {
		t.Errorf("%d bytes became %d (%v)", len(r.body), n, err)
	}
}

func TestTLSAndPortsThatDoNotAnswer(t *testing.T) {
	s := New(Options{})
	for _, c := range []struct {
		certificate Certificate
		trusted     bool
		want        string
	}{
		{Certificate{}, true, ""},
		{Certificate{}, false, "unknown authority"},
		{Certificate{NotAfter: -time.Hour}, true, "expired"},
		{Certificate{Hosts: []string{"wrong.invalid"}}, true, "127.0.0.1"},
	} {
		up := s.StartTLS(c.certificate)
		pool := x509.NewCertPool()
		if c.trusted && !pool.AppendCertsFromPEM(up.CA) {
			t.Fatal("no certificate")
		}
		conn, err := tls.Dial("tcp", up.Addr, &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12})
		if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
		if err == nil {
			_ = conn.Close()
		}
		up.Close()
	}
	if _, err := net.DialTimeout("tcp", Refused(), time.Second); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("refused port: %v", err)
	}
	garbage := RawListen(func(c net.Conn) { _, _ = c.Write([]byte("not TLS at all")) })
	defer garbage.Close()
	if _, err := tls.Dial("tcp", garbage.Addr, &tls.Config{MinVersion: tls.VersionTLS12}); err == nil {
		t.Error("garbage passed as TLS")
	}
}

func TestABlackHoleNeverAnswersAConnect(t *testing.T) {
	address, closeIt, err := BlackHole()
	if err != nil {
		t.Fatal(err)
	}
	defer closeIt()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	var d net.Dialer
	if c, err := d.DialContext(ctx, "tcp", address); err == nil || !errors.Is(err, context.DeadlineExceeded) && !os.IsTimeout(err) {
		t.Errorf("connected: %v, %v", c, err)
	}
}
