package sealed

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// threeProfiles is written in sops' own layout, so that line diffs are the same whoever writes.
const threeProfiles = `active: work
profiles:
  - name: work
    base_url: https://api.anthropic.com
    api_key: not-a-real-key-work
  - name: kimi
    base_url: https://api.moonshot.ai/anthropic
    api_key: not-a-real-key-kimi
client_token: not-a-real-token
`

func TestFilesOfTheSopsCommandOpenHere(t *testing.T) {
	sops := sopsCommand(t)
	recipient := useKey(t)
	for name, c := range map[string]struct {
		rule   string
		values int
		full   bool
	}{
		"full MAC":           {ruleFull(recipient), 3, true},
		"only encrypted":     {ruleOnlyEncrypted(recipient), 3, false},
		"whole file":         {"    age: " + recipient + "\n", 8, true},
		"encrypted_suffix":   {"    encrypted_suffix: _key\n    age: " + recipient + "\n", 2, true},
		"unencrypted_regex":  {"    unencrypted_regex: ^(name|base_url)$\n    age: " + recipient + "\n", 4, true},
		"key groups, Shamir": {"    shamir_threshold: 1\n    key_groups: [{age: [" + recipient + "]}]\n", 8, true},
	} {
		t.Run(name, func(t *testing.T) {
			src := sopsEncrypts(t, sops, threeProfiles, c.rule)
			o := mustOpen(t, src)
			if len(o.Values) != c.values || FullMAC(src) != c.full {
				t.Errorf("%d values, full MAC %v", len(o.Values), FullMAC(src))
			}
			if string(o.Plain) != threeProfiles {
				t.Errorf("plain:\n%s", o.Plain)
			}
		})
	}
}

func TestAWholeSealedFileWithCommentsOpensAndSealsAgain(t *testing.T) {
	sops := sopsCommand(t)
	recipient := useKey(t)
	commented := strings.Replace(threeProfiles, "  - name: kimi", "  # 夜 by night\n  - name: kimi", 1)
	src := sopsEncrypts(t, sops, commented, "    age: "+recipient+"\n")
	o := mustOpen(t, src)
	if !slices.Contains(slices.Collect(mapValues(o.Types)), "comment") || len(o.Values) != 8 {
		t.Errorf("types %q, %d values", o.Types, len(o.Values))
	}
	src = append([]byte("# a note in clear text\napi_key: pasted\n"), src...)
	yes := true
	out, paths, err := Seal(t.Context(), src, SealOptions{MACOnlyEncrypted: &yes})
	if err != nil || !slices.Equal(paths, []string{"api_key"}) {
		t.Fatalf("paths %q, err %v", paths, err)
	}
	if bytes.Contains(out, []byte("a note in clear text")) {
		t.Error("the comment was left in clear text")
	}
	if plain, code := sopsDecrypts(t, sops, out); code != 0 || !bytes.Contains(plain, []byte("api_key: pasted")) {
		t.Errorf("sops: exit %d\n%s", code, plain)
	}
}

func TestAPanicOfSopsIsAnErrorOfTheFile(t *testing.T) {
	sops := sopsCommand(t)
	recipient := useKey(t)
	src := sopsEncrypts(t, sops, "# a comment\n"+threeProfiles, "    age: "+recipient+"\n")
	mustOpen(t, src)
	// sops keeps what it opened in a map, and bytes cannot be the key of one. The type of a value is not authenticated.
	comment, rest, _ := bytes.Cut(src, []byte("\n"))
	src = slices.Concat(bytes.Replace(comment, []byte("type:comment"), []byte("type:bytes"), 1), []byte("\n"), rest)
	if _, err := Open(t.Context(), src); err == nil || err.Error() != "sops cannot process the file" {
		t.Errorf("got %v", err)
	}
}

// mapValues iterates over the values of a map.
func mapValues(m map[string]string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, v := range m {
			if !yield(v) {
				return
			}
		}
	}
}

func TestKeyGroupsNeedTheirThreshold(t *testing.T) {
	sops := sopsCommand(t)
	isolate(t)
	first, a := newKey(t)
	second, b := newKey(t)
	_, c := newKey(t)
	src := sopsEncrypts(t, sops, threeProfiles, "    shamir_threshold: 2\n    key_groups:\n      - age: ["+a+"]\n      - age: ["+b+"]\n      - age: ["+c+"]\n")
	t.Setenv("SOPS_AGE_KEY", first)
	if _, err := Open(t.Context(), src); !errors.Is(err, ErrNoKey) {
		t.Errorf("one of two parts: got %v", err)
	}
	t.Setenv("SOPS_AGE_KEY", first+"\n"+second)
	mustOpen(t, src)
}

func TestFilesSealedHereOpenWithTheSopsCommand(t *testing.T) {
	sops := sopsCommand(t)
	recipient := useKey(t)
	src := mustEncrypt(t, plainFile, recipient)
	pasted := edit(t, src, "\nclient_token:", "  - {name: new, api_key: not-a-real-key-new}\n\nclient_token:")
	sealed, _, err := Seal(t.Context(), pasted, SealOptions{})
	if err != nil {
		t.Fatal(err)
	}
	set, err := SetScalar(t.Context(), fullMAC(t, plainFile, recipient), "active", "kimi")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		src  []byte
		want string
	}{
		"Encrypt": {src, "not-a-real-key-flow"}, "Seal": {sealed, "not-a-real-key-new"}, "SetScalar": {set, "active: kimi"},
	} {
		plain, code := sopsDecrypts(t, sops, c.src)
		if code != 0 || !bytes.Contains(plain, []byte(c.want)) {
			t.Errorf("%s: exit %d\n%s", name, code, plain)
		}
	}
}

func TestEditsOfTheSopsCommandAreReadAndWrittenAlternately(t *testing.T) {
	sops := sopsCommand(t)
	recipient := useKey(t)
	_, backup := newKey(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "profiles.yaml")
	write := func(src []byte) {
		t.Helper()
		if err := os.WriteFile(path, src, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	read := func() []byte {
		t.Helper()
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return src
	}
	sopsDoes := func(args ...string) {
		t.Helper()
		if _, code := runSops(t, sops, dir, args...); code != 0 {
			t.Fatalf("sops %q: exit %d", args, code)
		}
		mustOpen(t, read())
	}
	write(mustEncrypt(t, plainFile, recipient))
	sopsDoes("set", "profiles.yaml", `["profiles"][1]["api_key"]`, `"not-a-real-key-set-by-sops"`)
	set, err := SetScalar(t.Context(), read(), "active", "kimi")
	if err != nil {
		t.Fatal(err)
	}
	write(set)
	sopsDoes("rotate", "-i", "--add-age", backup, "profiles.yaml")
	sopsDoes("rotate", "-i", "--rm-age", backup, "profiles.yaml")
	out, _, err := Seal(t.Context(), append([]byte("client_note: x\n"), read()...), SealOptions{})
	if err != nil {
		t.Fatal(err)
	}
	write(out)
	sopsDoes("set", "profiles.yaml", `["active"]`, `"work"`)
	o := mustOpen(t, read())
	if !slices.Contains(slices.Collect(mapValues(o.Values)), "not-a-real-key-set-by-sops") || !bytes.Contains(o.Plain, []byte("active: work")) {
		t.Errorf("values %q\n%s", o.Values, o.Plain)
	}
}

func TestSealTouchesNoOtherLineThanSopsWould(t *testing.T) {
	sops := sopsCommand(t)
	recipient := useKey(t)
	src := sopsEncrypts(t, sops, threeProfiles, ruleOnlyEncrypted(recipient))
	src = edit(t, src, "client_token:", "  - name: new\n    api_key: pasted\nclient_token:")
	out, _, err := Seal(t.Context(), src, SealOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := changedLines(t, src, out)
	if len(got) < 2 || len(got) > 3 || got[0] != "10:api_key" || !strings.HasSuffix(got[len(got)-1], ":mac") {
		t.Errorf("changed lines %q\n%s", got, out)
	}
}

// handEdit is one edit that somebody makes without the key, and what must come of it: the exit code of sops and our
// error, nil where both accept the file.
type handEdit struct {
	name             string
	edit             func(t *testing.T, src []byte) []byte
	fullCode, onCode int
	full, only       error
}

// replace returns an edit that replaces text.
func replace(old, replacement string) func(*testing.T, []byte) []byte {
	return func(t *testing.T, src []byte) []byte { t.Helper(); return edit(t, src, old, replacement) }
}

// moved returns an edit that gives each of two places the ciphertext that pick chooses of both.
func moved(pick func(work, kimi string) (string, string)) func(*testing.T, []byte) []byte {
	return func(t *testing.T, src []byte) []byte {
		t.Helper()
		work, kimi := field(t, src, "api_key", 0), field(t, src, "api_key", 1)
		a, b := pick(work, kimi)
		src = edit(t, src, "api_key: "+work, "api_key: @a")
		src = edit(t, src, "api_key: "+kimi, "api_key: @b")
		return edit(t, edit(t, src, "@a", a), "@b", b)
	}
}

// handEdits is what sops 3.13.3 does, exit codes included: 51 is a MAC mismatch, 25 a value that does not open.
func handEdits() []handEdit {
	const ok, mac, value = 0, 51, 25
	dropToken := func(t *testing.T, src []byte) []byte {
		return edit(t, src, "client_token: "+field(t, src, "client_token", 0)+"\n", "")
	}
	return []handEdit{
		{"active", replace("active: work", "active: kimi"), mac, ok, ErrMAC, nil},
		{"a comment", replace("active: work", "active: work # by day"), ok, ok, nil, nil},
		{"a new plain field", replace("active: work\n", "active: work\nnote: x\n"), mac, ok, ErrMAC, nil},
		{"a profile renamed", replace("name: kimi", "name: moon"), mac, ok, ErrMAC, nil},
		{"base_url", replace("https://api.anthropic.com", "https://evil.example"), mac, ok, ErrMAC, nil},
		{"a new profile without a key", replace("client_token:", "  - name: new\n    base_url: https://x.example\nclient_token:"), mac, ok, ErrMAC, nil},
		{"a key in clear text", moved(func(w, _ string) (string, string) { return w, "pasted" }), value, value, ErrFormat, ErrFormat},
		{"keys exchanged", moved(func(w, k string) (string, string) { return k, w }), mac, mac, ErrMAC, ErrMAC},
		{"a key copied over another", moved(func(w, _ string) (string, string) { return w, w }), mac, mac, ErrMAC, ErrMAC},
		{"a key emptied", moved(func(w, _ string) (string, string) { return w, `""` }), mac, mac, ErrMAC, ErrMAC},
		{"client_token deleted", dropToken, mac, mac, ErrMAC, ErrMAC},
		{"client_token moved up", func(t *testing.T, src []byte) []byte {
			token := "client_token: " + field(t, src, "client_token", 0) + "\n"
			return append([]byte(token), dropToken(t, src)...)
		}, mac, mac, ErrMAC, ErrMAC},
		{"list border moved", func(t *testing.T, src []byte) []byte {
			// The key of work now stands beside the URL of kimi: same values, same order.
			src = edit(t, src, "    base_url: https://api.anthropic.com\n    api_key: "+field(t, src, "api_key", 0)+"\n  - name: kimi\n",
				"    base_url: https://api.anthropic.com\n  - api_key: "+field(t, src, "api_key", 0)+"\n    name: kimi\n")
			return edit(t, src, "    api_key: "+field(t, src, "api_key", 1)+"\n", "  - api_key: "+field(t, src, "api_key", 1)+"\n")
		}, ok, ok, nil, nil},
		{"a clear field renamed", replace("base_url: https://api.anthropic.com", "base_uri: https://api.anthropic.com"), ok, ok, nil, nil},
		{"characters moved to the neighbour", func(t *testing.T, src []byte) []byte {
			return edit(t, edit(t, src, "name: work\n", "name: wor\n"), "base_url: https://api.anthropic.com", "base_url: khttps://api.anthropic.com")
		}, ok, ok, nil, nil},
		{"a null added", replace("active: work\n", "active: work\nnote: null\n"), ok, ok, nil, nil},
		{"the rule changed", replace("^(api_key|client_token)$", "^(api_key|client_token|none)$"), ok, ok, nil, nil},
		{"the rule narrowed", replace("^(api_key|client_token)$", "^api_key$"), mac, mac, ErrFormat, ErrFormat},
	}
}

func TestEditsByHandAreAcceptedAndRefusedAsSopsDoes(t *testing.T) {
	sops := sopsCommand(t)
	recipient := useKey(t)
	full := sopsEncrypts(t, sops, threeProfiles, ruleFull(recipient))
	only := sopsEncrypts(t, sops, threeProfiles, ruleOnlyEncrypted(recipient))
	for _, e := range handEdits() {
		t.Run(e.name, func(t *testing.T) {
			for _, c := range []struct {
				mode string
				src  []byte
				code int
				want error
			}{{"full MAC", full, e.fullCode, e.full}, {"only encrypted", only, e.onCode, e.only}} {
				src := e.edit(t, c.src)
				if bytes.Equal(src, c.src) {
					t.Fatal("nothing was edited")
				}
				if _, code := sopsDecrypts(t, sops, src); code != c.code {
					t.Errorf("%s: sops exits with %d, want %d", c.mode, code, c.code)
				}
				if _, err := Open(context.Background(), src); !errors.Is(err, c.want) {
					t.Errorf("%s: got %v, want %v", c.mode, err, c.want)
				}
			}
		})
	}
}

func TestTheReachOfTheMACCannotBeEdited(t *testing.T) {
	sops := sopsCommand(t)
	recipient := useKey(t)
	full := sopsEncrypts(t, sops, threeProfiles, ruleFull(recipient))
	only := sopsEncrypts(t, sops, threeProfiles, ruleOnlyEncrypted(recipient))
	for name, src := range map[string][]byte{
		"added":   edit(t, full, "  version:", "  mac_only_encrypted: true\n  version:"),
		"removed": edit(t, only, "  mac_only_encrypted: true\n", ""),
	} {
		if _, code := sopsDecrypts(t, sops, src); code != 51 {
			t.Errorf("%s: sops exits with %d", name, code)
		}
		if _, err := Open(t.Context(), src); !errors.Is(err, ErrMAC) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestForgedAndOldFilesAreAcceptedSoThatPinsMustStandBehind(t *testing.T) {
	recipient := useKey(t)
	// The MAC says that somebody knew the data key, not who: anybody can seal for a public recipient.
	forged := mustEncrypt(t, "profiles:\n  - {name: evil, base_url: https://evil.example, api_key: x}\n", recipient)
	if o := mustOpen(t, forged); len(o.Values) != 1 {
		t.Errorf("values %q", o.Values)
	}
	old := fullMAC(t, threeProfiles, recipient)
	if _, err := SetScalar(t.Context(), old, "active", "kimi"); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, old)
}

func TestAFileNobodyHereCanOpenIsRefusedAsSopsDoes(t *testing.T) {
	sops := sopsCommand(t)
	_, stranger := newKey(t)
	useKey(t)
	src := mustEncrypt(t, threeProfiles, stranger)
	if _, code := sopsDecrypts(t, sops, src); code != 128 {
		t.Errorf("sops exits with %d", code)
	}
	if _, err := Open(t.Context(), src); !errors.Is(err, ErrNoKey) {
		t.Errorf("got %v", err)
	}
}

func TestPGPFilesOpenThroughGPG(t *testing.T) {
	sops := sopsCommand(t)
	gpg, err := exec.LookPath("gpg")
	if err != nil {
		t.Skip("gpg is not installed")
	}
	home := isolate(t)
	t.Setenv("GNUPGHOME", filepath.Join(home, "g"))
	if err := os.Mkdir(filepath.Join(home, "g"), 0o700); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) []byte {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), gpg, args...).CombinedOutput()
		if err != nil {
			t.Skipf("gpg %q: %v\n%s", args, err, out)
		}
		return out
	}
	run("--batch", "--passphrase", "", "--quick-generate-key", "test@example.com", "default", "default", "never")
	t.Cleanup(func() { _ = exec.Command("gpgconf", "--homedir", filepath.Join(home, "g"), "--kill", "all").Run() })
	var print string
	for line := range strings.Lines(string(run("--with-colons", "--fingerprint"))) {
		if parts := strings.Split(line, ":"); parts[0] == "fpr" && print == "" {
			print = parts[9]
		}
	}
	src := sopsEncrypts(t, sops, threeProfiles, "    encrypted_regex: ^(api_key|client_token)$\n    pgp: "+print+"\n")
	if o := mustOpen(t, src); !slices.Equal(o.Recipients, []string{print}) {
		t.Errorf("recipients %q", o.Recipients)
	}
}
