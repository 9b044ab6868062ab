package daemon

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"time"

	"prism/config"
	"prism/config/sealed"
)

// openTimeout bounds what a key service or a plugin may take where nothing else is said.
const openTimeout = 10 * time.Second

// File is profiles.yaml, read and opened once.
type File struct {
	Path     string
	ReadAt   time.Time // when reading began
	Src      []byte    // the text on disk
	State    config.FileState
	Hash     string // first 16 hex digits of the SHA-256 of Src
	Sealed   bool
	TimedOut bool             // no key was had within the time there is
	Opened   *sealed.Opened   // nil where the file is not sealed or could not be opened
	Profiles *config.Profiles // nil where the text could not be decoded
	Problems config.Problems  // errors and warnings, in the order of the file
}

// LoadOptions says what to load.
type LoadOptions struct {
	Path           string
	AllowPlaintext bool
	Active         string   // the choice kept outside of the file; with it the file needs no active:
	Own            []string // addresses of prism itself; no profile may lead there

	KeyTimeout time.Duration // for key services and plugins; default ten seconds
}

// Load reads, opens, decodes and validates profiles.yaml. Everything that is wrong with it is
// in Problems; it never returns nil.
func Load(ctx context.Context, opt LoadOptions) *File {
	f := &File{Path: opt.Path, ReadAt: time.Now()}
	var err error
	if f.Src, f.State, err = config.ReadFile(opt.Path); err != nil {
		f.Problems = config.Problems{Unreadable(opt.Path, err)}
		return f
	}
	f.Hash = hashOf(f.Src)
	f.Sealed = sealed.IsSealed(f.Src)
	parse := config.ParseOptions{File: opt.Path, Sealed: f.Sealed, AllowPlaintext: opt.AllowPlaintext, Active: opt.Active, Own: opt.Own}
	if f.Sealed {
		ctx, cancel := context.WithTimeout(ctx, cmp.Or(opt.KeyTimeout, openTimeout))
		defer cancel()
		f.Opened, err = sealed.Open(ctx, f.Src)
		var clear *sealed.ClearTextError
		switch {
		case errors.As(err, &clear):
			// The decoder finds the same values and knows their lines; what is sealed is not
			// to blame for them.
			parse.Unopened = true
		case err != nil:
			f.TimedOut = errors.Is(err, context.DeadlineExceeded)
			f.Problems = config.Problems{unopened(opt.Path, err)}
			return f
		default:
			parse.Values = f.Opened.Values
		}
	}
	f.Profiles, f.Problems = config.ParseProfiles(f.Src, parse)
	return f
}

func hashOf(src []byte) string {
	sum := sha256.Sum256(src)
	return hex.EncodeToString(sum[:8])
}

// Unreadable says why a file could not be read, and what to do about it.
func Unreadable(path string, err error) config.Problem {
	// What the checks of a file say has its own words already.
	if ps, ok := errors.AsType[config.Problems](err); ok && len(ps) > 0 {
		return ps[0]
	}
	p := config.Problem{Severity: config.SeverityError, Code: "config_invalid", File: path, Message: err.Error(), Fix: "prism doctor"}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.Message, p.Fix = "there is no profiles.yaml", "prism init"
	case errors.Is(err, fs.ErrPermission):
		p.Message, p.Fix = "the file cannot be read: permission denied", "chmod u+r "+path
	case errors.Is(err, config.ErrNotRegular):
		p.Message, p.Fix = "there is something in its place that is not a regular file", "ls -ld "+path+", and take it away"
	}
	return p
}

func unopened(path string, err error) config.Problem {
	code, fix := sealed.Explain(err)
	if code == "" {
		code, fix = "internal", "prism doctor"
	}
	return config.Problem{Severity: config.SeverityError, Code: code, File: path, Message: err.Error(), Fix: fix}
}
