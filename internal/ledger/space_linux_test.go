package ledger

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// smallDisk mounts a file system of its own, so that it can really be full.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	return dir
}

// fillDisk takes all the space there is and returns the file that does.
func fillDisk(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "ballast")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for page := make([]byte, 4096); err == nil; {
		_, err = file.Write(page)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("filling the disk ended with %v", err)
	}
	return path
}

// closeUntil journals exchanges until the journal says that it is in a state.
func closeUntil(t *testing.T, j *Journal, from int, state string) (next int) {
	t.Helper()
	const most = 20_000
	for n := from; n < most; n++ {
		if strings.Contains(j.State().Degraded, state) {
			return n
		}
		if err := j.Close(full(n)); err != nil {
			t.Fatalf("record %d: %v", n, err)
		}
	}
	t.Fatalf("%d records, and the journal is not in state %q: %+v", most, state, j.State())
	return 0
}

// recovers waits until everything is on the disk again, which must be so five seconds after
// there is space.
func recovers(t *testing.T, j *Journal) {
	t.Helper()
	begun := time.Now()
	for j.State().Degraded != "" {
		if time.Since(begun) > 5*time.Second {
			t.Fatalf("five seconds after space: %+v", j.State())
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Logf("recovered %v after space", time.Since(begun).Round(time.Millisecond))
}

func TestAReallyFullDiskUsesTheReserveThenMemory(t *testing.T) {
	disk := smallDisk(t)
	dir := filepath.Join(disk, "journal")
	j, _ := openTest(t, JournalOptions{Dir: dir, Reserve: 1 << 20})
	ballast := fillDisk(t, disk)
	inReserve := closeUntil(t, j, 0, "reserve is in use")
	inMemory := closeUntil(t, j, inReserve, "kept in memory")
	all := inMemory + 100
	for n := inMemory; n < all; n++ {
		if err := j.Close(full(n)); err != nil {
			t.Fatalf("record %d: %v", n, err)
		}
	}
	t.Logf("%d records until the reserve, %d until memory", inReserve, inMemory)
	if taken := int64(inMemory-inReserve) * int64(len(full(0).AppendJSON(nil))); taken < 512<<10 {
		t.Errorf("the reserve of 1 MiB took only %d bytes", taken)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	recovers(t, j)
	if got := closes(t, Source{Journal: dir}); len(got) != all {
		t.Errorf("%d records on the disk, want %d", len(got), all)
	}
	if h := j.State(); h.Dropped != 0 {
		t.Errorf("%d records dropped", h.Dropped)
	}
	shut(t, j)
}

func TestStrictRefusesOnAReallyFullDiskAndNoLonger(t *testing.T) {
	disk := smallDisk(t)
	j, _ := openTest(t, JournalOptions{Dir: filepath.Join(disk, "journal"), Reserve: -1, Strict: true})
	ballast := fillDisk(t, disk)
	closeUntil(t, j, 0, "kept in memory")
	if err := j.Open(full(1)); !errors.Is(err, ErrUnavailable) {
		t.Errorf("open on a full disk: %v", err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	recovers(t, j)
	if err := j.Open(full(1)); err != nil {
		t.Errorf("open after there is space: %v", err)
	}
	shut(t, j)
}

func TestAReserveIsNotWhatFillsTheDisk(t *testing.T) {
	disk := smallDisk(t)
	j, _ := openTest(t, JournalOptions{Dir: filepath.Join(disk, "journal"), Reserve: 4 << 20, Strict: true})
	for n := range 100 {
		if err := errors.Join(j.Open(full(n)), j.Close(full(n))); err != nil {
			t.Fatalf("record %d: %v", n, err)
		}
	}
	if s := j.State(); s.Degraded != "" {
		t.Errorf("a disk with space: %+v", s)
	}
	shut(t, j)
}

// TestAReserveThatAKilledProcessUsedMakesRoomForTheNext begins with a segment that has blocks
// behind its end, as the used reserve of a process that had no time to clear up.
func TestAReserveThatAKilledProcessUsedMakesRoomForTheNext(t *testing.T) {
	dir := filepath.Join(smallDisk(t), "journal")
	j, _ := openTest(t, JournalOptions{Dir: dir, Reserve: -1})
	if err := j.Close(full(1)); err != nil {
		t.Fatal(err)
	}
	segment := j.State().Segment
	shut(t, j)
	f, err := os.OpenFile(segment, segmentFlags, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(allocate(f, 2<<20), f.Close()); err != nil {
		t.Fatal(err)
	}
	j, _ = openTest(t, JournalOptions{Dir: dir, Reserve: 2 << 20})
	if _, err := os.Stat(filepath.Join(dir, reserve)); err != nil {
		t.Errorf("the next process has no reserve: %v", err)
	}
	shut(t, j)
	if got := closes(t, Source{Journal: dir}); len(got) != 1 {
		t.Errorf("%d records on the disk, want 1", len(got))
	}
}

// TestAReserveThatWasUsedMakesRoomForTheNext has a disk that two reserves would fill.
func TestAReserveThatWasUsedMakesRoomForTheNext(t *testing.T) {
	disk := smallDisk(t)
	dir := filepath.Join(disk, "journal")
	j, _ := openTest(t, JournalOptions{Dir: dir, Reserve: 2 << 20})
	all := 0
	for range 2 {
		ballast := fillDisk(t, disk)
		all = closeUntil(t, j, all, "reserve is in use")
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		recovers(t, j)
		if _, err := os.Stat(filepath.Join(dir, reserve)); err != nil {
			t.Errorf("the reserve is not back: %v", err)
		}
	}
	shut(t, j)
	if got := closes(t, Source{Journal: dir}); len(got) != all {
		t.Errorf("%d records on the disk, want %d", len(got), all)
	}
}
