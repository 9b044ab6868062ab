package admin

import (
	"context"
	"testing"
)

// TestTheGatewayKnowsWhetherAFollowerHasADesktop: while one shows the notices, the gateway need not,
// and when it leaves the gateway does again.
func TestTheGatewayKnowsWhetherAFollowerHasADesktop(t *testing.T) {
	c, feed, _ := serve(t, &gate{})
	for _, tt := range []struct {
		follow func(context.Context, func(Event) error) error
		shown  bool
	}{{c.Events, false}, {c.EventsOnDesktop, true}} {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- tt.follow(ctx, func(Event) error { return nil }) }()
		waitFor(t, feed.Followed)
		waitFor(t, func() bool { return feed.ShownOnDesktop() == tt.shown })
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		waitFor(t, func() bool { return !feed.Followed() && !feed.ShownOnDesktop() })
	}
}

func TestFollowersSeeSwapsWhole(t *testing.T) {
	c, feed, _ := serve(t, &gate{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	got := make(chan Event, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- c.Events(ctx, func(ev Event) error { got <- ev; cancel(); return nil })
	}()
	waitFor(t, feed.Followed)
	feed.PublishSwap(Swap{Verdict: Verdict{OK: true, Active: "kimi", Previous: "work", Generation: 3}})
	ev := <-got
	if ev.Swap == nil || ev.Exchange != nil || ev.Swap.Active != "kimi" || ev.Swap.Generation != 3 {
		t.Errorf("they saw %+v", ev)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
