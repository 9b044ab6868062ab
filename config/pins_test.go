//go:build unix

package config

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func pinProfile(name, url, key string) Profile {
	return Profile{Name: name, BaseURL: url, APIKey: NewSecret(key), BaseURLPos: Pos{6, 15}}
}

func openPins(t *testing.T, path string) *Pins {
	t.Helper()
	p, err := LoadPins(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// check runs Check and returns the names of the profiles that are new and refused.
func check(t *testing.T, p *Pins, strict bool, profiles ...Profile) (report PinReport, fresh, refused string) {
	t.Helper()
	report, err := p.Check(profiles, strict)
	if err != nil {
		t.Fatal(err)
	}
	for _, pin := range report.New {
		fresh += pin.Profile + " "
	}
	for _, problem := range report.Refused {
		if problem.Code != CodePinMismatch || problem.Severity != SeverityError {
			t.Errorf("%+v", problem)
		}
		refused += strings.TrimSuffix(strings.TrimPrefix(problem.Path, "profiles["), "].base_url") + " "
	}
	return report, strings.TrimSpace(fresh), strings.TrimSpace(refused)
}

// TestAKnownKeyNeverGoesToANewHost is entries 24, 26 and 139 of the fault catalogue.
func TestAKnownKeyNeverGoesToANewHost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "pins.json")
	work, kimi := pinProfile("work", "https://api.anthropic.com", "key-of-work"), pinProfile("kimi", "https://api.moonshot.ai/anthropic", "key-of-kimi")
	p := openPins(t, path)
	report, fresh, refused := check(t, p, false, work, kimi)
	if fresh != "work kimi" || refused != "" {
		t.Fatalf("first use: new %q, refused %q", fresh, refused)
	}
	if _, again, _ := check(t, p, false, work, kimi); again != "work kimi" {
		t.Error("nothing is kept before Commit")
	}
	if err := p.Commit(report); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		profiles []Profile
		fresh    string
		refused  string
	}{
		"unchanged":          {[]Profile{work, kimi}, "", ""},
		"path and case":      {[]Profile{pinProfile("work", "https://API.anthropic.com:443/x", "key-of-work")}, "", ""},
		"renamed":            {[]Profile{pinProfile("other", "https://api.anthropic.com", "key-of-work")}, "", ""},
		"base_url edited":    {[]Profile{pinProfile("work", "https://evil.example", "key-of-work"), kimi}, "", "work"},
		"keys exchanged":     {[]Profile{pinProfile("work", work.BaseURL, "key-of-kimi"), pinProfile("kimi", kimi.BaseURL, "key-of-work")}, "", "work kimi"},
		"key moved":          {[]Profile{pinProfile("work", work.BaseURL, ""), pinProfile("new", "https://evil.example", "key-of-work")}, "work", "new"},
		"other port":         {[]Profile{pinProfile("work", "https://api.anthropic.com:8443", "key-of-work")}, "", "work"},
		"http for https":     {[]Profile{pinProfile("work", "http://api.anthropic.com:443", "key-of-work")}, "", "work"},
		"lookalike":          {[]Profile{pinProfile("work", "https://api.anthropic.com.evil.example", "key-of-work")}, "", "work"},
		"fallback profile":   {[]Profile{work, pinProfile("spare", "https://evil.example", "key-of-kimi")}, "", "spare"},
		"new key, same host": {[]Profile{pinProfile("work", work.BaseURL, "rotated")}, "work", ""},
		"new key, new host":  {[]Profile{pinProfile("x", "https://x.example", "new")}, "x", ""},
	} {
		t.Run(name, func(t *testing.T) {
			// A fresh process reads the same pins.
			_, fresh, refused := check(t, openPins(t, path), false, tc.profiles...)
			if fresh != tc.fresh || refused != tc.refused {
				t.Errorf("new %q, refused %q", fresh, refused)
			}
		})
	}
}

func keysProfile(name, url string, keys ...string) Profile {
	p := Profile{Name: name, BaseURL: url, BaseURLPos: Pos{6, 15}}
	for i, k := range keys {
		p.Keys = append(p.Keys, Key{Name: "k" + plain10(i+1), Secret: NewSecret(k)})
	}
	p.APIKey = p.Keys[0].Secret
	return p
}

func TestEachOfSeveralKeysIsBoundToItsHost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pins.json")
	p := openPins(t, path)
	both := keysProfile("kimi", "https://api.moonshot.ai", "first-key", "second-key")
	report, fresh, refused := check(t, p, false, both)
	if fresh != "kimi kimi" || refused != "" || report.New[1].Name != "k2" {
		t.Fatalf("first use: new %q, refused %q, %+v", fresh, refused, report.New)
	}
	if err := p.Commit(report); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		profile        Profile
		fresh, refused string
	}{
		"unchanged":                 {both, "", ""},
		"order":                     {keysProfile("kimi", both.BaseURL, "second-key", "first-key"), "", ""},
		"one of them alone":         {pinProfile("kimi", both.BaseURL, "second-key"), "", ""},
		"a third":                   {keysProfile("kimi", both.BaseURL, "first-key", "second-key", "third-key"), "kimi", ""},
		"all to another host":       {keysProfile("kimi", "https://evil.example", "first-key", "second-key"), "", "kimi kimi"},
		"the second at another":     {keysProfile("evil", "https://evil.example", "new-key", "second-key"), "evil", "evil"},
		"the second as an api_key":  {pinProfile("evil", "https://evil.example", "second-key"), "", "evil"},
		"an api_key among the keys": {keysProfile("evil", "https://evil.example", "first-key"), "", "evil"},
	} {
		t.Run(name, func(t *testing.T) {
			_, fresh, refused := check(t, openPins(t, path), false, tc.profile)
			if fresh != tc.fresh || refused != tc.refused {
				t.Errorf("new %q, refused %q", fresh, refused)
			}
		})
	}
	moved := keysProfile("kimi", "https://api.moonshot.cn", "first-key", "second-key")
	if report, _, _ := check(t, p, false, moved); !strings.Contains(report.Refused[1].Message, "the key k2 of this profile is pinned to api.moonshot.ai") {
		t.Errorf("%q does not name the key", report.Refused[1].Message)
	}
	if how, ok := p.Pinned(both); !ok || how != PinFirstUse {
		t.Errorf("pinned: %q, %v", how, ok)
	}
	if _, ok := p.Pinned(keysProfile("kimi", both.BaseURL, "first-key", "third-key")); ok {
		t.Error("one key that is not pinned is enough for a profile not to be")
	}
	if err := p.Trust(moved); err != nil {
		t.Fatal(err)
	}
	if how, ok := openPins(t, path).Pinned(moved); !ok || how != PinTrusted {
		t.Errorf("after trust: %q, %v", how, ok)
	}
	if _, fresh, refused := check(t, p, true, moved, both); fresh+refused != "" {
		t.Errorf("after trust: new %q, refused %q", fresh, refused)
	}
	// Under strict a new host waits once, however many keys are meant for it.
	if _, fresh, refused := check(t, p, true, keysProfile("new", "https://new.example", "a-key", "b-key")); fresh != "" || refused != "new" {
		t.Errorf("strict: new %q, refused %q", fresh, refused)
	}
}

func TestARefusalNamesBothHostsAndTheFix(t *testing.T) {
	p := openPins(t, filepath.Join(t.TempDir(), "pins.json"))
	report, _, _ := check(t, p, false, pinProfile("work", "https://api.moonshot.cn/anthropic", "k"))
	if err := p.Commit(report); err != nil {
		t.Fatal(err)
	}
	report, _, _ = check(t, p, false, pinProfile("work", "https://api.moonshot.ai/anthropic", "k"))
	src := "active: work\n\nprofiles:\n\n  - name: work\n    base_url: https://api.moonshot.ai/anthropic\n"
	got := report.Refused.Locate("profiles.yaml", []byte(src)).Text()
	want := `profiles.yaml
error 6:15  profiles[work].base_url: the key of this profile is pinned to api.moonshot.cn and would go to api.moonshot.ai
    5 |   - name: work
 >  6 |     base_url: https://api.moonshot.ai/anthropic
      |               ^
   fix: prism trust work
1 error
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTrustAddsAHostAndRevokeForgetsIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pins.json")
	p := openPins(t, path)
	old, moved := pinProfile("work", "https://a.example", "k"), pinProfile("work", "https://b.example", "k")
	report, _, _ := check(t, p, false, old)
	if err := p.Commit(report); err != nil {
		t.Fatal(err)
	}
	other := openPins(t, path) // prism trust, in a process of its own
	if err := other.Trust(moved); err != nil {
		t.Fatal(err)
	}
	for _, profile := range []Profile{old, moved} {
		if _, fresh, refused := check(t, p, true, profile); fresh+refused != "" {
			t.Errorf("%s: new %q, refused %q", profile.BaseURL, fresh, refused)
		}
	}
	if how, ok := p.Pinned(moved); !ok || how != PinTrusted {
		t.Errorf("%s %v", how, ok)
	}
	if len(p.List()) != 2 {
		t.Errorf("%v", p.List())
	}
	if n, err := p.Revoke("work"); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if _, _, refused := check(t, other, true, old); refused != "work" {
		t.Error("a revoked host is new again, in every process")
	}
}

func TestStrictWaitsForUnknownHostsOnly(t *testing.T) {
	p := openPins(t, filepath.Join(t.TempDir(), "pins.json"))
	work, local := pinProfile("work", "https://a.example", "k"), pinProfile("local", "http://127.0.0.1:1", "")
	if _, fresh, refused := check(t, p, true, work, local); fresh != "" || refused != "work local" {
		t.Errorf("new %q, refused %q", fresh, refused)
	}
	for _, profile := range []Profile{work, local} {
		if err := p.Trust(profile); err != nil {
			t.Fatal(err)
		}
	}
	rotated := pinProfile("work", "https://a.example", "new key")
	if _, fresh, refused := check(t, p, true, work, local, rotated); fresh != "work" || refused != "" {
		t.Errorf("new %q, refused %q", fresh, refused)
	}
}

func TestThePinsFileIsPrivateAndNamesNoKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "pins.json")
	p := openPins(t, path)
	report, _, _ := check(t, p, false, pinProfile("work", "https://a.example", canary))
	if err := p.Commit(report); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if dir, _ := os.Stat(filepath.Dir(path)); dir.Mode().Perm() != 0o700 {
		t.Errorf("directory %v", dir.Mode())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if leaks(string(data)) || bytes.Contains(data, []byte(hex.EncodeToString([]byte(canary)))) {
		t.Error("the key is in the file")
	}
	other := openPins(t, filepath.Join(t.TempDir(), "pins.json"))
	theirs, _, _ := check(t, other, false, pinProfile("work", "https://a.example", canary))
	if theirs.New[0].Key == report.New[0].Key {
		t.Error("two machines make the same HMAC: the salt is not random")
	}
}

func TestDamagedPinsAreAnErrorAndNotForgotten(t *testing.T) {
	salt := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for name, text := range map[string]string{
		"empty":       "",
		"not json":    "{",
		"no salt":     `{"version":1,"pins":[]}`,
		"bad salt":    `{"version":1,"salt":"!","pins":[]}`,
		"bad version": `{"version":2,"salt":"` + salt + `","pins":[]}`,
		"wrong shape": `{"version":1,"salt":"` + salt + `","pins":{}}`,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "pins.json")
			writeFile(t, path, text)
			chmod(t, path, 0o600)
			_, err := LoadPins(path)
			var problems Problems
			if !errors.As(err, &problems) || problems[0].Fix == "" {
				t.Error(err)
			}
		})
	}
	t.Run("readable by others", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "pins.json")
		writeFile(t, path, `{"version":1,"salt":"`+salt+`","pins":[]}`)
		if _, err := LoadPins(path); err == nil {
			t.Error("accepted")
		}
		chmod(t, path, 0o600)
		link := path + ".link"
		if err := os.Symlink(path, link); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadPins(link); err == nil {
			t.Error("a link was followed")
		}
		if _, err := LoadPins(path); err != nil {
			t.Error(err)
		}
	})
}

func TestPinsThatCannotBeSavedAreNotKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pins.json")
	p := openPins(t, path)
	if err := p.Trust(pinProfile("a", "https://a.example", "k")); err != nil {
		t.Fatal(err)
	}
	chmod(t, path, 0o400)
	if err := p.Trust(pinProfile("b", "https://b.example", "k")); !errors.Is(err, ErrReadOnly) {
		t.Errorf("%v", err)
	}
	if len(p.List()) != 1 {
		t.Errorf("%v", p.List())
	}
}
