package dashboard

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"prism/internal/admin"
)

const (
	writeStall = 10 * time.Second // a page that takes nothing for so long is gone
	heartbeat  = 15 * time.Second // so that a page that is gone is found
)

// events is the stream of what happens, for one page.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	v, err := s.hub.join(sessionOf(r.Context())) //nolint:contextcheck // the watch is for all pages, and outlives this one
	if err != nil {
		switch {
		case errors.Is(err, errCrowd):
			err = &admin.Error{Code: codeBusy, Message: "too many pages of the dashboard are open", Fix: "close some"}
		case errors.Is(err, errClosed):
			err = &admin.Error{Code: codeBusy, Message: "the gateway is about to stop", Fix: "prism start"}
		}
		s.reply(w, nil, err)
		return
	}
	defer s.hub.leave(v)
	// Asked for after joining: what changes from here on comes as an event.
	live, err := s.opt.Gateway.Live(r.Context(), 0)
	if err != nil {
		s.reply(w, nil, err)
		return
	}
	st, err := s.opt.Gateway.Status(r.Context())
	if err != nil {
		s.reply(w, nil, err)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	out := &stream{w: w, rc: http.NewResponseController(w), frame: s.hub.frame}
	if out.begin(&live, lastSeen(r, &live)) != nil || out.stand(&st, &live, s.opt.Gateway.Swaps()) != nil {
		return
	}
	s.follow(r.Context(), out, v)
}

// follow writes what comes until the page is gone, falls behind, or is signed out.
func (s *Server) follow(ctx context.Context, out *stream, v *reader) {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case f, ok := <-v.frames:
			if !ok {
				_ = out.write([]byte("event: bye\ndata: {}\n\n"))
				return
			}
			if f.seq > 0 && f.seq <= out.seen {
				continue
			}
			if out.write(f.text) != nil {
				return
			}
		case <-beat.C:
			s.hub.sweep(s.access.holds)
			if out.write([]byte("event: beat\ndata: {}\n\n")) != nil { // a page does not see comments
				return
			}
		}
	}
}

// stream is the answer to a page that reads events.
type stream struct {
	w     http.ResponseWriter
	rc    *http.ResponseController
	frame func(event string, v any, id string) (frame, bool)
	seen  int64 // number of the last exchange that was written before what comes
}

// begin says where the page stands, and tells again what it missed since the exchange with that
// number; -1 = it wants nothing of the past.
func (o *stream) begin(live *admin.Live, after int64) error {
	o.seen = live.Seq
	if err := o.write([]byte("retry: 2000\n\n")); err != nil {
		return err
	}
	list := live.Recent
	missed := int64(len(list))
	if after < 0 {
		missed = 0
	} else {
		missed = min(missed, live.Seq-after)
	}
	list = list[int64(len(list))-missed:]
	for i := range list {
		f, ok := o.frame("exchange", list[i], eventID(live.StartedAt, live.Seq-int64(len(list)-1-i)))
		if !ok {
			continue
		}
		if err := o.write(f.text); err != nil {
			return err
		}
	}
	f, _ := o.frame("hello", struct {
		StartedAt time.Time `json:"started_at"`
		Version   string    `json:"version"`
		Seq       int64     `json:"seq"`
	}{live.StartedAt, live.Version, live.Seq}, eventID(live.StartedAt, live.Seq))
	return o.write(f.text)
}

// stand says how everything is. Whoever joins others is told of changes alone from then on, and a
// browser that comes back by itself asks for nothing first.
func (o *stream) stand(st *admin.Status, live *admin.Live, swaps []admin.Swap) error {
	for _, now := range []struct {
		event string
		v     any
	}{{"flights", live.InFlight}, {"windows", live.Windows}, {"status", st}, {"notices", admin.Notices(*st)}, {"swaps", swaps}} {
		f, ok := o.frame(now.event, now.v, "")
		if !ok {
			continue
		}
		if err := o.write(f.text); err != nil {
			return err
		}
	}
	return nil
}

func (o *stream) write(b []byte) error {
	_ = o.rc.SetWriteDeadline(time.Now().Add(writeStall))
	if _, err := o.w.Write(b); err != nil {
		return err
	}
	return o.rc.Flush()
}

// lastSeen is the number of the last exchange that the page knows of; 0 = it knows none of this
// run, and -1 = it does not ask for the past.
func lastSeen(r *http.Request, live *admin.Live) int64 {
	id := r.Header.Get("Last-Event-ID")
	if id == "" {
		id = r.URL.Query().Get("after")
	}
	if id == "" {
		return -1
	}
	_, text, found := strings.Cut(id, "-")
	seq, err := strconv.ParseInt(text, 10, 64)
	if !found || err != nil || seq < 0 || seq > live.Seq || id != eventID(live.StartedAt, seq) {
		return 0
	}
	return seq
}
