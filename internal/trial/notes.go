package trial

import (
	"crypto/sha256"
	"crypto/tls"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"time"

	"prism/internal/upstream"
)

// notes are the steps of the way to a provider as they happen; of each kind the first counts. The
// addresses of a host are tried by goroutines of their own, and the slower ones go on telling.
type notes struct {
	began time.Time

	mu      sync.Mutex
	steps   []Step        // guarded by mu
	open    string        // the step under way, "" = none; guarded by mu
	from    time.Time     // when it began, or the last one ended; guarded by mu
	reached time.Duration // to the connection, 0 = there was none; guarded by mu
}

func newNotes() *notes {
	now := time.Now()
	return &notes{began: now, from: now}
}

// trace is what notes down how a connection comes to be.
func (n *notes) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		DNSStart: func(httptrace.DNSStartInfo) { n.start(StepDNS) },
		DNSDone: func(found httptrace.DNSDoneInfo) {
			addresses := make([]string, len(found.Addrs))
			for i := range found.Addrs {
				addresses[i] = found.Addrs[i].String()
			}
			n.done(StepDNS, strings.Join(addresses, " "), found.Err)
		},
		ConnectStart: func(_, _ string) { n.start(StepConnect) },
		ConnectDone: func(_, address string, err error) {
			if err == nil { // else another address may do
				n.done(StepConnect, address, nil)
			}
		},
		TLSHandshakeStart: func() { n.start(StepTLS) },
		TLSHandshakeDone: func(state tls.ConnectionState, err error) {
			n.done(StepTLS, tls.VersionName(state.Version), err)
		},
	}
}

// start notes that a step is under way.
func (n *notes) start(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.open != name && n.find(name) < 0 {
		n.open, n.from = name, time.Now()
	}
}

// done notes that the step under way has ended.
func (n *notes) done(name, detail string, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.open != name {
		return
	}
	if err != nil {
		detail = err.Error()
	}
	n.add(Step{Name: name, OK: err == nil, Detail: detail})
	if name == StepConnect {
		n.reached = n.from.Sub(n.began)
	}
}

// add puts a step behind the others; mu is held.
func (n *notes) add(s Step) {
	now := time.Now()
	s.MS = float64(now.Sub(n.from).Microseconds()) / 1000
	n.steps = append(n.steps, s)
	n.open, n.from = "", now
}

// find is the index of a step, -1 where it was not taken; mu is held.
func (n *notes) find(name string) int {
	return slices.IndexFunc(n.steps, func(s Step) bool { return s.Name == name })
}

// end returns the steps with the last one, which may be there already: it went well as such, and
// yet nothing came of it.
func (n *notes) end(last Step) []Step {
	n.mu.Lock()
	defer n.mu.Unlock()
	if i := n.find(last.Name); i >= 0 {
		n.steps[i].OK, n.steps[i].Detail = last.OK, last.Detail
	} else {
		n.add(last)
	}
	return slices.Clone(n.steps)
}

// under is the step under way, or the one that failed; once there is a connection it is the answer.
func (n *notes) under() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	last := len(n.steps) - 1
	switch {
	case n.open != "":
		return n.open
	case last >= 0 && !n.steps[last].OK:
		return n.steps[last].Name
	}
	return StepAnswer
}

// connected is how long it took to connect; 0 = it did not come to that.
func (n *notes) connected() time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.reached
}

// noted is what makes the credentials of a cloud, which may take a login of its own.
type noted struct {
	upstream.Authorizer
	notes *notes
}

// Authorize implements [upstream.Authorizer].
func (a noted) Authorize(r *http.Request, sum func() [sha256.Size]byte) (http.Header, error) {
	a.notes.start(StepCredential)
	h, err := a.Authorizer.Authorize(r, sum)
	a.notes.done(StepCredential, "", err)
	return h, err
}
