package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"prism/config"
	"prism/config/sealed"
	"prism/internal/admin"
	"prism/internal/daemon"
	"prism/internal/simulator"
)

func newDemo(a *app) *cobra.Command {
	var keep bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Everything at once, without a provider and without a network",
		Long: `Demo serves with simulated providers on loopback, in a temporary directory of its own with
a fresh age key, sends sample traffic through the whole path and prints the spend table. On
a terminal it goes on serving until Ctrl-C; without one it ends, with 7 unless the ledger
has exactly one row per request and its figures are those of the simulator's bill.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), keep) },
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "leave the directory when it ends")
	return cmd
}

// demo is one run of the demonstration.
type demo struct {
	a     *app
	dir   string
	room  room
	token config.Secret
	sims  map[string]*simulator.Server
	base  string // URL of the data port
}

func (a *app) demo(ctx context.Context, keep bool) error {
	d := &demo{a: a, sims: map[string]*simulator.Server{}}
	var err error
	if d.dir, err = os.MkdirTemp("", "prism-demo-"); err != nil {
		return fmt.Errorf("make a directory for the demo: %w", err)
	}
	if !keep {
		defer func() { _ = os.RemoveAll(d.dir) }()
	}
	if keep {
		d.say("demo      %s   no provider account, no network", d.dir)
	} else {
		d.say("demo      %s   no provider account, no network; it is removed at the end (--keep leaves it)", d.dir)
	}
	stopSims, err := d.prepare() //nolint:contextcheck // the providers outlive an interrupt: the drain needs them
	defer stopSims()
	if err != nil {
		return err
	}
	stop, err := d.start(ctx)
	if err != nil {
		return err
	}
	report, err := d.traffic(ctx)
	if err != nil {
		return errors.Join(err, stop())
	}
	if err := d.report(ctx, report); err != nil {
		return errors.Join(err, stop())
	}
	if a.outTTY && a.inTTY {
		<-ctx.Done()
	}
	return stop()
}

// say is for people; with --json only the report is printed.
func (d *demo) say(format string, args ...any) {
	if !d.a.jsonWanted() {
		fmt.Fprintln(d.a.out, escape(d.a.text(format, args...), true))
	}
}

// demoKey is the credential that a simulated provider demands.
func demoKey(name string) string { return "sim-" + name + "-not-a-real-key" }

// demoProfiles names the simulated providers, in the order of the file.
func demoProfiles() []string { return []string{"work", "kimi", "local"} }

// prepare starts the providers and writes the sealed file. The function it returns stops
// what was started, also after an error.
func (d *demo) prepare() (stop func(), err error) {
	var running []*simulator.Running
	stop = func() {
		for _, r := range running {
			r.Close()
		}
	}
	urls := map[string]string{}
	for _, name := range demoProfiles() {
		key := demoKey(name)
		if name == "local" {
			key = ""
		}
		s := simulator.New(simulator.Options{Name: name, Key: key, Default: demoAnswers(name == "work")})
		r, err := s.Listen("127.0.0.1:0")
		if err != nil {
			return stop, err
		}
		running = append(running, r)
		d.sims[name], urls[name] = s, r.URL
	}
	return stop, d.writeFiles(urls)
}

const demoFile = `# yaml-language-server: $schema=./profiles.schema.json
active: work   # save this line to switch

profiles:
  - name: work
    base_url: %s
    api_key: %s
    provider: anthropic

  - name: kimi
    base_url: %s
    auth: bearer
    api_key: %s
    provider: moonshot
    models:
      - {match: "*haiku*", use: kimi-k2.7-code}
      - {match: "*", use: kimi-k3}

  - name: local
    base_url: %s
    auth: none
    model: qwen3-coder

client_token: %s
`

func (d *demo) writeFiles(urls map[string]string) error {
	env := map[string]string{
		"PRISM_CONFIG": filepath.Join(d.dir, "profiles.yaml"), "XDG_DATA_HOME": filepath.Join(d.dir, "data"),
		"XDG_STATE_HOME": filepath.Join(d.dir, "state"), "XDG_RUNTIME_DIR": filepath.Join(d.dir, "run"), "HOME": d.dir,
	}
	paths, err := config.ResolvePaths(func(k string) string { return env[k] }, "")
	if err != nil {
		return err
	}
	identity, recipient, err := sealed.NewIdentity()
	if err != nil {
		return err
	}
	keyFile := filepath.Join(d.dir, "keys.txt")
	if err := sealed.WriteIdentity(keyFile, identity); err != nil {
		return err
	}
	// The gateway runs in this process and looks where sops looks.
	if err := os.Setenv("SOPS_AGE_KEY_FILE", keyFile); err != nil {
		return err
	}
	if d.token, err = newToken(); err != nil {
		return err
	}
	out, err := sealed.Encrypt(fmt.Appendf(nil, demoFile, urls["work"], demoKey("work"), urls["kimi"], demoKey("kimi"), urls["local"], d.token.Reveal()), []string{recipient})
	if err != nil {
		return err
	}
	if err := os.WriteFile(paths.Schema, config.Schema(), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(paths.Profiles, out, 0o600); err != nil {
		return err
	}
	settings := config.DefaultSettings()
	settings.Drain = 5 * time.Second
	d.room = room{paths, settings, admin.Dial(paths.Socket)}
	d.say("sealed    profiles.yaml: %s, all answered by the simulator on loopback", strings.Join(demoProfiles(), ", "))
	return nil
}

// demoPorts are tried in order, every other one for the dashboard; the last one is any free port.
const demoPorts = 40

// demoCode is how long the address of the demo's dashboard is good for: nobody has a key there to
// lose, and who looks at the demo reads first.
const demoCode = time.Hour

func demoListener(ctx context.Context, first int) (net.Listener, error) {
	var lc net.ListenConfig
	for port := first; port < first+demoPorts; port += 2 {
		if ln, err := lc.Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return ln, nil
		}
	}
	return lc.Listen(ctx, "tcp", "127.0.0.1:0")
}

// start runs the gateway and waits until it answers; the function it returns ends it.
func (d *demo) start(ctx context.Context) (stop func() error, err error) {
	ln, err := demoListener(ctx, 3000)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	pages, err := demoListener(ctx, 3001)
	if err != nil {
		_ = ln.Close()
		return nil, fmt.Errorf("listen: %w", err)
	}
	ready, ended := make(chan daemon.Ready, 1), make(chan error, 1)
	g, err := daemon.New(daemon.Options{
		Paths: d.room.paths, Settings: d.room.settings, Version: thisBuild().Version, Listener: ln, Dashboard: pages, Logger: zerolog.Nop(),
		Zone: d.a.zone(), CodeLife: demoCode,
		Queries: func() ([]admin.NamedQuery, error) { return offered(d.room.paths.Queries) },
		Ready:   func(r daemon.Ready) { ready <- r },
	})
	if err != nil {
		return nil, err
	}
	// The demo stops the gateway itself, after its last words.
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	go func() { ended <- g.Run(serving) }()
	stop = func() error {
		cancel()
		return <-ended
	}
	select {
	case err := <-ended:
		cancel()
		return nil, err
	case r := <-ready:
		d.base = "http://" + r.Listen
		d.room.settings.Listen = r.Listen
		d.say("gateway   %s   dashboard http://%s", d.base, r.Status.Dashboard)
		return stop, nil
	}
}
