package attribution

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixed is a clock that a test moves.
type fixed struct {
	mu sync.Mutex
	t  time.Time
}

func (f *fixed) now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.t
}

func (f *fixed) pass(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.t = f.t.Add(d)
}

func noon() *fixed { return &fixed{t: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)} }

func open(t *testing.T, path string, c *fixed) *Registry {
	t.Helper()
	r, err := Open(path, c.now)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// run runs the registry until the function that it returns is called, which waits for the file.
func run(t *testing.T, r *Registry) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { r.Run(ctx, func(err error) { t.Errorf("not kept: %v", err) }) })
	return func() {
		cancel()
		wg.Wait()
	}
}

func where(name string) Place { return Place{Project: name, Cwd: "/home/u/" + name, GitBranch: "main"} }

func TestASessionIsRememberedAcrossProcesses(t *testing.T) {
	path, c := filepath.Join(t.TempDir(), "state", "sessions.json"), noon()
	r := open(t, path, c)
	stop := run(t, r)
	for _, name := range []string{"a", "b"} {
		if err := r.Note(Session{ID: "session-" + name, Place: where(name)}); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	again := open(t, path, c)
	for _, name := range []string{"a", "b"} {
		if got, ok := again.Place("session-" + name); !ok || got != where(name) {
			t.Errorf("session-%s: %+v, %v", name, got, ok)
		}
	}
	if _, ok := again.Place("session-c"); ok {
		t.Error("a session is known that nobody told of")
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v; want mode 0600", st.Mode(), err)
	}
}

func TestTheNewestPlaceOfASessionCounts(t *testing.T) {
	path, c := filepath.Join(t.TempDir(), "sessions.json"), noon()
	r := open(t, path, c)
	stop := run(t, r)
	for _, branch := range []string{"main", "fix", "main", "feature"} {
		c.pass(time.Second)
		at := where("a")
		at.GitBranch = branch
		if err := r.Note(Session{ID: "s", Place: at}); err != nil {
			t.Fatal(err)
		}
		if got, _ := r.Place("s"); got.GitBranch != branch {
			t.Errorf("branch %q, want %q", got.GitBranch, branch)
		}
	}
	stop()
	if got, _ := open(t, path, c).Place("s"); got.GitBranch != "feature" {
		t.Errorf("branch %q after a restart, want feature", got.GitBranch)
	}
}

func TestWhatAHookWroteMeanwhileIsFound(t *testing.T) {
	path, c := filepath.Join(t.TempDir(), "sessions.json"), noon()
	r := open(t, path, c)
	if _, ok := r.Place("hooked"); ok {
		t.Fatal("known before it was told")
	}
	if err := Record(path, Session{ID: "hooked", Place: where("a"), SeenAt: c.now()}); err != nil {
		t.Fatal(err)
	}
	if _, ok := r.Place("hooked"); ok {
		t.Error("the file is looked at with every request")
	}
	c.pass(lookEvery)
	if got, ok := r.Place("hooked"); !ok || got != where("a") {
		t.Errorf("%+v, %v; want what the hook wrote", got, ok)
	}
}

func TestNeitherSideOverwritesTheOther(t *testing.T) {
	path, c := filepath.Join(t.TempDir(), "sessions.json"), noon()
	r := open(t, path, c)
	stop := run(t, r)
	var wg sync.WaitGroup
	const each = 20
	for i := range each {
		wg.Go(func() {
			// A hook gives up where others keep the lock too long, as forty at once may.
			for {
				err := Record(path, Session{ID: fmt.Sprintf("hook-%d", i), Place: where("h"), SeenAt: c.now()})
				if err == nil || !errors.Is(err, syscall.EWOULDBLOCK) {
					if err != nil {
						t.Error(err)
					}
					return
				}
			}
		})
		wg.Go(func() {
			if err := r.Note(Session{ID: fmt.Sprintf("told-%d", i), Place: where("t")}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	stop()
	again := open(t, path, c)
	for i := range each {
		for _, id := range []string{fmt.Sprintf("hook-%d", i), fmt.Sprintf("told-%d", i)} {
			if _, ok := again.Place(id); !ok {
				t.Errorf("%s was lost", id)
			}
		}
	}
}

func TestOnlyTheLastSessionsAreKept(t *testing.T) {
	path, c := filepath.Join(t.TempDir(), "sessions.json"), noon()
	r := open(t, path, c)
	for i := range maxSessions + 10 {
		c.pass(time.Second)
		if err := r.Note(Session{ID: fmt.Sprint(i), Place: where("a")}); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.save(); err != nil {
		t.Fatal(err)
	}
	if again := open(t, path, c); len(again.sessions) != maxSessions {
		t.Errorf("%d sessions, want %d", len(again.sessions), maxSessions)
	}
	for id, want := range map[string]bool{"0": false, "9": false, "10": true, fmt.Sprint(maxSessions + 9): true} {
		if _, ok := r.Place(id); ok != want {
			t.Errorf("session %s known: %v, want %v", id, ok, want)
		}
	}
}

func TestWhatIsSaidAgainIsNotWrittenAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "sessions.json")
		r, err := Open(path, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		stop := run(t, r)
		written := func() time.Time {
			st, err := os.Stat(path)
			if err != nil {
				return time.Time{}
			}
			return st.ModTime()
		}
		tell := func() {
			if err := r.Note(Session{ID: "s", Place: where("a")}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * writeDelay)
			synctest.Wait()
		}
		tell()
		first := written()
		if first.IsZero() {
			t.Fatal("nothing was written")
		}
		if err := os.Chtimes(path, first.Add(-time.Hour), first.Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
		mark := written()
		for range 100 {
			tell()
		}
		if !written().Equal(mark) {
			t.Error("the file was written again although nothing had changed")
		}
		time.Sleep(stillSeen)
		tell()
		if written().Equal(mark) {
			t.Error("the file does not learn that the session is still seen")
		}
		stop()
	})
}

func TestABrokenFileIsReplaced(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "torn": `{"version":1,"sessions":[{"session_id":"a"`, "another shape": `[1,2]`, "no text": "\xff\x00",
	} {
		t.Run(name, func(t *testing.T) {
			path, c := filepath.Join(t.TempDir(), "sessions.json"), noon()
			write(t, path, text)
			r, err := Open(path, c.now)
			if err == nil {
				t.Error("nothing was said of it")
			}
			if err := r.Note(Session{ID: "s", Place: where("a")}); err != nil {
				t.Fatal(err)
			}
			run(t, r)()
			if got, ok := open(t, path, c).Place("s"); !ok || got != where("a") {
				t.Errorf("%+v, %v", got, ok)
			}
		})
	}
}

func TestAFileThatCannotBeWrittenIsToldAndTheRegistryGoesOn(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "file"), "")
	r, err := Open(filepath.Join(dir, "file", "sessions.json"), noon().now)
	if err == nil {
		t.Error("a path below a file was opened")
	}
	if err := r.Note(Session{ID: "s", Place: where("a")}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var told error
	r.Run(ctx, func(err error) { told = err })
	if told == nil {
		t.Error("nobody was told")
	}
	if _, ok := r.Place("s"); !ok {
		t.Error("the session was forgotten")
	}
}

func TestASessionNeedsAnIDAndAPlace(t *testing.T) {
	r := open(t, filepath.Join(t.TempDir(), "sessions.json"), noon())
	for _, s := range []Session{{ID: "s"}, {Place: where("a")}, {}} {
		if err := r.Note(s); err == nil {
			t.Errorf("%+v was taken", s)
		}
		if err := Record(r.path, s); err == nil {
			t.Errorf("%+v was recorded", s)
		}
	}
	if _, ok := r.Place(""); ok {
		t.Error("no session has a place")
	}
}

func FuzzSessionsFile(f *testing.F) {
	f.Add([]byte(`{"version":1,"sessions":[{"session_id":"a","cwd":"/x","seen_at":"2026-11-20T12:00:00Z"}]}`))
	f.Add([]byte(`{"sessions":[{"session_id":"a","project":"p"},{"session_id":"a","project":"q","seen_at":"2026-11-20T12:00:00Z"}]}`))
	f.Add([]byte(`{"sessions":[{}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := parse(b)
		if err != nil {
			return
		}
		for id, s := range all {
			if id != s.ID || id == "" || len(id) > maxID || !s.Known() || len(s.Cwd) > maxPath || len(s.Project) > maxName || len(s.GitBranch) > maxName {
				t.Errorf("%q: %+v", id, s)
			}
			if strings.ToValidUTF8(s.Cwd, "") != s.Cwd {
				t.Errorf("%q is no text", s.Cwd)
			}
		}
	})
}
