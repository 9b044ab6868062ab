package attribution

import (
	"context"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// Place is where a session works. Empty text is not known.
type Place struct {
	Project   string `json:"project,omitempty"`    // name of the repository, else of the directory
	Cwd       string `json:"cwd,omitempty"`        // directory, absolute
	GitBranch string `json:"git_branch,omitempty"` // "" outside of a repository and on a detached HEAD
}

// Limits of what is kept of a place, in bytes; the ledger's columns have the same.
const (
	maxName = 256
	maxPath = 1024
)

// maxLooked is the longest path that is looked at, in bytes. No system takes a longer one, and
// to look at every folder above it takes time that a status line has not.
const maxLooked = 32 << 10

// Known tells whether anything is known.
func (p Place) Known() bool { return p != Place{} }

// cut keeps a place within its limits: it may come from another process.
func (p Place) cut() Place {
	return Place{Project: cut(p.Project, maxName), Cwd: cut(p.Cwd, maxPath), GitBranch: cut(p.GitBranch, maxName)}
}

// Locate finds the place of a directory. Within a linked worktree the project is the
// repository's, since its branches are one project's. Where git alone can read the branch it is
// asked, until ctx ends.
func Locate(ctx context.Context, dir string) Place {
	if dir == "" {
		return Place{}
	}
	p := Place{Cwd: dir, Project: nameOf(dir)}
	if len(dir) > maxLooked {
		return p.cut()
	}
	if repo, ok := find(dir); ok {
		p.Project, p.GitBranch = repo.name(), repo.branch(ctx)
	}
	return p.cut()
}

// nameOf is the last part of a path; the root of a file system has none.
func nameOf(dir string) string {
	if name := filepath.Base(dir); name != string(filepath.Separator) && name != "." {
		return name
	}
	return ""
}

// cut returns at most n bytes of s, without a character cut in two and without bytes that are
// not text.
func cut(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
