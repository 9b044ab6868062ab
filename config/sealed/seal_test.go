package sealed

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestEncryptTouchesOnlyTheSealedFields(t *testing.T) {
	recipient := useKey(t)
	src := mustEncrypt(t, plainFile, recipient)
	head, meta, ok := bytes.Cut(src, []byte("sops:\n"))
	if !ok {
		t.Fatalf("no metadata in\n%s", src)
	}
	got := changedLines(t, []byte(plainFile), head)
	if want := []string{"7:api_key", "13:api_key", "17:{name", "19:client_token"}; !slices.Equal(got, want) {
		t.Errorf("changed lines %q\n%s", got, src)
	}
	for _, want := range []string{"  encrypted_regex: ^(api_key|client_token)$\n", "  mac_only_encrypted: true\n", "  age:\n"} {
		if !bytes.Contains(meta, []byte(want)) {
			t.Errorf("no %q in the metadata:\n%s", want, meta)
		}
	}
	if bytes.Contains(src, []byte("not-a-real")) {
		t.Error("clear text is left")
	}
}

func TestEncryptRefusesWhatItCannotSealSafely(t *testing.T) {
	recipient := useKey(t)
	for name, c := range map[string]struct {
		plain      string
		recipients []string
		want       error
	}{
		"sealed already":        {string(mustEncrypt(t, plainFile, recipient)), []string{recipient}, ErrAlreadySealed},
		"nobody":                {plainFile, nil, ErrNoRecipient},
		"ciphertext left alone": {"api_key: " + field(t, mustEncrypt(t, plainFile, recipient), "api_key", 0) + "\n", []string{recipient}, ErrFormat},
		"changed by sops":       {"api_key:\n  - a\n  #\n  - b\n", []string{recipient}, ErrFormat},
		"empty":                 {"", []string{recipient}, ErrFormat},
		"a list":                {"- a\n", []string{recipient}, ErrFormat},
		"two documents":         {"a: 1\n---\nb: 1\n", []string{recipient}, ErrFormat},
		"too large":             {strings.Repeat("#", maxSize+1), []string{recipient}, ErrTooLarge},
	} {
		if _, err := Encrypt([]byte(c.plain), c.recipients); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := Encrypt([]byte(plainFile), []string{"age1nonsense"}); err == nil || !strings.Contains(err.Error(), "age1nonsense") {
		t.Errorf("a bad recipient: got %v", err)
	}
}

func TestSealChangesThreeLines(t *testing.T) {
	recipient := useKey(t)
	whole := mustEncrypt(t, plainFile, recipient)
	for name, c := range map[string]struct {
		old, pasted, path string
		line              string
	}{
		"in a new profile": {
			"\nclient_token:", "  - name: new\n    base_url: https://new.example\n    api_key: \"not-a-real-key-new\"\n\nclient_token:",
			"profiles[new].api_key", "20:api_key",
		},
		"in flow style": {
			"\nclient_token:", "  - {name: 新, api_key: 'it''s # new', base_url: x}\n\nclient_token:",
			"profiles[新].api_key", "18:{name",
		},
	} {
		t.Run(name, func(t *testing.T) {
			src := edit(t, whole, c.old, c.pasted)
			out, paths, err := Seal(context.Background(), src, SealOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(paths, []string{c.path}) {
				t.Errorf("sealed %q", paths)
			}
			got := changedLines(t, src, out)
			if len(got) > 3 || got[0] != c.line || !strings.HasSuffix(got[len(got)-1], ":mac") {
				t.Errorf("changed lines %q\n%s", got, out)
			}
			if o := mustOpen(t, out); len(o.Values) != 5 {
				t.Errorf("values %q", o.Values)
			}
		})
	}
}

func TestSealLeavesAGoodFileAlone(t *testing.T) {
	recipient := useKey(t)
	src := mustEncrypt(t, plainFile, recipient)
	out, paths, err := Seal(context.Background(), src, SealOptions{})
	if err != nil || paths != nil || !bytes.Equal(out, src) {
		t.Errorf("paths %q, err %v, same %v", paths, err, bytes.Equal(out, src))
	}
}

func TestSealVerifiesTheOldMACFirst(t *testing.T) {
	recipient := useKey(t)
	src := mustEncrypt(t, plainFile, recipient)
	work, kimi := field(t, src, "api_key", 0), field(t, src, "api_key", 1)
	pastedOver := edit(t, src, kimi, "not-a-real-key-rotated")
	exchanged := bytes.ReplaceAll(edit(t, edit(t, src, work, "@"), kimi, work), []byte("@"), []byte(kimi))
	damaged := edit(t, src, kimi, strings.Replace(kimi, "data:", "data:AA", 1))
	full := edit(t, fullMAC(t, plainFile, recipient), "active: work", "active: kimi")
	yes := true

	for name, c := range map[string]struct {
		src  []byte
		opt  SealOptions
		want error
	}{
		"pasted over":                   {pastedOver, SealOptions{}, ErrMAC},
		"pasted over, accepted":         {pastedOver, SealOptions{AcceptRemoved: true}, nil},
		"exchanged":                     {exchanged, SealOptions{}, ErrMAC},
		"exchanged, accepted":           {exchanged, SealOptions{AcceptRemoved: true}, nil},
		"damaged, accepted":             {damaged, SealOptions{AcceptRemoved: true}, ErrMAC},
		"full MAC, edited":              {full, SealOptions{}, ErrMAC},
		"full MAC, edited, now relaxed": {full, SealOptions{MACOnlyEncrypted: &yes}, nil},
		"exchanged, relaxed already":    {exchanged, SealOptions{MACOnlyEncrypted: &yes}, ErrMAC},
	} {
		t.Run(name, func(t *testing.T) {
			out, _, err := Seal(context.Background(), c.src, c.opt)
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v", err)
			}
			if err == nil {
				mustOpen(t, out)
			}
		})
	}
}

func TestSealCanChangeTheReachOfTheMAC(t *testing.T) {
	recipient := useKey(t)
	src := mustEncrypt(t, plainFile, recipient)
	full := fullMAC(t, plainFile, recipient)
	if !FullMAC(full) || FullMAC(src) {
		t.Fatal("the MAC has the wrong reach")
	}
	yes := true
	out, _, err := Seal(context.Background(), full, SealOptions{MACOnlyEncrypted: &yes})
	if err != nil || FullMAC(out) {
		t.Fatalf("back again: %v", err)
	}
	mustOpen(t, edit(t, out, "active: work", "active: kimi"))
}

func TestSealFallsBackToTheLayoutOfSops(t *testing.T) {
	recipient := useKey(t)
	base := mustEncrypt(t, "active: work\nclient_token: x\n", recipient)
	for name, pasted := range map[string]string{
		"block scalar": "api_key: |\n  two\n  lines\n",
		"alias":        "other: &k not-a-real\napi_key: *k\n",
		"tag":          "api_key: !!str 12\n",
		"anchor":       "api_key: &k not-a-real\n",
	} {
		t.Run(name, func(t *testing.T) {
			out, paths, err := Seal(context.Background(), append([]byte(pasted), base...), SealOptions{})
			if err != nil || !slices.Equal(paths, []string{"api_key"}) {
				t.Fatalf("paths %q, err %v", paths, err)
			}
			if o := mustOpen(t, out); len(o.Values) != 2 {
				t.Errorf("values %q", o.Values)
			}
		})
	}
}

func TestSetScalarChangesThreeLines(t *testing.T) {
	recipient := useKey(t)
	src := fullMAC(t, plainFile, recipient)
	for value, line := range map[string]string{
		"kimi": "active: kimi  ", "no": `active: "no"  `, "深夜": `active: "深夜"  `, "a: b #c": `active: "a: b #c"  `,
	} {
		out, err := SetScalar(context.Background(), src, "active", value)
		if err != nil {
			t.Fatal(err)
		}
		got := changedLines(t, src, out)
		if len(got) > 3 || got[0] != "2:active" || !bytes.Contains(out, []byte(line)) {
			t.Errorf("%s: changed lines %q\n%s", value, got, out)
		}
		mustOpen(t, out)
	}
	for key, want := range map[string]error{"absent": ErrNoScalar, "client_token": ErrNoScalar, "profiles": ErrNoScalar} {
		if _, err := SetScalar(context.Background(), src, key, "x"); !errors.Is(err, want) {
			t.Errorf("%s: got %v", key, err)
		}
	}
	edited := edit(t, src, "https://api.anthropic.com", "https://evil.example")
	if _, err := SetScalar(context.Background(), edited, "active", "kimi"); !errors.Is(err, ErrMAC) {
		t.Errorf("an edited file: got %v", err)
	}
}

func TestResealKeepsTheCiphertextOfWhatDidNotChange(t *testing.T) {
	recipient := useKey(t)
	src := mustEncrypt(t, plainFile, recipient)
	plain := mustOpen(t, src).Plain
	plain = edit(t, plain, "active: work", "active: kimi")
	plain = edit(t, plain, "not-a-real-key-kimi", "not-a-real-key-kimi-2")
	out, err := Reseal(context.Background(), src, plain)
	if err != nil {
		t.Fatal(err)
	}
	got := changedLines(t, src, out)
	if len(got) > 4 || got[0] != "2:active" || got[1] != "13:api_key" {
		t.Errorf("changed lines %q\n%s", got, out)
	}
	mustOpen(t, out)
	if _, err := Reseal(context.Background(), src, src); !errors.Is(err, ErrAlreadySealed) {
		t.Errorf("sealed text as plain text: got %v", err)
	}
}

func TestCommentsBehindTheMetadataStay(t *testing.T) {
	recipient := useKey(t)
	src := append(mustEncrypt(t, plainFile, recipient), "\n# vim: ft=yaml\n"...)
	src = edit(t, src, "\nclient_token:", "  - {name: p, api_key: pasted}\n\nclient_token:")
	out, _, err := Seal(context.Background(), src, SealOptions{})
	if err != nil || !bytes.HasSuffix(out, []byte("\n\n# vim: ft=yaml\n")) {
		t.Errorf("err %v\n%s", err, out)
	}
}

func TestWindowsLineEndsStay(t *testing.T) {
	recipient := useKey(t)
	plain := strings.ReplaceAll(plainFile, "\n", "\r\n")
	out := mustEncrypt(t, plain, recipient)
	head, _, _ := bytes.Cut(out, []byte("sops:"))
	if got := changedLines(t, []byte(plain), head); len(got) != 4 {
		t.Errorf("changed lines %q", got)
	}
	mustOpen(t, out)
}
