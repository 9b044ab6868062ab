package dashboard

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"prism/internal/admin"
)

// A comment would do for the connection, but a page is not told of it, and could not tell a stream in
// which nothing happens from one that was cut.
func TestAStreamInWhichNothingHappensBeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{hub: newHub(newGateway(), admin.NewFeed(), nil), access: newAccess(time.Now, codeLife, "")}
		rec := httptest.NewRecorder()
		ctx, stop := context.WithCancel(t.Context())
		go s.follow(ctx, &stream{w: rec, rc: http.NewResponseController(rec)}, &reader{frames: make(chan frame)})
		time.Sleep(3*heartbeat + time.Second)
		stop()
		synctest.Wait()
		if n := strings.Count(rec.Body.String(), "event: beat\ndata: {}\n\n"); n != 3 {
			t.Errorf("three heartbeats later the page was told %q", rec.Body.String())
		}
	})
}
