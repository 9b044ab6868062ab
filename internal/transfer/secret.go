package transfer

import (
	"slices"
	"strings"

	"prism/config"
)

const (
	// minSecret is the length from which a key is looked for in what is shown, in bytes.
	minSecret = 8
	// longSecret is the length from which a text that holds a key does so by no accident. A shorter one
	// may be a word, such as the name of a provider that wants any key at all.
	longSecret = 16
)

// learn remembers a key.
func (b *builder) learn(key string) {
	if len(key) >= minSecret {
		b.secrets = append(b.secrets, key)
	}
}

// isLogin tells a token of an account from a key, by the shapes that providers of accounts use.
func isLogin(key string) bool {
	for _, start := range []string{"sk-ant-oat", "sk-ant-ort", "sk-ant-sid", "ya29.", "gho_", "ghu_", "ghp_", "github_pat_", "tid="} {
		if strings.HasPrefix(key, start) {
			return true
		}
	}
	return key == "ccr-local-agent-login"
}

// redactor replaces keys, the longest first: a short one may begin another.
func redactor(keys []string) *strings.Replacer {
	keys = slices.Clone(keys)
	slices.SortFunc(keys, func(a, b string) int { return len(b) - len(a) })
	pairs := make([]string, 0, 2*len(keys))
	for _, key := range keys {
		pairs = append(pairs, key, "[redacted]")
	}
	return strings.NewReplacer(pairs...)
}

// hideKeys takes out of the plan what would put a key where it is not sealed: models, names and addresses
// stand in the file in clear. All keys are known by now, also those behind the profile that repeats one.
func (b *builder) hideKeys() {
	long := redactor(slices.DeleteFunc(slices.Clone(b.secrets), func(key string) bool { return len(key) < longSecret }))
	whole := map[string]bool{}
	for _, key := range b.secrets {
		whole[key] = true
	}
	repeats := func(s string) bool { return whole[s] || long.Replace(s) != s }
	b.keep(func(p *Profile) bool {
		if !repeats(p.BaseURL) {
			return true
		}
		b.leave(p.From, "a key is part of its address, which is not sealed")
		return false
	})
	for i := range b.Profiles {
		p := &b.Profiles[i]
		n := len(p.Models)
		p.Models = slices.DeleteFunc(p.Models, func(m config.ModelRule) bool { return repeats(m.Match) || repeats(m.Use) })
		if len(p.Models) < n {
			b.leave(p.From+".models", "a name of a model holds a key, and names are not sealed")
		}
		if plain := plainName(p.Title); plain != "" && strings.HasPrefix(p.Name, plain) && repeats(p.Title) {
			b.rename(p.Name, freeName(hostName(p.BaseURL), func(name string) bool { return b.profile(name) != nil }))
		}
	}
	b.Rules = slices.DeleteFunc(b.Rules, func(r config.Rule) bool { return repeats(r.Model) })
	b.Prices = slices.DeleteFunc(b.Prices, func(r config.PriceRow) bool { return repeats(r.ModelMatch) })
}

// cleanWords makes what is said of the plan fit to be shown: without keys, and short.
func (b *builder) cleanWords() {
	keys := redactor(b.secrets)
	clean := func(s *string) {
		*s = config.RedactText(strings.ToValidUTF8(keys.Replace(*s), "\ufffd"))
		if r := []rune(*s); len(r) > maxWords {
			*s = string(r[:maxWords]) + "…"
		}
	}
	for i := range b.Left {
		clean(&b.Left[i].What)
		clean(&b.Left[i].Why)
	}
	for i := range b.Profiles {
		clean(&b.Profiles[i].Title)
	}
}

// maxWords is how much is shown of a text of a source, in characters.
const maxWords = 160
