package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"

	"prism/config"
	"prism/config/sealed"
)

// directories must be ours and closed to others: keys and the journal lie there.
func (x *examination) directories() {
	p := x.room.paths
	for _, d := range []struct{ name, path string }{{"state", p.State}, {"data", p.Data}} {
		st, err := os.Stat(d.path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			x.add(stateSkip, d.name, "", "%s is made with the first start", x.a.tilde(d.path))
		case err != nil:
			x.add(stateFail, d.name, "ls -ld "+d.path, "%v", err)
		case !st.IsDir():
			x.add(stateFail, d.name, "ls -ld "+d.path, "%s is not a directory", x.a.tilde(d.path))
		case !ours(st):
			x.add(stateFail, d.name, "sudo chown -R $USER "+d.path, "%s belongs to somebody else: a start is refused", x.a.tilde(d.path))
		case st.Mode().Perm()&0o022 != 0 && checksMode:
			// Closing it would not undo what somebody may have put there.
			x.add(stateFail, d.name, "look at what is in it, then chmod 700 "+d.path, "others can write in %s (mode %04o): a start is refused", x.a.tilde(d.path), st.Mode().Perm())
		case st.Mode().Perm()&0o077 != 0 && checksMode:
			x.add(stateWarn, d.name, "chmod 700 "+d.path, "%s is open to others (mode %04o)", x.a.tilde(d.path), st.Mode().Perm()).repair = chmod(d.path, 0o700)
		default:
			x.add(stateOK, d.name, "", "%s", x.a.tilde(d.path))
		}
	}
	for _, path := range []string{p.LedgerFile, p.Journal, p.Archive, p.Lock} {
		if st, err := os.Lstat(path); err == nil && st.Mode().Type() == fs.ModeSymlink {
			x.add(stateFail, "data", "rm "+path+"; to keep the data elsewhere, set XDG_DATA_HOME and XDG_STATE_HOME", "%s is a symbolic link: a start is refused", x.a.tilde(path))
		}
	}
}

func chmod(path string, mode fs.FileMode) func() error {
	return func() error { return os.Chmod(path, mode) }
}

// leftovers are damaged files that were kept for a person to look at.
func (x *examination) leftovers() {
	var found []string
	for _, pattern := range []string{"*.corrupt-*", filepath.Join("journal", "*.corrupt-*")} {
		all, err := filepath.Glob(filepath.Join(x.room.paths.Data, pattern))
		if err == nil {
			found = append(found, all...)
		}
	}
	if len(found) > 0 {
		x.add(stateWarn, "damage", "prism ledger verify; then take "+x.a.tilde(found[0])+" away", "%s set aside because of damage", plural(len(found), "%d files"))
	}
}

func (x *examination) identities() {
	var found []string
	for _, s := range sealed.FindIdentities(x.a.getenv) {
		switch {
		case len(s.Recipients) > 0:
			found = append(found, x.a.tilde(s.Place))
		case strings.HasPrefix(s.Problem, "ignored"):
			f := x.add(stateWarn, "age key", "chmod 600 "+s.Place, "%s is %s", x.a.tilde(s.Place), s.Problem)
			if st, err := os.Lstat(s.Place); err == nil && st.Mode().IsRegular() && ours(st) {
				f.repair = chmod(s.Place, 0o600)
			}
			return
		}
	}
	if len(found) == 0 {
		x.add(stateWarn, "age key", "prism init", "no age identity where sops looks for one")
		return
	}
	x.add(stateOK, "age key", "", "%s", strings.Join(found, ", "))
	if x.a.getenv("SOPS_AGE_KEY") != "" {
		x.add(stateWarn, "age key", "keep it in "+x.a.tilde(sealed.DefaultKeyFile())+" and unset SOPS_AGE_KEY", "SOPS_AGE_KEY holds the identity itself: every program that is started from here can read it")
	}
}

func (x *examination) profiles() {
	f, err := x.a.load(x.ctx, x.room, x.room.paths.Profiles)
	if err != nil {
		x.add(stateFail, "profiles", "ls -l "+x.a.tilde(x.room.paths.ActiveFile), "%v", err)
		return
	}
	if err := f.Problems.Err(); err != nil {
		e := worst(f.Problems)
		x.add(stateFail, "profiles", e.Fix, "%s: %s", placeOf(x.a, e.At), e.Message)
		return
	}
	x.file = f
	how := phrase("not sealed")
	if f.Sealed {
		how = phrase("sealed for %s", plural(len(f.Opened.Recipients), "%d recipients"))
	}
	x.add(stateOK, "profiles", "", "%s, %s, %s", x.a.tilde(f.Path), plural(len(f.Profiles.Profiles), "%d profiles"), how)
	for _, p := range f.Problems {
		x.add(stateWarn, "profiles", p.Fix, "%d:%d: %s", p.Line, p.Column, p.Message)
	}
	if st, err := os.Stat(f.State.RealPath); err == nil && !f.Sealed && st.Mode().Perm()&0o044 != 0 && checksMode {
		x.add(stateWarn, "profiles", "prism seal, or chmod 600 "+f.State.RealPath, "the keys in it lie in clear text and others can read the file (mode %04o)", st.Mode().Perm()).repair = chmod(f.State.RealPath, 0o600)
	}
	if f.Sealed && len(f.Opened.Recipients) == 1 {
		x.add(stateWarn, "backup", "add a second recipient to .sops.yaml, then: sops updatekeys "+x.a.tilde(f.Path), "only one key opens the file: if it is lost, so are the keys in it")
	}
	if _, err := os.Stat(x.room.paths.Schema); errors.Is(err, fs.ErrNotExist) {
		schema := x.room.paths.Schema
		x.add(stateWarn, "schema", "prism schema --out "+x.a.tilde(schema), "the editor finds no schema beside the file").repair = func() error {
			return renameio.WriteFile(schema, config.Schema(), 0o644, renameio.IgnoreUmask())
		}
	}
}

// dotfiles tells where the file really comes from, if a manager keeps a copy of it.
func (x *examination) dotfiles() {
	if x.file == nil {
		return
	}
	if _, err := exec.LookPath("chezmoi"); err != nil {
		return
	}
	if source, err := x.ask("chezmoi", "source-path", x.file.Path); err == nil && source != "" {
		x.add(stateWarn, "dotfiles", "chezmoi edit "+x.a.tilde(x.file.Path)+"; leave active: out of the file, so that prism use does not change it", "the file is a copy that chezmoi makes of %s", x.a.tilde(source))
	}
}

func (x *examination) pins() {
	if x.file == nil {
		return
	}
	problems, err := pinProblems(x.room, x.file)
	switch {
	case err != nil:
		x.add(stateFail, "pins", "prism trust --list", "%v", err)
	case len(problems) > 0:
		for _, p := range problems {
			x.add(stateFail, "pins", p.Fix, "%s", p.Message)
		}
	default:
		x.add(stateOK, "pins", "", "every key goes where it was confirmed for")
	}
}

// plugins are programs that hold an age key for us; a service has a short PATH.
func (x *examination) plugins() {
	if x.file == nil || x.file.Opened == nil {
		return
	}
	for _, plugin := range agePlugins(x.file.Opened.Recipients) {
		where, err := exec.LookPath(plugin)
		switch {
		case err != nil:
			x.add(stateWarn, "plugin", "put "+plugin+" on the PATH", "%s is not found; the file has a recipient of it", plugin)
		case x.unit() != "" && !strings.HasPrefix(where, "/usr/") && !strings.HasPrefix(where, "/bin/"):
			x.add(stateWarn, "plugin", "Environment=PATH="+filepath.Dir(where)+":/usr/bin in "+x.a.tilde(x.unit()), "%s is in %s, where a service does not look", plugin, x.a.tilde(filepath.Dir(where)))
		}
	}
}
