package router

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"prism/config"
)

// minSecret is the length from which a secret is replaced. Shorter ones would mangle
// ordinary words, and protect nothing.
const minSecret = 8

// redactor replaces a set of secrets.
type redactor struct {
	needles  [][]byte
	replacer *strings.Replacer
}

// named is a secret and whose it is.
type named struct {
	name   string
	secret config.Secret
}

// secretsOf are the secrets of a file that are long enough to be told from words, each once.
func secretsOf(p *config.Profiles) []named {
	var all []named
	add := func(s config.Secret, name string) {
		if n := (named{name, s}); len(s.Reveal()) >= minSecret && !holds(all, n) {
			all = append(all, n)
		}
	}
	for i := range p.Profiles {
		for _, key := range p.Profiles[i].AllKeys() {
			add(key.Secret, p.Profiles[i].Name)
		}
	}
	add(p.ClientToken, "client_token")
	return all
}

// needle is one spelling of a secret and what stands in its place.
type needle struct{ form, word string }

func newRedactor(secrets []named) *redactor {
	r := &redactor{}
	var found []needle
	for _, s := range secrets {
		for _, form := range forms(s.secret.Reveal()) {
			found = append(found, needle{form: form, word: "[redacted:" + s.name + "]"})
		}
	}
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
	b := []byte(clear)
	all := []string{clear, jsonText(clear, true), jsonText(clear, false), hex.EncodeToString(b), strings.ToUpper(hex.EncodeToString(b))}
	for _, escaped := range []string{url.QueryEscape(clear), url.PathEscape(clear)} {
		all = append(all, escaped, lowerEscapes(escaped))
	}
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		all = append(all, enc.EncodeToString(b), enc.WithPadding(base64.NoPadding).EncodeToString(b))
		all = append(all, within(enc, b)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// within are the characters that stand for a secret whatever stands before and behind it in the
// text that was encoded as base64, such as user:secret. There is one spelling for each place in a
// group of three bytes.
func within(enc *base64.Encoding, secret []byte) []string {
	var all []string
	for before := range 3 {
		text := append(make([]byte, before), secret...)
		whole := enc.WithPadding(base64.NoPadding).EncodeToString(text)
		// The first characters hold bits of what stands before, the last one of what comes behind.
		from, to := (before*8+5)/6, len(text)*8/6
		all = append(all, whole[from:to])
	}
	return all
}

// jsonText is how a text stands in JSON, between the quotes.
func jsonText(s string, html bool) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(html)
	if err := enc.Encode(s); err != nil {
		return s
	}
	return strings.TrimSuffix(strings.TrimSpace(b.String())[1:], `"`)
}

// escape is one byte of a URL that does not stand for itself.
var escape = regexp.MustCompile(`%[0-9A-F]{2}`)

// lowerEscapes writes %2F as %2f, which reads the same.
func lowerEscapes(s string) string { return escape.ReplaceAllStringFunc(s, strings.ToLower) }

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
