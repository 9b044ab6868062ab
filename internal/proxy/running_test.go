package proxy

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
)

func TestWaitingEndsWithTheLastHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r running
		if err := r.wait(t.Context()); err != nil {
			t.Errorf("nothing runs: %v", err)
		}
		r.add()
		r.add()
		ended := make(chan error, 2)
		for range 2 {
			go func() { ended <- r.wait(t.Context()) }()
		}
		synctest.Wait()
		r.done()
		synctest.Wait()
		if len(ended) > 0 {
			t.Fatal("one handler still runs")
		}
		r.done()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestWaitingIsGivenUpWithItsContext(t *testing.T) {
	var r running
	r.add()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the context's error", err)
	}
}

func TestHandlersBeginWhileSomebodyWaits(t *testing.T) {
	var r running
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() { r.add(); r.done() })
		all.Go(func() {
			if err := r.wait(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
