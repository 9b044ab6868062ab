package duckdb

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// fillDisk takes all the space of a disk and returns what gives it back.
func fillDisk(t *testing.T, dir string) (free func()) {
	t.Helper()
	path := filepath.Join(dir, "ballast")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for page := make([]byte, 4096); err == nil; {
		_, err = file.Write(page)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("filling the disk ended with %v", err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatTheDiskRefusesIsSaidInShortAndLosesNothing(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=16m"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Errorf("unmount %s: %v", disk, err)
		}
	})
	h := newHome(t)
	h.opt.File, h.opt.ArchiveDir = filepath.Join(disk, "ledger.duckdb"), filepath.Join(disk, "archive")
	h.close(entry(1))
	h.fold()
	h.close(entry(2))
	refused := func(want error) {
		t.Helper()
		_, folded := Fold(context.Background(), h.opt)
		_, compacted := Compact(context.Background(), h.upkeep())
		_, rebuilt := Rebuild(context.Background(), h.upkeep(), false)
		_, collected := Collect(context.Background(), h.upkeep(), entry(2).StartedAt, false)
		for what, err := range map[string]error{"fold": folded, "compact": compacted, "rebuild": rebuilt, "collect": collected} {
			if !errors.Is(err, want) || strings.Count(err.Error(), "\n") > 0 || !strings.Contains(err.Error(), h.opt.File) {
				t.Errorf("%s: %v; want one line that it is %q", what, err, want)
			}
		}
	}
	free := fillDisk(t, disk)
	refused(ErrFull)
	free()
	if err := syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	refused(ErrReadOnly)
	if err := syscall.Mount("", disk, "", syscall.MS_REMOUNT, ""); err != nil {
		t.Fatal(err)
	}
	h.fold()
	if got := h.rows(`select distinct request_id from requests`); len(got) != 2 {
		t.Errorf("%v, want two rows", got)
	}
	h.wantSound()
}
