package dashboard

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"prism/internal/admin"
)

// What the pages are told, and how often at most.
const (
	lookEvery   = 500 * time.Millisecond // requests under way
	statusEvery = 2 * time.Second
	settle      = 100 * time.Millisecond // exchanges that finish together are told together
	maxBurst    = 32                     // exchanges told at a time; a page that wants more asks for the requests
)

// watch is one time of looking: from the first reader's coming to the last one's going.
type watch struct {
	hub     *hub
	seq     int64     // of the last exchange that was told
	started time.Time // of the gateway
	told    map[string][]byte
	looked  time.Time // for the status
	swapped time.Time // of the last swap that was told
}

func (w *watch) run(ctx context.Context) {
	feed, unsubscribe := w.hub.feed.Subscribe()
	defer func() { unsubscribe() }()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	var soon <-chan time.Time // exchanges finished, and are told then
	for {
		select {
		case <-ctx.Done():
			return
		case ev, ok := <-feed:
			switch {
			case !ok: // it fell behind; what was missed is asked for below
				unsubscribe()
				feed, unsubscribe = w.hub.feed.Subscribe()
			case ev.Health != nil:
				w.tell(ctx, "health", ev.Health)
				continue
			case ev.Notice != nil:
				w.tell(ctx, "notice", ev.Notice)
				continue
			}
			if soon == nil {
				soon = time.After(settle)
			}
		case <-soon:
			soon = nil
			w.look(ctx, false)
		case <-look.C:
			w.look(ctx, true)
		}
	}
}

// look tells what finished since the last look, and with all also what is under way.
func (w *watch) look(ctx context.Context, all bool) {
	live, err := w.hub.source.Live(ctx, w.seq)
	if err != nil {
		return // the next look comes soon
	}
	w.exchanges(ctx, &live)
	if !all {
		return
	}
	w.changed(ctx, "flights", live.InFlight)
	w.changed(ctx, "windows", live.Windows)
	w.swaps(ctx)
	if time.Since(w.looked) < statusEvery {
		return
	}
	w.looked = time.Now()
	st, err := w.hub.source.Status(ctx)
	if err != nil {
		return
	}
	w.changed(ctx, "status", st)
	w.changed(ctx, "notices", admin.Notices(st))
}

// swaps tells those that came since the last look.
func (w *watch) swaps(ctx context.Context) {
	list := w.hub.source.Swaps()
	for _, s := range slices.Backward(list) {
		if s.At.After(w.swapped) {
			w.tell(ctx, "swap", s)
			w.looked = time.Time{} // the status has changed with it
		}
	}
	w.swapped = newest(list)
}

func newest(list []admin.Swap) time.Time {
	if len(list) == 0 {
		return time.Time{}
	}
	return list[0].At
}

// exchanges tells the newest ones of a burst, and how many it leaves out.
func (w *watch) exchanges(ctx context.Context, live *admin.Live) {
	if live.Seq <= w.seq {
		return
	}
	list := live.Recent
	if skipped := live.Seq - w.seq - int64(min(len(list), maxBurst)); skipped > 0 {
		list = list[len(list)-min(len(list), maxBurst):]
		w.tell(ctx, "skipped", struct {
			Count int64 `json:"count"`
		}{skipped})
	}
	w.seq = live.Seq
	for i := range list {
		seq := live.Seq - int64(len(list)-1-i)
		if f, ok := w.hub.frame("exchange", list[i], eventID(w.started, seq)); ok {
			f.seq = seq
			w.hub.send(ctx, f)
		}
	}
}

// changed tells v if it is not what was told last.
func (w *watch) changed(ctx context.Context, event string, v any) {
	f, ok := w.hub.frame(event, v, "")
	if !ok || bytes.Equal(w.told[event], f.text) {
		return
	}
	w.told[event] = f.text
	w.hub.send(ctx, f)
}

func (w *watch) tell(ctx context.Context, event string, v any) {
	if f, ok := w.hub.frame(event, v, ""); ok {
		w.hub.send(ctx, f)
	}
}

// frame writes an event of a text/event-stream. JSON of one line cannot end it early.
func (h *hub) frame(event string, v any, id string) (frame, bool) {
	data, err := json.Marshal(v)
	if err != nil {
		return frame{}, false
	}
	data = h.redact(data)
	var b bytes.Buffer
	b.Grow(len(data) + 64)
	if id != "" {
		b.WriteString("id: " + id + "\n")
	}
	b.WriteString("event: " + event + "\ndata: ")
	b.Write(data)
	b.WriteString("\n\n")
	return frame{text: b.Bytes()}, true
}

// eventID names an exchange by the gateway's start and its number since then: numbers of an earlier
// run mean nothing.
func eventID(started time.Time, seq int64) string {
	return fmt.Sprintf("%x-%d", started.UnixMilli(), seq)
}
