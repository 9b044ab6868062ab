package sealed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getsops/sops/v3/logging"
)

func TestOpenMapsCiphertextsToClearText(t *testing.T) {
	recipient := useKey(t)
	src := mustEncrypt(t, plainFile, recipient)
	o := mustOpen(t, src)
	want := []string{"not-a-real-key-flow", "not-a-real-key-kimi", "not-a-real-key-work", "not-a-real-token"}
	if got := slices.Sorted(maps.Values(o.Values)); !slices.Equal(got, want) {
		t.Errorf("values %q", got)
	}
	for enc, text := range o.Values {
		if !bytes.Contains(src, []byte(enc)) || o.Types[enc] != "str" {
			t.Errorf("%s: type %q of %q", text, o.Types[enc], enc)
		}
	}
	if !slices.Equal(o.Recipients, []string{recipient}) || !o.MACOnlyEncrypted || time.Since(o.LastModified) > time.Minute {
		t.Errorf("recipients %q, MAC only over sealed values %v, last modified %v", o.Recipients, o.MACOnlyEncrypted, o.LastModified)
	}
}

func TestOpenedPlainIsTheFileItWasSealedFrom(t *testing.T) {
	recipient := useKey(t)
	plain := mustOpen(t, mustEncrypt(t, plainFile, recipient)).Plain
	// The quotes around a sealed value are not kept: ciphertext needs none, or others.
	want := strings.NewReplacer(`"not-a-real-key-kimi"`, "not-a-real-key-kimi", "'not-a-real-token'", "not-a-real-token",
		"not-a-real-key-flow", `"not-a-real-key-flow"`).Replace(plainFile)
	if string(plain) != want {
		t.Errorf("got\n%s", plain)
	}
}

func TestOpenTellsTheTypesOfValues(t *testing.T) {
	recipient := useKey(t)
	src := mustEncrypt(t, "api_key: {a: 12, b: true, c: 1.5, d: text, e: 2026-01-02T03:04:05Z}\n", recipient)
	o := mustOpen(t, src)
	got := map[string]string{}
	for enc, text := range o.Values {
		got[o.Types[enc]] = text
	}
	want := map[string]string{"int": "12", "bool": "true", "float": "1.5", "str": "text", "time": "2026-01-02T03:04:05Z"}
	if !maps.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestOpenNamesWhatIsWrongWithTheFile(t *testing.T) {
	recipient := useKey(t)
	good := mustEncrypt(t, plainFile, recipient)
	work, kimi := field(t, good, "api_key", 0), field(t, good, "api_key", 1)
	asType := func(enc, kind string) string { return strings.Replace(enc, "type:str", "type:"+kind, 1) }
	newProfile := func(key string) string {
		return "client_token: " + field(t, good, "client_token", 0) + "\nother:\n  api_key: " + key
	}
	token := "client_token: " + field(t, good, "client_token", 0)

	for name, c := range map[string]struct {
		src  []byte
		want error
		text string
	}{
		"not sealed":             {[]byte(plainFile), ErrNotSealed, "no sops metadata"},
		"empty":                  {nil, ErrNotSealed, "no sops metadata"},
		"too large":              {bytes.Repeat([]byte("#"), maxSize+1), ErrTooLarge, "1 MiB"},
		"not YAML":               {append([]byte("a: [\n"), good...), ErrFormat, "sops cannot read"},
		"two documents":          {append(bytes.Clone(good), "---\nactive: kimi\n"...), ErrFormat, "one YAML document"},
		"clear text":             {edit(t, good, kimi, "sk-pasted"), ErrFormat, "profiles[kimi].api_key: a key in clear text"},
		"clear number":           {edit(t, good, kimi, "12345"), ErrFormat, "profiles[kimi].api_key: a key in clear text"},
		"cut ciphertext":         {edit(t, good, kimi, kimi[:40]), ErrFormat, "profiles[kimi].api_key: a damaged sealed value"},
		"flipped ciphertext":     {edit(t, good, kimi, strings.Replace(kimi, "data:", "data:AA", 1)), ErrMAC, "profiles[kimi].api_key"},
		"moved to another path":  {edit(t, good, token, newProfile(work)), ErrMAC, "other.api_key was damaged or moved"},
		"exchanged":              {bytes.ReplaceAll(edit(t, edit(t, good, work, "@"), kimi, work), []byte("@"), []byte(kimi)), ErrMAC, "deleted, moved, copied"},
		"token deleted":          {edit(t, good, token+"\n", ""), ErrMAC, "deleted, moved, copied"},
		"token emptied":          {edit(t, good, token, `client_token: ""`), ErrMAC, "deleted, moved, copied"},
		"copied":                 {edit(t, good, "client_token:", "  - {name: evil, base_url: https://evil.example, api_key: \""+work+"\"}\nclient_token:"), ErrMAC, ""},
		"copied as a comment":    {edit(t, good, "client_token:", "  - {name: evil, base_url: https://evil.example, api_key: \""+asType(work, "comment")+"\"}\nclient_token:"), ErrFormat, "profiles[evil].api_key: a sealed value with the wrong type"},
		"type that panics":       {edit(t, good, work, asType(work, "bytes")), ErrFormat, "wrong type"},
		"ciphertext in the URL":  {edit(t, good, "https://api.anthropic.com", work), ErrFormat, "profiles[work].base_url: a sealed value in a field that is never sealed"},
		"MAC of another file":    {edit(t, good, field(t, good, "mac", 0), field(t, mustEncrypt(t, plainFile, recipient), "mac", 0)), ErrMAC, ""},
		"MAC removed":            {edit(t, good, field(t, good, "mac", 0), `""`), ErrMAC, ""},
		"full MAC claimed":       {edit(t, good, "mac_only_encrypted: true", "mac_only_encrypted: false"), ErrMAC, ""},
		"date changed":           {edit(t, good, field(t, good, "lastmodified", 0), `"2020-01-01T00:00:00Z"`), ErrMAC, ""},
		"rule changed":           {edit(t, good, "^(api_key|client_token)$", "^api_key$"), ErrFormat, "client_token"},
		"keys that are no words": {edit(t, good, "active: work", "1: work"), ErrFormat, "sops cannot walk"},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := Open(context.Background(), c.src)
			if o != nil || !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Fatalf("got %v, want %v with %q", err, c.want, c.text)
			}
			if code, fix := Explain(err); code == "" || fix == "" {
				t.Errorf("code %q and fix %q for %v", code, fix, err)
			}
			if strings.Contains(err.Error(), "sk-pasted") || strings.Contains(err.Error(), "not-a-real") {
				t.Errorf("a key is in the error text: %v", err)
			}
		})
	}
}

func TestClearTextErrorListsAllFieldsInOrder(t *testing.T) {
	recipient := useKey(t)
	src := mustEncrypt(t, "profiles:\n  - name: a\n    api_key: x1\n  - api_key: x2\nclient_token: x3\n", recipient)
	for _, n := range []string{"pasted-a", "pasted-b"} {
		src = edit(t, src, field(t, src, "api_key", map[string]int{"pasted-a": 0, "pasted-b": 1}[n]), n)
	}
	_, err := Open(context.Background(), src)
	var clearText *ClearTextError
	if !errors.As(err, &clearText) || !slices.Equal(clearText.Paths, []string{"profiles[a].api_key", "profiles[1].api_key"}) {
		t.Fatalf("got %v", err)
	}
	if code, fix := Explain(err); code != "secret_format" || fix != "prism seal" {
		t.Errorf("code %q, fix %q", code, fix)
	}
}

func TestAWrongIdentityNamesRecipientsAndPlaces(t *testing.T) {
	_, stranger := newKey(t)
	home := isolate(t)
	identity, _ := newKey(t)
	if err := WriteIdentity(DefaultKeyFile(), identity); err != nil {
		t.Fatal(err)
	}
	_, err := Open(context.Background(), mustEncrypt(t, plainFile, stranger))
	var missing *NoKeyError
	if !errors.As(err, &missing) || !errors.Is(err, ErrNoKey) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{
		stranger, "SOPS_AGE_KEY (not set)", home + "/.ssh/id_ed25519 (no such file)",
		home + "/.config/sops/age/keys.txt (1 identity, no match)",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %q", want, err)
		}
	}
	if strings.Contains(err.Error(), "AGE-SECRET") {
		t.Error("the identity is in the error text")
	}
	if code, fix := Explain(err); code != "secret_no_key" || !strings.Contains(fix, "keys.txt") {
		t.Errorf("code %q, fix %q", code, fix)
	}
}

func TestHostileYAMLIsRefusedQuickly(t *testing.T) {
	recipient := useKey(t)
	good := string(mustEncrypt(t, "active: work\nclient_token: x\n", recipient))
	bomb := "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
	for i := 1; i < 10; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 10), ","))
	}
	for name, src := range map[string]string{
		"alias bomb": bomb + good,
		"recursion":  "a: &a [*a]\n" + good,
		"depth":      "a: " + strings.Repeat("[", 100_000) + "\n" + good,
	} {
		start := time.Now()
		if _, err := Open(context.Background(), []byte(src)); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
		if d := time.Since(start); d > time.Second {
			t.Errorf("%s: took %v", name, d)
		}
	}
}

func TestSealedIsSeenEvenInABrokenFile(t *testing.T) {
	recipient := useKey(t)
	src := mustEncrypt(t, plainFile, recipient)
	for name, c := range map[string]struct {
		src  []byte
		want bool
	}{
		"sealed": {src, true}, "sealed but broken": {append([]byte("x: [\n"), src...), true}, "plain": {[]byte(plainFile), false},
		"a field below": {[]byte("a:\n  sops: {}\n"), false}, "empty": {nil, false}, "quoted": {edit(t, src, "\nsops:", "\n\"sops\":"), true},
	} {
		if got := IsSealed(c.src); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if FullMAC(src) || !FullMAC(fullMAC(t, plainFile, recipient)) || FullMAC([]byte(plainFile)) {
		t.Error("the reach of the MAC is told wrongly")
	}
}

func TestSopsWritesNoLogLines(t *testing.T) {
	recipient := useKey(t)
	mustOpen(t, mustEncrypt(t, plainFile, recipient))
	if len(logging.Loggers) == 0 {
		t.Fatal("sops has no loggers any more: look where it logs now")
	}
	for name, log := range logging.Loggers {
		if log.Out != io.Discard {
			t.Errorf("logger %s writes", name)
		}
	}
}

func TestWipeForgetsTheClearText(t *testing.T) {
	recipient := useKey(t)
	o := mustOpen(t, mustEncrypt(t, plainFile, recipient))
	plain := o.Plain
	o.Wipe()
	if len(o.Values) != 0 || bytes.ContainsFunc(plain, func(r rune) bool { return r != 0 }) {
		t.Error("clear text is left")
	}
}

func BenchmarkOpen(b *testing.B) {
	recipient := useKey(b)
	plain := plainFile[:strings.Index(plainFile, "client_token")]
	for i := range 10 {
		plain += fmt.Sprintf("  - {name: p%d, base_url: 'https://host%d.example', api_key: not-a-real-key-%d}\n", i, i, i)
	}
	src := mustEncrypt(b, plain, recipient)
	b.ReportAllocs()
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		if _, err := Open(context.Background(), src); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	recipient := useKey(b)
	src := mustEncrypt(b, plainFile, recipient)
	src = edit(b, src, "client_token:", "  - {name: p, base_url: https://h.example, api_key: pasted}\nclient_token:")
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Seal(context.Background(), src, SealOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzSealingKeepsTheContent: what can be sealed opens again and says the same, and no clear text stays in it.
func FuzzSealingKeepsTheContent(f *testing.F) {
	for _, seed := range []string{
		plainFile, "api_key: |\n  block\n", "a: &k sk-x\napi_key: *k\n", "api_key: !!str 12\n", "\ufeffapi_key: x\n",
		"api_key: x\r\nb: 1\r\n", "api_key: 'it''s'\n", "api_key: \"a\\u0041\"\n...\n", "{api_key: x}", "api_key: x # c\n# end",
	} {
		f.Add(seed)
	}
	_, recipient, err := NewIdentity()
	if err != nil {
		f.Fatal(err)
	}
	identity, recipient2, err := NewIdentity()
	if err != nil {
		f.Fatal(err)
	}
	f.Setenv("SOPS_AGE_KEY", identity)
	f.Setenv("HOME", os.TempDir())
	f.Fuzz(func(t *testing.T, plain string) {
		out, err := Encrypt([]byte(plain), []string{recipient, recipient2})
		if err != nil {
			return
		}
		o, err := Open(context.Background(), out)
		if err != nil {
			t.Fatalf("does not open: %v\n%s", err, out)
		}
		before, err := newStore(0).LoadPlainFile([]byte(plain))
		if err != nil {
			t.Fatal(err)
		}
		after, err := newStore(0).LoadPlainFile(o.Plain)
		if err != nil || len(after) != 1 || !slices.EqualFunc(values(before[0]), values(after[0]), sameValue) {
			t.Fatalf("content changed (%v):\n%q\n%q", err, plain, o.Plain)
		}
	})
}
