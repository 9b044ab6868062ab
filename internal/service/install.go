package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/google/renameio/v2"
)

// Report is what an installation or its end did to files.
type Report struct {
	Written   []string
	Removed   []string
	Unchanged []string
	Left      []string // that somebody else wrote
}

// Install writes the files for spec and has the manager start the service with the login. What
// the manager refuses is taken back: the files are as they were. With force a file that somebody
// else wrote is replaced; else the error is [ErrForeign].
//
// It starts nothing: a gateway that runs outside the service may have to end first.
func (s *Service) Install(ctx context.Context, spec Spec, force bool) (Report, error) {
	if err := s.check(spec); err != nil {
		return Report{}, err
	}
	if path := s.Foreign(); path != "" && !force {
		return Report{}, fmt.Errorf("%w: %s", ErrForeign, path)
	}
	if err := s.do(ctx, reach); err != nil {
		return Report{}, err
	}
	var r Report
	before := s.snapshot()
	err := s.write(ctx, spec, &r)
	if err == nil {
		err = s.do(ctx, enable)
	}
	if err != nil {
		err = errors.Join(err, s.restore(before))
		if s.Installed() {
			_ = s.do(ctx, enable) // what was is wanted again; why it is not well was said
		}
		return Report{}, err
	}
	return r, nil
}

// check refuses what would not fit into one line of a file, and what the manager would not start.
func (s *Service) check(spec Spec) error {
	values := append([]string{spec.Program, spec.User, spec.Data, spec.Dashboard, spec.Control, spec.Log}, spec.Args...)
	for _, v := range spec.Env {
		values = append(values, v.Name, v.Value)
	}
	for _, v := range values {
		if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return fmt.Errorf("%q has a control character", v)
		}
	}
	if !filepath.IsAbs(spec.Program) {
		return fmt.Errorf("the program %q is not an absolute path", spec.Program)
	}
	if s.opt.Platform == "linux" && strings.ContainsAny(spec.Program, `"'\`) {
		return fmt.Errorf("the path of the program has a quote or a backslash, which systemd refuses: %s", spec.Program)
	}
	return nil
}

// write puts the files for spec in place, and takes away those of ours that it does not want.
func (s *Service) write(ctx context.Context, spec Spec, r *Report) error {
	if err := s.makeLogDir(spec); err != nil {
		return fmt.Errorf("install the service: %w", err)
	}
	wanted := s.files(spec)
	for _, f := range wanted {
		if b, err := os.ReadFile(f.Path); err == nil && string(b) == f.Content {
			r.Unchanged = append(r.Unchanged, f.Path)
			continue
		}
		if err := os.MkdirAll(filepath.Dir(f.Path), 0o750); err != nil {
			return fmt.Errorf("install the service: %w", err)
		}
		if err := renameio.WriteFile(f.Path, []byte(f.Content), 0o644, renameio.IgnoreUmask()); err != nil {
			return fmt.Errorf("install the service: %w", err)
		}
		r.Written = append(r.Written, f.Path)
	}
	for _, f := range s.files(Spec{}) {
		if slices.ContainsFunc(wanted, func(w File) bool { return w.Path == f.Path }) {
			continue
		}
		if ours(f.Path) { // while the manager still knows what it keeps open
			if err := s.do(ctx, disable, f.Path); err != nil {
				return err
			}
		}
		if err := s.remove(f.Path, r); err != nil {
			return err
		}
	}
	return nil
}

// makeLogDir makes the directory of the log, closed to others: launchd makes none, and the program
// would speak to nobody. What it makes belongs to who the service runs as.
func (s *Service) makeLogDir(spec Spec) error {
	if !s.keepLog {
		return nil
	}
	var made []string
	for dir := filepath.Dir(spec.Log); !isDir(dir) && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		made = append(made, dir)
	}
	if err := os.MkdirAll(filepath.Dir(spec.Log), 0o700); err != nil || !s.opt.System {
		return err
	}
	u, err := user.Lookup(spec.User)
	if err != nil {
		return err
	}
	uid, errUID := strconv.Atoi(u.Uid)
	gid, errGID := strconv.Atoi(u.Gid)
	all := []error{errUID, errGID}
	for _, dir := range made {
		all = append(all, os.Chown(dir, uid, gid))
	}
	return errors.Join(all...)
}

// remove takes a file of ours away, with the links by which the manager enabled it.
func (s *Service) remove(path string, r *Report) error {
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("remove the service: %w", err)
	case !strings.Contains(string(b), Mark):
		r.Left = append(r.Left, path)
		return nil
	}
	links, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*.wants", filepath.Base(path)))
	if err != nil {
		return fmt.Errorf("remove the service: %w", err)
	}
	for _, name := range append(links, path) {
		if err := os.Remove(name); err != nil {
			return fmt.Errorf("remove the service: %w", err)
		}
	}
	for _, link := range links {
		_ = os.Remove(filepath.Dir(link)) // fails while somebody else's link is in it
	}
	r.Removed = append(r.Removed, path)
	for _, dir := range s.dirs {
		_ = os.Remove(dir) // fails while anything is in it
	}
	return nil
}

// Uninstall stops the service and takes away every file of it. Where the manager does not answer
// the files go all the same; the error then says that something may still run.
func (s *Service) Uninstall(ctx context.Context) (Report, error) {
	var r Report
	if !s.Installed() {
		return r, ErrNotInstalled
	}
	stopped := s.do(ctx, disable)
	for _, f := range slices.Backward(s.files(Spec{})) { // the service last: Installed goes by it
		if err := s.remove(f.Path, &r); err != nil {
			return r, err
		}
		if own := f.Path + ".d"; isDir(own) { // made by the user, as with systemctl edit
			r.Left = append(r.Left, own)
		}
	}
	if stopped != nil && !errors.Is(stopped, ErrNoManager) {
		return r, stopped
	}
	for _, c := range s.commands(forget) {
		_, _ = s.opt.Run(ctx, c.argv...) // what is gone needs no second word
	}
	return r, stopped
}

func isDir(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

// snapshot is what lies where our files go.
func (s *Service) snapshot() map[string][]byte {
	before := map[string][]byte{}
	for _, f := range s.files(Spec{}) {
		b, err := os.ReadFile(f.Path)
		if err != nil {
			b = nil
		}
		before[f.Path] = b
	}
	return before
}

// restore puts that back.
func (s *Service) restore(before map[string][]byte) error {
	var all []error
	for path, b := range before {
		var err error
		if b == nil {
			if err = os.Remove(path); errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
		} else {
			err = renameio.WriteFile(path, b, 0o644, renameio.IgnoreUmask())
		}
		all = append(all, err)
	}
	return errors.Join(all...)
}
