package spend

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"prism/internal/ledger"
)

// noon is a Thursday.
func noon() time.Time { return time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC) }

func TestSumsAreKeptByDayWeekMonthAndScope(t *testing.T) {
	h := newHouse(t, noon())
	h.watched = []Scope{{ScopeProject, "website"}, {ScopeTag, "team=blue"}}
	tally := h.tally()
	at := func(days int, profile string) *ledger.Entry {
		e := h.spent(profile, cent)
		e.StartedAt = noon().AddDate(0, 0, days)
		return e
	}
	website, blue := at(0, "work"), at(0, "kimi")
	website.Project, blue.Tags = "website", map[string]string{"team": "blue"}
	imported, counted := at(0, "work"), at(0, "work")
	imported.Source, counted.Operation = "import:x", ledger.OpCountTokens
	h.add(tally, website, blue, at(-1, "work"), at(-4, "work"), at(-26, "work"), imported, counted)

	for _, tt := range []struct {
		scope            Scope
		day, week, month int64
	}{
		{Scope{Kind: ScopeAll}, 2, 3, 4}, // Sunday is another week, the last of October another month
		{Scope{ScopeProfile, "work"}, 1, 2, 3},
		{Scope{ScopeProfile, "kimi"}, 1, 1, 1},
		{Scope{ScopeProject, "website"}, 1, 1, 1},
		{Scope{ScopeTag, "team=blue"}, 1, 1, 1},
		{Scope{ScopeTag, "team=red"}, 0, 0, 0},
	} {
		for p, want := range map[Period]int64{Day: tt.day, Week: tt.week, Month: tt.month} {
			n := ledger.Money(want)
			got := tally.Sum(tt.scope, p)
			if w := (Sum{Requests: want, Priced: want, Prompt: 100 * want, CacheRead: 60 * want, Output: 7 * want, Cost: n * cent, List: 2 * n * cent, Saved: n * cent}); got != w {
				t.Errorf("%s this %s: %+v, want %+v", tt.scope, p, got, w)
			}
		}
	}
}

func TestWhatHasNoPriceIsCountedAndNotSummed(t *testing.T) {
	h := newHouse(t, noon())
	tally := h.tally()
	free, unpriced, failed := h.spent("a", 0), h.spent("a", ledger.NoMoney), h.spent("a", ledger.NoMoney)
	unpriced.CostList, unpriced.CostUncached = ledger.NoMoney, ledger.NoMoney
	failed.CostList, failed.CostUncached, failed.UsageSource = ledger.NoMoney, ledger.NoMoney, ledger.UsageNone
	h.add(tally, free, unpriced, failed)
	if got := tally.Sum(Scope{Kind: ScopeAll}, Day); got.Requests != 3 || got.Priced != 1 || got.Unpriced != 1 || got.Cost != 0 {
		t.Errorf("%+v", got)
	}
}

func TestDaysEndByThemselves(t *testing.T) {
	h := newHouse(t, time.Date(2026, 11, 30, 23, 59, 0, 0, time.UTC)) // a Monday, the last of its month
	tally := h.tally()
	h.add(tally, h.spent("a", cent))
	late := h.spent("a", cent)
	h.now = h.now.Add(2 * time.Minute)
	if got := sum(tally, Day); got != 0 {
		t.Errorf("the new day begins with %d", got)
	}
	h.add(tally, late) // began before midnight: it belongs to the day before
	if day, week, month := sum(tally, Day), sum(tally, Week), sum(tally, Month); day != 0 || week != 2*cent || month != 0 {
		t.Errorf("day %d, week %d, month %d", day, week, month)
	}
}

// TestARestartFindsEverySum reopens after each kind of end, and compares with sums that were
// never interrupted.
func TestARestartFindsEverySum(t *testing.T) {
	h := newHouse(t, noon())
	h.watched = []Scope{{ScopeTag, "team=blue"}}
	steady := h.tally()
	for i := range 40 {
		e := h.spent([]string{"a", "b"}[i%2], ledger.Money(i)*cent)
		e.SessionID = fmt.Sprintf("s%d", i%3)
		e.Tags = map[string]string{"team": "blue"}
		h.add(steady, e)
		switch i {
		case 10:
			if err := steady.Save(); err != nil {
				t.Fatal(err)
			}
		case 20:
			h.open() // another segment
		}
		same(t, steady, h.tally())
	}
}

// same compares what two tallies have.
func same(t *testing.T, want, got *Tally) {
	t.Helper()
	for _, s := range []Scope{{Kind: ScopeAll}, {ScopeProfile, "a"}, {ScopeProfile, "b"}, {ScopeTag, "team=blue"}} {
		for _, p := range allPeriods() {
			if g, w := got.Sum(s, p), want.Sum(s, p); g != w {
				t.Fatalf("%s this %s: %+v, want %+v", s, p, g, w)
			}
		}
	}
	for id := range want.sheet.sessions {
		g, ok := got.Session(id)
		if w, _ := want.Session(id); !ok || g.Sum != w.Sum || g.Profile != w.Profile {
			t.Fatalf("session %s: %+v, want %+v", id, g, w)
		}
	}
}

func TestAFileThatCannotBeUsedIsMadeAgain(t *testing.T) {
	for name, spoil := range map[string]func(h *house, text []byte) []byte{
		"one bit":            func(_ *house, b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"cut":                func(_ *house, b []byte) []byte { return b[:len(b)/2] },
		"empty":              func(*house, []byte) []byte { return nil },
		"something else":     func(*house, []byte) []byte { return []byte("[]\n{}") },
		"another time zone":  func(h *house, b []byte) []byte { h.now = h.now.In(time.FixedZone("", 7*3600)); return b },
		"from the future":    func(h *house, b []byte) []byte { h.now = h.now.Add(-time.Hour); return b },
		"another budget":     func(h *house, b []byte) []byte { h.watched = []Scope{{ScopeTag, "team=blue"}}; return b },
		"unchanged":          func(_ *house, b []byte) []byte { return b },
		"the day before":     func(h *house, b []byte) []byte { h.now = h.now.Add(12 * time.Hour); return b },
		"the clock put back": func(h *house, b []byte) []byte { h.now = h.now.AddDate(0, -1, 0); return b },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, noon())
			tally := h.tally()
			e := h.spent("a", cent)
			e.Tags = map[string]string{"team": "blue"}
			h.add(tally, e)
			if err := tally.Save(); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(filepath.Join(h.dir, "totals.json"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(h.dir, "totals.json"), spoil(h, text), 0o600); err != nil {
				t.Fatal(err)
			}
			got := h.tally()
			for _, p := range allPeriods() {
				start, end := p.Span(h.now)
				want := cent
				if e.StartedAt.Before(start) || !e.StartedAt.Before(end) {
					want = 0
				}
				for _, s := range append([]Scope{{Kind: ScopeAll}}, h.watched...) {
					if sum := got.Sum(s, p); sum.Cost != want {
						t.Errorf("%s this %s: %d, want %d", s, p, sum.Cost, want)
					}
				}
			}
		})
	}
}

func TestAFileWithoutAnEndIsNotRead(t *testing.T) {
	h := newHouse(t, noon())
	h.add(h.tally(), h.spent("a", cent))
	if err := os.Symlink("/dev/zero", filepath.Join(h.dir, "totals.json")); err != nil {
		t.Skip(err)
	}
	if got := sum(h.tally(), Month); got != cent {
		t.Errorf("%d, want a cent from the journal", got)
	}
}

func TestOnlySegmentsThatCanMatterAreRead(t *testing.T) {
	h := newHouse(t, noon().AddDate(0, -3, 0))
	h.record(h.spent("a", cent))
	h.now = noon().AddDate(0, -2, 0)
	h.open()
	h.record(h.spent("a", cent))
	h.now = noon()
	h.record(h.spent("a", cent)) // into the segment that was begun two months before
	files, err := filepath.Glob(filepath.Join(h.dir, "journal", "*.jsonl"))
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	if err := os.Chmod(files[0], 0); err != nil { // unreadable for all but root; damaged for root as well
		t.Fatal(err)
	}
	if err := os.Rename(files[0], files[0]+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(files[0], 0o700); err != nil {
		t.Fatal(err)
	}
	if got := sum(h.tally(), Month); got != cent {
		t.Errorf("%d", got)
	}
}

func TestWhatWasArchivedIsReadFromThere(t *testing.T) {
	h := newHouse(t, noon())
	tally := h.tally()
	for i := range 6 {
		h.add(tally, h.spent("a", cent))
		h.open()
		if i == 2 {
			if err := tally.Save(); err != nil { // the watermark lies in a segment that goes away
				t.Fatal(err)
			}
		}
	}
	source := h.options().Source
	mark, err := source.Read(ledger.Watermark{}, func(*ledger.Record) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	mark.Segment = "7ZZZZZZZZZZZZZZZZZZZZZZZZZ" // everything is folded
	if n, err := ledger.Archive(source.Journal, source.Archive, mark); err != nil || n != 6 {
		t.Fatal(n, err)
	}
	h.add(tally, h.spent("a", cent))
	if got := sum(h.tally(), Month); got != 7*cent {
		t.Errorf("from the watermark on: %d cents, want 7", got/cent)
	}
	if err := os.Remove(filepath.Join(h.dir, "totals.json")); err != nil {
		t.Fatal(err)
	}
	if got := sum(h.tally(), Month); got != 7*cent {
		t.Errorf("from the beginning: %d cents, want 7", got/cent)
	}
}

func TestCorrectionsReplaceWhatWasCounted(t *testing.T) {
	h := newHouse(t, noon())
	tally := h.tally()
	e, other := h.spent("a", 10*cent), h.spent("b", ledger.NoMoney)
	other.CostList, other.CostUncached = ledger.NoMoney, ledger.NoMoney
	h.add(tally, e, other)
	if err := tally.Save(); err != nil {
		t.Fatal(err)
	}
	for id, cost := range map[string]ledger.Money{e.RequestID: 4 * cent, other.RequestID: 3 * cent, "nobody": 99 * cent} {
		c := &ledger.Correction{RequestID: id, CorrectedAt: h.now, CostList: cost, Cost: cost, CostUncached: 2 * cost}
		if err := h.journal.Correct(c); err != nil {
			t.Fatal(err)
		}
	}
	want := Sum{Requests: 2, Priced: 2, Prompt: 200, CacheRead: 120, Output: 14, Cost: 7 * cent, List: 7 * cent, Saved: 7 * cent}
	if got := h.tally().Sum(Scope{Kind: ScopeAll}, Day); got != want {
		t.Errorf("after a restart: %+v, want %+v", got, want)
	}
	tally.Stale()
	if err := tally.tend(); err != nil {
		t.Fatal(err)
	}
	if got := tally.Sum(Scope{Kind: ScopeAll}, Day); got != want {
		t.Errorf("while it runs: %+v, want %+v", got, want)
	}
}

// TestAReadingMissesNoCorrectionThatComesMeanwhile reads a journal that grows: what comes of it
// either is what a reading in peace finds up to there, or knows that it is not.
func TestAReadingMissesNoCorrectionThatComesMeanwhile(t *testing.T) {
	h := newHouse(t, noon())
	opt := h.options()
	for range 60 {
		const rows = 25
		ready, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			for n := range rows {
				e := h.spent("a", cent)
				err := errors.Join(h.journal.Close(e), h.journal.Correct(&ledger.Correction{
					RequestID: e.RequestID, CorrectedAt: h.now, Cost: 2 * cent, CostList: ledger.NoMoney, CostUncached: ledger.NoMoney,
				}))
				if err != nil {
					t.Error(err)
				}
				if n == 0 {
					close(ready)
				}
			}
		}()
		<-ready
		r := rebuild{source: opt.Source, now: h.now}
		s, err := r.run()
		<-done
		if err == nil {
			err = s.catchUp(opt.Source)
		}
		if errors.Is(err, errCorrected) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := s.sum(Scope{Kind: ScopeAll}, Day); got.Cost != ledger.Money(got.Requests)*2*cent {
			t.Fatalf("%d cents for %d exchanges of two cents", got.Cost/cent, got.Requests)
		}
	}
}

// TestReadingAgainLosesAndDoublesNothing lets exchanges end before, while and after the journal
// is read again.
func TestReadingAgainLosesAndDoublesNothing(t *testing.T) {
	h := newHouse(t, noon())
	tally := h.tally()
	h.add(tally, h.spent("a", cent))
	recorded := h.spent("a", cent) // recorded, and not counted yet
	h.record(recorded)
	done := make(chan error, 1)
	stop := make(chan struct{})
	go func() {
		for {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			if err := tally.reread(); err != nil {
				done <- err
				return
			}
		}
	}()
	for range 300 {
		h.add(tally, h.spent("a", cent))
	}
	close(stop)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	tally.Stale()
	if err := tally.tend(); err != nil {
		t.Fatal(err)
	}
	if got := sum(tally, Day); got != 302*cent {
		t.Errorf("%d cents, want 302", got/cent)
	}
}

func TestSumsDoNotOverflow(t *testing.T) {
	h := newHouse(t, noon())
	tally := h.tally()
	tally.SetBudgets([]Budget{{Name: "all", Scope: Scope{Kind: ScopeAll}, Per: Day, Limit: cent, Warn: ledger.NoMoney, Then: ThenBlock}})
	for range 40 {
		e := h.spent("a", 1e18-1)
		e.CostList, e.CostUncached, e.PromptTokens = 1e18-1, 0, math.MaxInt64
		h.add(tally, e)
	}
	got := tally.Sum(Scope{Kind: ScopeAll}, Day)
	if got.Cost != math.MaxInt64 || got.Saved != math.MinInt64+1 || got.Prompt != math.MaxInt64 {
		t.Errorf("%+v", got)
	}
	if tally.Check(h.spent("a", 0)) == nil {
		t.Error("an absurd price opened the budget")
	}
}

func TestSessionsAreBounded(t *testing.T) {
	h := newHouse(t, noon())
	tally := h.tally()
	for i := range maxSessions + 10 {
		e := h.spent("a", cent)
		e.SessionID, e.EndedAt = fmt.Sprintf("s%d", i), noon().Add(time.Duration(i)*time.Millisecond)
		tally.Add(e)
	}
	if n := len(tally.sheet.sessions); n > maxSessions || n < maxSessions/2 {
		t.Errorf("%d sessions", n)
	}
	if _, ok := tally.Session("s0"); ok {
		t.Error("the one that was quiet for longest is still there")
	}
	if _, ok := tally.Session(fmt.Sprintf("s%d", maxSessions+9)); !ok {
		t.Error("the newest one is gone")
	}
}

func TestASessionKnowsWhoAnsweredLastAndWhere(t *testing.T) {
	h := newHouse(t, noon())
	tally := h.tally()
	first, second := h.spent("a", cent), h.spent("b", cent)
	first.SessionID, second.SessionID = "s", "s"
	first.Project, first.Cwd, first.GitBranch, first.UpstreamModel = "website", "/home/u/website", "main", "m1"
	second.UpstreamModel, second.EndedAt = "m2", noon().Add(time.Second)
	h.add(tally, second, first) // the one that ended last was recorded first
	got, ok := tally.Session("s")
	if !ok || got.Profile != "b" || got.Model != "m2" || got.Sum.Cost != 2*cent || !got.Last.Equal(noon().Add(time.Second)) {
		t.Errorf("%+v", got)
	}
	h.add(tally, second)
	if got, _ := tally.Session("s"); got.Project != "" {
		t.Errorf("%+v", got)
	}
}

func TestBudgetsAreToldOncePerPeriodAcrossRestarts(t *testing.T) {
	h := newHouse(t, noon())
	budgets := []Budget{{Name: "day", Scope: Scope{Kind: ScopeAll}, Per: Day, Limit: 10 * cent, Warn: 8 * cent, Then: ThenBlock}}
	restart := func(save bool, tally *Tally) *Tally {
		if save {
			if err := tally.Save(); err != nil {
				t.Fatal(err)
			}
		}
		next := h.tally()
		next.SetBudgets(budgets)
		return next
	}
	expect := func(what string, want ...string) {
		t.Helper()
		if got := h.told(); !slices.Equal(got, want) {
			t.Errorf("%s: told %q, want %q", what, got, want)
		}
	}
	tally := restart(false, nil)
	h.add(tally, h.spent("a", 7*cent))
	expect("seven of ten")
	h.add(tally, h.spent("a", cent))
	expect("eight", "day warned")
	tally = restart(false, tally)
	h.add(tally, h.spent("a", cent))
	expect("nine, after a kill")
	h.add(tally, h.spent("a", cent))
	expect("ten", "day reached")
	for range 2 {
		stop := tally.Check(h.spent("a", 0))
		if stop == nil {
			t.Fatal("nothing stops")
		}
		tally.Stopped(stop, ledger.AlertBlocked)
	}
	expect("two refused", "day blocked")
	for _, save := range []bool{false, true} {
		tally = restart(save, tally)
		stop := tally.Check(h.spent("a", 0))
		if stop == nil {
			t.Fatal("a restart opened the budget")
		}
		tally.Stopped(stop, ledger.AlertBlocked)
		expect("refused after a restart")
	}
	h.now = h.now.AddDate(0, 0, 1)
	if tally.Check(h.spent("a", 0)) != nil {
		t.Error("the next day is blocked")
	}
	tally = restart(true, tally)
	expect("the next day", "day cleared")
	tally = restart(true, tally)
	h.add(tally, h.spent("a", 11*cent))
	expect("used up at once", "day reached")

	budgets[0].Limit, budgets[0].Warn = 20*cent, 16*cent // raised within the day
	tally = restart(true, tally)
	expect("raised", "day cleared")
	if tally.Check(h.spent("a", 0)) != nil {
		t.Error("the raised budget blocks")
	}
	h.add(tally, h.spent("a", 9*cent))
	expect("used up again", "day reached")
}

func TestWhatBlocksComesBeforeWhatFallsBack(t *testing.T) {
	h := newHouse(t, noon())
	h.watched = []Scope{{ScopeProject, "website"}, {ScopeTag, "team=blue"}}
	tally := h.tally()
	budget := func(name string, s Scope, then string) Budget {
		return Budget{Name: name, Scope: s, Per: Month, Limit: cent, Warn: ledger.NoMoney, Then: then}
	}
	tally.SetBudgets([]Budget{
		budget("told", Scope{Kind: ScopeAll}, ThenNotify),
		budget("a", Scope{ScopeProfile, "a"}, ThenFallback),
		budget("site", Scope{ScopeProject, "website"}, ThenFallback),
		budget("blue", Scope{ScopeTag, "team=blue"}, ThenBlock),
	})
	e := h.spent("a", cent)
	e.Project, e.Tags = "website", map[string]string{"team": "blue"}
	if tally.Check(e) != nil {
		t.Fatal("stopped before anything was spent")
	}
	h.add(tally, e)
	for _, tt := range []struct {
		profile, project, team, want string
	}{
		{"b", "", "", ""}, {"a", "", "", "a"}, {"b", "website", "", "site"}, {"a", "website", "", "site"}, {"a", "website", "blue", "blue"}, {"b", "", "red", ""},
	} {
		e := h.spent(tt.profile, 0)
		e.Project = tt.project
		if tt.team != "" {
			e.Tags = map[string]string{"team": tt.team}
		}
		got := ""
		if stop := tally.Check(e); stop != nil {
			got = stop.Name
		}
		if got != tt.want {
			t.Errorf("%+v: stopped by %q", tt, got)
		}
	}
}

func TestAMessageSaysWhichBudgetHowMuchAndUntilWhen(t *testing.T) {
	h := newHouse(t, noon())
	tally := h.tally()
	tally.SetBudgets([]Budget{
		{Name: "kimi", Scope: Scope{ScopeProfile, "kimi"}, Per: Day, Limit: 20 * 100 * cent, Warn: ledger.NoMoney, Then: ThenBlock},
		{Name: "team", Scope: Scope{Kind: ScopeAll}, Per: Month, Limit: 5, Warn: ledger.NoMoney, Then: ThenFallback},
	})
	h.add(tally, h.spent("kimi", 2000*cent+5e7))
	if got, want := tally.Check(h.spent("kimi", 0)).Message(), "the budget of profile kimi is used up: $20.005 of $20.00 this day; it resets at 2026-11-27 00:00 UTC"; got != want {
		t.Errorf("%s", got)
	}
	if got := tally.Check(h.spent("work", 0)).Message(); !strings.HasPrefix(got, `budget "team" is used up: $20.005 of $0.0000000005 this month; it resets at 2026-12-01`) {
		t.Errorf("%s", got)
	}
}

func TestSavesAndCorrectionsHappenByThemselves(t *testing.T) {
	h := newHouse(t, noon())
	tally := h.tally()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tally.Run(ctx, func(err error) { t.Error(err) })
	}()
	defer func() { cancel(); <-done }()
	e := h.spent("a", cent)
	h.add(tally, e)
	for range saveEvery - 1 {
		h.add(tally, h.spent("a", 0))
	}
	until(t, "the file is there", func() bool { _, err := os.Stat(filepath.Join(h.dir, "totals.json")); return err == nil })
	for i := range ledger.Money(50) {
		if err := h.journal.Correct(&ledger.Correction{RequestID: e.RequestID, CorrectedAt: h.now, Cost: i * cent, CostList: 0, CostUncached: 0}); err != nil {
			t.Fatal(err)
		}
		tally.Stale()
	}
	until(t, "the last correction counts", func() bool { return sum(tally, Day) == 49*cent })
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not after 15 s", what)
		}
	}
}
