package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http/httptrace"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Pool keeps the idle connections to one origin. It outlives tables: a swap that leaves an
// origin in use leaves its connections warm. The zero value is not usable; see [NewPool].
type Pool struct {
	target   Target
	timeouts Timeouts
	dialer   net.Dialer
	known    knowledge // of the provider; it may be used without a lock

	mu     sync.Mutex
	idle   []*conn     // newest last; guarded by mu
	timer  *time.Timer // guarded by mu; nil while nothing is kept
	closed bool        // guarded by mu
}

// Target is where a pool connects to.
type Target struct {
	Address string      // host:port
	TLS     *tls.Config // nil for plain HTTP, which is for loopback only
	Trust   [32]byte    // SHA-256 of the ca_file's text; zero for the system's roots
}

// Timeouts bounds the phases of an attempt. Zero means no bound.
type Timeouts struct {
	Dial      time.Duration // to the end of the TCP handshake
	TLS       time.Duration // the TLS handshake
	Write     time.Duration // a piece of the request that the peer does not take
	FirstByte time.Duration // from the request's last byte to the response's head
	Idle      time.Duration // silence within a response body
	IdleConn  time.Duration // a kept connection without a request
}

// maxIdle bounds the kept connections to one origin. One client with its sub-agents uses a
// handful; dialling again costs more than keeping, so a burst of thousands of streams finds
// its connections when it comes back within the idle time.
const maxIdle = 4096

var errPlainHTTP = errors.New("plain http is for loopback addresses only")

// NewPool returns an empty pool for one origin.
func NewPool(target Target, timeouts Timeouts) *Pool {
	p := &Pool{target: target, timeouts: timeouts}
	p.dialer = net.Dialer{Timeout: timeouts.Dial, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 15 * time.Second, Count: 4}, Control: p.control}
	return p
}

// control looks at the address that is really dialled, after the name was resolved: a name
// must not lead to a metadata service, and plain http must not leave the machine.
func (p *Pool) control(_, address string, rc syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("dial %s: %w", address, err)
	}
	ip := ap.Addr().Unmap()
	if ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() {
		return fmt.Errorf("dial %s: %w", address, errBadAddress)
	}
	if p.target.TLS == nil && !ip.IsLoopback() {
		return fmt.Errorf("dial %s: %w", address, errPlainHTTP)
	}
	return giveUpAfter(rc, deadPeer)
}

// deadPeer is how long a peer may leave what was sent unacknowledged. After a laptop's sleep,
// or a change of its network, the first request finds a connection that is dead without
// anybody having said so; the system itself would try for a quarter of an hour.
const deadPeer = 20 * time.Second

var errBadAddress = errors.New("link-local, multicast and unspecified addresses are refused")

// get returns a kept connection that is still alive, or a new one.
func (p *Pool) get(ctx context.Context, fresh bool) (*conn, error) {
	for !fresh {
		c := p.pop()
		if c == nil {
			break
		}
		if c.alive() {
			c.reused = true
			return c, nil
		}
		c.close()
	}
	return p.dial(ctx)
}

func (p *Pool) pop() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle)
	if n == 0 {
		return nil
	}
	c := p.idle[n-1]
	p.idle[n-1] = nil
	p.idle = p.idle[:n-1]
	return c
}

// put keeps c for the next request.
func (p *Pool) put(c *conn) {
	c.idleSince = time.Now()
	p.mu.Lock()
	if p.closed || len(p.idle) >= maxIdle {
		p.mu.Unlock()
		c.close()
		return
	}
	p.idle = append(p.idle, c)
	if p.timer == nil && p.timeouts.IdleConn > 0 {
		p.timer = time.AfterFunc(p.timeouts.IdleConn, p.sweep)
	}
	p.mu.Unlock()
}

// sweep closes what was idle too long and comes back only while something is kept: an idle
// gateway has no timers.
func (p *Pool) sweep() {
	p.mu.Lock()
	old := 0
	for old < len(p.idle) && p.idle[old].idleFor() >= p.timeouts.IdleConn {
		old++
	}
	dead := slices.Clone(p.idle[:old])
	p.idle = slices.Delete(p.idle, 0, old)
	p.timer = nil
	if len(p.idle) > 0 && !p.closed {
		wait := max(p.timeouts.IdleConn-p.idle[0].idleFor(), 10*time.Millisecond)
		p.timer = time.AfterFunc(wait, p.sweep)
	}
	p.mu.Unlock()
	for _, c := range dead {
		c.close()
	}
}

// Retire closes the kept connections, and those in use as soon as their exchange ends. The
// pool still dials for exchanges of an older table.
func (p *Pool) Retire() {
	p.mu.Lock()
	dead := p.idle
	p.idle = nil
	p.closed = true
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
	p.mu.Unlock()
	for _, c := range dead {
		c.close()
	}
}

func (p *Pool) dial(ctx context.Context) (*conn, error) {
	nc, err := p.dialer.DialContext(ctx, "tcp", p.target.Address)
	if err != nil {
		kind := kindOf(ctx, err)
		if kind != KindCanceled && kind != KindDNS {
			kind = KindDial
		}
		return nil, &Error{Kind: kind, Err: err}
	}
	if p.target.TLS == nil {
		return newConn(p, nc, nc), nil
	}
	tc := tls.Client(nc, p.target.TLS)
	hctx, cancel := ctx, context.CancelFunc(func() {})
	if p.timeouts.TLS > 0 {
		hctx, cancel = context.WithTimeout(ctx, p.timeouts.TLS)
	}
	defer cancel()
	// As the Transport does it: the dialer tells a trace of the rest.
	trace := httptrace.ContextClientTrace(ctx)
	if trace != nil && trace.TLSHandshakeStart != nil {
		trace.TLSHandshakeStart()
	}
	err = tc.HandshakeContext(hctx)
	if trace != nil && trace.TLSHandshakeDone != nil {
		trace.TLSHandshakeDone(tc.ConnectionState(), err)
	}
	if err != nil {
		_ = nc.Close()
		kind := KindTLS
		if ctx.Err() != nil {
			kind = KindCanceled
		}
		return nil, &Error{Kind: kind, Err: err}
	}
	return newConn(p, tc, nc), nil
}
