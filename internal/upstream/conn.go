package upstream

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"
)

// maxHead bounds the head of a response: status line and headers, informational responses
// included.
const maxHead = 256 << 10

// maxInformational bounds the 1xx responses before the real one.
const maxInformational = 8

// conn is one connection to an origin. It belongs to one exchange at a time.
type conn struct {
	pool *Pool
	rw   net.Conn // what is read and written: TLS or plain
	raw  net.Conn // the TCP connection below it
	br   *bufio.Reader
	head []byte      // the request's head, reused
	vec  net.Buffers // head and body pieces of the request, reused
	vecs [4][]byte

	reused    bool
	idleSince time.Time
	budget    int // bytes that may still be read; -1 = no bound
	got       bool
	failed    error     // of the last read; net/http hides some of them behind its own
	armed     time.Time // when the read deadline of a body was last set; zero = not for this one
}

func newConn(p *Pool, rw, raw net.Conn) *conn {
	c := &conn{pool: p, rw: rw, raw: raw, budget: -1}
	c.br = bufio.NewReaderSize(c, 4<<10)
	return c
}

var errHeadTooLarge = errors.New("response head is larger than 256 KiB")

// Read implements io.Reader below the buffer: it bounds the head of a response and notes
// that something came.
func (c *conn) Read(p []byte) (int, error) {
	if c.budget == 0 {
		return 0, errHeadTooLarge
	}
	if c.budget > 0 && len(p) > c.budget {
		p = p[:c.budget]
	}
	n, err := c.rw.Read(p)
	c.failed = err
	if n > 0 {
		c.got = true
		if c.budget > 0 {
			c.budget -= n
		}
	}
	return n, err
}

func (c *conn) close() { _ = c.rw.Close() }

// idleFor is how long c was kept. The monotonic clock stands still while the machine sleeps,
// and the wall clock can be set back: the longer of the two counts.
func (c *conn) idleFor() time.Duration {
	return max(time.Since(c.idleSince), time.Now().Round(0).Sub(c.idleSince.Round(0)))
}

// alive tells whether a kept connection looks usable: the peer has neither closed it nor
// sent something that nobody asked for.
func (c *conn) alive() bool {
	if c.pool.timeouts.IdleConn > 0 && c.idleFor() >= c.pool.timeouts.IdleConn {
		return false
	}
	sc, ok := c.raw.(syscall.Conn)
	if !ok {
		return true
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	return quiet(rc)
}

// send writes the request. A peer that answers before it has read everything is not an
// error here: its response tells.
func (c *conn) send(body *Body) error {
	if d := sendWithin(c.pool.timeouts.Write, body.Size); d > 0 {
		_ = c.rw.SetWriteDeadline(time.Now().Add(d))
	}
	if body.File != nil {
		if _, err := c.rw.Write(c.head); err != nil {
			return err
		}
		n, err := io.Copy(c.rw, io.NewSectionReader(body.File, 0, body.Size))
		if err == nil && n != body.Size {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	if _, plain := c.rw.(*net.TCPConn); !plain {
		return c.sendTLS(body)
	}
	c.vec = append(net.Buffers(c.vecs[:0]), c.head)
	for _, p := range body.Pieces {
		if len(p) > 0 {
			c.vec = append(c.vec, p)
		}
	}
	_, err := c.vec.WriteTo(c.rw)
	c.vec, c.vecs = nil, [4][]byte{}
	return err
}

// sendWithin is how long sending a body may take where a peer that takes nothing is given up after
// t: a slow uplink needs its time, 32 KiB a second are granted on top. 0 = no bound.
func sendWithin(t time.Duration, size int64) time.Duration {
	if t <= 0 {
		return 0
	}
	return t + time.Duration(size/(32<<10))*time.Second
}

// sendTLS joins the head and small pieces, so that they share a record.
func (c *conn) sendTLS(body *Body) error {
	const join = 8 << 10
	for _, p := range body.Pieces {
		if len(p) == 0 {
			continue
		}
		if len(c.head)+len(p) <= join {
			c.head = append(c.head, p...)
			continue
		}
		if len(c.head) > 0 {
			if _, err := c.rw.Write(c.head); err != nil {
				return err
			}
			c.head = c.head[:0]
		}
		if _, err := c.rw.Write(p); err != nil {
			return err
		}
	}
	if len(c.head) == 0 {
		return nil
	}
	_, err := c.rw.Write(c.head)
	return err
}

// afterFailedWrite is how long a response is waited for once the request could not be written
// whole: a peer that refuses a body answers before it closes, or never.
const afterFailedWrite = time.Second

// response reads the head of the response, which must come within wait; 0 lifts the bound.
// Informational responses are passed over.
func (c *conn) response(req *http.Request, wait time.Duration) (*http.Response, error) {
	c.budget, c.got, c.failed = maxHead, false, nil
	c.silence(wait)
	for range maxInformational {
		resp, err := http.ReadResponse(c.br, req)
		if err != nil {
			if c.budget == 0 {
				err = errHeadTooLarge
			}
			return nil, err
		}
		if resp.StatusCode == http.StatusSwitchingProtocols {
			return nil, errSwitching
		}
		if resp.StatusCode >= 200 {
			c.budget = -1
			c.armed = time.Time{}
			return resp, nil
		}
	}
	return nil, errInformational
}

// silence bounds the time until the next byte; 0 lifts the bound.
func (c *conn) silence(d time.Duration) {
	var until time.Time
	if d > 0 {
		until = time.Now().Add(d)
	}
	_ = c.rw.SetReadDeadline(until)
}

var (
	errSwitching     = errors.New("101 Switching Protocols to a request that did not ask")
	errInformational = fmt.Errorf("more than %d informational responses", maxInformational)
)

// respBody is the body of a response. At its end the connection goes back to the pool.
type respBody struct {
	c    *conn
	body io.ReadCloser
	ctx  context.Context //nolint:containedctx // a body belongs to one request, as in net/http
	stop func() bool
	keep bool // the connection may serve another request
	done bool

	chunked bool // it comes in chunks

	failed error // of the connection, found by Await
}

// Await waits until a first byte of the body is there, the body ended, or d has passed. It
// returns false in the last case; the body can be read as before.
func (b *respBody) Await(d time.Duration) bool {
	if b.done || b.pending() {
		return true
	}
	b.c.silence(d)
	var err error
	for err == nil && !b.pending() {
		_, err = b.c.br.Peek(b.c.br.Buffered() + 1)
	}
	b.c.armed = time.Time{}
	if errors.Is(err, os.ErrDeadlineExceeded) && b.ctx.Err() == nil {
		return false
	}
	if !errors.Is(err, io.EOF) {
		b.failed = err // the kernel tells of a reset only once
	}
	return true
}

// pending tells whether something of the body is in the buffer. The line end after a chunk is
// nothing of it: where it comes late, a read would wait for the next chunk.
func (b *respBody) pending() bool {
	n := b.c.br.Buffered()
	if n == 0 || n > 2 || !b.chunked {
		return n > 0
	}
	p, _ := b.c.br.Peek(n)
	return string(p) != "\r\n"[:n]
}

// Read implements io.Reader.
func (b *respBody) Read(p []byte) (int, error) {
	if b.done {
		return 0, io.EOF
	}
	// Moving the deadline for every event would cost more than the event; an eighth of the
	// bound is precise enough.
	t := b.c.pool.timeouts.Idle
	if b.c.armed.IsZero() || t > 0 && time.Since(b.c.armed) > t/8 {
		b.c.armed = time.Now()
		b.c.silence(t)
	}
	n, err := 0, b.failed
	if err == nil {
		n, err = b.body.Read(p)
	}
	if err == nil {
		return n, nil
	}
	b.done = true
	if err == io.EOF && b.failed == nil {
		b.release()
		return n, io.EOF
	}
	b.stop()
	b.c.close()
	return n, &Error{Kind: kindOf(b.ctx, err), Reused: b.c.reused, Sent: true, Head: true, Err: err}
}

func (b *respBody) release() {
	if b.stop() && b.keep && b.c.rested() {
		b.c.pool.put(b.c)
		return
	}
	b.c.close()
}

// Close implements io.Closer. A body that was not read to its end costs the connection: that
// is how the provider learns that nobody listens any more.
func (b *respBody) Close() error {
	if !b.done {
		b.done = true
		b.stop()
		b.c.close()
	}
	return nil
}

// rested tells whether nothing came behind the answer: neither into the buffer nor, of a TLS record
// that was read already, into the connection, where nobody sees it from outside.
func (c *conn) rested() bool {
	if c.br.Buffered() > 0 || c.rw == c.raw {
		return c.br.Buffered() == 0
	}
	_ = c.rw.SetReadDeadline(time.Unix(1, 0))
	_, err := c.br.Peek(1)
	_ = c.rw.SetReadDeadline(time.Time{})
	return errors.Is(err, os.ErrDeadlineExceeded)
}
