package router

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"

	"prism/config"
)

// minSecret is the length from which a secret is replaced. Shorter ones would mangle
// ordinary words, and protect nothing.
const minSecret = 8

// redactor replaces the secrets of one table. It is the one place where that is done.
type redactor struct {
	needles  [][]byte
	replacer *strings.Replacer
}

// needle is one spelling of a secret and what stands in its place.
type needle struct{ form, word string }

func newRedactor(p *config.Profiles) *redactor {
	r := &redactor{}
	var found []needle
	add := func(s config.Secret, name string) {
		clear := s.Reveal()
		if len(clear) < minSecret {
			return
		}
		for _, form := range forms(clear) {
			found = append(found, needle{form: form, word: "[redacted:" + name + "]"})
		}
	}
	for i := range p.Profiles {
		add(p.Profiles[i].APIKey, p.Profiles[i].Name)
	}
	add(p.ClientToken, "client_token")
	// The longest first: a secret that begins another one would leave the rest of it standing.
	slices.SortStableFunc(found, func(a, b needle) int { return len(b.form) - len(a.form) })
	pairs := make([]string, 0, 2*len(found))
	for _, n := range found {
		r.needles = append(r.needles, []byte(n.form))
		pairs = append(pairs, n.form, n.word)
	}
	r.replacer = strings.NewReplacer(pairs...)
	return r
}

// forms are the spellings in which a secret is looked for.
func forms(clear string) []string {
	all := []string{
		clear,
		base64.StdEncoding.EncodeToString([]byte(clear)),
		base64.RawStdEncoding.EncodeToString([]byte(clear)),
		base64.URLEncoding.EncodeToString([]byte(clear)),
		base64.RawURLEncoding.EncodeToString([]byte(clear)),
		hex.EncodeToString([]byte(clear)),
		strings.ToUpper(hex.EncodeToString([]byte(clear))),
		url.QueryEscape(clear),
		url.PathEscape(clear),
	}
	seen := map[string]bool{}
	out := all[:0]
	for _, s := range all {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

func (r *redactor) text(s string) string {
	if r == nil {
		return s
	}
	return r.replacer.Replace(s)
}

func (r *redactor) bytes(b []byte) []byte {
	if r == nil {
		return b
	}
	for _, n := range r.needles {
		if bytes.Contains(b, n) {
			return []byte(r.replacer.Replace(string(b)))
		}
	}
	return b
}
