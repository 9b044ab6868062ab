package main

import (
	"context"
	"net"
	"net/url"
	"slices"
	"strings"

	"prism/internal/connect"
)

// leadsToPrism tells whether a settings file is as prism connect has left it, maybe with another address.
func leadsToPrism(f *clientFile, listen string) bool {
	env := f.Env()
	base := env["ANTHROPIC_BASE_URL"]
	if leadsHere(base, listen) {
		return true
	}
	u, err := url.Parse(base)
	local := err == nil && u.Scheme == "http" && (u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback())
	return env["CLAUDE_CODE_GATEWAY_HINT_HEADERS"] == "1" && (base == "" || local)
}

// takeBack makes of the variables that prism connect touches what they were, but for what was written since.
func takeBack(f, was *clientFile) {
	now, before := f.Env(), was.Env()
	names := slices.DeleteFunc(connect.TakenOut(), f.Sets)
	for _, name := range connect.Written() {
		mine := true
		switch name {
		case "NO_PROXY", "no_proxy":
			mine = !was.Sets(name) || withoutLoopback(now[name]) == withoutLoopback(before[name])
		case headersVariable:
			had, own := ownHeaders(before[name]), ownHeaders(now[name])
			if mine = len(own) == 0 || slices.Equal(own, had) || slices.Equal(own, withoutCredentials(had)); !mine {
				f.Edit(map[string]string{name: strings.Join(withCredentials(own, had), "\n")}, nil)
			}
		}
		if mine {
			names = append(names, name)
		}
	}
	f.Restore(was.Settings, names)
}

// withCredentials adds to headers those that were taken out because they hold a credential, but for
// those whose name was written since.
func withCredentials(own, had []string) []string {
	for _, line := range had {
		name, _, _ := strings.Cut(line, ":")
		there := slices.ContainsFunc(own, func(other string) bool {
			return strings.HasPrefix(strings.ToLower(other), strings.ToLower(name)+":")
		})
		if len(withoutCredentials([]string{line})) == 0 && !there {
			own = append(own, line)
		}
	}
	return own
}

func (a *app) disconnect(ctx context.Context, r room, listen string, o connectOptions) error {
	f, err := readClientFile(o.settings)
	if err != nil {
		return err
	}
	was, err := f.kept()
	if err != nil {
		return err
	}
	if was == nil {
		return notFound("take ANTHROPIC_BASE_URL and ANTHROPIC_AUTH_TOKEN out of "+shellQuote(f.path), "prism connect has kept no %s", f.keptPath())
	}
	if !leadsToPrism(f, listen) {
		return usagef("rm "+shellQuote(f.keptPath())+", which is the file as it was before prism connect", "%s does not lead to prism any more; nothing was written", f.path)
	}
	before := f.Env()
	takeBack(f, was)
	same := f.Equal(was.Settings)
	rep := connectReport{Settings: o.settings, DryRun: o.dry, Changes: changedVariables(before, f.Env())}
	if !o.dry {
		if err := a.giveBack(f, was, same, a.loses(ctx, r, f, was)); err != nil {
			return err
		}
		rep.Written = true
	}
	if err := a.show(a.connectView(rep)); err != nil {
		return err
	}
	if !same {
		a.note("the file was changed since in other places, too; those changes stay")
	}
	return nil
}

// loses tells whether a file that was edited would lose a variable: what stands there now is neither in it any
// more, nor in the copy, nor of prism's making.
func (a *app) loses(ctx context.Context, r room, f, was *clientFile) bool {
	now, err := connect.Read(f.text)
	if err != nil {
		return true
	}
	return slices.ContainsFunc(slices.Concat(connect.Written(), connect.TakenOut()), func(name string) bool {
		value, there := now.Value(name)
		after, stays := f.Value(name)
		before, kept := was.Value(name)
		if !there || value == "" || stays && after == value || kept && before == value {
			return false
		}
		switch name {
		case "ANTHROPIC_BASE_URL": // by it the file was known
			return false
		case "CLAUDE_CODE_GATEWAY_HINT_HEADERS":
			return value != "1"
		case windowVariable: // prism says it of a profile that is fixed
			return !strings.Contains(now.Env()["ANTHROPIC_BASE_URL"], "/p/")
		case "ANTHROPIC_AUTH_TOKEN":
			return !prisms(value, "") && !prisms(value, a.clientToken(ctx, r))
		case "NO_PROXY", "no_proxy":
			rest, env := withoutLoopback(value), was.Env()
			return rest != "" && !slices.ContainsFunc([]string{env["NO_PROXY"], env["no_proxy"], a.getenv("NO_PROXY"), a.getenv("no_proxy")}, func(list string) bool {
				return withoutLoopback(list) == rest
			})
		case headersVariable:
			left := slices.Concat(ownHeaders(after), ownHeaders(before))
			return slices.ContainsFunc(ownHeaders(value), func(line string) bool { return !slices.Contains(left, line) })
		}
		return true
	})
}

// prisms tells whether a credential is for prism: the token of clients, one that prism has made in another
// time, or what stands in for none.
func prisms(credential, token string) bool {
	return token != "" && credential == token || credential == placeholderToken || strings.HasPrefix(credential, "prism-")
}

// clientToken is what clients show to prism; "" where profiles.yaml does not say it.
func (a *app) clientToken(ctx context.Context, r room) string {
	if r.paths.Profiles == "" {
		return ""
	}
	f, err := a.valid(ctx, r)
	if err != nil {
		return ""
	}
	return f.Profiles.ClientToken.Reveal()
}
