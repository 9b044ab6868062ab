package daemon

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"prism/internal/simulator"
)

// soak tells whether the long form of a test is asked for.
func soak() bool { return os.Getenv("PRISM_SOAK") != "" }

// saver saves profiles.yaml in one way.
type saver struct {
	name string
	save func(s *saves, data []byte) error
}

// saves is a configuration directory in which every way of saving works at any time: the path
// that prism reads is a link to a link to a file in a ..data directory, and each save brings
// its layout along.
type saves struct {
	path string // what prism reads
	dir  string // of path
	aux  string // another directory, for targets
	n    int
}

func (s *saves) fresh(dir, stem string) string {
	s.n++
	return filepath.Join(dir, fmt.Sprintf("%s-%d", stem, s.n))
}

// plain makes the path a regular file, by renaming one over it.
func (s *saves) plain(data []byte) error {
	tmp := s.fresh(s.dir, ".tmp")
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, s.path)
}

// link makes the path a link to target, atomically.
func (s *saves) link(target string) error {
	tmp := s.fresh(s.dir, ".link")
	if err := os.Symlink(target, tmp); err != nil {
		return err
	}
	return os.Rename(tmp, s.path)
}

func inPlace(path string, data []byte, pieces int, pause time.Duration) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	step := len(data)/pieces + 1
	for len(data) > 0 {
		n := min(step, len(data))
		if _, err := f.Write(data[:n]); err != nil {
			return err
		}
		if data = data[n:]; len(data) > 0 {
			time.Sleep(pause) // a slow writer is what is being simulated
		}
	}
	return nil
}

// savers lists the ways of saving: those of editors, of sops, of dotfile managers and of
// mounted volumes.
func savers() []saver {
	return []saver{
		{"rename over", func(s *saves, d []byte) error { return s.plain(d) }},
		{"rename over, twice", func(s *saves, d []byte) error {
			if err := s.plain(append(slices.Clone(d), "# once\n"...)); err != nil {
				return err
			}
			return s.plain(d)
		}},
		{"truncate and write", func(s *saves, d []byte) error { return inPlace(s.path, d, 1, 0) }},
		{"slow writer in three pieces", func(s *saves, d []byte) error { return inPlace(s.path, d, 3, 40*time.Millisecond) }},
		{"vim, backup by rename", func(s *saves, d []byte) error {
			for _, junk := range []string{".profiles.yaml.swp", ".profiles.yaml.swx", "4913"} {
				p := filepath.Join(s.dir, junk)
				if err := os.WriteFile(p, []byte("x"), 0o600); err != nil {
					return err
				}
				defer func() { _ = os.Remove(p) }()
			}
			backup := s.path + "~"
			if err := os.Rename(s.path, backup); err != nil {
				return err
			}
			defer func() { _ = os.Remove(backup) }()
			return inPlace(s.path, d, 1, 0)
		}},
		{"vim, backup by copy", func(s *saves, d []byte) error {
			old, err := os.ReadFile(s.path)
			if err != nil {
				return err
			}
			if err := os.WriteFile(s.path+"~", old, 0o600); err != nil {
				return err
			}
			defer func() { _ = os.Remove(s.path + "~") }()
			return inPlace(s.path, d, 2, 5*time.Millisecond)
		}},
		{"delete and create", func(s *saves, d []byte) error {
			if err := os.Remove(s.path); err != nil {
				return err
			}
			time.Sleep(20 * time.Millisecond) // the gap is what is being simulated
			return inPlace(s.path, d, 1, 0)
		}},
		{"link, target edited in place", func(s *saves, d []byte) error {
			target := filepath.Join(s.aux, "stow.yaml")
			if err := inPlace(target, d, 2, 5*time.Millisecond); err != nil {
				return err
			}
			if now, _ := os.Readlink(s.path); now == target {
				return nil
			}
			return s.link(target)
		}},
		{"link, target renamed over", func(s *saves, d []byte) error {
			target := filepath.Join(s.aux, "chezmoi.yaml")
			tmp := s.fresh(s.aux, ".tmp")
			if err := os.WriteFile(tmp, d, 0o600); err != nil {
				return err
			}
			if err := os.Rename(tmp, target); err != nil {
				return err
			}
			if now, _ := os.Readlink(s.path); now == target {
				return nil
			}
			return s.link(target)
		}},
		{"link replaced", func(s *saves, d []byte) error {
			target := s.fresh(s.aux, "generation")
			if err := os.WriteFile(target, d, 0o600); err != nil {
				return err
			}
			return s.link(target)
		}},
		{"mounted volume, ..data", func(s *saves, d []byte) error {
			version := s.fresh(s.aux, "..version")
			if err := os.Mkdir(version, 0o700); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(version, "profiles.yaml"), d, 0o600); err != nil {
				return err
			}
			tmp, data := s.fresh(s.aux, "..tmp"), filepath.Join(s.aux, "..data")
			if err := os.Symlink(filepath.Base(version), tmp); err != nil {
				return err
			}
			if err := os.Rename(tmp, data); err != nil {
				return err
			}
			if now, _ := os.Readlink(s.path); now == filepath.Join(data, "profiles.yaml") {
				return nil
			}
			return s.link(filepath.Join(data, "profiles.yaml"))
		}},
		{"directory renamed away and back", func(s *saves, d []byte) error {
			away := s.dir + ".away"
			if err := os.Rename(s.dir, away); err != nil {
				return err
			}
			tmp := filepath.Join(away, ".moved")
			if err := os.WriteFile(tmp, d, 0o600); err != nil {
				return err
			}
			if err := os.Rename(tmp, filepath.Join(away, filepath.Base(s.path))); err != nil {
				return err
			}
			return os.Rename(away, s.dir)
		}},
	}
}

// broken makes a file that must be refused out of a good one.
func broken(r *rig, good []byte, n int) []byte {
	switch n % 9 {
	case 0:
		return nil
	case 1:
		return good[:len(good)*(1+n%31)/32]
	case 2:
		return bytes.Replace(good, []byte("active: "), []byte("active: no"), 1)
	case 3:
		return bytes.Replace(good, []byte("base_url:"), []byte("base_ulr:"), 1)
	case 4:
		return append(slices.Clone(good), "profiles: []\n"...)
	case 5:
		// One character of a ciphertext.
		i := bytes.Index(good, []byte("data:")) + 6
		bad := slices.Clone(good)
		bad[i] ^= 1
		return bad
	case 6:
		// A known key with a new host.
		return bytes.Replace(good, []byte("127.0.0.1"), []byte("127.0.0.2"), 1)
	case 7:
		return []byte("active: a\nprofiles:\n  - name: a\n    base_url: " + r.upA.URL + "\n    api_key: in-clear-text\n")
	}
	return []byte(strings.Repeat("a: &a [*a]\n", 100))
}

// TestNoRequestFailsOrIsTornWhileTheFileIsSaved saves good and broken files in every way under
// the load of 32 clients. The two good files name the same profile with another key and
// another host each: a request that carries the key of one generation to the host of the
// other is answered 401 by the simulator.
func TestNoRequestFailsOrIsTornWhileTheFileIsSaved(t *testing.T) {
	good, bad, clients := 72, 36, 32
	if soak() {
		good, bad = 1200, 600
	}
	r := newRig(t)
	one := func(url, key string) string {
		return "active: main\nprofiles:\n  - name: main\n    base_url: " + url + "\n    api_key: " + key + "\n    provider: anthropic\nclient_token: " + token + "\n"
	}
	texts := [][]byte{r.seal(one(r.upA.URL, keyA)), r.seal(one(r.upB.URL, keyB))}
	r.write(texts[0])
	r.start()

	var sent, failed atomic.Int64
	var firstFailure atomic.Value
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				status, out, err := r.post()
				sent.Add(1)
				if status != 200 || err != nil || !strings.Contains(out, "message_stop") {
					failed.Add(1)
					firstFailure.CompareAndSwap(nil, fmt.Sprintf("status %d, %v: %s", status, err, out))
				}
			}
		})
	}

	s := &saves{path: r.paths.Profiles, dir: r.paths.ConfigDir, aux: t.TempDir()}
	ways := savers()
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	took := make(map[string][]time.Duration)
	doneGood, doneBad := 0, 0
	for doneGood < good || doneBad < bad {
		if doneBad < bad && rnd.IntN(good+bad) < bad {
			before := r.d.router.Table().Generation
			if err := s.plain(broken(r, texts[doneBad%2], doneBad)); err != nil {
				t.Fatal(err)
			}
			r.until("the broken file is refused", func() bool { return r.d.file.Load().problems.Err() != nil })
			if now := r.d.router.Table().Generation; now != before {
				t.Fatalf("broken file %d was swapped in", doneBad)
			}
			doneBad++
		}
		if doneGood >= good {
			continue
		}
		way := ways[doneGood%len(ways)]
		text := append(slices.Clone(texts[(doneGood+1)%2]), fmt.Sprintf("# %d\n", doneGood)...)
		if err := way.save(s, text); err != nil {
			t.Fatalf("%s: %v", way.name, err)
		}
		saved := time.Now()
		want := hashOf(text)
		r.until(way.name+" takes effect", func() bool { return r.d.router.Table().Hash == want })
		took[way.name] = append(took[way.name], time.Since(saved))
		doneGood++
	}
	close(stop)
	wg.Wait()

	if n := failed.Load(); n != 0 {
		t.Errorf("%d of %d requests failed; the first: %v", n, sent.Load(), firstFailure.Load())
	}
	checkPairs(t, r.a, keyA)
	checkPairs(t, r.b, keyB)
	t.Logf("%d good saves in %d ways, %d broken ones, %d requests, %d failed", doneGood, len(ways), doneBad, sent.Load(), failed.Load())
	var all []time.Duration
	for _, way := range ways {
		all = append(all, took[way.name]...)
		t.Logf("%-32s %s", way.name, quantiles(took[way.name]))
	}
	t.Logf("%-32s %s", "from the last write to effect", quantiles(all))
}

// checkPairs checks that a simulator saw no key but its own.
func checkPairs(t *testing.T, s *simulator.Server, key string) {
	t.Helper()
	for _, b := range s.Bill() {
		if len(b.Credentials) != 1 || b.Key != key {
			t.Fatalf("request %d carried %v", b.Seq, b.Credentials)
		}
	}
}

func quantiles(d []time.Duration) string {
	if len(d) == 0 {
		return "-"
	}
	slices.Sort(d)
	at := func(q float64) time.Duration {
		return d[int(q*float64(len(d)-1))].Round(time.Millisecond)
	}
	return fmt.Sprintf("n %4d   p50 %v   p90 %v   p99 %v   max %v", len(d), at(0.5), at(0.9), at(0.99), at(1))
}
