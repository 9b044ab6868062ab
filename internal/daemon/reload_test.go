package daemon

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"prism/config/sealed"
	"prism/internal/admin"
	"prism/internal/simulator"
)

// reload asks for a reload and returns the verdict.
func (r *rig) reload(force bool) admin.Verdict {
	r.t.Helper()
	v, err := admin.Dial(r.paths.Socket).Reload(r.t.Context(), force)
	if err != nil {
		r.t.Fatal(err)
	}
	return v
}

// answers sends a request that must succeed.
func (r *rig) answers() {
	r.t.Helper()
	if status, out, err := r.post(); status != 200 || err != nil || !strings.Contains(out, "message_stop") {
		r.t.Errorf("status %d, %v: %s", status, err, out)
	}
}

// kept checks that the table of generation n is live and that the file was refused with code.
func (r *rig) kept(n uint64, code string) {
	r.t.Helper()
	st := r.status()
	if st.Generation != n || st.File.OK || len(st.File.Problems) == 0 || st.File.Problems[0].Code != code {
		r.t.Errorf("generation %d, problems %+v; want %d, %s", st.Generation, st.File.Problems, n, code)
	}
	events := r.events()
	if last := events[len(events)-1]; last.Accepted || last.Reason == "" || last.Generation != n {
		r.t.Errorf("event %+v", last)
	}
	r.answers()
}

func TestAReloadWithoutTheIdentityKeepsTheTable(t *testing.T) {
	r := newRig(t)
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	r.write(r.seal(r.two("a")))
	n := r.start().Status.Generation
	t.Setenv("SOPS_AGE_KEY", "")
	if v := r.reload(true); v.OK || v.Generation != n {
		t.Errorf("verdict %+v", v)
	}
	r.kept(n, "secret_no_key")

	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	r.until("the signal is obeyed", func() bool { e := r.events(); return e[len(e)-1].Trigger == "sighup" })
	r.kept(n, "secret_no_key")

	t.Setenv("SOPS_AGE_KEY", r.identity)
	if v := r.reload(true); !v.OK || v.Generation != n+1 {
		t.Errorf("with the identity back: %+v", v)
	}
}

// keyService makes a command the only source of the identity. It hangs while the file hang
// exists, and then leaves a line in asked for every time that it was called.
func (r *rig) keyService() (hang, asked string) {
	r.t.Helper()
	t, ok := r.t.(*testing.T)
	if !ok {
		r.t.Fatal("the environment can be set in tests only")
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", home)
	t.Setenv("SOPS_AGE_KEY", "")
	hang, asked = filepath.Join(home, "hang"), filepath.Join(home, "asked")
	script := filepath.Join(home, "key")
	text := fmt.Sprintf("#!/bin/sh\nif [ -e %s ]; then echo x >> %s; sleep 300; fi\necho %s\n", hang, asked, r.identity)
	mustMake(t, os.WriteFile(script, []byte(text), 0o700))
	t.Setenv("SOPS_AGE_KEY_CMD", script)
	return hang, asked
}

// TestAHangingKeyServiceHoldsUpNothingElse lets the key command hang while requests go on. A
// save costs its deadline once, not once for every time that the file could be read again,
// and whoever asks for a reload meanwhile gets an answer.
func TestAHangingKeyServiceHoldsUpNothingElse(t *testing.T) {
	const limit, asking = 700 * time.Millisecond, 12
	r := newRig(t)
	hang, asked := r.keyService()
	r.edit = func(o *Options) { o.KeyTimeout = limit }
	good := r.seal(r.two("a"))
	r.write(good)
	n := r.start().Status.Generation

	mustMake(t, os.WriteFile(hang, nil, 0o600))
	r.write(append(slices.Clone(good), "# saved while the service hangs\n"...))
	r.until("the key is asked for", func() bool { b, _ := os.ReadFile(asked); return len(b) > 0 })
	began := time.Now()
	for range 20 {
		r.answers()
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("20 requests took %v", took)
	}
	r.until("the file is refused", func() bool { return !r.status().File.OK })
	if took := time.Since(began); took > 2*limit {
		t.Errorf("the file was refused after %v, the deadline is %v", took, limit)
	}
	r.kept(n, "secret_no_key")
	if b, _ := os.ReadFile(asked); len(b) != len("x\n") {
		t.Errorf("the key was asked for %d times for one save", len(b)/2)
	}

	var wg sync.WaitGroup
	for range asking {
		wg.Go(func() {
			if v := r.reload(false); v.Generation != n && v.Generation != n+1 {
				t.Errorf("verdict %+v", v)
			}
		})
	}
	r.until("the key is asked for again", func() bool { b, _ := os.ReadFile(asked); return len(b) > len("x\n") })
	mustMake(t, os.Remove(hang))
	wg.Wait()
	if v := r.reload(false); !v.OK || v.Generation != n+1 || v.Trigger != "reload" {
		t.Errorf("after the service came back: %+v", v)
	}
}

func TestAHangingKeyServiceDoesNotHoldUpTheStop(t *testing.T) {
	r := newRig(t)
	hang, asked := r.keyService()
	r.edit = func(o *Options) { o.KeyTimeout = 10 * time.Minute }
	good := r.seal(r.two("a"))
	r.write(good)
	r.start()
	mustMake(t, os.WriteFile(hang, nil, 0o600))
	r.write(append(slices.Clone(good), "# saved\n"...))
	r.until("the key is asked for", func() bool { b, _ := os.ReadFile(asked); return len(b) > 0 })
	began := time.Now()
	r.halt()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the stop took %v", took)
	}
}

func TestAClearTextFileIsNeverTakenSilently(t *testing.T) {
	r := newRig(t)
	good := r.seal(r.two("a"))
	r.write(good)
	n := r.start().Status.Generation
	r.write([]byte(r.two("b")))
	r.until("the clear text is refused", func() bool { return !r.status().File.OK })
	r.kept(n, "config_unsealed")

	at := bytes.Index(good, []byte("api_key: ENC["))
	end := at + bytes.IndexByte(good[at:], '\n')
	r.write(slices.Concat(good[:at], []byte("api_key: pasted-in-clear-0123456789"), good[end:]))
	r.until("the pasted key is refused", func() bool { p := r.status().File.Problems; return len(p) > 0 && p[0].Code == "secret_format" })
	r.kept(n, "secret_format")
	if p := r.status().File.Problems[0]; p.Fix != "prism seal" || p.Line == 0 {
		t.Errorf("problem %+v", p)
	}
}

// swapLines exchanges what stands behind the first two lines that begin with key.
func swapLines(src []byte, key string) []byte {
	lines := strings.Split(string(src), "\n")
	first := -1
	for i, l := range lines {
		if !strings.HasPrefix(strings.TrimSpace(l), key) {
			continue
		}
		if first < 0 {
			first = i
			continue
		}
		lines[first], lines[i] = lines[i], lines[first]
		break
	}
	return []byte(strings.Join(lines, "\n"))
}

// moveBorders puts the key of the first profile beside the host of the second: all sealed
// values keep their order and their fields.
func moveBorders(r *rig, src []byte) []byte {
	lines := strings.Split(string(src), "\n")
	keys := 0
	for i, l := range lines {
		switch bare := strings.TrimSpace(l); {
		case strings.HasPrefix(bare, "api_key:") && keys == 0:
			lines[i], keys = "    auth: none\n  - "+bare, 1
		case strings.HasPrefix(bare, "api_key:"):
			lines[i] = "  - " + bare + "\n    name: c\n    base_url: " + r.upB.URL
		case bare == "- name: b":
			lines[i] = "    name: b"
		}
	}
	return []byte(strings.Join(lines, "\n"))
}

// TestNoEditWithoutTheIdentityBringsAKeyToAnotherHost makes the edits that sops does not
// notice, and those that it does, with both reaches of its MAC.
func TestNoEditWithoutTheIdentityBringsAKeyToAnotherHost(t *testing.T) {
	whole := false
	for _, mac := range []string{"sealed values", "all values"} {
		for _, c := range []struct {
			name string
			edit func(r *rig, good []byte) []byte
		}{
			{"keys exchanged", func(_ *rig, g []byte) []byte { return swapLines(g, "api_key:") }},
			{"hosts exchanged", func(_ *rig, g []byte) []byte { return swapLines(g, "base_url:") }},
			{"host of one edited", func(r *rig, g []byte) []byte { return bytes.Replace(g, []byte(r.upA.URL), []byte(r.upB.URL), 1) }},
			{"key copied", func(_ *rig, g []byte) []byte {
				i := bytes.Index(g, []byte("api_key: ENC["))
				first := g[i : i+bytes.IndexByte(g[i:], '\n')]
				j := i + len(first) + bytes.Index(g[i+len(first):], []byte("api_key: ENC["))
				second := g[j : j+bytes.IndexByte(g[j:], '\n')]
				return bytes.Replace(g, second, first, 1)
			}},
			{"borders of the list moved", moveBorders},
		} {
			t.Run(mac+"/"+c.name, func(t *testing.T) {
				r := newRig(t)
				good := r.seal(r.two("a"))
				if mac == "all values" {
					out, _, err := sealed.Seal(t.Context(), good, sealed.SealOptions{MACOnlyEncrypted: &whole})
					if err != nil {
						t.Fatal(err)
					}
					good = out
				}
				r.write(good)
				n := r.start().Status.Generation
				bad := c.edit(r, good)
				if bytes.Equal(bad, good) {
					t.Fatal("the edit changed nothing")
				}
				r.write(bad)
				r.until("the file is refused", func() bool { return !r.status().File.OK })
				code := r.status().File.Problems[0].Code
				if code != "pin_mismatch" && code != "secret_mac" {
					t.Errorf("code %s", code)
				}
				r.kept(n, code)
				checkPairs(t, r.a, keyA)
				if seen, _ := r.b.Requests(); seen != 0 {
					t.Errorf("the other host saw %d requests", seen)
				}
			})
		}
	}
}

func TestWhatIsNoPrivateFileKeepsTheTable(t *testing.T) {
	for _, c := range []struct {
		name, want string
		put        func(r *rig) error
	}{
		{"a directory", "not a regular file", func(r *rig) error { return os.Mkdir(r.paths.Profiles, 0o700) }},
		{"a FIFO", "not a regular file", func(r *rig) error { return syscall.Mkfifo(r.paths.Profiles, 0o600) }},
		{"a device", "not a regular file", func(r *rig) error { return os.Symlink("/dev/zero", r.paths.Profiles) }},
		{"nothing", "no profiles.yaml", func(*rig) error { return nil }},
		{"too much", "larger than", func(r *rig) error { return os.WriteFile(r.paths.Profiles, make([]byte, 2<<20), 0o600) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			good := r.seal(r.two("a"))
			r.write(good)
			n := r.start().Status.Generation
			mustMake(t, os.Remove(r.paths.Profiles))
			mustMake(t, c.put(r))
			r.until("it is refused", func() bool {
				p := r.status().File.Problems
				return len(p) > 0 && strings.Contains(p[0].Message, c.want)
			})
			r.kept(n, "config_invalid")
			mustMake(t, os.RemoveAll(r.paths.Profiles))
			r.write(good)
			r.until("the file is well again", func() bool { return r.status().File.OK })
			if now := r.status().Generation; now != n {
				t.Errorf("generation %d, want %d: the text is the same", now, n)
			}
		})
	}
}

func TestPermissionsAreCheckedThoughTheTextIsTheSame(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	n := r.start().Status.Generation
	mustMake(t, os.Chmod(r.paths.Profiles, 0o666))
	r.until("the open file is refused", func() bool { return !r.status().File.OK })
	r.kept(n, "config_invalid")
	mustMake(t, os.Chmod(r.paths.Profiles, 0o600))
	r.until("the closed file is well", func() bool { return r.status().File.OK })
	now := time.Now()
	mustMake(t, os.Chtimes(r.paths.Profiles, now, now))
	if v := r.reload(false); !v.OK || v.Generation != n {
		t.Errorf("touch: %+v", v)
	}
}

// TestAStreamKeepsTheGenerationItBeganWith removes the profile of a stream in its middle.
func TestAStreamKeepsTheGenerationItBeganWith(t *testing.T) {
	r := newRig(t)
	r.a.Script(simulator.Always(simulator.Reply(simulator.TextPieces("one two three four five six", 5), simulator.EventDelay(100*time.Millisecond))))
	r.write(r.seal(r.two("a")))
	n := r.start().Status.Generation
	out := r.open(1)
	thaw := r.a.Freeze()
	only := "active: b\nprofiles:\n  - name: b\n    base_url: " + r.upB.URL + "\n    api_key: " + keyB + "\n    provider: anthropic\nclient_token: " + token + "\n"
	r.write(r.seal(only))
	r.until("b answers", func() bool { return r.status().Active == "b" })
	r.answers()
	thaw()
	if got := <-out; !strings.Contains(got, "message_stop") {
		t.Errorf("the stream ended with %q", got)
	}
	r.halt()
	rows := r.rows()
	if len(rows) != 2 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, e := range rows {
		want := map[string]uint64{"a": n, "b": n + 1}[e.Profile]
		if e.Generation != want || e.Outcome != "ok" {
			t.Errorf("row of %s: generation %d, want %d; outcome %s", e.Profile, e.Generation, want, e.Outcome)
		}
	}
}

func TestAKeyThatIsSeenForTheFirstTimeIsAnnounced(t *testing.T) {
	r := newRig(t)
	first := r.seal(r.two("a"))
	r.write(first)
	ready := r.start()
	for _, want := range []string{"profile a: its key may now be sent to " + r.upA.URL, "profile b: its key may now be sent to " + r.upB.URL} {
		if !slices.ContainsFunc(ready.Verdict.Notes, func(n string) bool { return strings.Contains(n, want) }) {
			t.Errorf("notes %q do not say %q", ready.Verdict.Notes, want)
		}
		if !strings.Contains(r.events()[0].Reason, want) || !strings.Contains(r.log.String(), want) {
			t.Errorf("event or log do not say %q", want)
		}
	}
	if strings.Contains(r.log.String(), keyA) {
		t.Error("the announcement shows the key")
	}
}

func TestOtherRecipientsAreAnnounced(t *testing.T) {
	r := newRig(t)
	old := r.seal(r.two("a"))
	r.write(old)
	n := r.start().Status.Generation
	_, second, err := sealed.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	both, err := sealed.Encrypt([]byte(r.two("a")), []string{r.to, second})
	if err != nil {
		t.Fatal(err)
	}
	r.write(both)
	r.until("the file for two is live", func() bool { return r.status().Generation > n })
	events := r.events()
	if last := events[len(events)-1]; !last.Accepted || !strings.Contains(last.Reason, "recipients") || len(last.Changed)+len(last.Added)+len(last.Removed) != 0 {
		t.Errorf("event %+v", last)
	}
	if !strings.Contains(r.log.String(), "recipients of the file changed") {
		t.Errorf("the log says nothing:\n%s", r.log)
	}
}

func TestAnOlderFileIsTakenWithAWarning(t *testing.T) {
	r := newRig(t)
	old := r.seal(r.two("a"))
	opened, err := sealed.Open(t.Context(), old)
	mustMake(t, err)
	var now []byte
	r.until("a file of a later second", func() bool {
		now = r.seal(r.two("b"))
		later, err := sealed.Open(t.Context(), now)
		return err == nil && later.LastModified.After(opened.LastModified)
	})
	r.write(now)
	r.start()
	r.write(old)
	r.until("the old file is live", func() bool { return r.status().Active == "a" })
	if !strings.Contains(r.log.String(), "lastmodified went backwards") {
		t.Errorf("the log says nothing:\n%s", r.log)
	}
}

// TestAChoiceKeptOutsideOfTheFileWinsUntilTheFileNamesAnother uses a file without active:,
// which prism use cannot change.
func TestAChoiceKeptOutsideOfTheFileWinsUntilTheFileNamesAnother(t *testing.T) {
	r := newRig(t)
	bare := strings.TrimPrefix(r.two("a"), "active: a\n")
	r.write(r.seal(bare))
	mustMake(t, os.MkdirAll(r.paths.State, 0o700))
	mustMake(t, admin.Choice{Active: "b"}.Save(r.paths.ActiveFile))
	if st := r.start().Status; st.Active != "b" || st.ActiveFrom != r.paths.ActiveFile {
		t.Errorf("active %s from %s", st.Active, st.ActiveFrom)
	}
	before, err := os.ReadFile(r.paths.Profiles)
	mustMake(t, err)
	v, err := admin.Dial(r.paths.Socket).Use(t.Context(), "a")
	if err != nil || !v.OK || v.Active != "a" || len(v.Notes) == 0 || !strings.Contains(v.Notes[len(v.Notes)-1], r.paths.ActiveFile) {
		t.Errorf("use a: %+v, %v", v, err)
	}
	if after, _ := os.ReadFile(r.paths.Profiles); !bytes.Equal(before, after) {
		t.Error("the file changed")
	}
	r.halt()
	if st := r.start().Status; st.Active != "a" {
		t.Errorf("after a new start %s is active", st.Active)
	}
	r.write(r.seal(r.two("b")))
	r.until("the file decides", func() bool { st := r.status(); return st.Active == "b" && st.ActiveFrom != r.paths.ActiveFile })
}
