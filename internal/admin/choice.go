package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"prism/config"
)

// Choice is what the state directory remembers of `prism use`: the profile that was active
// before, for "-", and the active one where profiles.yaml could not be written.
type Choice struct {
	Active   string `json:"active,omitempty"` // wins while active: in the file is still While
	While    string `json:"while,omitempty"`
	Previous string `json:"previous,omitempty"`
}

// LoadChoice reads the file at path; without one the choice is empty.
func LoadChoice(path string) (Choice, error) {
	var c Choice
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("read the choice of prism use: %w", err)
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, fmt.Errorf("read the choice of prism use in %s: %w", path, err)
	}
	return c, nil
}

// Save writes c to path, atomically and for us alone.
func (c Choice) Save(path string) error {
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("keep the choice of prism use: %w", err)
	}
	if err := renameio.WriteFile(path, append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("keep the choice of prism use: %w", err)
	}
	return nil
}

// Effective returns the active profile, given the one that the file names, and whether it
// comes from the choice. A choice ends when active: in the file changes.
func (c Choice) Effective(inFile string) (name string, chosen bool) {
	if c.Active != "" && c.While == inFile {
		return c.Active, c.Active != inFile
	}
	return inFile, false
}

// Splicer returns src with active set to name. In a file whose MAC covers every value it
// renews the MAC as well.
type Splicer func(ctx context.Context, src []byte, name string) ([]byte, error)

// SetOptions is what [SetActive] works on.
type SetOptions struct {
	Path   string // profiles.yaml
	Choice string // the file of the Choice
	Now    string // the profile that is active now
	InFile string // the profile that the file names
	Src    []byte // the text that InFile was read from
	State  config.FileState
	Splice Splicer
}

// Set is what [SetActive] did.
type Set struct {
	InFile  bool   // the file says so now, else the choice is kept in the state directory
	Written bool   // the file was changed for it
	Why     string // why the file was not changed
}

// Note says in a sentence where the choice stands; line is where the file has active.
func (s Set) Note(opt SetOptions, line int) string {
	switch {
	case !s.InFile:
		return fmt.Sprintf("kept in %s: %s; it wins until active: in the file changes", opt.Choice, s.Why)
	case !s.Written:
		return fmt.Sprintf("%s:%d says so again, the file is as it was", opt.Path, line)
	default:
		return fmt.Sprintf("%s:%d, one line changed", opt.Path, line)
	}
}

// SetActive makes name the active profile: by replacing one scalar of the file, or, where
// the file cannot be written, or names no active profile or a sealed one, by a choice kept
// beside the pins.
// The caller has checked that the profile exists.
func SetActive(ctx context.Context, opt SetOptions, name string) (Set, error) {
	choice := Choice{Previous: opt.Now}
	set := Set{InFile: true, Written: opt.InFile != name}
	err := writeActive(ctx, opt, name)
	switch {
	case errors.Is(err, config.ErrReadOnly):
		set = Set{Why: opt.Path + " is read-only"}
	case errors.Is(err, config.ErrNoActive):
		set = Set{Why: opt.Path + " has no active: line"}
	case errors.Is(err, config.ErrActiveSealed):
		set = Set{Why: "active: is sealed in " + opt.Path}
	case err != nil:
		return Set{}, err
	}
	if !set.InFile {
		choice.Active, choice.While = name, opt.InFile
	}
	return set, choice.Save(opt.Choice)
}

func writeActive(ctx context.Context, opt SetOptions, name string) error {
	switch opt.InFile {
	case name:
		return nil
	case "":
		return config.ErrNoActive
	}
	out, err := opt.Splice(ctx, opt.Src, name)
	if err != nil {
		return err
	}
	return config.WriteFileAtomic(opt.Path, out, opt.State)
}
