//go:build unix

package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestReadFileReadsThroughLinksAndTellsTheState(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	writeFile(t, target, "text")
	if err := os.Symlink("target", link); err != nil {
		t.Fatal(err)
	}
	data, st, err := ReadFile(link)
	if err != nil || string(data) != "text" {
		t.Fatalf("%q, %v", data, err)
	}
	again, err := Stat(link)
	if err != nil || again != st || st.Size != 4 || st.Ino == 0 {
		t.Errorf("%+v, %+v, %v", st, again, err)
	}
	if want, _ := filepath.EvalSymlinks(target); st.RealPath != want {
		t.Errorf("real path %s, want %s", st.RealPath, want)
	}
}

func TestReadFileRefusesWhatOthersCouldHaveWritten(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, dir, file string){
		"group can write":   func(t *testing.T, _, file string) { chmod(t, file, 0o664) },
		"others can write":  func(t *testing.T, _, file string) { chmod(t, file, 0o646) },
		"directory is open": func(t *testing.T, dir, _ string) { chmod(t, dir, 0o777) },
		"larger than 1 MiB": func(t *testing.T, _, file string) { writeFile(t, file, strings.Repeat("x", MaxFileSize+1)) },
		"another user's":    func(t *testing.T, _, file string) { chown(t, file, 12345) },
		"directory is open 2": func(t *testing.T, dir, file string) {
			other := filepath.Join(filepath.Dir(dir), "other")
			if err := os.Mkdir(other, 0o777); err != nil {
				t.Fatal(err)
			}
			chmod(t, other, 0o777)
			if err := os.Rename(file, filepath.Join(other, "f")); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(filepath.Join(other, "f"), file); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "d")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "f")
			writeFile(t, file, "x")
			prepare(t, dir, file)
			_, _, err := ReadFile(file)
			var problems Problems
			if !errors.As(err, &problems) || problems[0].Fix == "" || problems[0].File != file {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestReadFileAcceptsASharedStickyDirectory(t *testing.T) {
	dir := t.TempDir()
	chmod(t, dir, 0o777|fs.ModeSticky)
	writeFile(t, filepath.Join(dir, "f"), "x")
	if _, _, err := ReadFile(filepath.Join(dir, "f")); err != nil {
		t.Error(err)
	}
}

func TestReadFileNeverHangsOnWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, path := range []string{dir, fifo, "/dev/zero"} {
			if _, _, err := ReadFile(path); !errors.Is(err, ErrNotRegular) {
				t.Errorf("%s: %v", path, err)
			}
		}
		if _, _, err := ReadFile(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("missing: %v", err)
		}
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("hangs")
	}
}

func chmod(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func chown(t *testing.T, path string, uid int) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	if err := os.Chown(path, uid, uid); err != nil {
		t.Fatal(err)
	}
}

func TestWriteFileAtomicKeepsLinkModeAndOwner(t *testing.T) {
	dir := t.TempDir()
	for _, sub := range []string{"repo", "home"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	target, link := filepath.Join(dir, "repo", "f"), filepath.Join(dir, "home", "f")
	writeFile(t, target, "old")
	chmod(t, target, 0o640)
	if os.Geteuid() == 0 {
		chown(t, target, 12345)
	}
	if err := os.Symlink("../repo/f", link); err != nil {
		t.Fatal(err)
	}
	before, err := Stat(link)
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteFileAtomic(link, []byte("new"), before); err != nil {
		t.Fatal(err)
	}
	after, err := Stat(link)
	if err != nil || after.RealPath != before.RealPath || after.Mode != before.Mode || after.Ino == before.Ino {
		t.Errorf("%+v, was %+v, %v", after, before, err)
	}
	if info, _ := os.Lstat(link); info.Mode()&fs.ModeSymlink == 0 {
		t.Error("the link is gone")
	}
	if data, _ := os.ReadFile(target); string(data) != "new" {
		t.Errorf("%q", data)
	}
	info, _ := os.Stat(target)
	if st := info.Sys().(*syscall.Stat_t); os.Geteuid() == 0 && st.Uid != 12345 {
		t.Errorf("owner %d", st.Uid)
	}
	if left, _ := os.ReadDir(filepath.Join(dir, "repo")); len(left) != 1 {
		t.Errorf("left over: %v", left)
	}
}

func TestWriteFileAtomicRefusesAFileThatMovedOn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	if err := WriteFileAtomic(file, []byte("1"), FileState{}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("a new file is private: %v %v", info.Mode(), err)
	}
	if err := WriteFileAtomic(file, []byte("2"), FileState{}); !errors.Is(err, ErrChanged) {
		t.Errorf("it exists by now: %v", err)
	}
	st, err := Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, file, "someone else")
	if err := WriteFileAtomic(file, []byte("3"), st); !errors.Is(err, ErrChanged) {
		t.Errorf("it changed: %v", err)
	}
	if data, _ := os.ReadFile(file); string(data) != "someone else" {
		t.Errorf("%q", data)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := WriteFileAtomic(file, []byte("3"), st); !errors.Is(err, ErrChanged) {
		t.Errorf("it is gone: %v", err)
	}
}

func TestWritersAtTheSameTimeLoseNothingThatOneOfThemWrote(t *testing.T) {
	path := filepath.Join(t.TempDir(), "profiles.yaml")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var written atomic.Int64
	for range 8 {
		wg.Go(func() {
			for range 25 {
				data, st, err := ReadFile(path)
				if err == nil {
					err = WriteFileAtomic(path, append(data, "a line\n"...), st)
				}
				switch {
				case err == nil:
					written.Add(1)
				case !errors.Is(err, ErrChanged):
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := int64(strings.Count(string(data), "\n")); got != written.Load() {
		t.Errorf("%d lines, of %d that were said to be written", got, written.Load())
	}
}

func TestWriteFileAtomicRefusesWhatMustNotBeWritten(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	writeFile(t, file, "x")
	chmod(t, file, 0o444)
	st, err := Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteFileAtomic(file, []byte("y"), st); !errors.Is(err, ErrReadOnly) {
		t.Errorf("0444: %v", err)
	}
	dangling := filepath.Join(dir, "dangling")
	if err := os.Symlink("nowhere", dangling); err != nil {
		t.Fatal(err)
	}
	if err := WriteFileAtomic(dangling, []byte("y"), FileState{}); err == nil {
		t.Error("a dangling link was replaced")
	}
	if err := WriteFileAtomic(dir, []byte("y"), st); !errors.Is(err, ErrNotRegular) {
		t.Errorf("directory: %v", err)
	}
}
