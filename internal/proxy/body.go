package proxy

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"mime"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"
)

// bodies hands out memory for request bodies within a global budget, up to 4 MiB in powers of
// two.
type bodies struct {
	budget int64
	used   atomic.Int64
	pools  [maxClass + 1]sync.Pool
}

const (
	minClass = 12      // 4 KiB
	maxClass = 22      // 4 MiB; larger ones are rare and left to the collector
	bigStep  = 1 << 20 // what larger ones are rounded up to
	firstBuf = 64 << 10
)

func class(n int) int { return max(minClass, bits.Len(uint(n-1))) }

// get returns n bytes, or nil when the budget is used up. Only what was really read counts
// against it: a body that is merely announced costs nothing.
func (b *bodies) get(n int) []byte {
	c := class(n)
	size := int64(1) << c
	if c > maxClass {
		size = (int64(n) + bigStep - 1) / bigStep * bigStep
	}
	if b.used.Add(size) > b.budget {
		b.used.Add(-size)
		return nil
	}
	if c <= maxClass {
		if p, ok := b.pools[c].Get().(*[]byte); ok {
			return (*p)[:n]
		}
	}
	return make([]byte, n, size)
}

// put takes back what get returned.
func (b *bodies) put(buf []byte) {
	if cap(buf) == 0 {
		return
	}
	c := bits.Len(uint(cap(buf) - 1))
	b.used.Add(-int64(cap(buf)))
	if c >= minClass && c <= maxClass && cap(buf) == 1<<c {
		buf = buf[:0]
		b.pools[c].Put(&buf)
	}
}

// reading is one body being read.
type reading struct {
	p     *Proxy
	rc    *http.ResponseController
	src   io.Reader
	limit int64 // bytes in memory
	buf   []byte
	n     int
}

var (
	errBusy     = errors.New("body budget is used up")
	errTooLarge = errors.New("body is larger than allowed")
)

// memory reads the whole body into pooled memory. It stops with errTooLarge at the limit;
// what was read until then is in buf.
func (b *reading) memory(announced int64) error {
	size := firstBuf
	if announced >= 0 && announced < firstBuf {
		size = int(announced) + 1
	}
	if b.buf = b.p.bodies.get(size); b.buf == nil {
		return errBusy
	}
	for {
		if b.n == len(b.buf) {
			if int64(b.n) > b.limit {
				return errTooLarge
			}
			if !b.grow(announced) {
				return errBusy
			}
		}
		b.arm()
		n, err := b.src.Read(b.buf[b.n:])
		b.n += n
		if int64(b.n) > b.limit {
			return errTooLarge
		}
		if errors.Is(err, io.EOF) {
			b.buf = b.buf[:b.n]
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// grow doubles the buffer, or jumps to the announced size once a quarter of it is there.
func (b *reading) grow(announced int64) bool {
	want := int64(2 * len(b.buf))
	if announced > want && announced <= b.limit && int64(b.n) >= announced/4 {
		want = announced + 1
	}
	next := b.p.bodies.get(int(min(want, b.limit+1)))
	if next == nil {
		return false
	}
	copy(next, b.buf[:b.n])
	b.p.bodies.put(b.buf)
	b.buf = next
	return true
}

// arm bounds the silence within a body.
func (b *reading) arm() {
	if t := b.p.opt.Limits.BodyStall; t > 0 {
		_ = b.rc.SetReadDeadline(time.Now().Add(t))
	}
}

// disarm lifts the bound: net/http watches the connection for the client's end from here on.
func (b *reading) disarm() {
	if b.p.opt.Limits.BodyStall > 0 {
		_ = b.rc.SetReadDeadline(time.Time{})
	}
}

// release gives the memory back.
func (b *reading) release() {
	b.p.bodies.put(b.buf)
	b.buf = nil
}

// readBody reads the request's body whole: into memory, or for operations without a model
// that are larger, into an unlinked temporary file.
func (x *exchange) readBody(t *target) *refusal {
	r := x.r
	if ref := checkType(r, t); ref != nil {
		return ref
	}
	limit := x.p.opt.Limits.Body
	if r.ContentLength > limit && t.modelled() {
		return tooLarge(fmt.Sprintf("prism: the body is larger than %d MiB", limit>>20))
	}
	b := &reading{p: x.p, rc: x.rc, limit: limit}
	b.arm() // a decoder begins to read at once
	defer b.disarm()
	src, done, ref := decoder(r)
	if ref != nil {
		return ref
	}
	defer done()
	announced := r.ContentLength
	if r.Header.Get("Content-Encoding") != "" {
		announced = -1
	}
	b.src = src
	err := b.memory(announced)
	if errors.Is(err, errTooLarge) && !t.modelled() {
		err = x.spill(b)
	}
	if err != nil {
		b.release()
		return x.bodyRefusal(err, limit)
	}
	x.raw = b.buf
	return nil
}

// bodyRefusal turns a failure to read the body into an answer.
func (x *exchange) bodyRefusal(err error, limit int64) *refusal {
	var ref *refusal
	switch {
	case errors.Is(err, errBusy):
		return busy()
	case errors.Is(err, errTooLarge):
		return tooLarge(fmt.Sprintf("prism: the body is larger than %d MiB", limit>>20))
	case errors.Is(err, os.ErrDeadlineExceeded):
		return stalled()
	case errors.Is(err, errSpill):
		ref = refuse(http.StatusInsufficientStorage, "api_error", "no_space", "prism: the body could not be kept in a temporary file")
	default:
		ref = badRequest("bad_body", "prism: the request body could not be read")
	}
	ref.close = true
	return ref
}

var errSpill = errors.New("temporary file")

// spill moves a large body to a file without a name: it is gone with the process.
func (x *exchange) spill(b *reading) error {
	f, err := os.CreateTemp("", "prism-body-*")
	if err != nil {
		return fmt.Errorf("%w: %w", errSpill, err)
	}
	_ = os.Remove(f.Name())
	x.file = f
	if _, err := f.Write(b.buf[:b.n]); err != nil {
		return fmt.Errorf("%w: %w", errSpill, err)
	}
	size, limit := int64(b.n), x.p.opt.Limits.FileBody
	for {
		b.arm()
		n, err := b.src.Read(b.buf)
		if size += int64(n); size > limit {
			return errTooLarge
		}
		if _, werr := f.Write(b.buf[:n]); werr != nil {
			return fmt.Errorf("%w: %w", errSpill, werr)
		}
		if errors.Is(err, io.EOF) {
			x.fileSize = size
			b.release()
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// checkType refuses a POST that is not JSON where the Messages API wants JSON: a web page can
// send text/plain without being asked first, but not application/json.
func checkType(r *http.Request, t *target) *refusal {
	if r.Method != http.MethodPost || !t.modelled() {
		return nil
	}
	typ, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || typ != "application/json" || len(r.Header["Content-Type"]) > 1 {
		return unsupported("not_json", "prism: the content type must be application/json")
	}
	return nil
}

// maxWindow is the zstd window that RFC 8878 asks every decoder to accept. It is memory beside
// the budget.
const maxWindow = 8 << 20

// decoder undoes the content encoding, so that the body can be routed and is sent on plain.
func decoder(r *http.Request) (src io.Reader, done func(), ref *refusal) {
	switch enc := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); enc {
	case "", "identity":
		return r.Body, func() {}, nil
	case "gzip":
		z, err := gzip.NewReader(r.Body)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, nil, stalled()
		}
		if err != nil {
			return nil, nil, badRequest("bad_encoding", "prism: the body is not gzip")
		}
		return z, func() { _ = z.Close() }, nil
	case "zstd":
		z, err := zstd.NewReader(r.Body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, nil, badRequest("bad_encoding", "prism: the body is not zstd")
		}
		return z, z.Close, nil
	}
	return nil, nil, unsupported("bad_encoding", "prism: this content encoding is not supported; send gzip, zstd or none")
}
