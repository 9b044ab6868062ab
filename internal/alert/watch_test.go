package alert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"prism/internal/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// desk answers queries from a map, and keeps what was told.
type desk struct {
	mu     sync.Mutex
	values map[string]Answer
	err    error
	asked  []string
	events []string
}

func (d *desk) ask(_ context.Context, queries []string) ([]Answer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, strings.Join(queries, "+"))
	if d.err != nil {
		return nil, d.err
	}
	out := make([]Answer, len(queries))
	for i, q := range queries {
		out[i] = d.values[q]
	}
	return out, nil
}

func (d *desk) event(ev *ledger.AlertEvent) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = append(d.events, ev.Name+" "+ev.State+" "+ev.Value)
}

func (d *desk) set(query string, a Answer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.values[query], d.err = a, nil
}

func (d *desk) take(list *[]string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := *list
	*list = nil
	return out
}

func run(t *testing.T, d *desk, last func(string) (ledger.AlertEvent, bool), rules ...Rule) *Watcher {
	t.Helper()
	w, err := New(Options{Rules: rules, Ask: d.ask, Event: d.event, Last: last})
	if err != nil {
		t.Fatal(err)
	}
	go w.Run(t.Context())
	synctest.Wait()
	return w
}

func TestQueriesRunWhenTheyAreDueAndTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{values: map[string]Answer{}}
		run(t, d, nil, Rule{Name: "a", Query: "qa", Above: "1", Every: time.Minute, Then: "notify"}, Rule{Name: "b", Query: "qb", Above: "1", Every: 2 * time.Minute, Then: "notify"})
		time.Sleep(4*time.Minute + time.Second)
		synctest.Wait()
		if got := d.take(&d.asked); !slices.Equal(got, []string{"qa+qb", "qa", "qa+qb", "qa", "qa+qb"}) {
			t.Errorf("asked %q", got)
		}
	})
}

func TestAnAlertIsToldWhenItBeginsAndWhenItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{values: map[string]Answer{}}
		w := run(t, d, nil, Rule{Name: "a", Query: "q", Above: "10", Below: "2", Every: time.Minute, Then: "block", Profile: "work"})
		steps := []struct {
			answer Answer
			want   []string
			stops  bool
		}{
			{Answer{Value: "5"}, nil, false},
			{Answer{Value: "10"}, nil, false}, // not above
			{Answer{Value: "10.0000000001"}, []string{"a reached 10.0000000001"}, true},
			{Answer{Value: "9e99"}, nil, true},
			{Answer{}, nil, true}, // no figure: nothing is known
			{Answer{Err: "gone"}, []string{"a failed "}, true},
			{Answer{Err: "gone"}, nil, true},
			{Answer{Value: "2"}, []string{"a cleared 2"}, false},
			{Answer{Value: "-1"}, []string{"a reached -1"}, true},
			{Answer{Value: "a word"}, []string{"a failed a word"}, true},
			{Answer{Value: "3"}, []string{"a cleared 3"}, false},
			{Answer{Value: "true"}, []string{"a reached true"}, true},
		}
		for i, s := range steps {
			d.set("q", s.answer)
			time.Sleep(time.Minute)
			synctest.Wait()
			if got := d.take(&d.events); !slices.Equal(got, s.want) {
				t.Errorf("step %d: told %q, want %q", i, got, s.want)
			}
			if stop := w.Check("work"); (stop != nil) != s.stops {
				t.Errorf("step %d: stops %v", i, stop)
			}
			if w.Check("other") != nil {
				t.Errorf("step %d: stops another profile", i)
			}
		}
	})
}

func TestALedgerThatDoesNotAnswerFailsOnceAndChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{values: map[string]Answer{"q": {Value: "5"}}}
		w := run(t, d, nil, Rule{Name: "a", Query: "q", Above: "1", Every: time.Minute, Then: "fallback"})
		d.mu.Lock()
		d.err = errors.New("held by somebody")
		d.mu.Unlock()
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if got := d.take(&d.events); !slices.Equal(got, []string{"a reached 5", "a failed "}) {
			t.Errorf("told %q", got)
		}
		if stop := w.Check("any"); stop == nil || !stop.Fallback {
			t.Errorf("%+v", stop)
		}
		if s := w.States()[0]; s.Err != "held by somebody" || s.Fired.IsZero() || s.Checked.IsZero() {
			t.Errorf("%+v", s)
		}
	})
}

func TestARestartGoesOnWhereTheLedgerStands(t *testing.T) {
	for state, fires := range map[string]bool{ledger.AlertReached: true, ledger.AlertCleared: false, ledger.AlertFailed: false, "": false} {
		synctest.Test(t, func(t *testing.T) {
			d := &desk{values: map[string]Answer{"q": {Value: "5"}}}
			last := func(string) (ledger.AlertEvent, bool) {
				return ledger.AlertEvent{State: state, Value: "7", PeriodStart: time.Now().Add(-time.Hour)}, state != ""
			}
			w, err := New(Options{Rules: []Rule{{Name: "a", Query: "q", Above: "1", Every: time.Minute, Then: "block"}}, Ask: d.ask, Event: d.event, Last: last})
			if err != nil {
				t.Fatal(err)
			}
			if got := w.Check("p") != nil; got != fires {
				t.Errorf("%q: fires before the first query: %v", state, got)
			}
			go w.Run(t.Context())
			synctest.Wait()
			want := []string{"a reached 5"}
			if fires {
				want = nil
			}
			if got := d.take(&d.events); !slices.Equal(got, want) {
				t.Errorf("%q: told %q", state, got)
			}
		})
	}
}

func TestWhatAnAlertStopsIsToldOnceWhileItFires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{values: map[string]Answer{"q": {Value: "5"}}}
		w := run(t, d, nil, Rule{Name: "a", Query: "q", Above: "1", Every: time.Minute, Then: "fallback"})
		for range 2 {
			w.Stopped(w.Check("p"), ledger.AlertFallback)
			w.Stopped(w.Check("p"), ledger.AlertBlocked)
		}
		for _, v := range []string{"0", "7"} {
			d.set("q", Answer{Value: v})
			time.Sleep(time.Minute)
			synctest.Wait()
		}
		w.Stopped(w.Check("p"), ledger.AlertBlocked)
		want := []string{"a reached 5", "a fallback 5", "a blocked 5", "a cleared 0", "a reached 7", "a blocked 7"}
		if got := d.take(&d.events); !slices.Equal(got, want) {
			t.Errorf("told %q", got)
		}
	})
}

func TestABoundMustBeANumber(t *testing.T) {
	if _, err := New(Options{Rules: []Rule{{Name: "a", Above: "ten"}}, Ask: (&desk{}).ask}); !errors.Is(err, ErrBound) {
		t.Errorf("%v", err)
	}
	if _, err := New(Options{}); err == nil {
		t.Error("a watcher with nobody to ask")
	}
}

// FuzzFigure: whatever a query gives, reading it ends soon, and what is read is what a plain
// decimal says.
func FuzzFigure(f *testing.F) {
	for _, s := range []string{"", "1", "-1.50", "1e3", "1e999999999", "1/3", "0x10", "1_000", "inf", "NaN", "true", "9999999999999999999999", ".5", "1e-99999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, ok := parse(text)
		if !ok {
			return
		}
		if text == "true" || text == "false" {
			return
		}
		if strings.Trim(text, "+-.eE0123456789") != "" {
			t.Fatalf("%q was read as %s", text, n)
		}
		if again, ok := parse(fmt.Sprint(n.RatString())); ok && n.IsInt() && again.Cmp(n) != 0 {
			t.Fatalf("%q: %s and %s", text, n, again)
		}
	})
}
