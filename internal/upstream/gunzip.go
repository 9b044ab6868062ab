package upstream

import (
	"bufio"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// plain is send, with an answer that was compressed although nobody asked for that laid open: what is
// to be written anew must be read.
func (u *Upstream) plain(req *http.Request, body *Body) (*http.Response, error) {
	resp, err := u.send(req, body)
	if err != nil {
		return nil, err
	}
	switch strings.ToLower(resp.Header.Get("Content-Encoding")) {
	case "gzip", "x-gzip":
		resp.Body = &gunzipped{src: resp.Body, buf: bufio.NewReaderSize(resp.Body, replyBuffer)}
		resp.Header.Del("Content-Encoding")
		resp.Header.Del("Content-Length")
		resp.ContentLength = -1
	}
	return resp, nil
}

// encoded tells whether a body is compressed in a way that cannot be read here.
func encoded(resp *http.Response) bool {
	v := resp.Header.Get("Content-Encoding")
	return v != "" && !strings.EqualFold(v, "identity")
}

// gunzipped is a gzip body laid open as it is read.
type gunzipped struct {
	src  io.ReadCloser
	buf  *bufio.Reader // of src
	z    *gzip.Reader  // nil until the first read
	more bool          // the last read left something, maybe
}

// Read implements io.Reader.
func (g *gunzipped) Read(p []byte) (n int, err error) {
	if g.z == nil {
		g.z, err = gzip.NewReader(g.buf)
	}
	if err == nil {
		n, err = g.z.Read(p)
	}
	g.more = n == len(p)
	if _, ours := errors.AsType[*Error](err); err == nil || ours || err == io.EOF { //nolint:errorlint // the bare EOF of a whole body
		return n, err
	}
	kind := KindProtocol
	if errors.Is(err, io.ErrUnexpectedEOF) {
		kind = KindEOF
	}
	return n, &Error{Kind: kind, Sent: true, Head: true, Err: err}
}

// Await waits as the body of the provider does. What is there may turn out to say nothing yet: then
// the read waits for the rest of it.
func (g *gunzipped) Await(d time.Duration) bool {
	src, ok := g.src.(interface{ Await(time.Duration) bool })
	return !ok || g.more || g.buf.Buffered() > 0 || src.Await(d)
}

// Close implements io.Closer.
func (g *gunzipped) Close() error { return g.src.Close() }
