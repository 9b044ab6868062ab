package daemon

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"prism/internal/admin"
	"prism/internal/ledger"
	"prism/internal/router"
	"prism/internal/simulator"
)

// illnesses reads the changes of health from the journal.
func (r *rig) illnesses() []ledger.HealthEvent {
	r.t.Helper()
	var all []ledger.HealthEvent
	_, err := ledger.ReadSegments(r.paths.Journal, ledger.Watermark{}, func(rec ledger.Record) error {
		if rec.Kind != ledger.KindHealth {
			return nil
		}
		ev, err := rec.Health()
		if err == nil {
			all = append(all, *ev)
		}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}

func TestAChangeOfHealthReachesStatusLogLedgerAndFollowers(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(strings.Replace(r.two("a"), "    provider: anthropic\n", "    provider: anthropic\n    fallback: [b]\n", 1)))
	r.start()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	followed, ended := make(chan admin.Event, 16), make(chan error, 1)
	go func() {
		ended <- admin.Dial(r.paths.Socket).Events(ctx, func(ev admin.Event) error { followed <- ev; return nil })
	}()
	var told []*admin.HealthChange
	byB := func() *admin.Exchange {
		t.Helper()
		for {
			select {
			case ev := <-followed:
				switch {
				case ev.Health != nil:
					told = append(told, ev.Health)
				case ev.Notice != nil: // that b answers in place of a
				case ev.Profile == "b":
					return ev.Exchange
				}
			case <-time.After(15 * time.Second):
				t.Fatal("followers are told nothing")
			}
		}
	}
	// Whoever follows sees the first exchange only once it does follow.
	r.until("somebody follows", func() bool {
		if code, _, err := r.post(); code != 200 || err != nil {
			t.Fatalf("%d, %v", code, err)
		}
		select {
		case <-followed:
			return true
		case <-time.After(50 * time.Millisecond):
			return false
		}
	})

	r.a.Script(simulator.RateLimited("120"))
	if code, text, err := r.post(); code != 200 || err != nil {
		t.Fatalf("with a fallback: %d, %v\n%s", code, err, text)
	}
	if x := byB(); x.Attempts != 2 {
		t.Errorf("served in %d attempts", x.Attempts)
	}
	st := r.status().Profiles[0]
	if st.State != ledger.HealthCooling || st.Why != "rate_limit_error" || st.Until == nil || time.Until(*st.Until) < time.Minute {
		t.Errorf("status: %+v", st)
	}
	if len(st.Keys) != 1 || st.Keys[0].State != ledger.HealthCooling || st.Keys[0].Fingerprint == "" {
		t.Errorf("its key: %+v", st.Keys)
	}
	if code, _, _ := r.post(); code != 200 {
		t.Fatal(code)
	}
	if x := byB(); x.Attempts != 1 {
		t.Errorf("while a cools down, served in %d attempts", x.Attempts)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if len(told) != 1 || told[0].Profile != "a" || told[0].From != ledger.HealthOK || told[0].To != ledger.HealthCooling || told[0].Why != "rate_limit_error" || told[0].Until == nil {
		t.Errorf("followers were told %+v", told)
	}
	r.halt()
	all := r.illnesses()
	if len(all) != 1 || all[0].Profile != "a" || all[0].ToState != ledger.HealthCooling || !all[0].Until.After(all[0].EventAt) {
		t.Errorf("in the journal: %+v", all)
	}
	if n := strings.Count(r.log.String(), `"message":"health changed"`); n != 1 {
		t.Errorf("the log tells %d times\n%s", n, r.log)
	}
}

func TestAKeyThatIsRefusedIsSaidLoudlyUntilItIsReplaced(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	r.start()
	r.a.Script(simulator.Always(simulator.Error(401, "authentication_error", "invalid x-api-key", nil)))
	for range 3 {
		if code, _, err := r.post(); code != 401 || err != nil {
			t.Fatalf("%d, %v", code, err)
		}
	}
	if st := r.status().Profiles[0]; st.State != ledger.HealthDenied || st.Why != "authentication_error" {
		t.Errorf("status: %+v", st)
	}
	live, err := admin.Dial(r.paths.Socket).Live(t.Context(), 0)
	if err != nil || live.Attention != "the key of profile a is refused" {
		t.Errorf("attention: %q, %v", live.Attention, err)
	}
	r.until("the log says so", func() bool { return strings.Contains(r.log.String(), `"to_state":"denied"`) })
	r.write(r.seal(strings.Replace(r.two("a"), keyA, keyA+"x", 1)))
	if v, err := admin.Dial(r.paths.Socket).Reload(t.Context(), true); err != nil || !v.OK {
		t.Fatalf("%+v, %v", v, err)
	}
	if st := r.status().Profiles[0]; st.State != ledger.HealthOK {
		t.Errorf("with another key: %+v", st)
	}
	r.halt()
	all := r.illnesses()
	if len(all) != 2 || all[1].FromState != ledger.HealthDenied || all[1].ToState != ledger.HealthOK || all[1].Why != "profile changed" {
		t.Errorf("in the journal: %+v", all)
	}
}

func TestTheLogStaysCalmWhereAProfileGoesUpAndDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		calm := calmLog{log: zerolog.New(&out)}
		for range 10_000 {
			calm.tell(&router.Change{Profile: "a", From: ledger.HealthOK, To: ledger.HealthCooling})
			time.Sleep(3 * time.Millisecond)
		}
		calm.tell(&router.Change{Profile: "b", From: ledger.HealthOK, To: ledger.HealthDenied, Why: "authentication_error"})
		lines := strings.Count(out.String(), "\n")
		if lines < 3*changesBurst || lines > 4*changesBurst+1 {
			t.Errorf("%d lines in half a minute", lines)
		}
		if !strings.Contains(out.String(), `"skipped":`) || !strings.Contains(out.String(), `"profile":"b"`) {
			t.Errorf("what was left out, or somebody else, is not in the log:\n%s", out.String())
		}
	})
}

func TestTheLogSaysAtOnceThatAProfileIsOutAndInTheEndHowItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		calm := calmLog{log: zerolog.New(&out)}
		flap := func() {
			for range 2 * changesBurst {
				calm.tell(&router.Change{Profile: "a", From: ledger.HealthOK, To: ledger.HealthCooling})
				calm.tell(&router.Change{Profile: "a", Key: "first", From: ledger.HealthCooling, To: ledger.HealthOK})
			}
		}
		flap()
		calm.tell(&router.Change{Profile: "a", From: ledger.HealthCooling, To: ledger.HealthDenied, Why: "authentication_error"})
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if last := lines[len(lines)-1]; len(lines) != changesBurst+1 || !strings.Contains(last, `"to_state":"denied"`) || !strings.Contains(last, `"skipped":18`) {
			t.Fatalf("%d lines, the last one %s", len(lines), last)
		}
		calm.tell(&router.Change{Profile: "a", From: ledger.HealthDenied, To: ledger.HealthOK, Why: "profile changed"})
		out.Reset()
		wait := calm.rest(false)
		if wait != changesEvery || out.Len() > 0 {
			t.Fatalf("to be told in %v; told %s", wait, &out)
		}
		time.Sleep(wait)
		if next := calm.rest(false); next != 0 || strings.Count(out.String(), "\n") != 2 || !strings.Contains(out.String(), `"reason":"profile changed"`) || !strings.Contains(out.String(), `"key":"first"`) || strings.Contains(out.String(), "skipped") {
			t.Errorf("in the end, %v: %s", next, &out)
		}
		out.Reset()
		flap()
		if calm.rest(true) != 0 || strings.Count(out.String(), "\n") != changesBurst+2 {
			t.Errorf("at the stop: %s", &out)
		}
	})
}

func TestMoreChangesThanAreKeptAreCounted(t *testing.T) {
	n := newHealthNews()
	for range keptChanges + 5 {
		n.add(router.Change{})
	}
	if all, dropped := n.take(); len(all) != keptChanges || dropped != 5 {
		t.Errorf("%d kept, %d dropped", len(all), dropped)
	}
	if all, dropped := n.take(); len(all) != 0 || dropped != 0 {
		t.Errorf("then %d kept, %d dropped", len(all), dropped)
	}
}
