package main

import (
	"context"
	"fmt"
	"time"

	"prism/config"
	"prism/config/sealed"
	"prism/internal/admin"
	"prism/internal/daemon"
)

// openTimeout bounds what a key service or a plugin may take, as in the gateway.
const openTimeout = 10 * time.Second

// profilesFile is profiles.yaml as a command sees it, with the choice of `prism use`.
type profilesFile struct {
	*daemon.File
	choice admin.Choice
}

// askRunning bounds what a command waits for where it could do without the gateway.
const askRunning = 2 * time.Second

// asRunning returns r with the addresses of the gateway that answers: with inherited sockets they
// are not those of the settings. Without a gateway it is r.
func (r room) asRunning(ctx context.Context) room {
	ctx, cancel := context.WithTimeout(ctx, askRunning)
	defer cancel()
	if st, err := r.client.Status(ctx); err == nil {
		r.settings.Listen = st.Listen
		if st.Dashboard != "" {
			r.settings.Dashboard = st.Dashboard
		}
	}
	return r
}

// own lists the addresses on which prism listens; no profile may lead there.
func (r room) own() []string {
	if r.settings.Dashboard == "off" {
		return []string{r.settings.Listen}
	}
	return []string{r.settings.Listen, r.settings.Dashboard}
}

// load reads, opens and checks the file the way the gateway does. What is wrong with it is
// in Problems.
func (a *app) load(ctx context.Context, r room, path string) (*profilesFile, error) {
	choice, err := admin.LoadChoice(r.paths.ActiveFile)
	if err != nil {
		return nil, err
	}
	f := daemon.Load(ctx, daemon.LoadOptions{Path: path, AllowPlaintext: r.settings.AllowPlaintext, Active: choice.Active, Own: r.own()})
	return &profilesFile{f, choice}, nil
}

// valid is load for commands that need a file without errors.
func (a *app) valid(ctx context.Context, r room) (*profilesFile, error) {
	f, err := a.load(ctx, r, r.paths.Profiles)
	if err != nil {
		return nil, err
	}
	return f, f.Problems.Err()
}

// active says which profile would answer, and where that stands.
func (f *profilesFile) active(r room) (name, from string) {
	name, chosen := f.choice.Effective(f.Profiles.Active)
	if chosen {
		return name, r.paths.ActiveFile
	}
	return name, fmt.Sprintf("%s:%d", f.Path, f.Profiles.ActivePos.Line)
}

func noProfile(name string) error {
	return notFound("prism profiles list", "no profile is named %q", name)
}

// sealError says which of the ways a sealed file can refuse to open this one is.
func sealError(path string, err error) error {
	code, fix := sealed.Explain(err)
	if code == "" {
		code, fix = codeInternal, "prism doctor"
	}
	return &admin.Error{Code: code, Message: err.Error(), Fix: fix, At: &admin.Position{File: path}}
}

// readError says why profiles.yaml cannot be read, in the words of the gateway.
func readError(path string, err error) error {
	return config.Problems{daemon.Unreadable(path, err)}
}
