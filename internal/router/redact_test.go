package router_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"

	"prism/config"
	"prism/internal/router"
)

func TestASecretIsReplacedInEveryFormInWhichItTravels(t *testing.T) {
	const key, token = "canary/key+of=work?0123456789", "canary client token 0123456789"
	p := three()
	p.Profiles[0].APIKey = config.NewSecret(key)
	p.ClientToken = config.NewSecret(token)
	table := compile(t, newRouter(t), p)
	for name, form := range map[string]string{
		"clear": key, "base64": base64.StdEncoding.EncodeToString([]byte(key)), "base64 for URLs": base64.RawURLEncoding.EncodeToString([]byte(key)),
		"hex": hex.EncodeToString([]byte(key)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(key))),
		"query": url.QueryEscape(key), "path": url.PathEscape(key),
	} {
		in := "before " + form + " between " + form + " after"
		const want = "before [redacted:work] between [redacted:work] after"
		if got := table.Redact(in); got != want {
			t.Errorf("%s: %q", name, got)
		}
		if got := string(table.RedactBytes([]byte(in))); got != want {
			t.Errorf("%s, bytes: %q", name, got)
		}
	}
	if got := table.Redact("x " + token); got != "x [redacted:client_token]" {
		t.Errorf("client token: %q", got)
	}
}

func TestASecretThatBeginsAnotherLeavesNothingOfItStanding(t *testing.T) {
	const short, long = "canary-key-0123456789", "canary-key-0123456789-and-more"
	for _, order := range [][2]string{{short, long}, {long, short}} {
		p := three()
		p.Profiles[0].APIKey, p.Profiles[1].APIKey = config.NewSecret(order[0]), config.NewSecret(order[1])
		got := compile(t, newRouter(t), p).Redact("key " + long + "; key " + short)
		if strings.Contains(got, "and-more") || strings.Contains(got, "canary") {
			t.Errorf("left standing: %q", got)
		}
	}
}

func TestTextWithoutSecretsIsLeftAlone(t *testing.T) {
	p := three()
	p.Profiles[0].APIKey = config.NewSecret("short")
	table := compile(t, newRouter(t), p)
	body := []byte(`{"a":"short words stay"}`)
	got := table.RedactBytes(body)
	if string(got) != `{"a":"short words stay"}` || &got[0] != &body[0] {
		t.Errorf("%q, or a copy of it", got)
	}
}

func TestASecretIsFoundAmidALongerTextInBase64(t *testing.T) {
	const key = "canary-key-0123456789-abcdef"
	p := three()
	p.Profiles[0].APIKey = config.NewSecret(key)
	table := compile(t, newRouter(t), p)
	for _, before := range []string{"", "u", "us", "use", "user:"} {
		for _, behind := range []string{"", ":", "::", ":::"} {
			for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
				text := enc.EncodeToString([]byte(before + key + behind))
				got := table.Redact("Basic " + text)
				if !strings.Contains(got, "[redacted:work]") || len(got) > len("Basic [redacted:work]")+12 {
					t.Errorf("%q around the key: %q became %q", before+"…"+behind, text, got)
				}
			}
		}
	}
}

func TestASecretIsFoundInJSONAndInAURLOfAnySpelling(t *testing.T) {
	const key = `canary/"key\0123456789&<äöü`
	p := three()
	p.Profiles[0].APIKey = config.NewSecret(key)
	table := compile(t, newRouter(t), p)
	html, err := json.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{string(html), `"canary/\"key\\0123456789&<äöü"`, url.QueryEscape(key), strings.ToLower(url.QueryEscape(key)), url.PathEscape(key)} {
		if got := table.Redact(form); strings.Trim(got, `"`) != "[redacted:work]" {
			t.Errorf("%s became %s", form, got)
		}
	}
}

func TestTheRedactorKnowsTheKeysOfFilesThatWereRefusedOrReplaced(t *testing.T) {
	var out bytes.Buffer
	r := router.NewRedactor()
	w := r.Writer(&out)
	write := func(s string) string {
		t.Helper()
		out.Reset()
		if n, err := io.WriteString(w, s); err != nil || n != len(s) {
			t.Fatalf("%d bytes, %v", n, err)
		}
		return out.String()
	}
	const first, second = "canary-first-0123456789", "canary-second-0123456789"
	if got := write(first); got != first {
		t.Errorf("before it knows anything: %q", got)
	}
	p, q := three(), three()
	p.Profiles[0].APIKey = config.NewSecret(first)
	q.Profiles[0].APIKey = config.NewSecret(second)
	r.Learn(p)
	r.Learn(nil)
	r.Learn(q)
	if got := write(first + " " + second); got != "[redacted:work] [redacted:work]" {
		t.Errorf("%q", got)
	}
	for i := range 100 {
		q := three()
		q.Profiles[0].APIKey = config.NewSecret(fmt.Sprintf("canary-number-%02d", i))
		r.Learn(q)
	}
	if got := write("canary-number-99 canary-number-60"); got != "[redacted:work] [redacted:work]" {
		t.Errorf("after many: %q", got)
	}
	var none *router.Redactor
	none.Learn(p)
	if got := none.Redact(first); got != first {
		t.Errorf("a nil redactor: %q", got)
	}
}

func TestANewKeyIsLearnedWhereAnotherOneStoodTwice(t *testing.T) {
	const first, second = "canary-first-0123456789", "canary-second-0123456789"
	file := func(keys ...string) *config.Profiles {
		p := one(keyed("work", "http://127.0.0.1:1", "a", "b"))
		for i, key := range keys {
			p.Profiles[0].Keys[i].Secret = config.NewSecret(key)
		}
		return p
	}
	r := router.NewRedactor()
	r.Learn(file(first, first))
	r.Learn(file(first, second))
	if got := r.Redact(first + " " + second); got != "[redacted:work] [redacted:work]" {
		t.Errorf("%q", got)
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("canary-key-0123456789", "before", "after")
	f.Add("a/b+c=d?e&f\"g\\h", "", ":")
	f.Fuzz(func(t *testing.T, key, before, after string) {
		p := three()
		p.Profiles[0].APIKey = config.NewSecret(key)
		r := router.NewRedactor()
		r.Learn(p)
		got := r.Redact(before + key + after)
		// What a word of ours or the neighbours spell again is not the key that was there.
		if len(key) >= 8 && strings.Contains(got, key) && !strings.Contains(before+"[redacted:work]"+after, key) {
			t.Errorf("%q is left in %q", key, got)
		}
		if len(key) < 8 && got != before+key+after {
			t.Errorf("%q became %q", before+key+after, got)
		}
	})
}
