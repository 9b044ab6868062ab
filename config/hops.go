package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxHops is how many symbolic links a path may lead through, as in the kernel.
const maxHops = 40

// chain is the way from a path to its file: the names whose change can change the file.
type chain struct {
	names []string // every symbolic link on the way, and the file
	dirs  []string // the directories that hold them
}

// resolveChain walks path component by component and notes every symbolic link, in the middle
// of the path too: Kubernetes exchanges the directory ..data, dotfile managers link ~/.config.
// A name that does not exist ends the walk; it is noted, as it may come back.
func resolveChain(path string) chain {
	var c chain
	rest := splitPath(path)
	at, hops := root(path), 0
	for len(rest) > 0 {
		next := filepath.Join(at, rest[0])
		rest = rest[1:]
		info, err := os.Lstat(next)
		if err != nil || len(rest) == 0 && info.Mode()&os.ModeSymlink == 0 {
			c.note(next)
			return c
		}
		if info.Mode()&os.ModeSymlink == 0 {
			at = next
			continue
		}
		c.note(next)
		target, err := os.Readlink(next)
		if hops++; err != nil || hops > maxHops {
			return c
		}
		if filepath.IsAbs(target) {
			at = root(target)
		}
		rest = append(splitPath(target), rest...)
	}
	return c
}

func (c *chain) note(name string) {
	c.names = append(c.names, name)
	if dir := filepath.Dir(name); !slices.Contains(c.dirs, dir) {
		c.dirs = append(c.dirs, dir)
	}
}

func root(path string) string { return filepath.VolumeName(path) + string(filepath.Separator) }

// splitPath returns the components of path; ".." stays, because it means the parent of what a
// link before it leads to.
func splitPath(path string) []string {
	path = strings.TrimPrefix(path, filepath.VolumeName(path))
	return slices.DeleteFunc(strings.Split(filepath.ToSlash(path), "/"), func(s string) bool { return s == "" || s == "." })
}
