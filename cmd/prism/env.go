package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"runtime"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"prism/config"
	"prism/internal/attribution"
)

// clientEnv is what a client of the gateway needs in its environment: what to set, and what
// to take out because it would win or travel beside it.
type clientEnv struct {
	set     map[string]string
	unset   []string
	profile *config.Profile // that answers
	others  string          // whom the credentials are for that are taken out; "" = there are none
}

// placeholderToken makes the client start where the gateway wants no token: it refuses to
// run without a credential.
const placeholderToken = "prism"

// credentials are the variables by which a client shows itself to a provider.
func credentials() []string {
	return []string{"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"}
}

// detours are the variables that make Claude Code go elsewhere, whatever its base URL is.
func detours() []string {
	return []string{
		"CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY", "CLAUDE_CODE_USE_ANTHROPIC_AWS",
		"CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD", "CLAUDE_CODE_USE_MANTLE", "CLAUDE_CODE_USE_GATEWAY",
	}
}

type envOptions struct {
	profile string
	tags    []string
	where   bool // say where the work happens: project, directory, branch
}

// clientEnv works out the variables for a profile, or for whichever is active where none is named.
func (a *app) clientEnv(ctx context.Context, r room, o envOptions) (clientEnv, error) {
	f, err := a.valid(ctx, r)
	if err != nil {
		return clientEnv{}, err
	}
	name, _ := f.active(r)
	base := "http://" + r.settings.Listen
	if o.profile != "" {
		name = o.profile
		base += "/p/" + url.PathEscape(name)
	}
	p := f.Profiles.Profile(name)
	if p == nil {
		return clientEnv{}, noProfile(name)
	}
	headers, err := a.customHeaders(ctx, o)
	if err != nil {
		return clientEnv{}, err
	}
	e := clientEnv{profile: p, unset: detours(), set: map[string]string{
		"ANTHROPIC_BASE_URL":               base,
		"CLAUDE_CODE_GATEWAY_HINT_HEADERS": "1",
		"NO_PROXY":                         withLoopback(a.getenv("NO_PROXY")),
		"no_proxy":                         withLoopback(firstOf(a.getenv("no_proxy"), a.getenv("NO_PROXY"))),
	}}
	headers = a.ownCredential(r, &e, f.Profiles.ClientToken.Reveal(), headers)
	if n := p.Window(a.mainModel()); n > 0 {
		e.set[windowVariable] = strconv.FormatInt(n, 10)
	}
	switch {
	case len(headers) > 0:
		e.set[headersVariable] = strings.Join(headers, "\n")
	case a.getenv(headersVariable) != "":
		e.unset = append(e.unset, headersVariable)
	}
	return e, nil
}

// ownCredential has the client show one credential: the token of the gateway, or with a profile that passes
// it on its own login, if that is for who answers there. It returns the headers that it may send.
func (a *app) ownCredential(r room, e *clientEnv, token string, headers []string) []string {
	if e.profile.Auth != config.AuthPassthrough {
		e.set["ANTHROPIC_AUTH_TOKEN"] = firstOf(token, placeholderToken)
		for _, c := range credentials() {
			if c != "ANTHROPIC_AUTH_TOKEN" {
				e.unset = append(e.unset, c)
			}
		}
		return withoutCredentials(headers)
	}
	base := a.getenv("ANTHROPIC_BASE_URL")
	here := leadsHere(base, r.settings.Listen) // by hand, with what the profile takes
	switch {
	case !here && originOf(base) != e.profile.Origin(): // what is there is for somebody else
		kept := withoutCredentials(headers)
		if len(kept) < len(headers) || slices.ContainsFunc(credentials(), func(name string) bool { return a.getenv(name) != "" }) {
			e.others = firstOf(base, "https://api.anthropic.com")
		}
		headers, e.unset = kept, append(e.unset, credentials()...)
	case here && prisms(a.getenv("ANTHROPIC_AUTH_TOKEN"), token): // for prism, and in the way of the client's own
		e.unset = append(e.unset, "ANTHROPIC_AUTH_TOKEN")
	}
	if token != "" { // Authorization belongs to the provider there
		headers = append(headers, "X-Prism-Token: "+token)
	}
	return headers
}

// noteOthers says that a credential is taken out, without which the client may not be signed in.
func (a *app) noteOthers(e clientEnv) {
	if e.others != "" {
		a.note("note: the credential that the client has is for %s; it is taken out, since profile %s would pass it on to %s", withoutSecrets(e.others), e.profile.Name, e.profile.BaseURL)
	}
}

// windowVariable tells the client how large the context window of a model is that it does not
// know: it takes a million tokens for granted, and would not compact in time.
const windowVariable = "CLAUDE_CODE_MAX_CONTEXT_TOKENS"

// mainModel is what the client names in its main conversation: the user's choice, else a model
// whose name stands for all but the small ones.
func (a *app) mainModel() string { return firstOf(a.getenv("ANTHROPIC_MODEL"), "claude-sonnet-5-5") }

// customHeaders keeps the user's own ones and adds what the ledger should know.
func (a *app) customHeaders(ctx context.Context, o envOptions) ([]string, error) {
	headers := ownHeaders(a.getenv(headersVariable))
	if len(o.tags) > 0 {
		pairs := make([]string, 0, len(o.tags))
		for _, t := range o.tags {
			k, v, ok := strings.Cut(t, "=")
			if !ok || k == "" {
				return nil, usagef("prism run --tag key=value -- CMD", "--tag %q has no value", t)
			}
			if strings.ContainsAny(t, ",\r\n") || !printable(t) {
				return nil, usagef("prism run --tag key=value -- CMD", "--tag %q: a tag holds printable ASCII without commas", t)
			}
			pairs = append(pairs, k+"="+v)
		}
		headers = append(headers, "X-Prism-Tags: "+strings.Join(pairs, ","))
	}
	if o.where {
		headers = append(headers, whereabouts(ctx)...)
	}
	return headers, nil
}

// ownHeaders are the user's own ones among the custom headers.
func ownHeaders(list string) []string {
	var headers []string
	for line := range strings.SplitSeq(list, "\n") {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(strings.ToLower(line), "x-prism-") {
			headers = append(headers, line)
		}
	}
	return headers
}

// whereabouts names the directory, the project and the branch the client works in.
func whereabouts(ctx context.Context) []string {
	cwd, err := filepath.Abs(".")
	if err != nil {
		return nil
	}
	at := attribution.Locate(ctx, cwd)
	headers := []string{"X-Prism-Cwd: " + headerValue(at.Cwd)}
	if at.Project != "" {
		headers = append(headers, "X-Prism-Project: "+headerValue(at.Project))
	}
	if at.GitBranch != "" {
		headers = append(headers, "X-Prism-Branch: "+headerValue(at.GitBranch))
	}
	return headers
}

// headerValue leaves printable ASCII as it is and percent-encodes a value that holds anything
// else, which a header cannot carry, or a percent sign, which the gateway would decode.
func headerValue(s string) string {
	if printable(s) && !strings.Contains(s, "%") && strings.TrimSpace(s) == s {
		return s
	}
	return strings.ReplaceAll(url.PathEscape(s), "%2F", "/")
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// withLoopback adds the loopback names to a NO_PROXY list: a client with HTTP_PROXY set
// sends calls to a plain-http loopback address to that proxy.
func withLoopback(list string) string {
	have := strings.Split(list, ",")
	for _, host := range []string{"127.0.0.1", "localhost"} {
		found := false
		for _, h := range have {
			found = found || strings.TrimSpace(h) == host || strings.TrimSpace(h) == "*"
		}
		if !found {
			list = strings.TrimPrefix(list+","+host, ",")
		}
	}
	return list
}

func newEnv(a *app) *cobra.Command {
	var profile, shell string
	var unset bool
	var tags []string
	cmd := &cobra.Command{
		Use:   "env",
		Short: "Print the variables that connect a client",
		Long: `Env prints what a shell evaluates to connect every client started from it:

  eval "$(prism env)"              sh, bash, zsh
  prism env --shell fish | source
  prism env --shell powershell | Out-String | Invoke-Expression

--shell claude-settings prints the "env" block for Claude Code's settings.json instead. The
token in it is the one that clients present to prism, never a key of a provider.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			e, err := a.clientEnv(cmd.Context(), r.asRunning(cmd.Context()), envOptions{profile: firstOf(profile, a.getenv("PRISM_PROFILE")), tags: tags})
			if err != nil {
				return err
			}
			if unset {
				e = a.takenBack(e)
			}
			a.noteOthers(e)
			return a.showEnv(e, firstOf(shell, defaultShell(a.getenv("SHELL"))))
		},
	}
	f := cmd.Flags()
	f.StringVar(&profile, "profile", "", "always this `profile`, whatever is active (PRISM_PROFILE)")
	f.StringVar(&shell, "shell", "", "sh|bash|zsh|fish|powershell|claude-settings; default: what SHELL names")
	f.BoolVar(&unset, "unset", false, "print what takes the variables back")
	f.StringArrayVar(&tags, "tag", nil, "mark the requests in the ledger with `key=value`")
	return cmd
}

// takenBack is what remains of the variables without prism: of lists that the user may have
// had before, only our part is taken out.
func (a *app) takenBack(e clientEnv) clientEnv {
	back := clientEnv{set: map[string]string{}}
	for k := range e.set {
		back.unset = append(back.unset, k)
	}
	back.unset = append(back.unset, "ANTHROPIC_CUSTOM_HEADERS")
	rest := map[string]string{
		"NO_PROXY": withoutLoopback(a.getenv("NO_PROXY")), "no_proxy": withoutLoopback(a.getenv("no_proxy")),
		"ANTHROPIC_CUSTOM_HEADERS": strings.Join(ownHeaders(a.getenv("ANTHROPIC_CUSTOM_HEADERS")), "\n"),
	}
	for k, v := range rest {
		if v != "" {
			back.set[k] = v
		}
	}
	slices.Sort(back.unset)
	back.unset = slices.DeleteFunc(slices.Compact(back.unset), func(k string) bool { return back.set[k] != "" })
	return back
}

func withoutLoopback(list string) string {
	hosts := slices.DeleteFunc(strings.Split(list, ","), func(h string) bool {
		h = strings.TrimSpace(h)
		return h == "127.0.0.1" || h == "localhost"
	})
	return strings.Join(hosts, ",")
}

func defaultShell(path string) string {
	switch {
	case strings.HasSuffix(path, "fish"):
		return "fish"
	case path == "" && runtime.GOOS == "windows":
		return "powershell"
	default:
		return "sh"
	}
}

func (a *app) showEnv(e clientEnv, shell string) error {
	lines, err := shellLines(e, shell)
	if err != nil {
		return err
	}
	v := view{columns: []column{{name: "name"}, {name: "value"}}, object: e.set}
	for _, k := range sortedKeys(e.set) {
		v.rows = append(v.rows, []cell{textCell(k), textCell(e.set[k])})
	}
	v.text = func(w io.Writer) { fmt.Fprint(w, lines) }
	return a.show(v)
}

// shellLines writes e in the language of a shell.
func shellLines(e clientEnv, shell string) (string, error) {
	var set func(k, v string) string
	var drop func(k string) string
	switch shell {
	case "sh", "bash", "zsh":
		set = func(k, v string) string { return "export " + k + "=" + "'" + strings.ReplaceAll(v, "'", `'\''`) + "'" }
		drop = func(k string) string { return "unset " + k }
	case "fish":
		set = func(k, v string) string {
			return "set -gx " + k + " '" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(v) + "'"
		}
		drop = func(k string) string { return "set -e " + k }
	case "powershell":
		set = func(k, v string) string { return "$env:" + k + " = '" + strings.ReplaceAll(v, "'", "''") + "'" }
		drop = func(k string) string { return "Remove-Item Env:" + k + " -ErrorAction SilentlyContinue" }
	case "claude-settings":
		b, err := json.MarshalIndent(map[string]any{"env": e.set}, "", "  ")
		return string(b) + "\n", err
	default:
		return "", usagef("prism env --shell sh|fish|powershell|claude-settings", "unknown shell %q", shell)
	}
	var lines []string
	for k, v := range e.set {
		lines = append(lines, set(k, v))
	}
	for _, k := range e.unset {
		lines = append(lines, drop(k))
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n") + "\n", nil
}
