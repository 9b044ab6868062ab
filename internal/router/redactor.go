package router

import (
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"prism/config"
)

// maxRemembered bounds the secrets of earlier files that a [Redactor] looks for.
const maxRemembered = 64

// Redactor replaces the secrets of all files that were read lately, live or refused, in whatever
// leaves the process beside the route itself: the log, errors, status. It remembers more than the
// live table because a key that was just exchanged still opens what it opened. A nil Redactor
// replaces nothing.
type Redactor struct {
	live atomic.Pointer[redactor]

	mu    sync.Mutex
	known []named // the newest first; guarded by mu
}

// NewRedactor returns a Redactor that knows no secret yet.
func NewRedactor() *Redactor { return &Redactor{} }

// Learn adds the secrets of a file, which may be nil.
func (r *Redactor) Learn(p *config.Profiles) {
	if r == nil || p == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	all := secretsOf(p)
	if !slices.ContainsFunc(all, func(s named) bool { return !holds(r.known, s) }) {
		return
	}
	older := slices.DeleteFunc(slices.Clone(r.known), func(s named) bool { return holds(all, s) })
	if len(older) > maxRemembered {
		older = older[:maxRemembered]
	}
	r.known = append(all, older...)
	r.live.Store(newRedactor(r.known))
}

func holds(all []named, s named) bool {
	return slices.ContainsFunc(all, func(k named) bool { return k.name == s.name && k.secret.Equal(s.secret) })
}

// Redact returns s with every secret replaced by [redacted:PROFILE], in clear and in the encodings
// in which secrets travel.
func (r *Redactor) Redact(s string) string {
	if r == nil {
		return s
	}
	return r.live.Load().text(s)
}

// Writer returns a writer that redacts what is written to it, one line of a log or one message at
// a time, and passes it on to w.
func (r *Redactor) Writer(w io.Writer) io.Writer { return redacting{r, w} }

type redacting struct {
	r *Redactor
	w io.Writer
}

// Write implements io.Writer.
func (x redacting) Write(line []byte) (int, error) {
	if x.r == nil {
		return x.w.Write(line)
	}
	if _, err := x.w.Write(x.r.live.Load().bytes(line)); err != nil {
		return 0, err
	}
	return len(line), nil
}
