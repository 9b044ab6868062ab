package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"prism/config"
	"prism/config/sealed"
	"prism/internal/router"
	"prism/internal/trial"
)

type initOptions struct {
	draft      draftOptions
	from       string // SOURCE or SOURCE=FILE
	noSops     bool
	recipients []string
	test       bool
}

func newInit(a *app) *cobra.Command {
	o := initOptions{draft: draftOptions{command: "prism init"}}
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make what prism needs: age key, sealed profiles.yaml, schema, client token",
		Long: `Init makes what is missing and never overwrites; it can be run again. The key of the
provider is typed hidden or read from stdin and sealed in memory: clear text never touches
the disk. The provider is then asked for one word, or to count its tokens where it can, which costs
nothing; what it says changes nothing of the file.

With --from the profiles come from another tool, as prism import takes them; on a terminal it
is offered where such a tool has a configuration.`,
		Example: "  prism init\n  prism init --from cc-switch\n  printf %s \"$KEY\" | prism init --preset moonshot --key-stdin --no-input",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			if !cmd.Flags().Changed("test") {
				o.test = a.interactive()
			}
			return a.init(cmd.Context(), r, o)
		},
	}
	f := cmd.Flags()
	addDraftFlags(f, &o.draft)
	f.StringVar(&o.from, "from", "", "take the profiles of another tool: `SOURCE[=FILE]`, as in prism import")
	f.BoolVar(&o.noSops, "no-sops", false, "do not seal: keys lie in clear text on the disk")
	f.BoolVar(&o.test, "test", false, "ask the provider for one word: is it there, does it take the key; on a terminal the default, --test=false does not")
	f.StringArrayVar(&o.recipients, "recipient", nil, "seal for this age `recipient` too, as a backup")
	return cmd
}

// made collects what init did, for the report at its end.
type made struct{ rows [][]cell }

func (m *made) add(what, path, how string) {
	m.rows = append(m.rows, []cell{textCell(what), textCell(path), textCell(how)})
}

func (a *app) init(ctx context.Context, r room, o initOptions) error {
	var m made
	// Everything that can be refused comes first: what fails here has written nothing.
	b, err := a.firstProfiles(ctx, r, o)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(r.paths.ConfigDir, 0o700); err != nil {
		return fmt.Errorf("make the configuration directory: %w", err)
	}
	var recipients []string
	if o.noSops {
		err = a.initPlain(r.paths, &m)
	} else {
		recipients, err = a.initKey(o, &m)
	}
	if err != nil {
		return err
	}
	if err := initProfiles(r.paths.Profiles, b.text, recipients, &m); err != nil {
		return err
	}
	if err := writeNew(r.paths.Schema, config.Schema(), 0o644, &m, "schema"); err != nil {
		return err
	}
	if !o.noSops {
		rules := fmt.Appendf(nil, sopsRules, strings.Join(recipients, ","))
		if err := writeNew(filepath.Join(r.paths.ConfigDir, ".sops.yaml"), rules, 0o644, &m, "sops rules"); err != nil {
			return err
		}
	}
	if err := makeMissing(b.files, &m); err != nil {
		return err
	}
	if b.first != nil && o.test {
		m.add("provider", b.first.Host(), firstTrial(ctx, b.first))
	}
	v := view{columns: []column{{name: "what"}, {name: "path", whole: true}, {name: "outcome", whole: true}}, rows: a.madeRows(m)}
	if err := a.show(v); err != nil {
		return err
	}
	a.note(connectHint)
	return nil
}

// madeRows are the rows of m with our own words in the language of this run.
func (a *app) madeRows(m made) [][]cell {
	for _, row := range m.rows {
		for _, i := range []int{0, 2} {
			row[i].text = a.said(row[i].text)
		}
	}
	return m.rows
}

// firstTrial asks the provider of a new profile, and says in a few words what came of it. It is
// advice: a network that is down is no reason not to write the file.
func firstTrial(ctx context.Context, p *config.Profile) string {
	o := trialOptions("")
	o.Free = true
	t := trial.Ask(ctx, p, o)[0]
	if t.OK {
		return t.What
	}
	secrets := router.NewRedactor()
	secrets.Learn(&config.Profiles{Profiles: []config.Profile{*p}})
	t.Redact(secrets.Redact)
	return fmt.Sprintf("%s: %v; fix: %v; then: prism test", t.Step, t.What, t.Fix)
}

const connectHint = `
connect the client in one of three ways:
  prism run -- claude                       starts the gateway if need be
  eval "$(prism env)"                       for every client started from this shell
  prism connect                             for good, in settings.json of Claude Code
and to have it with every login: prism service install; in the menu bar: prism tray --help`

const sopsRules = `creation_rules:
  - path_regex: (^|/)prism/profiles\.ya?ml$
    encrypted_regex: ^(api_key|client_token)$
    mac_only_encrypted: true
    age: %s
stores:
  yaml:
    indent: 2
`

// initKey uses the identities that sops would find, or makes the first one.
func (a *app) initKey(o initOptions, m *made) ([]string, error) {
	var list []string
	for _, s := range sealed.FindIdentities(a.getenv) {
		if len(s.Recipients) > 0 {
			list = append(list, s.Recipients...)
			m.add("age key", s.Place, "exists")
		}
	}
	if len(list) == 0 {
		identity, recipient, err := sealed.NewIdentity()
		if err != nil {
			return nil, err
		}
		path := sealed.DefaultKeyFile()
		if err := sealed.WriteIdentity(path, identity); err != nil {
			return nil, err
		}
		list = append(list, recipient)
		m.add("age key", path, "made; keep a copy of it in a safe place")
		m.add("recipient", recipient, "seal for it elsewhere; a second one as a backup: --recipient")
	}
	return append(list, o.recipients...), nil
}

// initPlain allows clear text in prism.yaml, which is what --no-sops means.
func (a *app) initPlain(p config.Paths, m *made) error {
	a.note("note: with --no-sops the keys lie in clear text on the disk; every program of yours can read them")
	text := []byte("# Keys in profiles.yaml are not sealed: they lie in clear text on the disk.\nallow_plaintext: true\n")
	return writeNew(p.Settings, text, 0o600, m, "settings")
}

// firstProfiles returns the text of the first profiles.yaml, in clear, with its active profile, and what else
// a bundle brings; nothing if there is a file.
func (a *app) firstProfiles(ctx context.Context, r room, o initOptions) (b beginning, err error) {
	if _, err := os.Lstat(r.paths.Profiles); err == nil {
		if o.from != "" {
			return b, usagef("prism import "+sourceArguments(o.from), "there is a profiles.yaml already")
		}
		return b, nil
	}
	if o.from, err = a.askFrom(ctx, r, o); err != nil {
		return b, err
	}
	if o.from != "" {
		return a.profilesFrom(ctx, r, o)
	}
	p, err := a.draft(ctx, o.draft)
	if err != nil {
		return b, err
	}
	token, err := newToken()
	if err != nil {
		return b, err
	}
	b.text = firstDocument(p, token)
	profiles, problems := config.ParseProfiles(b.text, config.ParseOptions{File: r.paths.Profiles, AllowPlaintext: true})
	if problems.Err() != nil {
		return beginning{}, problems
	}
	b.first = &profiles.Profiles[0]
	return b, nil
}

// sourceArguments is how a source of prism init is named to prism import.
func sourceArguments(from string) string {
	source, file, _ := strings.Cut(from, "=")
	switch {
	case file == "":
		return source
	case isLink(file):
		return source + " LINK"
	}
	return source + " " + shellQuote(file)
}

// initProfiles seals the text and writes it; without recipients it is written as it is.
func initProfiles(path string, text []byte, recipients []string, m *made) error {
	if text == nil {
		m.add("profiles", path, "exists")
		return nil
	}
	if len(recipients) > 0 {
		var err error
		if text, err = sealed.Encrypt(text, recipients); err != nil {
			return sealError(path, err)
		}
	}
	return writeNew(path, text, 0o600, m, "profiles")
}

// newToken makes what clients present to the gateway: 256 bits.
func newToken() (config.Secret, error) {
	b := make([]byte, 32)
	if _, err := rand.Read(b); err != nil {
		return config.Secret{}, fmt.Errorf("make the client token: %w", err)
	}
	return config.NewSecret("prism-" + base64.RawURLEncoding.EncodeToString(b)), nil
}

// writeNew writes a file that does not exist yet, and leaves one that does.
func writeNew(path string, data []byte, mode fs.FileMode, m *made, what string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		m.add(what, path, "exists")
		return nil
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(path)
		return fmt.Errorf("write %s: %w", path, err)
	}
	m.add(what, path, "made")
	return nil
}
