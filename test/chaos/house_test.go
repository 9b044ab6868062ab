package chaos

import (
	"context"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/pricing"
	"prism/internal/proxy"
	"prism/internal/router"
	"prism/internal/simulator"
	"prism/internal/upstream"
)

// provider is a simulator behind a real server, with the one key it takes.
type provider struct {
	*simulator.Server
	name, key string
	run       *simulator.Running
}

// newProvider starts a simulator called name that answers unless it is told otherwise. An open one
// takes any key.
func newProvider(t *testing.T, name string, standard simulator.Answer, open bool) *provider {
	t.Helper()
	p := &provider{name: name, key: "canary-key-of-" + name + "-0123456789"}
	o := simulator.Options{Name: name, Key: p.key, Default: standard, Trace: true, CheckSignatures: true}
	if open {
		o.Key = ""
	}
	p.Server = simulator.New(o)
	p.run = p.Start()
	t.Cleanup(p.run.Close)
	return p
}

// profile is the profile of the provider.
func (p *provider) profile() config.Profile { return profileAt(p.name, p.run.URL, p.key) }

func profileAt(name, base, key string) config.Profile {
	return config.Profile{
		Name: name, BaseURL: base, Dialect: config.DialectAnthropic, Auth: config.AuthXAPIKey, APIKey: config.NewSecret(key),
		Keys:     []config.Key{{Secret: config.NewSecret(key)}},
		Provider: "anthropic", Multiplier: "1", InputIncludesCache: "auto",
	}
}

// house is a proxy on a real server, with a real journal.
type house struct {
	t       *testing.T
	url     string
	addr    string
	dir     string // of the journal
	router  *router.Router
	client  *http.Client
	journal *ledger.Journal
	done    chan struct{} // one for every close record
	swaps   uint64
}

// options are what a house is built of. The first profile is active.
type options struct {
	profiles []config.Profile
	timeouts upstream.Timeouts
	limits   proxy.Limits
	wrap     func(proxy.Journal) proxy.Journal // puts something before the journal
}

// patient are bounds that nothing in a healthy test comes near.
func patient() upstream.Timeouts {
	return upstream.Timeouts{Dial: 10 * time.Second, TLS: 10 * time.Second, Write: 10 * time.Second, FirstByte: 20 * time.Second, Idle: 20 * time.Second, IdleConn: 55 * time.Second}
}

// hurried are bounds for the faults that consist in waiting.
func hurried() upstream.Timeouts {
	return upstream.Timeouts{Dial: waitDial, TLS: waitDial, Write: 5 * time.Second, Idle: waitIdle, IdleConn: 55 * time.Second}
}

// hurry are the bounds of the proxy that go with them.
func hurry() proxy.Limits {
	return proxy.Limits{FirstByte: waitAlone, FirstByteFallback: waitHead, Hold: waitHold}
}

// eased are the same bounds times ease, where a test is about somebody who is just in time: a
// machine that is busy must not make him late.
func eased() (upstream.Timeouts, proxy.Limits) {
	t, l := hurried(), hurry()
	t.Idle, l.FirstByte, l.FirstByteFallback, l.Hold = ease*t.Idle, ease*l.FirstByte, ease*l.FirstByteFallback, ease*l.Hold
	return t, l
}

const ease = 4

// The bounds of a hurried house.
const (
	waitDial  = time.Second
	waitHead  = 600 * time.Millisecond // for the head of a stream, where somebody else could answer
	waitAlone = 3 * time.Second        // where nobody could, and for all attempts together
	waitIdle  = time.Second            // silence within a stream
	waitHold  = 150 * time.Millisecond // how long the beginning of a stream is held
)

func newHouse(t *testing.T, opt options) *house {
	t.Helper()
	if opt.timeouts == (upstream.Timeouts{}) {
		opt.timeouts = patient()
	}
	h := &house{t: t, dir: t.TempDir(), done: make(chan struct{}, 4096)}
	h.router = router.New(router.Options{Timeouts: opt.timeouts, Proxy: func(*http.Request) (*url.URL, error) { return nil, nil }}) //nolint:nilnil // as http.ProxyFromEnvironment
	h.swap(opt.profiles...)
	var err error
	if h.journal, _, err = ledger.OpenJournal(ledger.JournalOptions{Dir: h.dir, Reserve: -1}); err != nil {
		t.Fatal(err)
	}
	var records proxy.Journal = h.journal
	if opt.wrap != nil {
		records = opt.wrap(records)
	}
	h.serve(records, opt.limits)
	return h
}

// serve puts the proxy on a port of loopback until the test is over.
func (h *house) serve(records proxy.Journal, limits proxy.Limits) {
	h.t.Helper()
	var lc net.ListenConfig
	ln, err := lc.Listen(h.t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	h.addr = ln.Addr().String()
	h.url = "http://" + h.addr
	p, err := proxy.New(proxy.Options{
		Router: h.router, Journal: records, Hosts: []string{h.addr}, HostName: "chaos", Version: "chaos", Limits: limits,
		Finished: func(*ledger.Entry) { h.done <- struct{}{} },
	})
	if err != nil {
		h.t.Fatal(err)
	}
	srv := &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = srv.Serve(ln)
	}()
	tr := &http.Transport{DisableCompression: true}
	h.client = &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	h.t.Cleanup(func() {
		tr.CloseIdleConnections()
		_ = srv.Close()
		<-served
		ctx, stop := context.WithTimeout(context.WithoutCancel(h.t.Context()), 20*time.Second)
		defer stop()
		if err := p.Wait(ctx); err != nil {
			h.t.Errorf("handlers still run: %v", err)
		}
		h.router.Close()
		if err := h.journal.Shutdown(ctx); err != nil {
			h.t.Errorf("journal: %v", err)
		}
		if rows, opened := h.read(); len(rows) != opened {
			h.t.Errorf("%d requests were opened and %d closed", opened, len(rows))
		}
	})
}

// swap makes a table of these profiles the live one; the first one is active.
func (h *house) swap(profiles ...config.Profile) {
	h.t.Helper()
	book, err := pricing.Embedded()
	if err != nil {
		h.t.Fatal(err)
	}
	h.swaps++
	table, err := h.router.Compile(router.Source{
		Generation: h.swaps, Book: book, Profiles: &config.Profiles{Active: profiles[0].Name, Profiles: profiles},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.router.Swap(table)
}

// answer is what the client got.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error // that ended the body before its end, or the request before its answer
	took   time.Duration
}

// ask sends a request for a message.
func (h *house) ask(ctx context.Context, body string, header http.Header) answer {
	h.t.Helper()
	return h.post(ctx, "/v1/messages?beta=true", body, header)
}

// post sends one request and reads the answer to its end, whatever that is.
func (h *house) post(ctx context.Context, path, body string, header http.Header) answer {
	h.t.Helper()
	began := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	maps.Copy(req.Header, header)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Anthropic-Version", "2023-06-01")
	req.Header.Set("X-Api-Key", clientCredential)
	resp, err := h.client.Do(req)
	if err != nil {
		return answer{err: err, took: time.Since(began)}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{status: resp.StatusCode, header: resp.Header, body: b, err: err, took: time.Since(began)}
}

// clientCredential is the client's own. No provider may ever see it.
const clientCredential = "canary-credential-of-the-client-0123456789"

// rows waits for n more entries and returns all of them.
func (h *house) rows(n int) []ledger.Entry {
	h.t.Helper()
	limit := time.After(30 * time.Second)
	for i := range n {
		select {
		case <-h.done:
		case <-limit:
			h.t.Fatalf("%d of %d entries are missing", n-i, n)
		}
	}
	rows, _ := h.read()
	return rows
}

// read returns the entries of the journal, and how many open records it has. No request may have
// two records of a kind.
func (h *house) read() (rows []ledger.Entry, opened int) {
	h.t.Helper()
	seen := map[[2]string]int{}
	_, err := ledger.ReadSegments(h.dir, ledger.Watermark{}, func(r ledger.Record) error {
		switch r.Kind {
		case ledger.KindOpen:
			opened++
		case ledger.KindClose:
			var e ledger.Entry
			if err := r.Entry(&e); err != nil {
				return err
			}
			rows = append(rows, e)
		default:
			return nil
		}
		key := [2]string{string(r.Kind), r.RequestID}
		if seen[key]++; seen[key] > 1 {
			h.t.Errorf("request %s has %d %s records", r.RequestID, seen[key], r.Kind)
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return rows, opened
}
