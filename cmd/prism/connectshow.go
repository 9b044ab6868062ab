package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/connect"
)

// connectReport is what was changed in a settings file, or would be.
type connectReport struct {
	Settings string           `json:"settings"`
	Backup   *string          `json:"backup"`
	DryRun   bool             `json:"dry_run"`
	Written  bool             `json:"written"`
	Changes  []variableChange `json:"changes"`
}

// variableChange is one variable of a settings file; null = not there. Credentials are masked.
type variableChange struct {
	Name   string  `json:"name"`
	Before *string `json:"before"`
	After  *string `json:"after"`
}

// changedVariables compares two environments, sorted by name.
func changedVariables(before, after map[string]string) []variableChange {
	value := func(env map[string]string, name string) *string {
		v, there := env[name]
		if !there {
			return nil
		}
		v = maskedVariable(name, v)
		return &v
	}
	changes := []variableChange{}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(sortedKeys(before), sortedKeys(after))))) {
		if old, there := before[name]; there != hasKey(after, name) || old != after[name] {
			changes = append(changes, variableChange{name, value(before, name), value(after, name)})
		}
	}
	return changes
}

func hasKey(m map[string]string, name string) bool {
	_, there := m[name]
	return there
}

// maskedVariable shows of a credential only what a profile shows of its key.
func maskedVariable(name, value string) string {
	switch {
	case strings.HasSuffix(name, "_KEY"), strings.HasSuffix(name, "_TOKEN"):
		return config.NewSecret(value).Masked()
	case strings.HasSuffix(name, "_HEADERS") && value != "1":
		var names []string
		for line := range strings.SplitSeq(value, "\n") {
			if header, _, _ := strings.Cut(line, ":"); strings.TrimSpace(header) != "" {
				names = append(names, strings.TrimSpace(header)+": …")
			}
		}
		return strings.Join(names, ", ")
	}
	return config.RedactText(withoutSecrets(value))
}

func (a *app) connectView(rep connectReport) view {
	v := view{
		columns: []column{{name: "variable", whole: true}, {name: "before"}, {name: "after"}},
		object:  rep, empty: "nothing is to be changed",
	}
	for _, c := range rep.Changes {
		cells := []cell{textCell(c.Name)}
		for _, value := range []*string{c.Before, c.After} {
			if value == nil {
				cells = append(cells, textCell("–"))
			} else {
				cells = append(cells, textCell(*value))
			}
		}
		v.rows = append(v.rows, cells)
	}
	return v
}

// noteConnected says what came of it, and what still leads past the gateway.
func (a *app) noteConnected(ctx context.Context, r room, f *clientFile, rep connectReport) {
	switch {
	case rep.Written:
		a.note("written: %s", a.tilde(rep.Settings))
		if len(f.text) > 0 {
			a.note("as it was before prism: %s; back again: %s", a.tilde(*rep.Backup), a.connectCommand(rep.Settings)+" --undo")
		}
	case len(rep.Changes) == 0:
		a.note("%s leads to prism already", a.tilde(rep.Settings))
	}
	a.noteShared(f)
	if f.Has("apiKeyHelper") {
		a.note("apiKeyHelper stays in the file: its key is shown to prism instead of prism's token, and prism refuses it")
	}
	if model := f.Said("model"); connect.Foreign(model) {
		a.note("model: %s stays in the file, and is asked of whichever provider is active", model)
	}
	a.noteStronger(r, f)
	if !rep.DryRun {
		if _, err := r.client.Status(ctx); errors.Is(err, admin.ErrNotRunning) {
			a.note("the gateway does not run, and Claude Code needs it from now on: prism start, or with every login: prism service install")
		}
	}
}

// noteShared warns of a file that goes to others with the project: the token is in it.
func (a *app) noteShared(f *clientFile) {
	if st, err := os.Lstat(f.path); err == nil && st.Mode()&fs.ModeSymlink != 0 {
		a.note("%s is a link: prism's token is in %s", a.tilde(f.path), a.tilde(f.state.RealPath))
	}
	users, _ := sameFile(f.path, a.userSettings())
	users = users || f.path == a.userSettings()
	if dir, name := filepath.Split(f.path); name == "settings.json" && filepath.Base(dir) == ".claude" && !users {
		a.note("%s is shared with a project as a rule, and prism's token is in it; settings.local.json beside it is yours alone", a.tilde(f.path))
	}
}

// noteStronger names the settings that win over the file in this directory, and lead elsewhere.
func (a *app) noteStronger(r room, f *clientFile) {
	for _, path := range a.places().ClaudeFiles() {
		if same, err := sameFile(path, f.path); err == nil && same {
			return
		}
		other, err := readClientFile(path)
		if err != nil {
			continue
		}
		if base := other.Env()["ANTHROPIC_BASE_URL"]; base != "" && !leadsHere(base, r.settings.Listen) {
			a.note("in this directory %s leads to %s all the same", a.tilde(path), config.RedactText(withoutSecrets(base)))
		}
	}
}

func sameFile(a, b string) (bool, error) {
	x, err := os.Stat(a)
	if err != nil {
		return false, err
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y), err
}
