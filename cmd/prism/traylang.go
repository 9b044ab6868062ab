package main

import (
	"context"
	"os/exec"
	"strings"
	"time"

	"prism/config"
	"prism/internal/lang"
)

// localeLimit bounds the question for the locale of the desktop, where it is asked once for long.
const localeLimit = time.Second

// appleLocale is the command that says in which language macOS is set up: zh-Hans_CN.
func appleLocale() []string { return []string{"/usr/bin/defaults", "read", "-g", "AppleLocale"} }

// speakAsDesktop has this run speak the language of the desktop where nothing says which one: macOS
// starts its programs without a locale. The command is what asks for it, for as long as limit.
func (a *app) speakAsDesktop(ctx context.Context, limit time.Duration, platform string, command ...string) {
	if platform != "darwin" || a.langFlag != "" {
		return
	}
	for _, name := range []string{"PRISM_LANG", "LC_ALL", "LC_MESSAGES", "LANG"} {
		if a.getenv(name) != "" {
			return
		}
	}
	if p, err := a.paths(); err == nil && config.Language(p.Settings) != "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.WaitDelay = limit
	out, err := cmd.Output()
	if err != nil {
		return // nobody set it: English
	}
	if tag, ok := lang.Parse(strings.TrimSpace(string(out))); ok {
		a.lang = lang.For(tag)
	}
}
