package admin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"
	"time"

	"prism/internal/ledger"
)

// ErrNotRunning means that no gateway answers at the socket.
var ErrNotRunning = errors.New("prism is not running")

// Limits of one call; a caller's context may be shorter.
const (
	dialTimeout  = time.Second
	quickTimeout = 5 * time.Second
	slowTimeout  = 60 * time.Second // a reload may wait for a key service, a fold for a lock
)

// maxReply bounds an answer and a line of the feed, in bytes.
const maxReply = 4 << 20

// Client speaks to a running gateway. It may be used by several goroutines.
type Client struct {
	http *http.Client
}

// Dial returns a client of the gateway behind socket. It connects with the first call, not
// here.
func Dial(socket string) *Client {
	d := net.Dialer{Timeout: dialTimeout}
	return &Client{http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return d.DialContext(ctx, "unix", socket)
		},
		DisableCompression: true,
		DisableKeepAlives:  true,
	}}}
}

// Status asks the gateway about itself.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var st Status
	err := c.call(ctx, quickTimeout, request{http.MethodGet, "/v1/status", nil}, &st)
	return st, err
}

// Reload makes the gateway read its files now; with force also when the text is the same.
func (c *Client) Reload(ctx context.Context, force bool) (Verdict, error) {
	var v Verdict
	err := c.call(ctx, slowTimeout, request{http.MethodPost, "/v1/reload", reloadRequest{force}}, &v)
	return v, err
}

// Use makes the profile with that name active; "-" is the one that was active before.
func (c *Client) Use(ctx context.Context, name string) (Verdict, error) {
	var v Verdict
	err := c.call(ctx, slowTimeout, request{http.MethodPost, "/v1/use", useRequest{name}}, &v)
	return v, err
}

// Trust confirms the host that the file names for the profile, and reloads.
func (c *Client) Trust(ctx context.Context, profile string) (Verdict, error) {
	var v Verdict
	err := c.call(ctx, slowTimeout, request{http.MethodPost, "/v1/trust", trustRequest{profile}}, &v)
	return v, err
}

// Fold moves what waits in the journal into DuckDB.
func (c *Client) Fold(ctx context.Context) (ledger.FoldResult, error) {
	var res ledger.FoldResult
	err := c.call(ctx, slowTimeout, request{http.MethodPost, "/v1/fold", nil}, &res)
	return res, err
}

// Events calls fn with every exchange that finishes from now on, every change of health and every notice, until
// ctx ends (nil), fn fails, or the gateway goes away ([ErrNotRunning]).
func (c *Client) Events(ctx context.Context, fn func(Event) error) error {
	return c.follow(ctx, "/v1/follow", fn)
}

// EventsOnDesktop is [Client.Events] for who shows the notices among them on the desktop. While it
// follows, the gateway shows none itself.
func (c *Client) EventsOnDesktop(ctx context.Context, fn func(Event) error) error {
	return c.follow(ctx, "/v1/follow?desktop=1", fn)
}

func (c *Client) follow(ctx context.Context, path string, fn func(Event) error) error {
	resp, err := c.do(ctx, request{http.MethodGet, path, nil})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	sc := bufio.NewScanner(resp.Body)
	sc.Buffer(nil, maxReply)
	for sc.Scan() {
		var ev Event
		if err := json.Unmarshal(sc.Bytes(), &ev); err != nil {
			return fmt.Errorf("read the feed: %w", err)
		}
		if err := fn(ev); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return ErrNotRunning
}

type request struct {
	method, path string
	body         any // an io.Reader goes as it is, anything else as JSON
}

func (c *Client) call(ctx context.Context, limit time.Duration, q request, into any) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	resp, err := c.do(ctx, q)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxReply)).Decode(into); err != nil {
		return fmt.Errorf("read the answer of the gateway: %w", err)
	}
	return nil
}

// do returns only answers of status 200; the caller closes the body.
func (c *Client) do(ctx context.Context, q request) (*http.Response, error) {
	var body io.Reader = http.NoBody
	if stream, ok := q.body.(io.Reader); ok {
		body = stream
	} else if q.body != nil {
		b, err := json.Marshal(q.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, q.method, "http://prism"+q.path, body)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if absent(err) {
			return nil, ErrNotRunning
		}
		// The URL in the client's words names a host that does not exist.
		if plain, ok := errors.AsType[*url.Error](err); ok {
			err = plain.Err
		}
		return nil, fmt.Errorf("ask the gateway: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		var e errorReply
		if err := json.NewDecoder(io.LimitReader(resp.Body, maxReply)).Decode(&e); err != nil || e.Error == nil {
			return nil, fmt.Errorf("the gateway answered %s to %s", resp.Status, q.path)
		}
		return nil, e.Error
	}
	return resp, nil
}

// absent tells whether err means that nobody listens, as opposed to somebody who is slow.
func absent(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}
