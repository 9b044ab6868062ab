package dashboard

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"prism/internal/admin"
)

// Bounds of the answers that are remembered.
const (
	keptAnswers = 64
	keptBytes   = 512 << 10   // of one
	freshFor    = time.Second // it is given again without asking
	staleFor    = 24 * time.Hour
	answerLimit = 20 * time.Second // of a question, waiting for the ledger included
)

// keeper remembers answers for a moment, so that three pages that ask the same cost one query, and
// for longer, to show where the ledger cannot be read.
type keeper struct {
	now     func() time.Time
	running sync.WaitGroup // questions that are being asked

	mu      sync.Mutex // guards what follows
	closed  bool
	answers map[string]keptAnswer
	flights map[string]*flight
}

// keptAnswer is an answer, as JSON, and when it was read.
type keptAnswer struct {
	body []byte
	at   time.Time
}

// flight is a question that is being asked, for everybody who wants to know.
type flight struct {
	done    chan struct{} // closed at its end
	cancel  context.CancelFunc
	waiting int // for the answer
	answer  keptAnswer
	err     error
}

func newKeeper(now func() time.Time) *keeper {
	return &keeper{now: now, answers: map[string]keptAnswer{}, flights: map[string]*flight{}}
}

// close ends what is being asked, and waits for it.
func (k *keeper) close() {
	k.mu.Lock()
	k.closed = true
	for _, f := range k.flights {
		f.cancel()
	}
	k.mu.Unlock()
	k.running.Wait()
}

// question computes an answer from the values of a query.
type question func(ctx context.Context, values url.Values) (any, error)

// answered is the handler of a question.
func (d *Data) answered(ask question) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		values := r.URL.Query()
		if id := r.PathValue("id"); id != "" {
			values.Set("id", id)
		}
		key := r.Pattern + "?" + values.Encode()
		a, err := d.kept.get(r.Context(), key, func(ctx context.Context) ([]byte, error) {
			v, err := ask(ctx, values)
			if err != nil {
				return nil, err
			}
			text, err := json.Marshal(v)
			if err != nil {
				return nil, fmt.Errorf("dashboard: write an answer: %w", err)
			}
			return d.redact(text), nil
		})
		stale := false
		if err != nil {
			if a, stale = d.kept.stale(key, err); !stale {
				d.reply(w, nil, err)
				return
			}
		}
		d.write(w, a, stale, began)
	}
}

// redact takes keys out of a text.
func (d *Data) redact(text []byte) []byte {
	if d.opt.Redact == nil {
		return text
	}
	return d.opt.Redact(text)
}

// reply is [reply] without any key, wherever it stands: what is wrong with a query may repeat it.
func (d *Data) reply(w http.ResponseWriter, v any, err error) {
	if err != nil {
		err = d.told(err)
	}
	replyWithout(w, d.redact, v, err)
}

// told puts into words what a page is to know of an error.
func (d *Data) told(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return &admin.Error{Code: codeBusy, Message: "the ledger is busy with other questions", Fix: "try again"}
	}
	return err
}

// write sends an answer, and says how old it is.
func (d *Data) write(w http.ResponseWriter, a keptAnswer, stale bool, began time.Time) {
	head := map[string]any{"at": a.at.UTC().Format(time.RFC3339Nano), "took_ms": time.Since(began).Milliseconds(), "stale": stale}
	if stale {
		head["age_s"] = int(d.opt.Now().Sub(a.at).Seconds())
	}
	text, err := json.Marshal(head)
	if err != nil {
		d.reply(w, nil, err)
		return
	}
	rest := bytes.TrimPrefix(a.body, []byte("{"))
	if text = text[:len(text)-1]; len(rest) > 1 {
		text = append(text, ',')
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)+len(rest)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(text) // the browser has left: nobody is there to be told
	_, _ = w.Write(rest)
}

// get returns what was just answered, or joins who asks the same, or asks. The asking goes on as long
// as anybody waits for it.
func (k *keeper) get(ctx context.Context, key string, ask func(context.Context) ([]byte, error)) (keptAnswer, error) {
	k.mu.Lock()
	if a, known := k.answers[key]; known && k.now().Sub(a.at) < freshFor {
		k.mu.Unlock()
		return a, nil
	}
	f := k.flights[key]
	if f == nil {
		if k.closed {
			k.mu.Unlock()
			return keptAnswer{}, context.Canceled
		}
		f = k.start(ctx, key, ask)
	}
	f.waiting++
	k.mu.Unlock()
	select {
	case <-f.done:
		return f.answer, f.err
	case <-ctx.Done():
		k.leave(key, f)
		return keptAnswer{}, ctx.Err()
	}
}

// leave tells that one waits no longer. A question that nobody waits for is given up.
func (k *keeper) leave(key string, f *flight) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if f.waiting--; f.waiting > 0 {
		return
	}
	f.cancel()
	if k.flights[key] == f {
		delete(k.flights, key) // whoever comes now asks anew
	}
}

// start asks. It is called with the lock held.
func (k *keeper) start(ctx context.Context, key string, ask func(context.Context) ([]byte, error)) *flight {
	f := &flight{done: make(chan struct{})}
	ctx, f.cancel = context.WithTimeout(context.WithoutCancel(ctx), answerLimit)
	k.flights[key] = f
	k.running.Go(func() {
		defer f.cancel()
		body, err := ask(ctx)
		k.mu.Lock()
		defer k.mu.Unlock()
		f.answer, f.err = keptAnswer{body, k.now()}, err
		if k.flights[key] == f {
			delete(k.flights, key)
		}
		if err == nil {
			k.keep(key, f.answer)
		}
		close(f.done)
	})
	return f
}

// keep remembers an answer in place of the oldest one. It is called with the lock held.
func (k *keeper) keep(key string, a keptAnswer) {
	if len(a.body) > keptBytes {
		return
	}
	if _, known := k.answers[key]; !known && len(k.answers) >= keptAnswers {
		oldest := ""
		for other, b := range k.answers {
			if oldest == "" || b.at.Before(k.answers[oldest].at) {
				oldest = other
			}
		}
		delete(k.answers, oldest)
	}
	k.answers[key] = a
}

// stale returns the last answer where err says that the ledger cannot be read just now.
func (k *keeper) stale(key string, err error) (keptAnswer, bool) {
	e, ours := errors.AsType[*admin.Error](err)
	if !errors.Is(err, context.DeadlineExceeded) && (!ours || e.Code != admin.CodeLedgerBusy && e.Code != admin.CodeSQLLimit) {
		return keptAnswer{}, false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	a, known := k.answers[key]
	return a, known && k.now().Sub(a.at) < staleFor
}
