package daemon

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"prism/internal/admin"
	"prism/internal/ledger"
	"prism/internal/stream"
)

func TestTheStartIsRefusedWithItsReason(t *testing.T) {
	// Neither keys of the machine nor of a test before this one are to be found.
	none := func(t *testing.T) { t.Helper(); t.Setenv("SOPS_AGE_KEY", "") }
	for _, c := range []struct {
		name string
		make func(t *testing.T, r *rig)
		want string
	}{
		{"no file", func(*testing.T, *rig) {}, "there is no profiles.yaml"},
		{"a directory", func(t *testing.T, r *rig) { mustMake(t, os.Mkdir(r.paths.Profiles, 0o700)) }, "not a regular file"},
		{"a FIFO", func(t *testing.T, r *rig) { mustMake(t, syscall.Mkfifo(r.paths.Profiles, 0o600)) }, "not a regular file"},
		{"a device", func(t *testing.T, r *rig) { mustMake(t, os.Symlink("/dev/zero", r.paths.Profiles)) }, "not a regular file"},
		{"a link in a circle", func(t *testing.T, r *rig) { mustMake(t, os.Symlink(r.paths.Profiles, r.paths.Profiles)) }, "too many"},
		{"no identity", func(t *testing.T, r *rig) { none(t); r.write(r.seal(r.two("a"))) }, "secret_no_key"},
		{"an identity for another file", func(t *testing.T, r *rig) {
			other := newRig(t)
			other.write(r.seal(r.two("a")))
			r.write(r.seal(r.two("a")))
		}, "secret_no_key"},
		{"an identity that others can read", func(t *testing.T, r *rig) {
			none(t)
			file := filepath.Join(t.TempDir(), "keys.txt")
			mustMake(t, os.WriteFile(file, []byte(r.identity+"\n"), 0o600))
			mustMake(t, os.Chmod(file, 0o644))
			t.Setenv("SOPS_AGE_KEY_FILE", file)
			r.write(r.seal(r.two("a")))
		}, "secret_no_key"},
		{"clear text", func(_ *testing.T, r *rig) { r.write([]byte(r.two("a"))) }, "config_unsealed"},
		{"a file that others can write", func(t *testing.T, r *rig) {
			r.write(r.seal(r.two("a")))
			mustMake(t, os.Chmod(r.paths.Profiles, 0o662))
		}, "other users can write"},
		{"a file of somebody else", func(t *testing.T, r *rig) {
			if os.Geteuid() != 0 {
				t.Skip("only root can give a file away")
			}
			r.write(r.seal(r.two("a")))
			mustMake(t, os.Chown(r.paths.Profiles, 65534, 65534))
		}, "another user"},
		{"damaged pins", func(t *testing.T, r *rig) {
			r.write(r.seal(r.two("a")))
			mustMake(t, os.MkdirAll(r.paths.State, 0o700))
			mustMake(t, os.WriteFile(r.paths.Pins, []byte("{"), 0o600))
		}, "pins"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			t.Setenv("HOME", t.TempDir())
			t.Setenv("XDG_CONFIG_HOME", t.TempDir())
			c.make(t, r)
			began := time.Now()
			err := r.fail(r.options())
			if text := err.Error() + r.log.String(); !strings.Contains(text, c.want) {
				t.Errorf("no %q in\n%s", c.want, text)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("it took %v to be refused", took)
			}
			if strings.Contains(err.Error()+r.log.String(), keyA) {
				t.Error("the reason repeats a key")
			}
		})
	}
}

func mustMake(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestNoProfileLeadsToPrismItself(t *testing.T) {
	r := newRig(t)
	opt := r.options()
	r.write(r.seal(strings.Replace(r.two("a"), r.upB.URL, "http://"+opt.Listener.Addr().String(), 1)))
	if err := r.fail(opt); !strings.Contains(err.Error(), "prism itself") {
		t.Errorf("the reason is %v", err)
	}
}

// unfinished leaves the journal of a process that was killed: one exchange of which the usage
// is known, one of which nothing is, and one that was finished.
func (r *rig) unfinished() {
	r.t.Helper()
	for _, dir := range []string{r.paths.Data, r.paths.State} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			r.t.Fatal(err)
		}
	}
	j, _, err := ledger.OpenJournal(ledger.JournalOptions{Dir: r.paths.Journal, Archive: r.paths.Archive, Logger: zerolog.Nop()})
	if err != nil {
		r.t.Fatal(err)
	}
	for i, id := range []string{"01JC0000000000000000000001", "01JC0000000000000000000002", "01JC0000000000000000000003"} {
		var e ledger.Entry
		e.Reset()
		e.RequestID, e.StartedAt, e.Source = id, time.Now(), "proxy"
		e.Profile, e.Provider, e.Operation, e.RequestModel, e.UpstreamModel = "a", "anthropic", ledger.OpMessages, "claude-opus-5-5", "claude-opus-5-5"
		err := j.Open(&e)
		if i == 0 {
			e.ResponseModel, e.UsageSource = "claude-opus-5-5", ledger.UsagePartial
			e.Usage.Input, e.Usage.Output = stream.Count(1000), stream.Count(1)
			err = errors.Join(err, j.Usage(&e))
		}
		if i == 2 {
			e.Outcome = ledger.OutcomeOK
			err = errors.Join(err, j.Close(&e))
		}
		if err != nil {
			r.t.Fatal(err)
		}
	}
	if err := j.Shutdown(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

// rows reads the close records of the journal.
func (r *rig) rows() []ledger.Entry {
	r.t.Helper()
	var all []ledger.Entry
	_, err := ledger.ReadSegments(r.paths.Journal, ledger.Watermark{}, func(rec ledger.Record) error {
		if rec.Kind != ledger.KindClose {
			return nil
		}
		var e ledger.Entry
		err := rec.Entry(&e)
		all = append(all, e)
		return err
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		r.t.Fatal(err)
	}
	return all
}

func TestExchangesOfAKilledProcessAreClosedAndPricedOnce(t *testing.T) {
	r := newRig(t)
	r.unfinished()
	r.write(r.seal(r.two("a")))
	if ready := r.start(); ready.Crashed != 2 {
		t.Errorf("%d exchanges are said to have crashed, want 2", ready.Crashed)
	}
	r.halt()
	if ready := r.start(); ready.Crashed != 0 {
		t.Errorf("the second start found %d crashed exchanges", ready.Crashed)
	}
	r.halt()
	rows := r.rows()
	if len(rows) != 3 {
		t.Fatalf("%d rows, want 3", len(rows))
	}
	slices.SortFunc(rows, func(a, b ledger.Entry) int { return strings.Compare(a.RequestID, b.RequestID) })
	known, unknown := rows[0], rows[1]
	if known.Outcome != ledger.OutcomeCrashed || known.UsageSource != ledger.UsagePartial || !known.Cost.Known() || known.Cost <= 0 || known.PromptTokens != 1000 || known.EndedAt.IsZero() {
		t.Errorf("the one with usage: outcome %s, usage %s, cost %d, prompt %d, end %v", known.Outcome, known.UsageSource, known.Cost, known.PromptTokens, known.EndedAt)
	}
	if unknown.Outcome != ledger.OutcomeCrashed || unknown.UsageSource != ledger.UsageNone || unknown.Cost.Known() {
		t.Errorf("the one without: outcome %s, usage %s, cost %d", unknown.Outcome, unknown.UsageSource, unknown.Cost)
	}
}

func TestAPortThatIsTakenLeavesEverythingAsItWas(t *testing.T) {
	r := newRig(t)
	r.unfinished()
	r.write(r.seal(r.two("a")))
	before := tree(t, r.paths.Data)
	stranger, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	opt := r.options()
	_ = opt.Listener.Close()
	opt.Listener, opt.Settings.Listen = nil, stranger.Addr().String()
	err = r.fail(opt)
	if !errors.Is(err, ErrPort) || !strings.Contains(err.Error(), stranger.Addr().String()) {
		t.Errorf("the error is %v", err)
	}
	if runtime.GOOS == "linux" && !strings.Contains(err.Error(), fmt.Sprintf("(PID %d)", os.Getpid())) {
		t.Errorf("the error does not say who listens: %v", err)
	}
	if after := tree(t, r.paths.Data); !slices.Equal(before, after) {
		t.Errorf("the data directory has\n%v\nhad\n%v", after, before)
	}
	for _, left := range []string{r.paths.Socket, r.paths.Pins, generationFile(r.paths.State)} {
		if _, err := os.Lstat(left); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s was made", left)
		}
	}
	lock, err := TakeLock(r.paths.Lock)
	if err != nil {
		t.Fatalf("the lock is still held: %v", err)
	}
	_ = lock.Close()
	if ready := r.start(); ready.Crashed != 2 {
		t.Errorf("the next start found %d crashed exchanges, want 2", ready.Crashed)
	}
}

// tree lists files with their content.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		all = append(all, path+": "+string(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestLinksInThePlacesOfPrismsFilesAreRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		path func(r *rig) string
	}{
		{"lock", func(r *rig) string { return r.paths.Lock }},
		{"ledger", func(r *rig) string { return r.paths.LedgerFile }},
		{"log of the ledger", func(r *rig) string { return r.paths.LedgerFile + ".wal" }},
		{"journal", func(r *rig) string { return r.paths.Journal }},
		{"archive", func(r *rig) string { return r.paths.Archive }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			r.write(r.seal(r.two("a")))
			target := filepath.Join(t.TempDir(), "target")
			mustMake(t, os.WriteFile(target, []byte("of somebody else"), 0o600))
			path := c.path(r)
			mustMake(t, os.MkdirAll(filepath.Dir(path), 0o700))
			mustMake(t, os.Symlink(target, path))
			if err := r.fail(r.options()); !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "symbolic link") {
				t.Errorf("the error is %v", err)
			}
			if b, err := os.ReadFile(target); err != nil || string(b) != "of somebody else" {
				t.Errorf("the target holds %q, %v", b, err)
			}
		})
	}
}

func TestADirectoryThatOthersCouldFillIsRefused(t *testing.T) {
	for _, which := range []string{"state", "data"} {
		for _, mode := range []os.FileMode{0o777, 0o770} {
			t.Run(which+" "+mode.String(), func(t *testing.T) {
				r := newRig(t)
				r.write(r.seal(r.two("a")))
				dir := map[string]string{"state": r.paths.State, "data": r.paths.Data}[which]
				mustMake(t, os.MkdirAll(dir, 0o700))
				mustMake(t, os.Chmod(dir, mode))
				if err := r.fail(r.options()); !strings.Contains(err.Error(), "others can write in "+dir) {
					t.Errorf("the error is %v", err)
				}
			})
		}
	}
}

func TestDirectoriesAreClosedToThoseWhoCouldLook(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	for _, dir := range []string{r.paths.State, r.paths.Data} {
		mustMake(t, os.MkdirAll(dir, 0o700))
		mustMake(t, os.Chmod(dir, 0o755))
	}
	r.start()
	for _, dir := range []string{r.paths.State, r.paths.Data} {
		st, err := os.Stat(dir)
		if err != nil || st.Mode().Perm() != 0o700 {
			t.Errorf("%s has mode %v, %v", dir, st.Mode(), err)
		}
	}
}

func TestASocketThatACrashLeftIsReplaced(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	mustMake(t, os.MkdirAll(filepath.Dir(r.paths.Socket), 0o700))
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: r.paths.Socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	mustMake(t, ln.Close())
	r.start()
	if st := r.status(); !st.Running {
		t.Errorf("status %+v", st)
	}
}

func TestGenerationsNeverComeAgain(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	last := r.start().Status.Generation
	next := func(when string) {
		t.Helper()
		v, err := admin.Dial(r.paths.Socket).Reload(t.Context(), true)
		if err != nil || v.Generation <= last {
			t.Errorf("%s: generation %d after %d, %v", when, v.Generation, last, err)
		}
		last = v.Generation
	}
	next("forced")
	r.halt()
	if now := r.start().Status.Generation; now != last+1 {
		t.Errorf("generation %d after a new start, want %d", now, last+1)
	}
	last++
	file := generationFile(r.paths.State)
	mustMake(t, os.Remove(file))
	next("the number was lost")
	mustMake(t, os.WriteFile(file, []byte("not a number"), 0o600))
	next("the number is damaged")
	mustMake(t, os.WriteFile(file, []byte("1\n"), 0o600))
	next("the number is an old one")
}

func TestAStateDirectoryThatCannotBeWrittenEndsTheStart(t *testing.T) {
	for _, c := range []struct {
		name  string
		state func(r *rig) string
	}{
		{"below a file", func(r *rig) string { return filepath.Join(r.paths.Profiles, "state") }},
		{"on a file system that takes nothing", func(*rig) string { return "/proc/prism" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			r.write(r.seal(r.two("a")))
			r.paths.State = c.state(r)
			if err := r.fail(r.options()); !strings.Contains(err.Error(), r.paths.State) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}
