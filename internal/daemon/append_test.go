package daemon

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"prism/internal/admin"
	"prism/internal/ledger"
	"prism/internal/stream"
)

// importedEntry is one that did not pass through the gateway.
func importedEntry(id, model string) *ledger.Entry {
	e := &ledger.Entry{}
	e.Reset()
	e.RequestID, e.Source, e.StartedAt = id, "import:test", time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	e.Operation, e.ResponseModel, e.UsageSource = ledger.OpMessages, model, ledger.UsageFinal
	e.Usage.Input, e.PromptTokens = stream.Count(5), 5
	return e
}

func TestWhatIsAppendedIsInTheJournalAndIsNoExchange(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	r.start()
	c := admin.Dial(r.paths.Socket)
	followed := make(chan admin.Event, 8)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- c.Events(ctx, func(ev admin.Event) error { followed <- ev; return nil })
	}()
	var body []byte
	for _, v := range []ledger.Appendable{importedEntry("one", "unheard-of"), importedEntry("two", "unheard-of"), &ledger.Correction{RequestID: "one"}} {
		var err error
		if body, err = admin.AppendLine(body, v); err != nil {
			t.Fatal(err)
		}
	}
	res, err := c.Append(t.Context(), bytes.NewReader(body))
	if err != nil || res != (admin.AppendResult{Entries: 2, Corrections: 1}) {
		t.Fatalf("%+v, %v", res, err)
	}
	st, err := c.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if st.Requests != 0 || st.Today.Requests != 0 || len(st.Unpriced) != 1 {
		t.Errorf("%d requests, %d today, unpriced %q; want none, none and one model", st.Requests, st.Today.Requests, st.Unpriced)
	}
	stop()
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("the feed ended with %v", err)
	}
	if len(followed) != 0 {
		t.Errorf("%d exchanges were published", len(followed))
	}
	r.halt()
	kinds := map[ledger.Kind]int{}
	_, err = ledger.Source{Journal: r.paths.Journal}.Read(ledger.Watermark{}, func(rec *ledger.Record) error {
		kinds[rec.Kind]++
		return nil
	})
	if err != nil || kinds[ledger.KindClose] != 2 || kinds[ledger.KindCorrection] != 1 || kinds[ledger.KindOpen] != 0 {
		t.Errorf("the journal holds %v, %v", kinds, err)
	}
}
