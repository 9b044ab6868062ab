package proxy

import (
	"net/http"
	"os"
	"time"

	"prism/internal/stream"
	"prism/internal/upstream"
)

// keepaliveComment is what a client gets that waits. It gives up a stream after 300 s without a
// byte, and counts a comment as some.
const keepaliveComment = ": keepalive\n\n"

// await keeps the client of a committed stream waiting while the upstream is silent, if its
// profile wants that or its upstream translates: with comments between two events, which belong to none. nil means that the
// body is to be read now. It waits in the place of the read, and so not longer than a read may.
func (x *exchange) await(resp *http.Response) error {
	if !x.route.Profile.Keepalive && x.told == nil || x.metered != stream.KindSSE || !x.meter.AtBoundary() {
		return nil
	}
	body, ok := resp.Body.(interface{ Await(time.Duration) bool })
	if !ok {
		return nil
	}
	bound := x.route.Silence()
	for waited := time.Duration(0); ; {
		wait := x.p.opt.Limits.Keepalive
		if bound > 0 {
			wait = min(wait, bound-waited)
		}
		if body.Await(wait) {
			return nil
		}
		if waited += wait; bound > 0 && waited >= bound {
			return &upstream.Error{Kind: upstream.KindTimeout, Sent: true, Head: true, Err: os.ErrDeadlineExceeded}
		}
		if err := x.comment(); err != nil {
			return err
		}
	}
}

// comment sends a comment to the client. It is no part of the answer, and so not counted as one.
func (x *exchange) comment() error {
	before := x.entry.ResponseBytes
	err := x.send([]byte(keepaliveComment))
	x.entry.ResponseBytes = before
	x.flight.bytes.Store(int64(before))
	return err
}
