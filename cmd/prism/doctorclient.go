package main

import (
	"context"
	"errors"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// testedClient is the version of Claude Code that prism is tested with.
const testedClient = "2.1.330"

// askLimit bounds what another program may take to answer the doctor.
const askLimit = 5 * time.Second

// ask runs another program and returns the first line of what it prints.
func (x *examination) ask(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(x.ctx, askLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = time.Second // what it started may hold its output open
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil // it has ended well
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line, err
}

// environment looks for what would lead a client past the gateway, or make it show a credential
// that the gateway does not take.
func (x *examination) environment() {
	base := x.a.getenv("ANTHROPIC_BASE_URL")
	here := leadsHere(base, x.listen())
	if base != "" && !here {
		x.add(stateWarn, "client", `eval "$(prism env)"`, "ANTHROPIC_BASE_URL leads to %s, not to prism", withoutSecrets(base))
	}
	for _, name := range detours() {
		if v := x.a.getenv(name); v != "" && v != "0" && v != "false" {
			x.add(stateWarn, "client", "unset "+name, "%s makes the client call a cloud by itself, whatever its base URL is", name)
		}
	}
	if !here {
		return
	}
	for _, name := range []string{"ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN"} {
		if x.a.getenv(name) != "" {
			x.add(stateWarn, "client", `eval "$(prism env)"`, "%s is set beside the base URL: the client may show it to prism instead of prism's token", name)
		}
	}
	x.window()
}

// window compares what the client takes for the context window with what the active profile has.
func (x *examination) window() {
	if x.file == nil || x.file.Profiles == nil {
		return
	}
	name, _ := x.file.active(x.room)
	p := x.file.Profiles.Profile(name)
	if p == nil {
		return
	}
	told := []string{x.a.getenv(windowVariable)}
	for _, s := range x.a.claudeSettings() {
		env, _ := s["env"].(map[string]any)
		v, _ := env[windowVariable].(string)
		told = append(told, v)
	}
	if n := p.Window(x.a.mainModel()); n > 0 && !slices.Contains(told, strconv.FormatInt(n, 10)) {
		x.add(stateWarn, "client", `eval "$(prism env)"`, "the model of profile %s has a window of %d tokens, which the client is not told: it compacts too late, or too early", name, n)
	}
}

// listen is where the gateway that answers listens, else where the settings say.
func (x *examination) listen() string {
	if x.status != nil {
		return x.status.Listen
	}
	return x.room.settings.Listen
}

// leadsHere tells whether a base URL names the gateway.
func leadsHere(base, listen string) bool {
	rest, ok := strings.CutPrefix(base, "http://")
	if !ok {
		return false
	}
	host, _, _ := strings.Cut(rest, "/")
	if i := strings.LastIndexByte(listen, ':'); i >= 0 && host == "localhost"+listen[i:] {
		return true
	}
	return host == listen
}

// userinfo of a URL may hold a password.
var userinfo = regexp.MustCompile(`//[^/@\s]*@`)

func withoutSecrets(url string) string { return userinfo.ReplaceAllString(url, "//[redacted]@") }

// proxies are what stands between the client and the gateway, or between it and the providers.
func (x *examination) proxies() {
	proxied := firstOf(x.a.getenv("HTTP_PROXY"), x.a.getenv("http_proxy"), x.a.getenv("HTTPS_PROXY"), x.a.getenv("https_proxy"), x.a.getenv("ALL_PROXY"), x.a.getenv("all_proxy"))
	if none := firstOf(x.a.getenv("NO_PROXY"), x.a.getenv("no_proxy")); proxied != "" && withLoopback(none) != none {
		x.add(stateWarn, "client", "export NO_PROXY=127.0.0.1,localhost", "with a proxy set, calls to the loopback address go to that proxy")
	}
	if proxied != "" {
		x.add(stateOK, "proxy", "", "a gateway that is started from here calls the providers through %s", withoutSecrets(proxied))
	}
}

// settings of the client win over its environment.
func (x *examination) settings() {
	for _, s := range x.a.claudeSettings() {
		env, _ := s["env"].(map[string]any)
		text := func(name string) string {
			v, _ := env[name].(string)
			return v
		}
		if base := text("ANTHROPIC_BASE_URL"); base != "" && !leadsHere(base, x.listen()) {
			x.add(stateWarn, "client", "prism connect, or prism run -- claude", "the settings of Claude Code lead to %s; they win over the environment", withoutSecrets(base))
		}
		for _, name := range slices.Concat(credentials(), detours()) {
			if v := text(name); v != "" && v != "0" && text("ANTHROPIC_BASE_URL") == "" {
				x.add(stateWarn, "client", "prism connect, or prism run -- claude", "the settings of Claude Code set %s; they win over the environment", name)
			}
		}
		if helper, _ := s["apiKeyHelper"].(string); helper != "" {
			x.add(stateWarn, "client", "take apiKeyHelper out of the settings, or use prism run -- claude", "the settings of Claude Code have an apiKeyHelper: its key is shown to prism instead of prism's token")
		}
	}
}

// clientVersion compares the client on the PATH with the one that prism is tested with.
func (x *examination) clientVersion() {
	if _, err := exec.LookPath("claude"); err != nil {
		return
	}
	line, err := x.ask("claude", "--version")
	version, _, _ := strings.Cut(line, " ")
	switch {
	case err != nil || !isVersion(version):
		x.add(stateWarn, "client", "claude --version", "claude is on the PATH and does not tell its version")
	case older(version, testedClient):
		x.add(stateWarn, "client", "claude update", "Claude Code %s is older than %s, which prism is tested with", version, testedClient)
	default:
		x.add(stateOK, "client", "", "Claude Code %s", version)
	}
}

var versionForm = regexp.MustCompile(`^\d{1,6}\.\d{1,6}\.\d{1,6}$`)

func isVersion(s string) bool { return versionForm.MatchString(s) }

// older compares two versions number by number.
func older(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(x), len(y)) {
		m, _ := strconv.Atoi(x[i])
		n, _ := strconv.Atoi(y[i])
		if m != n {
			return m < n
		}
	}
	return false
}
