package daemon

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

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

// beside writes a new file in a directory, and returns its path.
func (s *saves) beside(dir string, data []byte) (string, error) {
	tmp := s.fresh(dir, ".tmp")
	return tmp, os.WriteFile(tmp, data, 0o600)
}

// plain makes the path a regular file, by renaming one over it.
func (s *saves) plain(data []byte) error {
	tmp, err := s.beside(s.dir, data)
	if err != nil {
		return err
	}
	return os.Rename(tmp, s.path)
}

// link makes the path a link to target, atomically.
func (s *saves) link(target string) error {
	if now, _ := os.Readlink(s.path); now == target {
		return nil
	}
	tmp := s.fresh(s.dir, ".link")
	if err := os.Symlink(target, tmp); err != nil {
		return err
	}
	return os.Rename(tmp, s.path)
}

// around makes files that an editor keeps beside the one it saves, and takes them away after.
func (s *saves) around(names []string, save func() error) error {
	for _, name := range names {
		p := filepath.Join(s.dir, name)
		if err := os.WriteFile(p, []byte("x"), 0o600); err != nil {
			return err
		}
		defer func() { _ = os.Remove(p) }()
	}
	return save()
}

// aside renames the file to a backup while save makes it anew.
func (s *saves) aside(backup string, save func() error) error {
	if err := os.Rename(s.path, backup); err != nil {
		return err
	}
	defer func() { _ = os.Remove(backup) }()
	return save()
}

// run saves by a program, which gets the new text in a file of its own.
func (s *saves) run(data []byte, command func(text string) []string) error {
	text, err := s.beside(s.aux, data)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(text) }()
	args := command(text)
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// inPlace writes into the file that is there, in pieces with pauses.
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

// savers lists the ways of saving: those of editors, of shells, of sops, of dotfile managers and
// of mounted volumes. A program that is not installed is left out.
func savers() []saver {
	return slices.Concat(byHand(), byEditors(), byLayout(), byPrograms())
}

// byHand are the ways in which a program writes a file.
func byHand() []saver {
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
		{"delete and create", func(s *saves, d []byte) error {
			if err := os.Remove(s.path); err != nil {
				return err
			}
			time.Sleep(20 * time.Millisecond) // the gap is what is being simulated
			return inPlace(s.path, d, 1, 0)
		}},
	}
}

// byEditors are the system calls of editors, with the files that they keep beside.
func byEditors() []saver {
	return []saver{
		{"vim, backup by rename", func(s *saves, d []byte) error {
			return s.around([]string{".profiles.yaml.swp", ".profiles.yaml.swx", "4913"}, func() error {
				return s.aside(s.path+"~", func() error { return inPlace(s.path, d, 1, 0) })
			})
		}},
		{"vim, backup by copy", func(s *saves, d []byte) error {
			return s.around([]string{".profiles.yaml.swp", "profiles.yaml~"}, func() error { return inPlace(s.path, d, 2, 5*time.Millisecond) })
		}},
		{"emacs", func(s *saves, d []byte) error {
			lock := filepath.Join(s.dir, ".#profiles.yaml")
			if err := os.Symlink("u@host.1:1", lock); err != nil {
				return err
			}
			defer func() { _ = os.Remove(lock) }()
			return s.around([]string{"#profiles.yaml#"}, func() error {
				return s.aside(s.path+"~", func() error { return inPlace(s.path, d, 1, 0) })
			})
		}},
		{"JetBrains, safe write", func(s *saves, d []byte) error {
			tmp := s.path + "___jb_tmp___"
			if err := os.WriteFile(tmp, d, 0o600); err != nil {
				return err
			}
			return s.aside(s.path+"___jb_old___", func() error { return os.Rename(tmp, s.path) })
		}},
		{"VS Code", func(s *saves, d []byte) error {
			f, err := os.OpenFile(s.path, os.O_RDWR, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			if err := f.Truncate(0); err != nil {
				return err
			}
			if _, err := f.Write(d); err != nil {
				return err
			}
			return f.Sync()
		}},
	}
}

// byLayout are the ways in which the file is not where its path is.
func byLayout() []saver {
	return []saver{
		{"link, target edited in place", func(s *saves, d []byte) error {
			target := filepath.Join(s.aux, "stow.yaml")
			if err := inPlace(target, d, 2, 5*time.Millisecond); err != nil {
				return err
			}
			return s.link(target)
		}},
		{"link, target renamed over", func(s *saves, d []byte) error {
			target := filepath.Join(s.aux, "chezmoi.yaml")
			tmp, err := s.beside(s.aux, d)
			if err != nil {
				return err
			}
			if err := os.Rename(tmp, target); err != nil {
				return err
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
		{"mounted volume, ..data", saveAsVolume},
		{"directory renamed away and back", func(s *saves, d []byte) error {
			away := s.dir + ".away"
			if err := os.Rename(s.dir, away); err != nil {
				return err
			}
			tmp, err := s.beside(away, d)
			if err != nil {
				return err
			}
			if err := os.Rename(tmp, filepath.Join(away, filepath.Base(s.path))); err != nil {
				return err
			}
			return os.Rename(away, s.dir)
		}},
	}
}

// saveAsVolume exchanges a directory behind two links, as Kubernetes does for a mounted secret.
func saveAsVolume(s *saves, d []byte) error {
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
	return s.link(filepath.Join(data, "profiles.yaml"))
}

// byPrograms are the programs themselves.
func byPrograms() []saver {
	var list []saver
	add := func(name, program string, command func(path, text string) []string) {
		if _, err := exec.LookPath(program); err != nil {
			return
		}
		list = append(list, saver{name, func(s *saves, d []byte) error {
			return s.run(d, func(text string) []string { return append([]string{program}, command(s.path, text)...) })
		}})
	}
	add("cp", "cp", func(path, text string) []string { return []string{text, path} })
	add("mv from another directory", "mv", func(path, text string) []string { return []string{"-f", text, path} })
	add("sed -i", "sed", func(path, text string) []string { return []string{"-i", "-n", "1r " + text, path} })
	for _, how := range []string{"yes", "no"} {
		add("vim itself, backupcopy="+how, "vim", func(path, text string) []string {
			set := "set backupcopy=" + how + " writebackup noswapfile viminfo= nofixendofline"
			return strings.Split("-N|-u|NONE|-i|NONE|-es|-c|"+set+"|-c|%d _|-c|0r "+text+"|-c|$g/^$/d _|-c|wq!|"+path, "|")
		})
	}
	return list
}
