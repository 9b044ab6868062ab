package config

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/rs/zerolog"
)

const canary = "sk-canary-Zx81QpLmN0aB7cD2"

// holder has a secret in every place a value can be: fmt reads unexported fields by reflection.
type holder struct {
	Open   Secret
	hidden Secret
	Ptr    *Secret
	List   []Secret
	Map    map[string]Secret
	Any    any
	nested struct{ Deep Secret }
}

func newHolder() holder {
	s := NewSecret(canary)
	h := holder{Open: s, hidden: s, Ptr: &s, List: []Secret{s}, Map: map[string]Secret{"k": s}, Any: s}
	h.nested.Deep = s
	return h
}

func leaks(out string) bool {
	for _, form := range []string{
		canary, canary[5:18], base64.StdEncoding.EncodeToString([]byte(canary))[:16], hex.EncodeToString([]byte(canary))[:24],
		strings.ToUpper(hex.EncodeToString([]byte(canary)))[:24], url.QueryEscape(canary), fmt.Sprintf("%d", []byte(canary))[1:20],
	} {
		if strings.Contains(out, form) {
			return true
		}
	}
	return false
}

func TestSecretShowsNothingUnderAnyVerb(t *testing.T) {
	s := NewSecret(canary)
	for _, v := range []any{s, &s, []Secret{s}, map[string]Secret{"a": s}, newHolder(), new(newHolder()), Profile{APIKey: s}, Profiles{Profiles: []Profile{{APIKey: s}}, ClientToken: s}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%p", "%T", "%U", "%t", "%e", "%c", "%10v", "%-40s", "%.3s", "%w", "%!"} {
			if out := fmt.Sprintf(verb, v); leaks(out) {
				t.Errorf("%s of %T shows the secret: %s", verb, v, out)
			}
		}
		if out := fmt.Sprint(v) + fmt.Sprintln(v); leaks(out) {
			t.Errorf("Sprint of %T: %s", v, out)
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if out := fmt.Sprintf(verb, s); out != redacted {
			t.Errorf("%s: %s", verb, out)
		}
	}
}

func TestSecretShowsNothingInAnyEncoding(t *testing.T) {
	h := newHolder()
	var buf bytes.Buffer
	check := func(name string) {
		t.Helper()
		if leaks(buf.String()) {
			t.Errorf("%s shows the secret: %s", name, buf.String())
		}
		if !strings.Contains(buf.String(), redacted) {
			t.Errorf("%s: %s", name, buf.String())
		}
		buf.Reset()
	}
	if err := json.NewEncoder(&buf).Encode(h); err != nil {
		t.Fatal(err)
	}
	check("json")
	if err := json.NewEncoder(&buf).Encode(map[string]any{"v": h.Open}); err != nil {
		t.Fatal(err)
	}
	check("json map")
	if err := yaml.NewEncoder(&buf).Encode(map[string]any{"v": h.Open, "p": h.Ptr}); err != nil {
		t.Fatal(err)
	}
	check("yaml")
	type element struct{ V Secret }
	if err := xml.NewEncoder(&buf).Encode(element{h.Open}); err != nil {
		t.Fatal(err)
	}
	check("xml")
	slog.New(slog.NewTextHandler(&buf, nil)).Info("x", "v", h.Open, "h", h)
	check("slog text")
	slog.New(slog.NewJSONHandler(&buf, nil)).Info("x", "v", h.Open, "h", h)
	check("slog json")
	log := zerolog.New(&buf)
	log.Info().Interface("v", h.Open).Any("h", h).Stringer("s", h.Open).Msg("x")
	check("zerolog")
	fmt.Fprint(&buf, errors.Join(fmt.Errorf("with %v", h.Open), fmt.Errorf("and %s", h.Ptr)))
	check("errors")
}

func TestSecretRefusesBinaryEncodings(t *testing.T) {
	if err := gob.NewEncoder(new(bytes.Buffer)).Encode(struct{ V Secret }{NewSecret(canary)}); !errors.Is(err, ErrSecret) {
		t.Errorf("gob: %v", err)
	}
	if _, err := NewSecret(canary).MarshalBinary(); !errors.Is(err, ErrSecret) {
		t.Errorf("binary: %v", err)
	}
}

func TestSecretIsRevealedComparedAndMasked(t *testing.T) {
	s := NewSecret(canary)
	if s.Reveal() != canary || s.IsZero() || !s.Equal(NewSecret(canary)) || s.Equal(NewSecret(canary+"x")) || s.Equal(Secret{}) {
		t.Error("reveal or equal")
	}
	if got := s.Masked(); got != "sk-c…7cD2" {
		t.Errorf("masked: %s", got)
	}
	if got := NewSecret("sk-short-key").Masked(); got != "…" {
		t.Errorf("short: %s", got)
	}
	if got := s.Fingerprint(); len(got) != 8 || got != NewSecret(canary).Fingerprint() || got == NewSecret("x").Fingerprint() {
		t.Errorf("fingerprint: %s", got)
	}
	var zero Secret
	if !zero.IsZero() || !NewSecret("").IsZero() || zero.Reveal() != "" || zero.Masked() != "" || zero.Fingerprint() != "" || zero.String() != redacted {
		t.Error("zero value")
	}
}
