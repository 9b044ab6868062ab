package attribution

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// repository is one working tree and where git keeps what belongs to it.
type repository struct {
	top    string // the working tree
	git    string // its own git directory: HEAD lies there
	common string // the git directory that all worktrees share; git, if there are none
}

const (
	maxDepth   = 64      // directories looked at on the way up
	maxGitFile = 4 << 10 // bytes of a file of git that are read
	gitTimeout = 500 * time.Millisecond
)

// find looks for the repository that dir lies in, as git does: upwards from the real path.
func find(dir string) (repository, bool) {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	for range maxDepth {
		if repo, ok := at(dir); ok {
			return repo, true
		}
		up := filepath.Dir(dir)
		if up == dir {
			break
		}
		dir = up
	}
	return repository{}, false
}

// at tells whether top is a working tree. Its .git is a directory, or a file that names one: of
// a linked worktree, or of a submodule.
func at(top string) (repository, bool) {
	git := filepath.Join(top, ".git")
	st, err := os.Stat(git)
	if err != nil {
		return repository{}, false
	}
	if !st.IsDir() {
		named, ok := strings.CutPrefix(line(git), "gitdir:")
		if !ok {
			return repository{}, false
		}
		git = absolute(top, strings.TrimSpace(named))
	}
	if line(filepath.Join(git, "HEAD")) == "" {
		return repository{}, false
	}
	repo := repository{top: top, git: git, common: git}
	if common := line(filepath.Join(git, "commondir")); common != "" {
		repo.common = absolute(git, common)
	}
	return repo, true
}

func absolute(base, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(base, path)
}

// name is the repository's: the directory of the main working tree, or of a bare repository
// without what says that it is one.
func (r repository) name() string {
	if r.common == r.git {
		return nameOf(r.top)
	}
	base := filepath.Base(r.common)
	if strings.HasPrefix(base, ".") {
		return nameOf(filepath.Dir(r.common))
	}
	return strings.TrimSuffix(base, ".git")
}

const heads = "refs/heads/"

// branch reads HEAD. A rebase detaches it; the branch that is being moved counts.
func (r repository) branch(ctx context.Context) string {
	ref, symbolic := strings.CutPrefix(line(filepath.Join(r.git, "HEAD")), "ref:")
	if !symbolic {
		for _, of := range []string{"rebase-merge", "rebase-apply"} {
			if name, ok := strings.CutPrefix(line(filepath.Join(r.git, of, "head-name")), heads); ok {
				return name
			}
		}
		return ""
	}
	name := strings.TrimPrefix(strings.TrimSpace(ref), heads)
	if name == ".invalid" { // the references lie in tables, which only git reads
		return r.ask(ctx)
	}
	return name
}

func (r repository) ask(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, gitTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, "git", "-C", r.top, "symbolic-ref", "--quiet", "--short", "HEAD").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// line is the first line of a small regular file, "" where there is none.
func line(path string) string {
	st, err := os.Stat(path)
	if err != nil || !st.Mode().IsRegular() { // opening a pipe would wait for its writer
		return ""
	}
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxGitFile))
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSpace(first)
}
