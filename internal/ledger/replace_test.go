package ledger

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheTailOfAReplacedSegmentIsIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "journal")
		fake := &fakeFiles{}
		j, _ := openTest(t, JournalOptions{Dir: dir, files: fake, Reserve: -1})
		want := make([]string, 0, 6)
		for n := range 6 {
			if n == 3 {
				if err := j.Sync(); err != nil {
					t.Fatal(err)
				}
				var once atomic.Bool
				fake.set(func(op string, _ int) error {
					if op == "sync" && once.CompareAndSwap(false, true) {
						return syscall.EIO
					}
					return nil
				})
			}
			want = append(want, full(n).RequestID)
			if err := j.Close(full(n)); err != nil {
				t.Fatal(err)
			}
		}
		old, durable := j.State().Segment, j.durable
		if err := j.Sync(); err != nil {
			t.Fatal(err)
		}
		if j.State().Segment == old {
			t.Fatal("the segment whose sync failed is still in use")
		}
		// What the kernel could not write may read back as anything.
		b, err := os.ReadFile(old)
		if err != nil {
			t.Fatal(err)
		}
		for i := durable; i < int64(len(b)); i += 50 {
			b[i] = '\n'
		}
		if err := os.WriteFile(old, b, 0o600); err != nil {
			t.Fatal(err)
		}
		source := Source{Journal: dir, OnDamage: func(d Damage) { t.Errorf("read beyond the offset: %v", d) }}
		if got := closes(t, source); !slices.Equal(got, want) {
			t.Fatalf("read %v, want %v", got, want)
		}
		shut(t, j)
	})
}

func TestAWriteThatFailsDuringASyncKeepsWhatWasInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "journal")
		fake := &fakeFiles{}
		j, _ := openTest(t, JournalOptions{Dir: dir, files: fake, Reserve: -1})
		release := make(chan struct{})
		var failed atomic.Bool
		fake.set(func(op string, _ int) error {
			switch {
			case op == "sync" && !failed.Load():
				return wait(release)
			case op == "write" && failed.CompareAndSwap(false, true):
				return syscall.EIO
			}
			return nil
		})
		failed.Store(true)
		if err := j.Close(full(1)); err != nil {
			t.Fatal(err)
		}
		failed.Store(false)
		time.Sleep(SyncDelay)
		synctest.Wait() // the sync hangs
		if err := j.Close(full(2)); err != nil {
			t.Fatal(err)
		}
		close(release)
		synctest.Wait()
		b, err := os.ReadFile(j.State().Segment)
		if err != nil {
			t.Fatal(err)
		}
		// The sync that hung was of the old segment and says nothing about the new one.
		if header := int64(bytes.IndexByte(b, '\n') + 1); j.durable != header && j.durable != int64(len(b)) {
			t.Errorf("%d bytes of the new segment count as durable: neither its header nor all of it", j.durable)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if j.syncedTo != 2 {
			t.Errorf("synced to %d, want 2", j.syncedTo)
		}
		if got := closes(t, Source{Journal: dir}); len(got) != 2 {
			t.Errorf("read %v", got)
		}
		shut(t, j)
	})
}

// wait blocks a sync without holding the lock of the fake files.
func wait(release <-chan struct{}) error {
	<-release
	return nil
}
