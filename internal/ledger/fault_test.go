package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// fakeFiles is the disk with a failpoint at every call. With a nil fault it only counts.
type fakeFiles struct {
	mu      sync.Mutex
	disk    disk
	calls   int
	synced  int
	partial bool                         // a failing write leaves half of its bytes
	fault   func(op string, n int) error // n counts all calls from 1
}

func (f *fakeFiles) check(op string) error {
	f.mu.Lock()
	f.calls++
	fault, n := f.fault, f.calls
	f.mu.Unlock()
	if fault == nil {
		return nil
	}
	return fault(op, n)
}

func (f *fakeFiles) set(fault func(string, int) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
}

func (f *fakeFiles) syncs() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.synced
}

func (f *fakeFiles) Create(path string) (segmentFile, error) {
	if err := f.check("create"); err != nil {
		return nil, err
	}
	file, err := f.disk.Create(path)
	return &fakeFile{f, file, false}, err
}

func (f *fakeFiles) Reserve(path string, size int64) error {
	if err := f.check("reserve"); err != nil {
		return err
	}
	return f.disk.Reserve(path, size)
}

func (f *fakeFiles) OpenReserve(from, to string) (segmentFile, error) {
	if err := f.check("open reserve"); err != nil {
		return nil, err
	}
	file, err := f.disk.OpenReserve(from, to)
	return &fakeFile{f, file, true}, err
}

func (f *fakeFiles) SyncDir(path string) error { return f.check("sync dir") }

type fakeFile struct {
	files   *fakeFiles
	file    segmentFile
	reserve bool
}

func (f *fakeFile) Write(b []byte) (int, error) {
	op := "write"
	if f.reserve {
		op = "write reserve"
	}
	if err := f.files.check(op); err != nil {
		n := 0
		if f.files.partial {
			n, _ = f.file.Write(b[:len(b)/2])
		}
		return n, err
	}
	return f.file.Write(b)
}

func (f *fakeFile) Sync() error {
	if err := f.files.check("sync"); err != nil {
		return err
	}
	f.files.mu.Lock()
	f.files.synced++
	f.files.mu.Unlock()
	return nil
}

func (f *fakeFile) Close() error { return f.file.Close() }

// TestAFaultAtAnyCallLosesNothing fails each call of the file layer in turn, once and for a
// while, and counts every record afterwards.
func TestAFaultAtAnyCallLosesNothing(t *testing.T) {
	faults := []struct {
		name string
		err  error
		keep int // how many calls fail in a row
	}{
		{"EIO once", syscall.EIO, 1}, {"ENOSPC once", syscall.ENOSPC, 1}, {"EIO three times", syscall.EIO, 3}, {"ENOSPC for 40 calls", syscall.ENOSPC, 40},
	}
	for _, fault := range faults {
		for _, partial := range []bool{false, true} {
			for at := 1; at <= 30; at++ {
				name := fmt.Sprintf("%s at %d, partial %v", fault.name, at, partial)
				synctest.Test(t, func(t *testing.T) {
					dir := filepath.Join(t.TempDir(), "journal")
					fake := &fakeFiles{partial: partial}
					fake.fault = func(op string, n int) error {
						if n >= at && n < at+fault.keep {
							return fault.err
						}
						return nil
					}
					j, _ := openTest(t, JournalOptions{Dir: dir, files: fake, Reserve: 64 << 10, SegmentBytes: 9000})
					// A fold that reads in between, synced or not.
					var mark Watermark
					seen := make(map[string]int)
					read := func() {
						var err error
						mark, err = ReadSegments(dir, mark, func(r Record) error {
							if r.Kind == KindClose {
								seen[r.RequestID]++
							}
							return nil
						})
						if err != nil && !errors.Is(err, fs.ErrNotExist) {
							t.Fatalf("%s: %v", name, err)
						}
					}
					const records = 12
					for n := range records {
						e := full(n)
						if err := errors.Join(j.Open(e), j.Close(e)); err != nil {
							t.Fatalf("%s: %v", name, err)
						}
						read()
						if n%3 == 2 {
							time.Sleep(SyncDelay)
						}
					}
					time.Sleep(10 * time.Minute)
					synctest.Wait()
					if h := j.State(); h.Degraded != "" || h.Dropped != 0 {
						t.Fatalf("%s: not recovered: %+v", name, h)
					}
					shut(t, j)
					read()
					for n := range records {
						if id := full(n).RequestID; seen[id] != 1 {
							t.Fatalf("%s: record %d was read %d times by the one that follows", name, n, seen[id])
						}
					}
					if got := closes(t, Source{Journal: dir}); len(got) != records {
						t.Fatalf("%s: %d records on the disk, want %d", name, len(got), records)
					}
					if found, err := recoverJournal(dir); err != nil || len(found.Open) != 0 {
						t.Fatalf("%s: recovery finds %+v, %v", name, found, err)
					}
				})
			}
		}
	}
}

func TestAFullDiskUsesTheReserveThenMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "journal")
		fake := &fakeFiles{partial: true}
		j, _ := openTest(t, JournalOptions{Dir: dir, files: fake, Reserve: 1 << 20})
		var noSpace, reserveFull atomic.Bool
		noSpace.Store(true)
		fake.set(func(op string, _ int) error {
			if noSpace.Load() && (op == "write" || op == "create" || op == "reserve" || op == "write reserve" && reserveFull.Load()) {
				return syscall.ENOSPC
			}
			return nil
		})
		for n := range 10 {
			if err := j.Close(full(n)); err != nil {
				t.Fatal(err)
			}
		}
		if h := j.State(); !strings.Contains(h.Degraded, "reserve is in use") {
			t.Fatalf("degraded = %q", h.Degraded)
		}
		reserveFull.Store(true)
		for n := 10; n < 20; n++ {
			if err := j.Close(full(n)); err != nil {
				t.Fatal(err)
			}
		}
		if h := j.State(); !strings.Contains(h.Degraded, "kept in memory") || strings.Contains(h.Degraded, "\n") || h.Dropped != 0 {
			t.Fatalf("health = %+v", h)
		}
		noSpace.Store(false)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if h := j.State(); h.Degraded != "" {
			t.Fatalf("still degraded five seconds after space: %q", h.Degraded)
		}
		if got := closes(t, Source{Journal: dir}); len(got) != 20 {
			t.Fatalf("%d records on the disk five seconds after space, want 20", len(got))
		}
		shut(t, j)
	})
}

func TestAJournalThatIsRemovedIsBegunAnewAtTheNextSync(t *testing.T) {
	for name, remove := range map[string]func(dir string) error{
		"the segment": func(dir string) error { return os.Remove(filepath.Join(dir, segmentIn(dir))) },
		"the folder":  os.RemoveAll,
		"moved away":  func(dir string) error { return os.Rename(dir, dir+"-moved") },
		"replaced": func(dir string) error {
			path := filepath.Join(dir, segmentIn(dir))
			return errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "journal")
				j, _ := openTest(t, JournalOptions{Dir: dir, Reserve: -1})
				write := func(from int) {
					for n := from; n < from+10; n++ {
						if err := j.Close(full(n)); err != nil {
							t.Fatal(err)
						}
					}
					time.Sleep(2 * SyncDelay)
					synctest.Wait()
				}
				write(0)
				mark, err := Source{Journal: dir}.Read(Watermark{}, func(*Record) error { return nil })
				if err != nil {
					t.Fatal(err)
				}
				if err := remove(dir); err != nil {
					t.Fatal(err)
				}
				write(10)
				write(20)
				var got int
				if _, err := (Source{Journal: dir}).Read(mark, func(r *Record) error {
					if r.Kind == KindClose {
						got++
					}
					return nil
				}); err != nil || got != 20 || j.State().Degraded != "" {
					t.Errorf("%d records from after the removal, %v, health %+v; want 20", got, err, j.State())
				}
				shut(t, j)
			})
		})
	}
}

// segmentIn names the only segment of a folder.
func segmentIn(dir string) string {
	list, _ := filepath.Glob(filepath.Join(dir, "*"+segmentExt))
	if len(list) != 1 {
		return fmt.Sprintf("%d segments", len(list))
	}
	return filepath.Base(list[0])
}

func TestMemoryIsBoundedAndDropsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "journal")
		fake := &fakeFiles{}
		j, _ := openTest(t, JournalOptions{Dir: dir, files: fake, Reserve: -1})
		fake.set(func(string, int) error { return syscall.EIO })
		const records = 12_000
		for n := range records {
			if err := j.Close(full(n)); err != nil {
				t.Fatal(err)
			}
		}
		h := j.State()
		j.mu.Lock()
		held := len(j.inFlight) + len(j.enc.b)
		j.mu.Unlock()
		if h.Dropped == 0 || held > memoryBytes+4096 {
			t.Fatalf("dropped %d, %d bytes held", h.Dropped, held)
		}
		fake.set(nil)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if got := closes(t, Source{Journal: dir}); int64(len(got)) != records-h.Dropped {
			t.Fatalf("%d records on the disk, want %d", len(got), records-h.Dropped)
		}
		shut(t, j)
	})
}

func TestStrictRefusesAndLeavesNoTrace(t *testing.T) {
	for _, durability := range []string{"", DurabilityFsync} {
		synctest.Test(t, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "journal")
			fake := &fakeFiles{}
			j, _ := openTest(t, JournalOptions{Dir: dir, files: fake, Reserve: -1, Strict: true, Durability: durability})
			if err := j.Open(full(1)); err != nil {
				t.Fatal(err)
			}
			fake.set(func(string, int) error { return syscall.ENOSPC })
			for n := 2; n < 5; n++ {
				if err := j.Open(full(n)); !errors.Is(err, ErrUnavailable) {
					t.Fatalf("open %d: %v", n, err)
				}
			}
			if err := j.Close(full(1)); err != nil {
				t.Fatalf("close of what was accepted: %v", err)
			}
			fake.set(nil)
			time.Sleep(5 * time.Second)
			synctest.Wait()
			if err := j.Open(full(6)); err != nil {
				t.Fatalf("open after recovery: %v", err)
			}
			if err := j.Close(full(6)); err != nil {
				t.Fatal(err)
			}
			shut(t, j)
			found, err := recoverJournal(dir)
			if err != nil || len(found.Open) != 0 {
				t.Fatalf("refused exchanges look crashed: %+v, %v", found, err)
			}
			if got := closes(t, Source{Journal: dir}); len(got) != 2 {
				t.Fatalf("closes = %v", got)
			}
		})
	}
}

func TestTheReserveTakesNoSpaceOfItsOwnLength(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	j, _ := openTest(t, JournalOptions{Dir: dir, Reserve: 1 << 20})
	st, err := os.Stat(filepath.Join(dir, reserve))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the file system cannot allocate ahead")
	}
	if err != nil {
		t.Fatal(err)
	}
	sys := st.Sys().(*syscall.Stat_t)
	if st.Size() != 0 || sys.Blocks*512 < 1<<20 {
		t.Fatalf("reserve has %d bytes and %d blocks", st.Size(), sys.Blocks)
	}
	shut(t, j)
}

// A disk that has room for everything but the reserve is what the timer finds after every sync.
func TestAReserveWithoutRoomIsAskedForOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, asked := &fakeFiles{}, 0
		var none atomic.Bool
		none.Store(true)
		fake.set(func(op string, _ int) error {
			if op != "reserve" {
				return nil
			}
			asked++
			if none.Load() {
				return syscall.ENOSPC
			}
			return nil
		})
		dir := filepath.Join(t.TempDir(), "journal")
		j, _ := openTest(t, JournalOptions{Dir: dir, files: fake, Reserve: 1 << 20})
		write := func(seconds int) {
			for range seconds * 20 {
				if err := j.Close(full(1)); err != nil {
					t.Fatal(err)
				}
				time.Sleep(50 * time.Millisecond)
			}
			synctest.Wait()
		}
		if write(10); asked > 11 {
			t.Errorf("asked %d times in ten seconds", asked)
		}
		none.Store(false)
		if write(2); !spared(j) {
			t.Error("no reserve two seconds after there was room")
		}
		shut(t, j)
	})
}

func TestAReserveWithoutRoomLeavesNoTrace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, reserve)
	if err := (disk{}).Reserve(path, 1<<60); err == nil {
		t.Fatal("an exbibyte is free")
	}
	if _, err := os.Lstat(path); runtime.GOOS == "linux" && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file was made: %v", err)
	}
}

func spared(j *Journal) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.spare
}
