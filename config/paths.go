package config

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Paths are the files of prism, resolved. From says for each name why it is where it is.
type Paths struct {
	ConfigDir string // profiles.yaml, prism.yaml and the schema lie here
	Profiles  string // profiles.yaml
	Settings  string // prism.yaml
	Schema    string // profiles.schema.json

	Data       string // everything of the ledger
	LedgerFile string // ledger.duckdb
	Journal    string // directory
	Archive    string // directory
	Queries    string // directory
	Prices     string // rows of the price book that were fetched

	State      string // 0700
	Pins       string // pins.json
	ActiveFile string // the choice of prism use where profiles.yaml cannot be written
	Lock       string
	Sessions   string // where the client's sessions work: directory, project, branch
	Totals     string // running sums of what was spent
	History    string // of the prompt of prism sql

	Socket string // control socket, 0600 in a 0700 directory

	From map[string]string // profiles, settings, data, state, socket -> flag, variable or default
}

// ErrNoHome is returned when a path would have to be below a home directory and there is none.
var ErrNoHome = errors.New("neither HOME nor the XDG variables are set")

// ResolvePaths finds the files of prism. configFlag is --config: profiles.yaml or its
// directory; it wins over $PRISM_CONFIG. Relative XDG variables are ignored, as their
// specification says.
func ResolvePaths(getenv func(string) string, configFlag string) (Paths, error) {
	r := resolver{getenv: getenv, from: make(map[string]string)}
	var p Paths
	p.Profiles = r.profiles(configFlag)
	p.ConfigDir = filepath.Dir(p.Profiles)
	p.Settings = filepath.Join(p.ConfigDir, "prism.yaml")
	p.Schema = filepath.Join(p.ConfigDir, "profiles.schema.json")
	r.from["settings"] = "beside profiles.yaml"

	p.Data = filepath.Join(r.base("data", "XDG_DATA_HOME", "LocalAppData", ".local/share"), "prism")
	p.LedgerFile = filepath.Join(p.Data, "ledger.duckdb")
	p.Journal = filepath.Join(p.Data, "journal")
	p.Archive = filepath.Join(p.Data, "archive")
	p.Queries = filepath.Join(p.Data, "queries")
	p.Prices = filepath.Join(p.Data, "prices.json")

	p.State = filepath.Join(r.base("state", "XDG_STATE_HOME", "LocalAppData", ".local/state"), "prism")
	p.Pins = filepath.Join(p.State, "pins.json")
	p.ActiveFile = filepath.Join(p.State, "active")
	p.Lock = filepath.Join(p.State, "lock")
	p.Sessions = filepath.Join(p.State, "sessions.json")
	p.Totals = filepath.Join(p.State, "totals.json")
	p.History = filepath.Join(p.State, "sql_history")

	p.Socket = filepath.Join(p.State, "prism.sock")
	r.from["socket"] = "in the state directory"
	if dir := getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		p.Socket = filepath.Join(dir, "prism", "prism.sock")
		r.from["socket"] = "$XDG_RUNTIME_DIR"
	}
	if short := shortSocket(p.Socket); short != p.Socket {
		p.Socket = short
		r.from["socket"] = "the path would be too long for a socket"
	}
	p.From = r.from
	return p, r.err
}

// maxSocket is what every platform's sockaddr_un holds, without the final zero.
const maxSocket = 103

// shortSocket returns path, or where it is too long for a socket, one in a directory below
// /tmp whose name depends on it and on the user. Whoever listens there makes the directory
// and refuses one that is not the user's alone.
func shortSocket(path string) string {
	if len(path) <= maxSocket || runtime.GOOS == "windows" {
		return path
	}
	sum := sha256.Sum256([]byte(path))
	return fmt.Sprintf("/tmp/prism-%d-%x/prism.sock", os.Getuid(), sum[:6])
}

// resolver remembers the first thing that was missing.
type resolver struct {
	getenv func(string) string
	from   map[string]string
	err    error
}

func (r *resolver) profiles(flag string) string {
	named, why := flag, "--config"
	if named == "" {
		named, why = r.getenv("PRISM_CONFIG"), "$PRISM_CONFIG"
	}
	if named == "" {
		return filepath.Join(r.base("profiles", "XDG_CONFIG_HOME", "AppData", ".config"), "prism", "profiles.yaml")
	}
	r.from["profiles"] = why
	named, err := filepath.Abs(named)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("resolve %s: %w", why, err)
	}
	info, err := os.Stat(named)
	isFile := err == nil && !info.IsDir()
	if ext := strings.ToLower(filepath.Ext(named)); isFile || err != nil && (ext == ".yaml" || ext == ".yml") {
		return named
	}
	return filepath.Join(named, "profiles.yaml")
}

// base returns the directory for one kind of files: an XDG variable, the folder that Windows
// names, or a directory below home.
func (r *resolver) base(kind, xdg, windows, home string) string {
	if dir := r.getenv(xdg); filepath.IsAbs(dir) {
		r.from[kind] = "$" + xdg
		return dir
	}
	if runtime.GOOS == "windows" {
		r.from[kind] = "%" + windows + "%"
		return r.getenv(windows)
	}
	r.from[kind] = "default"
	dir := r.getenv("HOME")
	if !filepath.IsAbs(dir) {
		if r.err == nil {
			r.err = fmt.Errorf("%w (%s)", ErrNoHome, xdg)
		}
		return ""
	}
	return filepath.Join(dir, home)
}
