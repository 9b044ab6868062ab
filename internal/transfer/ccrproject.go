package transfer

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// maxProjects is how many projects with routes of their own are named.
const maxProjects = 20

// ccrProjects names the projects that have routes of their own. They lie in the folder in which Claude
// Code keeps what it remembers of a project, and hold the names of providers, not their keys.
func (p Places) ccrProjects() (left []Left) {
	dir := filepath.Join(p.Home, ".claude", "projects")
	projects, _ := os.ReadDir(dir) // without it there are none
	for _, project := range projects {
		path := filepath.Join(dir, project.Name(), "claude-code-router.json")
		root, err := readObject(path)
		switch {
		case len(left) == maxProjects, errors.Is(err, fs.ErrNotExist):
		case err != nil:
			left = append(left, Left{path, "it cannot be read"})
		case !root.at("Router").empty():
			left = append(left, Left{path, "routes of one project; in its directory: prism run --profile NAME -- claude"})
		}
	}
	return left
}
