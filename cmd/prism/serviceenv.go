package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"prism/config"
	"prism/config/sealed"
	"prism/internal/service"
)

// carry gives spec its arguments and variables: those of this shell over those that the service has.
// Both lead to the same files; how the service names them stays, and so does what its user has set
// over them.
func (h house) carry(spec *service.Spec, is service.Spec) error {
	all := valuesOf(is)
	for _, name := range dropped(is) {
		delete(all, name)
	}
	named := all["PRISM_CONFIG"]
	over := func(name string) bool {
		return slices.ContainsFunc(is.Over, func(v service.Variable) bool { return v.Name == name })
	}
	for _, name := range carried() {
		value := h.a.getenv(name)
		if value == "" || over(name) {
			continue
		}
		if strings.HasSuffix(name, "_FILE") || name == "PRISM_CONFIG" {
			path, err := filepath.Abs(value)
			if err != nil {
				return fmt.Errorf("find %s: %w", value, err)
			}
			value = path
		}
		all[name] = value
	}
	switch {
	case is.Program != "" && len(is.Args) == 2 && configOf(is.Args) != "", is.Program != "" && len(is.Args) == 0:
		spec.Args, all["PRISM_CONFIG"] = is.Args, named
	case h.a.configFlag != "":
		path, err := filepath.Abs(h.a.configFlag)
		if err != nil {
			return fmt.Errorf("find %s: %w", h.a.configFlag, err)
		}
		spec.Args, all["PRISM_CONFIG"] = []string{"--config", path}, ""
	}
	const keyCommand = "SOPS_AGE_KEY_CMD"
	command := all[keyCommand]
	if over(keyCommand) {
		command, _ = is.Lookup(keyCommand)
	}
	if !over("PATH") {
		all["PATH"] = h.path(command, all["PATH"])
	}
	for _, name := range sortedKeys(all) {
		if all[name] != "" {
			spec.Env = append(spec.Env, service.Variable{Name: name, Value: all[name]})
		}
	}
	return nil
}

// dropped are the variables of an installed service that the next installation does not write again: what
// may be a secret, and what is no setting of this version.
func dropped(is service.Spec) []string {
	var names []string
	for _, v := range is.Env {
		if strings.HasPrefix(v.Name, "PRISM_") && !slices.Contains(carried(), v.Name) {
			names = append(names, v.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// carried are the variables that a service gets from the shell, where they are set. Its file can be
// read by everybody: what may be a secret is not among them.
func carried() []string {
	names := []string{
		"PRISM_CONFIG", varLanguage, "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME",
		"SOPS_AGE_KEY_FILE", "SOPS_AGE_KEY_CMD", "SOPS_AGE_SSH_PRIVATE_KEY_FILE", "SOPS_AGE_SSH_PRIVATE_KEY_CMD",
	}
	for _, v := range config.Variables() {
		if !v.Private {
			names = append(names, v.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// warnSecrets names what the service will not have.
func (a *app) warnSecrets() {
	if a.getenv("SOPS_AGE_KEY") != "" {
		a.note("warning: SOPS_AGE_KEY is a secret and is not written into the service; keep the identity in a file: prism doctor names where")
	}
	for _, v := range config.Variables() {
		if v.Private && a.getenv(v.Name) != "" {
			a.note("warning: %s may be a secret and is not written into the service; write %s: into prism.yaml", v.Name, v.Setting)
		}
	}
}

// serviceFolders are where a service looks for programs.
func serviceFolders() []string {
	if runtime.GOOS == "darwin" {
		return []string{"/usr/bin", "/bin", "/usr/sbin", "/sbin"}
	}
	return []string{"/usr/local/bin", "/usr/bin", "/bin"}
}

// path is the PATH of the service where it needs one of its own: programs that open the file lie
// where it would not look. command is that of SOPS_AGE_KEY_CMD, has what the service has. "" = it
// needs none.
func (h house) path(command, has string) string {
	programs := agePlugins(h.recipients())
	if words := strings.Fields(command); len(words) > 0 {
		programs = append(programs, words[0])
	}
	known := serviceFolders()
	if has != "" {
		known = filepath.SplitList(has)
	}
	var own []string
	for _, p := range programs {
		if slices.ContainsFunc(known, func(dir string) bool { _, err := exec.LookPath(filepath.Join(dir, p)); return err == nil }) {
			continue
		}
		where, err := exec.LookPath(p)
		if dir := filepath.Dir(where); err == nil && filepath.IsAbs(dir) && !slices.Contains(known, dir) && !slices.Contains(own, dir) {
			own = append(own, dir)
		}
	}
	if len(own) == 0 {
		return has
	}
	return strings.Join(append(own, known...), string(os.PathListSeparator))
}

// recipients are those of profiles.yaml, as far as it says without being opened.
func (h house) recipients() []string {
	st, err := os.Stat(h.paths.Profiles)
	if err != nil || !st.Mode().IsRegular() || st.Size() > config.MaxFileSize {
		return nil
	}
	src, err := os.ReadFile(h.paths.Profiles)
	if err != nil {
		return nil
	}
	all, err := sealed.Recipients(src)
	if err != nil {
		return nil
	}
	return all
}

// agePlugins are the programs that recipients of the file need.
func agePlugins(recipients []string) []string {
	var out []string
	for _, r := range recipients {
		name, rest, ok := strings.Cut(strings.TrimPrefix(r, "age1"), "1")
		if ok && name != "" && strings.HasPrefix(r, "age1") && len(rest) >= 20 && len(name) <= 20 {
			out = append(out, "age-plugin-"+name)
		}
	}
	return out
}

// warnDropped names what the service has and loses.
func (a *app) warnDropped(h house) {
	if is, err := h.Read(); err == nil && h.ours() {
		for _, name := range dropped(is) {
			a.note("warning: %s is taken out of the service: it may be a secret, or is no setting of this version; what is a setting belongs into prism.yaml", name)
		}
	}
}
