package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/ledger/duckdb"
	"prism/internal/router"
)

// bundledLog is how much of the end of the log goes into a bundle, in bytes.
const bundledLog = 64 << 10

// looksSecret finds what looks like a credential although no file of ours knows it: an identity,
// a provider's key, the value of an Authorization header.
var looksSecret = regexp.MustCompile(`AGE-SECRET-KEY-[0-9A-Z-]+|\bsk-[A-Za-z0-9_-]{16,}|(?i:\b(?:bearer|basic)\s+)[A-Za-z0-9+/=_.~-]{8,}`)

// bundle is a report for somebody who helps: one text, so that its owner can read all of it.
type bundle struct {
	x   *examination
	out bytes.Buffer
}

// writeBundle writes the report to a new file that only the user can read.
func (a *app) writeBundle(x *examination, file string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL|noFollow, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return usagef("prism doctor --bundle, with another name", "%s exists already", file)
	}
	if err != nil {
		return &admin.Error{Code: codeInternal, Message: fmt.Sprintf("write the bundle: %v", rootCause(err)), Fix: "prism doctor --bundle, with a name in a directory that can be written"}
	}
	b := &bundle{x: x}
	b.collect()
	_, err = io.WriteString(f, b.text())
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	a.note("wrote %s; read it before you send it", a.tilde(file))
	return nil
}

func (b *bundle) collect() {
	x := b.x
	v := thisBuild()
	b.section("prism %s   %s   %s   %s", v.Version, v.Go, v.Platform, x.a.now().UTC().Format(time.RFC3339))
	b.section("doctor")
	for _, f := range x.findings { // whoever helps may not read the language of this run
		f.shown = f.what
		x.a.english().writeFindings(&b.out, []finding{f})
	}
	b.section("variables that are set (names only)")
	for _, name := range knownVariables(os.Environ()) {
		fmt.Fprintln(&b.out, name)
	}
	if x.room.paths.State == "" {
		return // the settings cannot be read: nobody knows where the rest is
	}
	b.section("settings")
	b.object(shownSettings(x.room.settings))
	if x.file != nil {
		b.section("profiles")
		b.object(shownProfiles(x.file.Profiles))
	}
	if x.status != nil {
		b.section("status")
		b.object(x.status)
	}
	b.ledger()
	b.log()
}

func (b *bundle) section(format string, args ...any) {
	fmt.Fprintf(&b.out, "\n== "+format+"\n", args...)
}

func (b *bundle) object(v any) {
	if err := b.x.a.writeJSON(&b.out, v, true); err != nil {
		fmt.Fprintln(&b.out, err)
	}
}

// text is the report without secrets, and without the name of the user's home.
func (b *bundle) text() string {
	redact := router.NewRedactor()
	if b.x.file != nil {
		redact.Learn(b.x.file.Profiles)
	}
	s := withoutSecrets(looksSecret.ReplaceAllString(redact.Redact(b.out.String()), "[redacted]"))
	if home := strings.TrimSuffix(b.x.a.getenv("HOME"), "/"); len(home) > 1 {
		s = strings.ReplaceAll(s, home, "~")
	}
	return escape(strings.TrimPrefix(s, "\n"), true)
}

// knownVariables are the names of those that decide how prism and its clients run.
func knownVariables(environ []string) []string {
	var names []string
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		for _, start := range []string{"PRISM_", "ANTHROPIC_", "CLAUDE_", "SOPS_", "OTEL_", "XDG_", "SSL_CERT_"} {
			if strings.HasPrefix(name, start) || strings.HasSuffix(strings.ToUpper(name), "_PROXY") {
				names = append(names, name)
				break
			}
		}
	}
	slices.Sort(names)
	return names
}

// shownSettings keeps of an address only where it leads: what follows may be a token.
func shownSettings(s config.Settings) config.Settings {
	s.Notify.Webhook = hostOnly(s.Notify.Webhook)
	s.Telemetry.OTLP = hostOnly(s.Telemetry.OTLP)
	return s
}

func hostOnly(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		if strings.ContainsAny(address, "/:@") {
			return "[redacted]"
		}
		return address // off, env
	}
	return u.Scheme + "://" + u.Host
}

// shownProfile is a profile without its keys.
type shownProfile struct {
	Name     string   `json:"name"`
	Origin   string   `json:"origin"`
	Dialect  string   `json:"dialect"`
	Auth     string   `json:"auth"`
	Provider string   `json:"provider"`
	Keys     int      `json:"keys"`
	Models   int      `json:"models"`
	Fallback []string `json:"fallback"`
}

func shownProfiles(p *config.Profiles) any {
	all := make([]shownProfile, len(p.Profiles))
	for i := range p.Profiles {
		one := &p.Profiles[i]
		all[i] = shownProfile{
			Name: one.Name, Origin: one.Origin(), Dialect: string(one.Dialect), Auth: string(one.Auth), Provider: one.Provider,
			Keys: len(one.AllKeys()), Models: len(one.Models), Fallback: one.Fallback,
		}
	}
	return struct {
		Active   string         `json:"active"`
		Token    bool           `json:"client_token"`
		Rules    int            `json:"rules"`
		Profiles []shownProfile `json:"profiles"`
	}{p.Active, !p.ClientToken.IsZero(), len(p.Rules), all}
}

// ledger is how requests have ended lately, without what they were about.
func (b *bundle) ledger() {
	x := b.x
	if _, err := os.Stat(x.room.paths.LedgerFile); err != nil {
		return
	}
	b.section("requests of the last seven days")
	db, err := duckdb.OpenReader(x.ctx, x.room.paths.LedgerFile, duckdb.ReaderOptions{})
	if err != nil {
		fmt.Fprintln(&b.out, err)
		return
	}
	defer db.Close()
	_, rows, err := duckdb.Query(x.ctx, db, `select profile, upstream_model, outcome, coalesce(error_type, ''), http_status, count(*)
		from requests where started_at > ?::timestamptz - interval 7 days group by all order by all limit 200`, []any{x.a.now()})
	if err != nil {
		fmt.Fprintln(&b.out, err)
	}
	for _, r := range rows {
		fmt.Fprintln(&b.out, r...)
	}
}

// log is the end of what a gateway in the background has said.
func (b *bundle) log() {
	text, err := tail(filepath.Join(b.x.room.paths.State, "log", "serve.log"), bundledLog)
	if err != nil {
		return // a service manager has it
	}
	b.section("the end of the log")
	b.out.Write(text)
}

// tail returns at most n bytes of the end of a file, from the beginning of a line.
func tail(file string, n int64) ([]byte, error) {
	f, err := os.OpenFile(file, os.O_RDONLY|noFollow, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	from := max(0, st.Size()-n)
	text := make([]byte, st.Size()-from)
	if _, err := f.ReadAt(text, from); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if from > 0 {
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	return text, nil
}
