package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestAnExchangeWithoutCloseIsFoundAtTheNextStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	j, _ := openTest(t, JournalOptions{Dir: dir, Now: func() time.Time { return testNow }})
	begun, done := full(1), full(2)
	begun.Usage.Input = 7
	for _, err := range []error{j.Open(begun), j.Open(done), j.Usage(begun), j.Close(done)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	shut(t, j)
	j, found := openTest(t, JournalOptions{Dir: dir})
	if len(found.Open) != 1 || found.Open[0].RequestID != begun.RequestID || found.Open[0].Usage.Input != 7 || !found.Open[0].EndedAt.Equal(testNow) {
		t.Fatalf("found %+v", found.Open)
	}
	crashed := found.Open[0]
	crashed.Outcome = OutcomeCrashed
	if err := j.Close(crashed); err != nil {
		t.Fatal(err)
	}
	var recovered []string
	if _, err := ReadSegments(dir, Watermark{}, func(r Record) error {
		if r.Recovered {
			recovered = append(recovered, r.RequestID)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(recovered) != 1 || recovered[0] != crashed.RequestID {
		t.Fatalf("closes by a later run = %v", recovered)
	}
	shut(t, j)
	if _, found = openTest(t, JournalOptions{Dir: dir}); len(found.Open) != 0 {
		t.Fatalf("still open after it was closed: %v", found.Open)
	}
}

func TestATornLastLineIsCutAtEveryOffset(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	j, _ := openTest(t, JournalOptions{Dir: dir})
	for n := range 3 {
		e := &Entry{}
		e.Reset()
		e.RequestID = full(n).RequestID
		if err := j.Close(e); err != nil {
			t.Fatal(err)
		}
	}
	path := j.State().Segment
	shut(t, j)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	torn := t.TempDir()
	file := filepath.Join(torn, filepath.Base(path))
	for size := range len(whole) {
		tail := ""
		if size%7 == 0 {
			tail = "\x00\x00\x00\x00" // what a file system may leave after a power failure
		}
		if err := os.WriteFile(file, append(whole[:size:size], tail...), 0o600); err != nil {
			t.Fatal(err)
		}
		found, err := recoverJournal(torn)
		if err != nil {
			t.Fatalf("cut at %d: %v", size, err)
		}
		want := max(strings.Count(string(whole[:size]), "\n")-1, 0)
		if found.Records != want || len(found.Damaged) != 0 {
			t.Fatalf("cut at %d: %d records, want %d; damage %v", size, found.Records, want, found.Damaged)
		}
		if got, _ := os.ReadFile(file); len(got) > 0 && got[len(got)-1] != '\n' {
			t.Fatalf("cut at %d: the torn line is still there", size)
		}
	}
}

func TestEveryFlippedBitIsNoticed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	j, _ := openTest(t, JournalOptions{Dir: dir})
	for n := range 3 {
		if err := j.Close(full(n)); err != nil {
			t.Fatal(err)
		}
	}
	path := j.State().Segment
	shut(t, j)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for bit := 0; bit < 8*len(whole); bit += 41 {
		broken := slices.Clone(whole)
		broken[bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(path, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		damage, read := 0, 0
		_, err := Source{Journal: dir, OnDamage: func(Damage) { damage++ }}.Read(Watermark{}, func(r *Record) error { read++; return nil })
		if err != nil {
			t.Fatal(err)
		}
		torn := broken[len(broken)-1] != '\n'
		if damage == 0 && !torn {
			t.Fatalf("bit %d: %d records and no damage", bit, read)
		}
	}
}

func TestSegmentsRotateAndAreReadInOrder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	j, _ := openTest(t, JournalOptions{Dir: dir, SegmentBytes: 4000})
	var want []string
	for n := range 40 {
		e := full(n)
		want = append(want, e.RequestID)
		if err := j.Close(e); err != nil {
			t.Fatal(err)
		}
	}
	list, err := listSegments(dir, "")
	if err != nil || len(list) < 10 {
		t.Fatalf("%d segments, %v", len(list), err)
	}
	if got := closes(t, Source{Journal: dir}); !slices.Equal(got, want) {
		t.Fatalf("read %v", got)
	}
	for _, s := range list {
		if st, err := os.Stat(s.path); err != nil || st.Mode().Perm() != 0o600 {
			t.Fatalf("%s has mode %v, %v", s.path, st.Mode(), err)
		}
	}
}

func TestReadingGoesOnFromTheWatermark(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	j, _ := openTest(t, JournalOptions{Dir: dir, SegmentBytes: 5000})
	var mark Watermark
	var got []string
	for n := range 30 {
		if err := j.Close(full(n)); err != nil {
			t.Fatal(err)
		}
		if n%4 != 0 {
			continue
		}
		var err error
		mark, err = ReadSegments(dir, mark, func(r Record) error { got = append(got, r.RequestID); return nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ReadSegments(dir, mark, func(r Record) error { got = append(got, r.RequestID); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 30 || !slices.IsSorted(got) {
		t.Fatalf("read %d records: %v", len(got), got)
	}
}

func TestArchivedSegmentsReadLikeTheOriginals(t *testing.T) {
	root := t.TempDir()
	source := Source{Journal: filepath.Join(root, "journal"), Archive: filepath.Join(root, "archive")}
	j, _ := openTest(t, JournalOptions{Dir: source.Journal, SegmentBytes: 4000})
	hanging := full(1000)
	for n := range 20 {
		if err := j.Close(full(n)); err != nil {
			t.Fatal(err)
		}
		if n == 9 {
			if err := j.Open(hanging); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := closes(t, source)
	mark, err := source.Read(Watermark{}, func(*Record) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	moved, err := Archive(source.Journal, source.Archive, mark)
	if err != nil || moved == 0 {
		t.Fatalf("archived %d, %v", moved, err)
	}
	if found, err := recoverJournal(source.Journal); err != nil || len(found.Open) != 1 {
		t.Fatalf("the open exchange went to the archive: %+v, %v", found, err)
	}
	if got := closes(t, source); !slices.Equal(got, want) {
		t.Fatalf("read %v, want %v", got, want)
	}
	if err := j.Close(hanging); err != nil {
		t.Fatal(err)
	}
	mark, err = source.Read(mark, func(*Record) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Archive(source.Journal, source.Archive, mark); err != nil || again == 0 {
		t.Fatalf("archived %d after the close, %v", again, err)
	}
	if got := closes(t, source); !slices.Equal(got, append(want, hanging.RequestID)) {
		t.Fatalf("read %v", got)
	}
}

func TestASegmentInBothFoldersIsReadOnce(t *testing.T) {
	root := t.TempDir()
	source := Source{Journal: filepath.Join(root, "journal"), Archive: filepath.Join(root, "archive")}
	j, _ := openTest(t, JournalOptions{Dir: source.Journal, SegmentBytes: 4000})
	for n := range 10 {
		if err := j.Close(full(n)); err != nil {
			t.Fatal(err)
		}
	}
	want := closes(t, source)
	list, err := listSegments(source.Journal, "")
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(list[0].path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Archive(source.Journal, source.Archive, Watermark{Segment: list[1].name}); err != nil {
		t.Fatal(err)
	}
	// As if the process had died before it removed the original.
	if err := os.WriteFile(list[0].path, before, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := closes(t, source); !slices.Equal(got, want) {
		t.Fatalf("read %v, want %v", got, want)
	}
}

func TestRecordsAreSyncedTogetherAndNothingRunsWhenIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := &fakeFiles{}
		j, _ := openTest(t, JournalOptions{files: fake, Reserve: -1})
		time.Sleep(time.Hour)
		for n := range 50 {
			if err := j.Close(full(n)); err != nil {
				t.Fatal(err)
			}
		}
		if n := fake.syncs(); n != 0 {
			t.Fatalf("%d syncs before the delay", n)
		}
		time.Sleep(SyncDelay)
		synctest.Wait()
		if n := fake.syncs(); n != 1 {
			t.Fatalf("%d syncs of 50 records, want 1", n)
		}
		time.Sleep(time.Hour)
		if n := fake.syncs(); n != 1 {
			t.Fatalf("%d syncs after an idle hour, want 1", n)
		}
		shut(t, j)
	})
}

func TestDurabilityFsyncReturnsAfterTheSync(t *testing.T) {
	fake := &fakeFiles{}
	j, _ := openTest(t, JournalOptions{files: fake, Reserve: -1, Durability: DurabilityFsync})
	var wg sync.WaitGroup
	for n := range 32 {
		wg.Go(func() {
			if err := j.Close(full(n)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.syncedTo != 32 {
		t.Fatalf("synced to %d of 32", j.syncedTo)
	}
}

func TestConcurrentWritersLoseNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	j, _ := openTest(t, JournalOptions{Dir: dir, SegmentBytes: 200_000})
	const writers, each = 8, 200
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				e := full(w*each + n)
				if err := errors.Join(j.Open(e), j.Usage(e), j.Close(e)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := closes(t, Source{Journal: dir}); len(got) != writers*each {
		t.Fatalf("%d closes, want %d", len(got), writers*each)
	}
}

func TestRecoveryOfManyRecordsIsFast(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	j, _ := openTest(t, JournalOptions{Dir: dir})
	e := full(0)
	for n := range 50_000 {
		e.RequestID = fmt.Sprintf("01K%023d", n)
		if err := errors.Join(j.Open(e), j.Close(e)); err != nil {
			t.Fatal(err)
		}
	}
	shut(t, j)
	begin := time.Now()
	_, found := openTest(t, JournalOptions{Dir: dir})
	took := time.Since(begin)
	t.Logf("100,000 records recovered in %v", took)
	if found.Records != 100_000 || took > 5*time.Second {
		t.Fatalf("%d records in %v", found.Records, took)
	}
}

func BenchmarkJournalClose(b *testing.B) {
	j, _, err := OpenJournal(JournalOptions{Dir: filepath.Join(b.TempDir(), "journal")})
	if err != nil {
		b.Fatal(err)
	}
	e := full(1)
	e.Tags = nil
	b.ReportAllocs()
	before := cpu(b)
	for b.Loop() {
		if err := j.Close(e); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpu(b)-before)/float64(b.N), "cpu-ns/op")
	if err := j.Shutdown(context.Background()); err != nil {
		b.Fatal(err)
	}
}
