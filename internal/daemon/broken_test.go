package daemon

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"prism/config"
	"prism/internal/admin"
)

// candidate is something in the place of profiles.yaml that must not become a table.
type candidate struct {
	name string
	says string                  // part of the reason that must be given
	text []byte                  // of a regular file, or
	make func(path string) error // what stands there instead

	absent bool // it looks like no file at all: after another one that does, there is nothing to be seen
}

// candidates makes everything that must be refused out of a good file.
func (r *rig) candidates(good []byte) []candidate {
	return slices.Concat(r.cut(good), r.tampered(good), r.meaningless(), r.oversized(), notFiles(r.t.TempDir()))
}

// clear takes away what no file can be renamed over.
func (s *saves) clear() {
	if fi, err := os.Lstat(s.path); err == nil && fi.IsDir() {
		_ = os.Remove(s.path)
	}
}

// put puts the candidate in the place of the file.
func (c *candidate) put(s *saves, n int) error {
	s.clear()
	if c.make == nil {
		// Different texts of one kind are told apart by their hash.
		if len(c.text) > 0 && c.text[len(c.text)-1] == '\n' {
			return s.plain(append(slices.Clone(c.text), fmt.Sprintf("# %d\n", n)...))
		}
		return s.plain(c.text)
	}
	if err := os.RemoveAll(s.path); err != nil {
		return err
	}
	return c.make(s.path)
}

// explained tells whether the problems are those of the candidate: one says what it must say, and
// all say what is wrong, where, and what to do.
func (c *candidate) explained(problems []config.Problem) (string, bool) {
	said, all := c.says == "", true
	for _, p := range problems {
		if p.Severity != config.SeverityError {
			continue
		}
		said = said || strings.Contains(p.Message+" "+p.Fix+" "+p.Path, c.says)
		all = all && p.Code != "" && p.Code != "internal" && p.Message != "" && p.Fix != "" && p.File != ""
	}
	return fmt.Sprintf("%+v", problems), said && all
}

// TestABrokenFileIsRefusedWithItsReasonAndNoRequestNotices puts everything in the place of the
// file that must not become a table, under the load of 64 clients. Some are found by the watcher,
// the rest are asked for as by prism reload.
func TestABrokenFileIsRefusedWithItsReasonAndNoRequestNotices(t *testing.T) {
	r := newRig(t)
	texts := r.pair()
	r.write(texts[0])
	r.start()
	s := &saves{path: r.paths.Profiles, dir: r.paths.ConfigDir, aux: t.TempDir()}
	r.swapTo(s, texts[1], 0) // both keys are known beside their hosts
	r.swapTo(s, texts[0], 1)
	list := r.candidates(texts[0])
	total, watched := len(list), 4
	if soak() {
		total, watched = 1500, 2
	}
	rnd := dice(t)
	l := r.load(64, 20*time.Millisecond)
	r.until("every client has its connections", func() bool { return l.sent.Load() > 2000 })
	base := measure()
	reasons := map[string]int{}
	var slowest time.Duration
	for i := range total {
		c := &list[i%len(list)]
		if i >= len(list) {
			c = &list[rnd.IntN(len(list))]
		}
		live, placed := r.d.router.Table(), time.Now()
		if err := c.put(s, i); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		asked := time.Now()
		if i%watched == 0 && !c.absent {
			reasons[r.refusedByItself(c, placed)]++
		} else {
			reasons[r.refused(c)]++
			slowest = max(slowest, time.Since(asked))
		}
		if now := r.d.router.Table(); now != live {
			t.Fatalf("%s was swapped in", c.name)
		}
		if i%25 == 24 {
			r.swapTo(s, texts[i%2], i+2)
		}
	}
	r.swapTo(s, texts[0], total+2)
	base.since(r, 32<<20)
	l.end(r)
	t.Logf("%d candidates of %d kinds, refused as %v; the slowest verdict took %v", total, len(list), reasons, slowest)
	if soak() && slowest > 2*time.Second {
		t.Errorf("a verdict took %v", slowest)
	}
}

// swapTo saves a good file and waits until it is in effect.
func (r *rig) swapTo(s *saves, text []byte, n int) {
	r.t.Helper()
	s.clear()
	text = append(slices.Clone(text), fmt.Sprintf("# good %d\n", n)...)
	if err := s.plain(text); err != nil {
		r.t.Fatal(err)
	}
	want := hashOf(text)
	r.until("a good file takes effect after broken ones", func() bool { return r.d.router.Table().Hash == want })
}

// refused asks for a reload, and returns the code of the reason why it was refused.
func (r *rig) refused(c *candidate) string {
	r.t.Helper()
	v, err := admin.Dial(r.paths.Socket).Reload(context.Background(), false)
	if err != nil {
		r.t.Fatalf("%s: %v", c.name, err)
	}
	if text, ok := c.explained(v.Problems); v.OK || !ok {
		r.t.Errorf("%s: ok %v, problems %s", c.name, v.OK, text)
	}
	return firstError(v.Problems).Code
}

// refusedByItself waits until the watcher has had the candidate read, after it was placed.
func (r *rig) refusedByItself(c *candidate, placed time.Time) string {
	r.t.Helper()
	text, ok := "", false
	for deadline := time.Now().Add(5 * time.Second); !ok && time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		st := r.d.file.Load()
		if st.problems.Err() == nil || st.file.ReadAt.Before(placed) {
			continue
		}
		text, ok = c.explained(st.problems)
	}
	if !ok {
		r.t.Errorf("%s: problems %s", c.name, text)
	}
	return firstError(r.d.file.Load().problems).Code
}
