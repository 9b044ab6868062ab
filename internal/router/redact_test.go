package router_test

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"

	"prism/config"
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
