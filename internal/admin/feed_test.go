package admin

import (
	"context"
	"testing"
	"time"

	"prism/internal/ledger"
)

func TestFollowersSeeChangesOfHealthInTheirPlace(t *testing.T) {
	c, feed, _ := serve(t, &gate{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	events, ended := make(chan Event, 4), make(chan error, 1)
	go func() { ended <- c.Events(ctx, func(ev Event) error { events <- ev; return nil }) }()
	waitFor(t, func() bool { return feed.followers.Load() == 1 })

	at := time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)
	feed.PublishHealth(HealthOf(&ledger.HealthEvent{EventAt: at, Profile: "work", Key: "first", FromState: "ok", ToState: "denied", Why: "billing_error"}))
	feed.PublishHealth(HealthOf(&ledger.HealthEvent{EventAt: at, Profile: "work", FromState: "ok", ToState: "cooling", Until: at.Add(time.Minute)}))
	feed.Publish(entry("a"))
	if ev := <-events; ev.Exchange != nil || ev.Health == nil || *ev.Health != (HealthChange{EventAt: at, Profile: "work", Key: "first", From: "ok", To: "denied", Why: "billing_error"}) {
		t.Errorf("first %+v", ev)
	}
	if ev := <-events; ev.Health == nil || ev.Health.Until == nil || !ev.Health.Until.Equal(at.Add(time.Minute)) {
		t.Errorf("then %+v", ev)
	}
	if ev := <-events; ev.Health != nil || ev.Exchange == nil || ev.RequestID != "a" {
		t.Errorf("at last %+v", ev)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
