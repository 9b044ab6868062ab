package ledger

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestFoldLoopFoldsOnlyWhenSomethingWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, _ := openTest(t, JournalOptions{files: &fakeFiles{}, Reserve: -1})
		f := &countingFolder{journal: j}
		l, err := NewFoldLoop(FoldLoopOptions{Journal: j, Folder: f, Interval: 3 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- l.Run(ctx) }()
		time.Sleep(time.Hour)
		if f.folds() != 0 {
			t.Fatalf("%d folds of nothing", f.folds())
		}
		for n := range 10 {
			if err := j.Close(full(n)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if f.folds() != 1 || j.State().Waiting != 0 {
			t.Fatalf("%d folds, %d waiting", f.folds(), j.State().Waiting)
		}
		const holder = "duckdb (PID 10367)"
		f.heldBy(holder)
		if err := j.Close(full(11)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := l.State().Result; got.Holder != holder || got.Waiting != 1 {
			t.Fatalf("state = %+v", got)
		}
		if f.folds() < 50 || f.folds() > 80 {
			t.Fatalf("%d folds in an hour of being held, want about one a minute", f.folds())
		}
		f.heldBy("")
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if j.State().Waiting != 0 {
			t.Fatal("nothing was folded after the holder left")
		}
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		shut(t, j)
	})
}

// countingFolder pretends to fold everything.
type countingFolder struct {
	journal *Journal
	mu      sync.Mutex // guards what follows
	count   int
	holder  string
	takes   time.Duration
}

func (f *countingFolder) folds() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count
}

func (f *countingFolder) heldBy(holder string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.holder = holder
}

func (f *countingFolder) Fold(context.Context) (FoldResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	time.Sleep(f.takes)
	if f.holder != "" {
		return FoldResult{Holder: f.holder}, errInjected
	}
	f.journal.mu.Lock()
	defer f.journal.mu.Unlock()
	return FoldResult{Watermark: Watermark{Run: f.journal.run, Seq: f.journal.seq}}, nil
}

func TestFoldNowDoesNothingWhenNothingCameSinceTheLastFold(t *testing.T) {
	j, _ := openTest(t, JournalOptions{files: &fakeFiles{}, Reserve: -1})
	f := &countingFolder{journal: j}
	l, err := NewFoldLoop(FoldLoopOptions{Journal: j, Folder: f})
	if err != nil {
		t.Fatal(err)
	}
	fold := func(want int, why string) {
		t.Helper()
		if _, err := l.FoldNow(t.Context()); err != nil || f.folds() != want {
			t.Fatalf("%s: %d folds, want %d, %v", why, f.folds(), want, err)
		}
	}
	fold(1, "the first one makes the database, whatever waits")
	fold(1, "nothing came")
	if err := j.Close(full(1)); err != nil {
		t.Fatal(err)
	}
	fold(2, "one entry came")
	fold(2, "nothing came")
	f.heldBy("duckdb (PID 1)")
	if err := j.Close(full(2)); err != nil {
		t.Fatal(err)
	}
	fold(3, "held")
	f.heldBy("")
	fold(4, "what was held back is folded")
	fold(4, "nothing came")
}

func TestFoldsTakeAHundredthOfTheTimeAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, _ := openTest(t, JournalOptions{files: &fakeFiles{}, Reserve: -1})
		f := &countingFolder{journal: j, takes: 80 * time.Millisecond}
		l, err := NewFoldLoop(FoldLoopOptions{Journal: j, Folder: f, Interval: 3 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- l.Run(ctx) }()
		began := time.Now()
		for n := 0; time.Since(began) < 10*time.Minute; n++ {
			if err := j.Close(full(n)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		// 80 ms in each 8 s are 75 folds; a fold every three seconds would be 200.
		if n := f.folds(); n < 60 || n > 76 {
			t.Errorf("%d folds in ten minutes of light use, want about 73", n)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		before := f.folds()
		if err := j.Close(full(1)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if f.folds() != before+1 {
			t.Error("after a pause a record waits longer than the interval")
		}
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		shut(t, j)
	})
}

func TestFoldNowMakesADatabaseAgainThatWasTakenAway(t *testing.T) {
	j, _ := openTest(t, JournalOptions{files: &fakeFiles{}, Reserve: -1})
	f := &countingFolder{journal: j}
	file := filepath.Join(t.TempDir(), "ledger.duckdb")
	l, err := NewFoldLoop(FoldLoopOptions{Journal: j, Folder: f, File: file})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{1, 2} {
		if _, err := l.FoldNow(t.Context()); err != nil || f.folds() != want {
			t.Fatalf("%d folds of a missing file, want %d, %v", f.folds(), want, err)
		}
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := l.FoldNow(t.Context()); err != nil || f.folds() != 2 {
		t.Fatalf("%d folds although the file is there, %v", f.folds(), err)
	}
}
