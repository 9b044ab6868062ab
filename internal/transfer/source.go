package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
)

// Names of the sources.
const (
	CCR            = "ccr"
	CCSwitch       = "cc-switch"
	CLIProxyAPI    = "cliproxyapi"
	LiteLLM        = "litellm"
	ClaudeSettings = "claude-settings"
)

// Sources are the tools whose configurations are read, in the order in which they are offered.
func Sources() []string { return []string{CCR, CCSwitch, CLIProxyAPI, LiteLLM, ClaudeSettings} }

// Places tells where the files of other tools are looked for.
type Places struct {
	Home      string // of the user
	Dir       string // the working directory; "" = not looked at
	AppData   string // %APPDATA% on Windows
	ClaudeDir string // where Claude Code keeps the settings of the user; "" = .claude in Home
	Managed   string // settings of Claude Code that an administrator made; "" = where the platform has them
}

// Find returns the file of a source that there is, or else "" and where it was looked for.
func (p Places) Find(source string) (file string, looked []string) {
	for _, path := range p.files(source) {
		if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() {
			return path, nil
		}
		looked = append(looked, path)
	}
	return "", looked
}

// files are the places of a source, the best one in front.
func (p Places) files(source string) []string {
	home := func(parts ...string) string { return filepath.Join(append([]string{p.Home}, parts...)...) }
	var out []string
	switch source {
	case CCR:
		if p.AppData != "" {
			out = append(out, filepath.Join(p.AppData, "claude-code-router", "config.sqlite"))
		}
		out = append(out, home(".claude-code-router", "config.sqlite"), home(".claude-code-router", "config.json"))
	case CCSwitch:
		out = append(out, home(".cc-switch", "cc-switch.db"), home(".cc-switch", "config.json"))
	case CLIProxyAPI:
		out = append(out, home(".cli-proxy-api", "config.yaml"), home("CLIProxyAPI", "config.yaml"), home("cliproxyapi", "config.yaml"))
		out = append(out, p.here("config.yaml")...)
	case LiteLLM:
		out = append(p.here(litellmFiles()...), home(".litellm", "config.yaml"), home(".config", "litellm", "config.yaml"))
	case ClaudeSettings:
		out = p.settings()
	}
	return out
}

// litellmFiles are the names that a configuration of LiteLLM has in the working directory.
func litellmFiles() []string {
	return []string{"config.yaml", "litellm_config.yaml", "litellm-config.yaml"}
}

func (p Places) here(names ...string) []string {
	if p.Dir == "" {
		return nil
	}
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = filepath.Join(p.Dir, name)
	}
	return out
}

// settings are the settings files of Claude Code, those that win in front.
func (p Places) settings() []string {
	managed := p.Managed
	if managed == "" {
		managed = map[string]string{
			"darwin":  "/Library/Application Support/ClaudeCode/managed-settings.json",
			"windows": `C:\Program Files\ClaudeCode\managed-settings.json`,
		}[runtime.GOOS]
		if managed == "" {
			managed = "/etc/claude-code/managed-settings.json"
		}
	}
	out := append([]string{managed}, p.here(filepath.Join(".claude", "settings.local.json"), filepath.Join(".claude", "settings.json"))...)
	user := filepath.Join(orElse(p.ClaudeDir, filepath.Join(p.Home, ".claude")), "settings.json")
	out = slices.DeleteFunc(out, func(path string) bool { return path == user }) // in the home directory it is both
	return append(out, user)
}

// Read reads the configuration of a tool from a file, or, for cc-switch, from a link. Somebody named it:
// variables that it needs are looked up, where the tool does so.
func Read(ctx context.Context, source, path string, opt Options) (*Plan, error) {
	return newBuilder(source, opt).readFile(ctx, path)
}

func (b *builder) readFile(ctx context.Context, path string) (*Plan, error) {
	read, known := map[string]func(context.Context, string, *builder) error{
		CCR: readCCR, CCSwitch: readCCSwitch, CLIProxyAPI: readCLIProxyAPI, LiteLLM: readLiteLLM, ClaudeSettings: readClaudeSettings,
	}[b.Source]
	if !known {
		return nil, fmt.Errorf("there is no source %q", b.Source)
	}
	if err := read(ctx, path, b); err != nil {
		return nil, fmt.Errorf("read %s: %w", b.Source, err)
	}
	b.Files = []string{path}
	if linked(path) {
		b.Files = []string{"a link"}
	}
	return b.done(), nil
}

func linked(path string) bool {
	return len(path) > len(linkScheme) && path[:len(linkScheme)] == linkScheme
}

// ReadFound reads the configuration of a tool from where it keeps it. A file of the working directory may
// have come with a repository, and nobody named it: no variables are looked up for it, and no token is
// taken out of it. The error is [fs.ErrNotExist] where there is none.
func ReadFound(ctx context.Context, source string, places Places, opt Options) (*Plan, error) {
	if source != ClaudeSettings {
		path, looked := places.Find(source)
		if path == "" {
			return nil, &fs.PathError{Op: "find", Path: slices.Concat(looked, []string{""})[0], Err: fs.ErrNotExist}
		}
		b := newBuilder(source, opt)
		if slices.Contains(places.here(litellmFiles()...), path) {
			b.found, b.opt.Getenv = true, newBuilder(source, Options{}).opt.Getenv
		}
		plan, err := b.readFile(ctx, path)
		if err == nil && source == CCR {
			plan.Left = append(plan.Left, places.ccrProjects()...)
		}
		return plan, err
	}
	b := newBuilder(source, opt)
	err := readAllSettings(places.settings(), b)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", source, err)
	}
	return b.done(), nil
}

// IsFormat tells whether an error means that a file is not what it was said to be.
func IsFormat(err error) bool { return errors.Is(err, ErrFormat) || errors.Is(err, ErrTooLarge) }
