package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"prism/config"
	"prism/config/sealed"
	"prism/internal/admin"
)

func newEdit(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "edit",
		Short: "Edit profiles.yaml in clear text: open, $EDITOR, check, seal",
		Long: `Edit opens the file into a private copy in the runtime directory, which is memory, starts
the editor, checks the outcome, seals it and replaces the file atomically, as visudo does. A
copy with errors is never written: you are asked to go on editing or to give up.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			return a.edit(cmd.Context(), r)
		},
	}
}

func (a *app) edit(ctx context.Context, r room) error {
	path := r.paths.Profiles
	src, st, err := config.ReadFile(path)
	if err != nil {
		return readError(path, err)
	}
	// Before the work of editing, not after it.
	if err := config.Writable(path); err != nil {
		return err
	}
	plain, isSealed, err := openForEdit(ctx, path, src)
	if err != nil {
		return err
	}
	edited, err := a.editCopy(ctx, r, plain)
	if err != nil {
		return err
	}
	if bytes.Equal(edited, plain) {
		a.note("nothing changed")
		return nil
	}
	out := edited
	if isSealed {
		ctx, cancel := context.WithTimeout(ctx, openTimeout)
		defer cancel()
		if out, err = sealed.Reseal(ctx, src, edited); err != nil {
			return sealError(path, err)
		}
	}
	if err := config.WriteFileAtomic(path, out, st); err != nil {
		return err
	}
	v, err := r.client.Reload(ctx, false)
	if errors.Is(err, admin.ErrNotRunning) {
		a.note("saved %s; the gateway does not run", a.tilde(path))
		return nil
	}
	if err != nil {
		return err
	}
	return a.showVerdict(v)
}

// openForEdit returns the clear text of the file, and whether it was sealed.
func openForEdit(ctx context.Context, path string, src []byte) ([]byte, bool, error) {
	if !sealed.IsSealed(src) {
		return src, false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	opened, err := sealed.Open(ctx, src)
	if err != nil {
		return nil, false, sealError(path, err)
	}
	return opened.Plain, true, nil
}

// editCopy lets the editor work on a private copy until it holds no error or is given up.
func (a *app) editCopy(ctx context.Context, r room, plain []byte) ([]byte, error) {
	choice, err := admin.LoadChoice(r.paths.ActiveFile)
	if err != nil {
		return nil, err
	}
	dir, err := a.privateDir()
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	name := filepath.Join(dir, filepath.Base(r.paths.Profiles))
	if err := os.WriteFile(name, plain, 0o600); err != nil {
		return nil, fmt.Errorf("make a private copy: %w", err)
	}
	for {
		if err := a.startEditor(ctx, name); err != nil {
			return nil, err
		}
		edited, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read the private copy: %w", err)
		}
		// The copy is clear text by nature; its problems are those of the file.
		_, problems := config.ParseProfiles(edited, config.ParseOptions{File: r.paths.Profiles, AllowPlaintext: true, Active: choice.Active})
		if problems.Err() == nil {
			return edited, nil
		}
		if !a.interactive() || !a.editAgain(ctx, problems) {
			return nil, problems
		}
	}
}

func (a *app) editAgain(ctx context.Context, ps config.Problems) bool {
	fmt.Fprintln(a.err, escape(strings.TrimRight(a.problemsText(ps), "\n"), true))
	line, err := a.ask(ctx, a.text("edit again? [Y/n] "))
	return err == nil && !strings.HasPrefix(strings.ToLower(line), "n")
}

// privateDir makes a 0700 directory in memory: the runtime directory, or what the platform
// has in its place.
func (a *app) privateDir() (string, error) {
	parent := a.getenv("XDG_RUNTIME_DIR")
	if parent == "" && runtime.GOOS == "linux" {
		parent = "/dev/shm"
	}
	if st, err := os.Stat(parent); parent == "" || err != nil || !st.IsDir() {
		parent = os.TempDir()
		a.note("note: there is no runtime directory; the copy lies in %s while you edit", parent)
	}
	dir, err := os.MkdirTemp(parent, "prism-edit-")
	if err != nil {
		return "", fmt.Errorf("make a private directory: %w", err)
	}
	return dir, nil
}

// startEditor runs VISUAL, EDITOR or vi on name. The variable may hold arguments.
func (a *app) startEditor(ctx context.Context, name string) error {
	editor := firstOf(a.getenv("VISUAL"), a.getenv("EDITOR"))
	if editor == "" {
		if !a.inTTY {
			return usagef("EDITOR=PROGRAM prism edit, or run it on a terminal", "there is no terminal for the editor")
		}
		editor = "vi"
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", editor+` "$1"`, "prism-edit", name)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.in, a.err, a.err
	if err := cmd.Run(); err != nil {
		return &admin.Error{Code: codeUsage, Message: fmt.Sprintf("the editor %q ended with: %v; nothing was written", editor, err), Fix: "EDITOR=vi prism edit"}
	}
	return nil
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
