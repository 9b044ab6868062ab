package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"prism/internal/admin"
)

// TestAnotherBuildOnTheDiskIsToldOf: an upgrade replaces the file, and what runs goes on. The status
// says so once it has looked again, and nothing is said while the file is gone or holds what runs.
func TestAnotherBuildOnTheDiskIsToldOf(t *testing.T) {
	dir := t.TempDir()
	bin := filepath.Join(dir, "prism")
	build := func(text string) string { return text + strings.Repeat("x", 3*programChunk+7) }
	put := func(text string) { // as package managers do: beside it, then in its place
		t.Helper()
		if err := os.WriteFile(bin+".new", []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(bin+".new", bin); err != nil {
			t.Fatal(err)
		}
	}
	put(build("one"))
	r := newRig(t)
	var minutes atomic.Int64
	r.edit = func(o *Options) {
		o.Program = bin
		o.Now = func() time.Time { return time.Now().Add(time.Duration(minutes.Load()) * time.Minute) }
	}
	r.write(r.seal(r.two("a")))
	r.start()
	told := func() bool {
		t.Helper()
		st, err := control{r.d}.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		notices := admin.Notices(st)
		if st.OtherBuild != (len(notices) == 1 && notices[0].Kind == admin.NoticeOtherBuild && notices[0].Fix == "prism restart") {
			t.Errorf("the status says %t, the notices %v", st.OtherBuild, notices)
		}
		return st.OtherBuild
	}
	if told() {
		t.Fatal("what runs is called another build")
	}
	put(build("two"))
	if told() {
		t.Error("it looked again at once")
	}
	for _, c := range []struct {
		name   string
		change func()
		want   bool
	}{
		{"another build of the same size", func() {}, true},
		{"and still", func() {}, true},
		{"the file is gone", func() { _ = os.Remove(bin) }, false},
		{"a directory in its place", func() { _ = os.Mkdir(bin, 0o755) }, false},
		{"the same build, installed once more", func() { _ = os.Remove(bin); put(build("one")) }, false},
		{"touched", func() { _ = os.Chtimes(bin, time.Now(), time.Now().Add(-time.Hour)) }, false},
		{"a longer one", func() { put(build("three")) }, true},
		{"one that differs at its end", func() { put(build("one")[:len(build("one"))-1] + "y") }, true},
		{"back again", func() { put(build("one")) }, false},
	} {
		c.change()
		minutes.Add(1)
		if got := told(); got != c.want {
			t.Errorf("%s: told %t", c.name, got)
		}
	}
}

func TestAProgramThatCannotBeReadSaysNothing(t *testing.T) {
	for _, path := range []string{t.TempDir(), filepath.Join(t.TempDir(), "gone")} {
		p := openProgram(path, time.Now)
		if p != nil || p.replaced() {
			t.Errorf("%s: %+v", path, p)
		}
		p.close()
	}
	p := openProgram("", time.Now)
	defer p.close()
	if p == nil || p.replaced() {
		t.Errorf("this process: %+v", p)
	}
}
