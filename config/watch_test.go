//go:build unix

package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// watched is a watcher and what its receiver knows: the contents it read last.
type watched struct {
	*Watcher
	t    *testing.T
	path string
}

func startWatch(t *testing.T, path string, opt WatchOptions) *watched {
	t.Helper()
	w, err := NewWatcher(path, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return &watched{Watcher: w, t: t, path: path}
}

// reads waits until the receiver, who reads the file at every signal, has read want.
func (w *watched) reads(want string) {
	w.t.Helper()
	deadline := time.After(patience)
	last := ""
	for {
		select {
		case <-w.C():
			data, _ := os.ReadFile(w.path)
			if last = string(data); last == want {
				return
			}
		case <-deadline:
			w.t.Fatalf("read %q, want %q; mode %s", last, want, w.Mode())
		}
	}
}

// tree makes directories, files (name: text) and links (name -> target) below a new directory.
func tree(t *testing.T, entries ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, e := range entries {
		if name, target, ok := strings.Cut(e, " -> "); ok {
			link(t, target, filepath.Join(dir, name))
			continue
		}
		name, text, isFile := strings.Cut(e, ": ")
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if isFile {
			writeFile(t, path, text)
		} else if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, name); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

// TestEverySaveIsTold saves several times in every way, with events and without.
func TestEverySaveIsTold(t *testing.T) {
	for name, way := range savings() {
		for _, mode := range []string{"events", "poll"} {
			t.Run(name+"/"+mode, func(t *testing.T) {
				t.Parallel()
				opt := WatchOptions{Poll: time.Hour, Quiet: 20 * time.Millisecond, Max: 300 * time.Millisecond}
				if mode == "poll" || name == "directory replaced" { // nobody watches the parent directory
					opt.Poll = 20 * time.Millisecond
				}
				dir := tree(t, way.entries...)
				w := startWatch(t, filepath.Join(dir, way.file), opt)
				if w.Mode() != WatchEvents {
					t.Skip("no events on this machine")
				}
				if mode == "poll" {
					w.deafen()
				}
				for i := range 4 {
					text := fmt.Sprint(i + 1)
					way.save(t, dir, text)
					w.reads(text)
				}
			})
		}
	}
}

// deafen makes the watcher lose its events, as on a network file system.
func (w *watched) deafen() {
	w.Close()
	opt := w.opt
	deaf, err := newWatcher(w.path, opt, func() *events { return &events{deaf: true, names: make(chan string)} })
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(deaf.Close)
	w.Watcher = deaf
	if w.Mode() != WatchPoll {
		w.t.Errorf("mode %s without events", w.Mode())
	}
}

func TestDirectoryRenamedAwayAndBack(t *testing.T) {
	dir := tree(t, "d/f: 0")
	d, f := filepath.Join(dir, "d"), filepath.Join(dir, "d", "f")
	w := startWatch(t, f, WatchOptions{Poll: 30 * time.Millisecond, Quiet: 10 * time.Millisecond, Max: 50 * time.Millisecond})
	for i := range 3 {
		rename(t, d, d+".x")
		w.reads("") // gone: told after the limit
		rename(t, d+".x", d)
		w.reads(fmt.Sprint(i))
		writeFile(t, f, fmt.Sprint(i+1))
		w.reads(fmt.Sprint(i + 1))
	}
	waitFor(t, "events to come back", func() bool { return w.Mode() == WatchEvents })
}

func TestWatchSurvivesTheEndOfInotify(t *testing.T) {
	dir := tree(t, "f: 0")
	f := filepath.Join(dir, "f")
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	restore := func() { _ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was) }
	t.Cleanup(restore)
	// With no descriptor left, inotify_init fails as it does when its instances are used up.
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 3, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	w, err := NewWatcher(f, WatchOptions{Poll: 20 * time.Millisecond, Quiet: 10 * time.Millisecond, Max: 50 * time.Millisecond})
	mode := ""
	if err == nil {
		mode = w.Mode()
	}
	restore()
	if err != nil || mode != WatchPoll {
		t.Fatalf("mode %q, %v", mode, err)
	}
	t.Cleanup(w.Close)
	ww := &watched{Watcher: w, t: t, path: f}
	writeFile(t, f, "1")
	ww.reads("1")
	waitFor(t, "events to come back", func() bool { return w.Mode() == WatchEvents })
	writeFile(t, f, "2")
	ww.reads("2")
}

func TestStormsAreCoalesced(t *testing.T) {
	dir := tree(t, "f: 0")
	f := filepath.Join(dir, "f")
	w := startWatch(t, f, WatchOptions{Poll: time.Hour, Quiet: 50 * time.Millisecond, Max: 200 * time.Millisecond})
	const n = 3000
	for i := range n {
		writeFile(t, f+".tmp", fmt.Sprint(i))
		rename(t, f+".tmp", f)
	}
	start := time.Now()
	signals := 0
	for last := ""; last != fmt.Sprint(n-1); {
		select {
		case <-w.C():
			signals++
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			last = string(data)
		case <-time.After(patience):
			t.Fatal("the last save was not told")
		}
	}
	if signals > 20 {
		t.Errorf("%d signals for %d saves in %v", signals, n, time.Since(start))
	}
}

func TestNothingIsToldWhenNothingHappens(t *testing.T) {
	dir := tree(t, "f: 0", "other: 0")
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "f"), old, old); err != nil {
		t.Fatal(err)
	}
	w := startWatch(t, filepath.Join(dir, "f"), WatchOptions{Poll: 10 * time.Millisecond, Quiet: 5 * time.Millisecond, Max: 20 * time.Millisecond})
	for i := range 20 {
		writeFile(t, filepath.Join(dir, "other"), fmt.Sprint(i))
		if _, err := os.ReadFile(filepath.Join(dir, "f")); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-w.C():
		t.Error("told of another file")
	case <-time.After(200 * time.Millisecond): // the absence of a signal has no other sign
	}
	chmod(t, filepath.Join(dir, "f"), 0o600)
	w.reads("0") // permissions are looked at again
}

func TestAFileMayComeLater(t *testing.T) {
	dir := tree(t, "x: 0")
	f := filepath.Join(dir, "not", "yet", "f")
	w := startWatch(t, f, WatchOptions{Poll: 20 * time.Millisecond, Quiet: 10 * time.Millisecond, Max: 50 * time.Millisecond})
	if err := os.MkdirAll(filepath.Dir(f), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, f, "1")
	w.reads("1")
	waitFor(t, "the directory to be watched", func() bool { return slices.Contains(w.Dirs(), filepath.Dir(f)) })
}

func TestDirsAreThoseOfEveryHop(t *testing.T) {
	dir := tree(t, "c/real/f: 0", "b/mid -> ../c/real", "a/f -> ../b/mid/f", "loop -> loop", "gone -> nowhere/f")
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	at := func(names ...string) []string {
		for i := range names {
			names[i] = filepath.Join(dir, names[i])
		}
		return names
	}
	c := resolveChain(filepath.Join(dir, "a", "f"))
	if want := at("a", "b", "c/real"); !slices.Equal(c.dirs, want) {
		t.Errorf("dirs %v, want %v", c.dirs, want)
	}
	if want := at("a/f", "b/mid", "c/real/f"); !slices.Equal(c.names, want) {
		t.Errorf("names %v, want %v", c.names, want)
	}
	if c := resolveChain(filepath.Join(dir, "loop")); len(c.names) > maxHops+2 || len(c.dirs) != 1 {
		t.Errorf("loop: %v", c)
	}
	if c := resolveChain(filepath.Join(dir, "gone")); !slices.Equal(c.names, at("gone", "nowhere")) {
		t.Errorf("dangling: %v", c)
	}
}

func TestCloseEndsTheWatch(t *testing.T) {
	w, err := NewWatcher(filepath.Join(tree(t, "f: 0"), "f"), WatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	w.Close()
}

// waitFor waits for a condition that nothing announces.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain for " + what)
		}
	}
}
