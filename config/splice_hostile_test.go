package config

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// hostileFiles hold the same three profiles, written in the ways that people and editors write
// them: one, two and three; one is active.
func hostileFiles() map[string]string {
	const plain = `# 全部的供应商: everybody
active: one   # 保存即切换

profiles:
  # 第一: the first
  - name: one   # 主力
    base_url: https://one.example
    auth: none
    # the end of one

  # 第二: "the second", with 'quotes' and a: colon
  - name: two
    # in the middle of two
    base_url: https://two.example   # 境外 — abroad
    auth: none
  # between two and three

  - name: three
    base_url: https://three.example
    auth: none
    # the end of three
# the end of all
`
	files := map[string]string{
		"plain":             plain,
		"CRLF":              strings.ReplaceAll(plain, "\n", "\r\n"),
		"no line feed":      strings.TrimSuffix(plain, "\n"),
		"byte order mark":   "\ufeff" + plain,
		"spaces at the end": strings.ReplaceAll(plain, "\n", "  \n"),
		"a document mark":   "---\n" + plain,
		"profiles first":    plain[strings.Index(plain, "profiles:"):] + "active: one\n",
		"profiles between":  plain + "\nrules:\n  - {model: \"*haiku*\", use: three}\n",
		"dashes at the edge": "active: one\nprofiles:\n- name: one\n  base_url: https://one.example\n  auth: none\n# of two\n- name: two\n  base_url: https://two.example\n  auth: none\n" +
			"- name: three\n  base_url: https://three.example\n  auth: none",
		"between braces": "active: one\nprofiles:\n  - {name: one, base_url: \"https://one.example\", auth: none}   # 一\n" +
			"  - {name: two, base_url: \"https://two.example\",\n     auth: none}   # 二\n  - {name: three, base_url: \"https://three.example\", auth: none}   # 三\n",
		"between brackets": "active: one\nprofiles: [{name: one, base_url: \"https://one.example\", auth: none}, {name: two, base_url: \"https://two.example\", auth: none},\n" +
			"  {name: three, base_url: \"https://three.example\", auth: none}]   # 三\n",
		"the name last": "active: one\nprofiles:\n  - base_url: https://one.example\n    auth: none\n    name: one\n  - base_url: https://two.example\n    auth: none\n    name: 'two'\n" +
			"  - auth: none\n    base_url: https://three.example\n    name: \"three\"\n",
		"sealed": plain + "sops:\n  mac: ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]\n  version: 3.13.3\n",
	}
	return files
}

// TestProfilesOfHostileFilesAreChangedAndNothingElse holds for every way of writing, or the change is
// refused as one for the editor.
func TestProfilesOfHostileFilesAreChangedAndNothingElse(t *testing.T) {
	p := &Profile{Name: "new", BaseURL: "https://new.example", Dialect: DialectAnthropic, Auth: AuthNone, Models: []ModelRule{{Match: "*", Use: "m: 1 # 2"}}}
	for name, src := range hostileFiles() {
		added, err := AppendProfile([]byte(src), p)
		if err != nil {
			t.Errorf("%s: add: %v", name, err)
		} else if i := commonPrefix(src, string(added)); !strings.HasSuffix(string(added), src[i:]) && !strings.HasSuffix(string(added), strings.TrimLeft(src[i:], "]")) {
			t.Errorf("%s: add changed more:\n%s", name, added)
		}
		names(t, name+": add", src, added, "one two three new")

		renamed, err := RenameProfile([]byte(src), "two", "2")
		if err != nil {
			t.Errorf("%s: rename: %v", name, err)
		}
		names(t, name+": rename", src, renamed, "one 2 three")
		if back, err := RenameProfile(renamed, "2", "two"); err != nil || strings.NewReplacer(`"two"`, "two", "'two'", "two").Replace(string(back)) != strings.NewReplacer(`"two"`, "two", "'two'", "two").Replace(src) {
			t.Errorf("%s: renamed there and back, %v:\n%s", name, err, back)
		}

		for gone, left := range map[string]string{"two": "one three", "three": "one two"} {
			removed, err := RemoveProfile([]byte(src), gone)
			if err != nil {
				t.Errorf("%s: remove %s: %v", name, gone, err)
				continue
			}
			names(t, name+": remove "+gone, src, removed, left)
			for _, remark := range []string{"全部的供应商", "保存即切换", "the first", "主力", "the end of one", "the end of all", "一"} {
				if strings.Contains(src, remark) && !bytes.Contains(removed, []byte(remark)) {
					t.Errorf("%s: remove %s took %q away:\n%s", name, gone, remark, removed)
				}
			}
		}
		if _, err := RemoveProfile([]byte(src), "one"); !errors.Is(err, ErrProfilesShape) {
			t.Errorf("%s: the active profile: %v", name, err)
		}
	}
}

// names reads a file and holds the names of its profiles, and its line ends, against what they
// should be.
func names(t *testing.T, what, src string, out []byte, want string) {
	t.Helper()
	f, problems := ParseProfiles(out, ParseOptions{AllowPlaintext: true, Sealed: strings.Contains(src, "\nsops:"), Unopened: true})
	if problems.Err() != nil {
		t.Errorf("%s: %v\n%s", what, problems, out)
		return
	}
	var got []string
	for i := range f.Profiles {
		got = append(got, f.Profiles[i].Name)
	}
	if strings.Join(got, " ") != want {
		t.Errorf("%s: %v, want %s\n%s", what, got, want, out)
	}
	if strings.Contains(src, "\r\n") && strings.Count(string(out), "\n") != strings.Count(string(out), "\r\n") {
		t.Errorf("%s: the lines end in two ways: %q", what, out)
	}
}

func commonPrefix(a, b string) int {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return i
}
