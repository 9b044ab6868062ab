package transfer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"prism/config"
	"prism/internal/sqlfile"
)

// ccsProvider is a provider of cc-switch, wherever it was kept.
type ccsProvider struct {
	at, name string
	settings *node // as Claude Code's settings file
	meta     *node
	sort     int64
	current  bool
	queued   bool
	category string
}

// readCCSwitch reads the providers of cc-switch for Claude Code: from its database, an export of that,
// the file of versions before 3.7, or a link.
func readCCSwitch(ctx context.Context, path string, b *builder) error {
	if strings.HasPrefix(path, linkScheme) {
		return readLink(path, b)
	}
	data, err := headOf(path)
	if err != nil {
		return err
	}
	var list []ccsProvider
	if strings.HasPrefix(strings.TrimSpace(strings.TrimPrefix(data, "\ufeff")), "{") {
		list, err = providersOfFile(path)
	} else {
		list, err = providersOfTable(ctx, path, b)
	}
	if err != nil {
		return err
	}
	slices.SortStableFunc(list, func(a, b ccsProvider) int { return cmp.Compare(a.sort, b.sort) })
	ccsProfiles(b, list)
	return nil
}

// headOf returns the beginning of a file.
func headOf(path string) (string, error) {
	if isSQLite(path) {
		return "SQLite", nil
	}
	data, err := readSource(path)
	if errors.Is(err, ErrTooLarge) { // an export has the log too
		return "--", nil
	}
	return string(data[:min(len(data), 512)]), err
}

// unsorted is the place of a provider that has none.
const unsorted = 1 << 40

// providersOfTable reads the rows of a database or of an export.
func providersOfTable(ctx context.Context, path string, b *builder) ([]ccsProvider, error) {
	file, err := sqlfile.Snapshot(ctx, path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var out []ccsProvider
	n := 0
	err = file.Each(ctx, "providers", func(r sqlfile.Row) error {
		n++
		if r.Text("app_type") != "claude" {
			return nil
		}
		p := ccsProvider{at: fmt.Sprintf("providers[%d]", n-1), name: r.Text("name"), category: r.Text("category"), sort: unsorted}
		at := p.at + " (" + p.name + ")"
		var unread error
		if p.settings, unread = objectOf([]byte(r.Text("settings_config"))); unread != nil {
			b.leave(at, "its settings cannot be read")
			return nil //nolint:nilerr // what cannot be read is named, and the others are taken
		}
		if p.meta, unread = objectOf([]byte(orElse(r.Text("meta"), "{}"))); unread != nil {
			p.meta = &node{kind: kindFields}
			b.leave(at+".meta", "it cannot be read")
		}
		p.meta = withColumns(p.meta, r)
		if place, ok := r.Int("sort_index"); ok {
			p.sort = place
		}
		current, _ := r.Int("is_current")
		queued, _ := r.Int("in_failover_queue")
		p.current, p.queued = current != 0, queued != 0
		out = append(out, p)
		return nil
	})
	if errors.Is(err, sqlfile.ErrNoTable) {
		err = fmt.Errorf("%w: there is no table providers", ErrFormat)
	}
	return out, err
}

// withColumns puts what some versions keep in columns where the others have it.
func withColumns(meta *node, r sqlfile.Row) *node {
	for _, c := range [][2]string{
		{"cost_multiplier", "costMultiplier"}, {"limit_daily_usd", "limitDailyUsd"}, {"limit_monthly_usd", "limitMonthlyUsd"}, {"provider_type", "providerType"},
	} {
		if s := r.Text(c[0]); s != "" && meta.first(c[1]) == "" {
			meta.keys, meta.items = append(meta.keys, c[1]), append(meta.items, &node{kind: kindText, value: s})
		}
	}
	return meta
}

// providersOfFile reads config.json, as versions before 3.7 kept it.
func providersOfFile(path string) ([]ccsProvider, error) {
	root, err := readObject(path)
	if err != nil {
		return nil, err
	}
	manager := root.at("claude")
	if manager == nil {
		manager = root // the very first version had no other clients
	}
	if manager.at("providers") == nil {
		return nil, fmt.Errorf("%w: it has no providers", ErrFormat)
	}
	var out []ccsProvider
	for id, p := range manager.at("providers").each() {
		place := int64(unsorted)
		if s := p.first("sortIndex"); s != "" {
			place = wholeOf(s)
		}
		out = append(out, ccsProvider{
			at: fmt.Sprintf("providers[%d]", len(out)), name: orElse(p.first("name"), id), settings: p.at("settingsConfig"), meta: p.at("meta"), category: p.first("category"),
			sort: place, current: id == manager.first("current"), queued: p.at("inFailoverQueue").on(),
		})
	}
	return out, nil
}

// ccsProfiles makes one profile of each provider and joins those of the queue.
func ccsProfiles(b *builder, list []ccsProvider) {
	var queue []string
	for i := range list {
		p := &list[i]
		name := ccsProfile(b, p)
		if name == "" {
			continue
		}
		if p.current {
			b.Active = name
		}
		if p.queued {
			queue = append(queue, name)
		}
	}
	for _, to := range queue {
		b.fallBack(b.Active, to, "the queue for failures")
	}
	for i, from := range queue {
		if from == b.Active {
			continue
		}
		for _, to := range queue[i+1:] {
			if to != b.Active {
				b.fallBack(from, to, "the queue for failures")
			}
		}
	}
}

// ccsProfile makes the profile of a provider; empty if it was left out.
func ccsProfile(b *builder, p *ccsProvider) string {
	env, elsewhere := p.env()
	d := env.draft(p.at, p.name)
	if elsewhere {
		d.profile.Auth = "" // no variable says how the key travels
	}
	format := p.format()
	dialect := dialectNamed(format)
	switch {
	case p.signedIn(env):
		b.leave(d.label(), "it is an account that somebody is signed in with, not a key; such tokens are never imported")
		return ""
	case dialect == "":
		b.leave(d.label(), "prism does not speak "+format)
		return ""
	case !env.says() && p.isOfficial():
		return b.addSignedIn(d)
	case elsewhere && env["ANTHROPIC_BASE_URL"] == "":
		b.leave(d.label(), "it has a key, and no address that it is for")
		return ""
	}
	if d.profile.Dialect = dialect; dialect != config.DialectAnthropic {
		d.profile.BaseURL = withVersion(env["ANTHROPIC_BASE_URL"])
		d.profile.Auth = ""
	}
	if p.meta.at("isFullUrl").on() {
		base, found := endpoint(env["ANTHROPIC_BASE_URL"])
		if found != dialect {
			b.leave(d.label(), "its address is not one of those that prism asks at")
			return ""
		}
		d.profile.BaseURL = base
	}
	p.money(&d)
	name := b.add(d)
	if name != "" {
		p.leaveRest(b, d.label(), env)
	}
	return name
}

// env are the variables of a provider with what its settings say beside them, as cc-switch reads it, and
// whether the key stands elsewhere than in the two variables that the client knows.
func (p *ccsProvider) env() (env clientEnv, elsewhere bool) {
	env = envOf(p.settings.at("env"))
	if address := p.settings.first("base_url", "baseURL", "apiEndpoint"); env["ANTHROPIC_BASE_URL"] == "" && address != "" {
		env["ANTHROPIC_BASE_URL"] = address
	}
	if key, _ := env.key(); key != "" {
		return env, false
	}
	for _, key := range []string{env["OPENROUTER_API_KEY"], env["OPENAI_API_KEY"], p.settings.first("apiKey", "api_key")} {
		if key != "" {
			env["ANTHROPIC_API_KEY"] = key
			return env, true
		}
	}
	return env, false
}

// format is what the provider speaks. Older versions kept it among the settings.
func (p *ccsProvider) format() string {
	if format := orElse(p.meta.first("apiFormat"), p.settings.first("api_format")); format != "" {
		return format
	}
	switch mode := p.settings.at("openrouter_compat_mode"); {
	case mode.on(), mode.str() == "1", strings.EqualFold(mode.str(), "true"):
		return "openai_chat"
	}
	return "anthropic"
}

// isOfficial tells whether the client asks Anthropic with an account of its own.
func (p *ccsProvider) isOfficial() bool {
	return p.category == "official" || p.settings.at("env").empty() && p.settings.first("apiKeyHelper") == ""
}

// signedIn tells whether cc-switch itself holds an account for the provider.
func (p *ccsProvider) signedIn(env clientEnv) bool {
	host := hostOf(env["ANTHROPIC_BASE_URL"])
	return p.meta.at("authBinding").first("source") == "managed_account" ||
		slices.Contains([]string{"github_copilot", "codex_oauth"}, p.meta.first("providerType")) ||
		host == "chatgpt.com" || strings.HasSuffix(host, ".githubcopilot.com")
}

// money takes factor and limits.
func (p *ccsProvider) money(d *draft) {
	if m := decimalOf(p.meta.first("costMultiplier"), 1); m != "" && !isOne(m) {
		d.profile.Multiplier = m
	}
	budget := config.Budget{DailyUSD: amount(p.meta.first("limitDailyUsd")), MonthlyUSD: amount(p.meta.first("limitMonthlyUsd"))}
	if budget != (config.Budget{}) {
		d.profile.Budget = &budget
	}
}

// amount is a limit above nothing.
func amount(s string) string {
	if s = decimalOf(s, 1); s == "0" {
		return ""
	}
	return s
}

// leaveRest names what of a provider did not come along.
func (p *ccsProvider) leaveRest(b *builder, label string, env clientEnv) {
	env.leaveRest(b, label+".env")
	for _, key := range []string{env["OPENROUTER_API_KEY"], env["OPENAI_API_KEY"], p.settings.first("apiKey"), p.settings.first("api_key")} {
		b.learn(key)
	}
	for _, field := range []string{"custom_endpoints", "usage_script", "customUserAgent", "apiKeyHeaderName", "codexChatReasoning"} {
		if n := p.meta.at(field); !n.empty() {
			b.leave(label+".meta."+field, "prism has nothing of this kind")
		}
	}
	for field, value := range p.settings.each() {
		if field == "apiKeyHelper" && !value.empty() {
			b.leave(label+"."+field, "a command that prints a key; prism keeps the key itself")
		}
	}
}
