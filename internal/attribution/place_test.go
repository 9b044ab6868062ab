package attribution

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// git runs git in dir as nobody in particular, whatever the machine is set to.
func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull,
		"GIT_AUTHOR_NAME=n", "GIT_AUTHOR_EMAIL=n@example.com", "GIT_COMMITTER_NAME=n", "GIT_COMMITTER_EMAIL=n@example.com")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// project makes a repository with one commit, on the branch main.
func project(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	dir := filepath.Join(t.TempDir(), "shop")
	if err := os.MkdirAll(filepath.Join(dir, "web", "src"), 0o755); err != nil {
		t.Fatal(err)
	}
	git(t, dir, "init", "-q", "-b", "main")
	git(t, dir, "commit", "-q", "--allow-empty", "-m", "one")
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAPlaceIsWhatGitSaysOfTheDirectory(t *testing.T) {
	dir := project(t)
	for _, c := range []struct {
		name    string
		prepare func(t *testing.T) (dir string)
		project string
		branch  string
	}{
		{"the top of a repository", func(*testing.T) string { return dir }, "shop", "main"},
		{"a directory within", func(*testing.T) string { return filepath.Join(dir, "web", "src") }, "shop", "main"},
		{"a branch with slashes", func(t *testing.T) string {
			d := project(t)
			git(t, d, "switch", "-q", "-c", "feature/ü/x")
			return d
		}, "shop", "feature/ü/x"},
		{"a branch before its first commit", func(t *testing.T) string {
			d := filepath.Join(t.TempDir(), "new")
			git(t, filepath.Dir(d), "init", "-q", "-b", "trunk", "new")
			return d
		}, "new", "trunk"},
		{"a detached HEAD", func(t *testing.T) string {
			d := project(t)
			git(t, d, "switch", "-q", "--detach")
			return d
		}, "shop", ""},
		{"a linked worktree belongs to its repository", func(t *testing.T) string {
			d := project(t)
			tree := filepath.Join(t.TempDir(), "shop-fix")
			git(t, d, "worktree", "add", "-q", "-b", "fix", tree)
			return tree
		}, "shop", "fix"},
		{"a worktree of a bare repository", func(t *testing.T) string {
			d, root := project(t), t.TempDir()
			git(t, root, "clone", "-q", "--bare", d, "store.git")
			tree := filepath.Join(root, "one")
			git(t, filepath.Join(root, "store.git"), "worktree", "add", "-q", "-b", "one", tree)
			return tree
		}, "store", "one"},
		{"a worktree of a bare repository in a hidden directory", func(t *testing.T) string {
			d, root := project(t), filepath.Join(t.TempDir(), "depot")
			git(t, t.TempDir(), "clone", "-q", "--bare", d, filepath.Join(root, ".bare"))
			tree := filepath.Join(root, "one")
			git(t, filepath.Join(root, ".bare"), "worktree", "add", "-q", "-b", "one", tree)
			return tree
		}, "depot", "one"},
		{"a submodule is a project of its own", func(t *testing.T) string {
			part, whole := project(t), project(t)
			git(t, whole, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", part, "part")
			return filepath.Join(whole, "part")
		}, "part", "main"},
		{"a link to a directory within", func(t *testing.T) string {
			link := filepath.Join(t.TempDir(), "link")
			if err := os.Symlink(filepath.Join(dir, "web"), link); err != nil {
				t.Skip(err)
			}
			return link
		}, "shop", "main"},
		{"no repository", func(t *testing.T) string {
			d := filepath.Join(t.TempDir(), "notes")
			write(t, filepath.Join(d, "x"), "")
			return d
		}, "notes", ""},
		{"a directory that is gone", func(t *testing.T) string { return filepath.Join(t.TempDir(), "gone") }, "gone", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := c.prepare(t)
			got := Locate(t.Context(), at)
			if want := (Place{Project: c.project, Cwd: at, GitBranch: c.branch}); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	}
}

func TestARebaseCountsAsTheBranchThatIsMoved(t *testing.T) {
	dir := project(t)
	git(t, dir, "switch", "-q", "--detach")
	write(t, filepath.Join(dir, ".git", "rebase-merge", "head-name"), "refs/heads/topic\n")
	if got := Locate(t.Context(), dir).GitBranch; got != "topic" {
		t.Errorf("branch %q, want topic", got)
	}
}

func TestReferencesInTablesAreReadByGit(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tables")
	cmd := exec.CommandContext(t.Context(), "git", "init", "-q", "-b", "side", "--ref-format=reftable", dir)
	if err := cmd.Run(); err != nil {
		t.Skip("this git knows no reference tables")
	}
	if got := Locate(t.Context(), dir); got.GitBranch != "side" || got.Project != "tables" {
		t.Errorf("%+v, want the branch side of tables", got)
	}
}

func TestABrokenRepositoryIsNone(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(t *testing.T, dir string)
	}{
		{"a git directory without HEAD", func(t *testing.T, dir string) { write(t, filepath.Join(dir, ".git", "config"), "") }},
		{"a git file that says nothing", func(t *testing.T, dir string) { write(t, filepath.Join(dir, ".git"), "hello\n") }},
		{"a git file that leads nowhere", func(t *testing.T, dir string) { write(t, filepath.Join(dir, ".git"), "gitdir: /nowhere\n") }},
		{"a git file that leads to itself", func(t *testing.T, dir string) { write(t, filepath.Join(dir, ".git"), "gitdir: .git\n") }},
		{"a HEAD that is a directory", func(t *testing.T, dir string) { write(t, filepath.Join(dir, ".git", "HEAD", "x"), "") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "p")
			c.prepare(t, dir)
			if got := Locate(t.Context(), dir); got != (Place{Project: "p", Cwd: dir}) {
				t.Errorf("%+v, want the directory alone", got)
			}
		})
	}
}

func TestAHostilePlaceIsCutToItsLimits(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "p")
	write(t, filepath.Join(dir, ".git", "HEAD"), "ref: refs/heads/"+strings.Repeat("ü", 2000)+"\xff\n")
	got := Locate(t.Context(), dir)
	if len(got.GitBranch) > maxName || !utf8.ValidString(got.GitBranch) || !strings.HasPrefix(got.GitBranch, "üü") {
		t.Errorf("a branch of %d bytes: %q", len(got.GitBranch), got.GitBranch)
	}
	if got := Locate(t.Context(), ""); got.Known() {
		t.Errorf("no directory is at %+v", got)
	}
	if got := Locate(t.Context(), "/"); got != (Place{Cwd: "/"}) {
		t.Errorf("the root is %+v", got)
	}
}

// A status line asks several times a second.
func BenchmarkLocate(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "p")
	if err := os.MkdirAll(filepath.Join(dir, ".git"), 0o755); err != nil {
		b.Fatal(err)
	}
	deep := filepath.Join(dir, "a", "b", "c", "d")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".git", "HEAD"), []byte("ref: refs/heads/main\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	b.ReportAllocs()
	for b.Loop() {
		if Locate(ctx, deep).GitBranch != "main" {
			b.Fatal("the branch was not found")
		}
	}
}

func TestAPathThatNoSystemTakesIsNotLookedAt(t *testing.T) {
	dir := project(t)
	if p := Locate(t.Context(), dir+strings.Repeat("/.", 100)); p.GitBranch != "main" {
		t.Fatalf("%+v, want the branch of the repository", p)
	}
	long := dir + strings.Repeat("/.", maxLooked)
	if p := Locate(t.Context(), long); p.GitBranch != "" || len(p.Cwd) > maxPath {
		t.Errorf("%+v, want no branch and a directory of at most %d bytes", p, maxPath)
	}
}
