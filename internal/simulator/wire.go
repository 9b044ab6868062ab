package simulator

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Cut is how a response ends before its end.
type Cut int

// The ways of cutting a response.
const (
	CutClean Cut = iota // as if it were complete: the last chunk is sent
	CutFIN              // the connection is closed, without the last chunk
	CutRST              // the connection is reset (SO_LINGER 0)
)

// wire is how an answer travels.
type wire struct {
	delay      time.Duration
	silence    *time.Duration // never answers; 0 = until the client leaves
	drop       *Cut           // ends before the headers
	dropReused *Cut           // the same, but only on a connection that was used before
	closeAfter *Cut           // closes the connection, unannounced, after the response

	cut       *Cut
	cutEvents int // cut after so many events, or
	cutBytes  int // after so many bytes of the body; -1 = not

	chunk      int // bytes per write; 0 = as large as can be
	chunkDelay time.Duration
	random     bool // chunk is the maximum of random sizes
	seed       uint64

	gzip          bool
	informational int // so many of status
	infoStatus    int
	rawHead       []string // header lines sent verbatim, on a hijacked connection
	raw           []byte   // the whole response, verbatim
}

// CutAfter ends the response after n events; n = 0 is headers without a body. A JSON body
// counts as one event.
func CutAfter(n int, how Cut) Answer {
	return set(func(p *plan) { p.wire.cut, p.wire.cutEvents, p.wire.cutBytes = &how, n, -1 })
}

// CutAtByte ends the response after n bytes of its body.
func CutAtByte(n int, how Cut) Answer {
	return set(func(p *plan) { p.wire.cut, p.wire.cutBytes = &how, n })
}

// HeaderThenClose sends the headers of a stream and ends it well-formed, without any event.
func HeaderThenClose() Answer { return CutAfter(0, CutClean) }

// CloseBeforeHeaders reads the request and ends the connection without an answer.
func CloseBeforeHeaders(how Cut) Answer { return set(func(p *plan) { p.wire.drop = &how }) }

// KeepAliveClose closes the connection exactly when it is used again: the request is read, and
// not answered. On a fresh connection the answer is given as usual; the request that met the
// closed connection does not use up the step.
func KeepAliveClose(how Cut) Answer { return set(func(p *plan) { p.wire.dropReused = &how }) }

// CloseAfterReply answers as if the connection stayed open, then closes it at once.
func CloseAfterReply(how Cut) Answer { return set(func(p *plan) { p.wire.closeAfter = &how }) }

// Silence reads the request and says nothing for d, then closes the connection; with 0 it
// says nothing until the client leaves or the server is closed.
func Silence(d time.Duration) Answer { return set(func(p *plan) { p.wire.silence = &d }) }

// SlowChunks writes the body in pieces of n bytes, d apart. Pieces ignore events, lines and
// runes.
func SlowChunks(n int, d time.Duration) Answer {
	return set(func(p *plan) { p.wire.chunk, p.wire.chunkDelay, p.wire.random = n, d, false })
}

// RandomChunks writes the body in pieces of 1 to n bytes. The sizes are the same for the same
// seed.
func RandomChunks(seed uint64, n int) Answer {
	return set(func(p *plan) { p.wire.chunk, p.wire.seed, p.wire.random = n, seed, true })
}

// Informational sends n informational responses (100, 102, 103) before the answer.
func Informational(status, n int) Answer {
	return set(func(p *plan) { p.wire.infoStatus, p.wire.informational = status, n })
}

// HeaderBomb adds one header of n bytes.
func HeaderBomb(n int) Answer { return Header("X-Bomb", strings.Repeat("b", n)) }

// ManyHeaders adds n headers.
func ManyHeaders(n int) Answer {
	h := http.Header{}
	for i := range n {
		h["X-Many-"+strconv.Itoa(i)] = []string{"m"}
	}
	return ExtraHeaders(h)
}

// RawHeaderLines adds header lines verbatim: bad folding, bad names, a second content length.
// The body ends with the connection.
func RawHeaderLines(lines ...string) Answer {
	return set(func(p *plan) { p.wire.rawHead = append(p.wire.rawHead, lines...) })
}

// BadFolding adds headers folded over several lines, one of them at the very beginning.
func BadFolding() Answer {
	return RawHeaderLines(" folded: before any header", "X-Folded: a", "\tb", " c")
}

// CloseDelimited sends the body without length and chunks; it ends with the connection.
func CloseDelimited() Answer { return RawHeaderLines("X-Delimited: close") }

// RawResponse writes exactly these bytes to the connection and closes it: anything that
// net/http would refuse to send.
func RawResponse(raw string) Answer { return set(func(p *plan) { p.wire.raw = []byte(raw) }) }

// BadChunks is a stream whose second chunk has no valid size.
func BadChunks() Answer {
	return RawResponse("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n" +
		"f\r\nevent: ping\ndata\r\nzz\r\n: {}\n\n\r\n0\r\n\r\n")
}

// GzipBomb is a body of n MiB of comment lines, gzip compressed a thousandfold though nobody
// asked for it.
func GzipBomb(n int) Answer {
	var member bytes.Buffer
	z := gzip.NewWriter(&member)
	_, _ = z.Write(bytes.Repeat([]byte(": bomb\n\n"), 1<<20/8))
	_ = z.Close()
	return RawBody(http.StatusOK, streamType, bytes.Repeat(member.Bytes(), n)).With(Header("Content-Encoding", "gzip"))
}
