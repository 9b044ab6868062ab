package config

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestSpliceActiveReplacesOneScalar(t *testing.T) {
	for name, tc := range map[string]struct{ src, to, want string }{
		"plain":                  {"active: work # c\nprofiles: []\n", "kimi", "active: kimi # c\nprofiles: []\n"},
		"single quotes":          {"active: 'work' # c\n", "kimi", "active: 'kimi' # c\n"},
		"double quotes":          {"active:   \"work\"   # c\n", "kimi", "active:   \"kimi\"   # c\n"},
		"not the first":          {"# 说明：汉字\nprofiles:\n  - {name: 汉, active: x}\nactive: work\nsops: {mac: 'ENC[a,b]'}\n", "kimi", "# 说明：汉字\nprofiles:\n  - {name: 汉, active: x}\nactive: kimi\nsops: {mac: 'ENC[a,b]'}\n"},
		"no line end":            {"profiles: []\nactive: work", "kimi", "profiles: []\nactive: kimi"},
		"crlf":                   {"# a\r\nactive: work\r\nprofiles: []\r\n", "kimi", "# a\r\nactive: kimi\r\nprofiles: []\r\n"},
		"byte order mark":        {"\ufeffactive: work\nprofiles: []\n", "kimi", "\ufeffactive: kimi\nprofiles: []\n"},
		"flow":                   {"{active: work, profiles: []}\n", "kimi", "{active: kimi, profiles: []}\n"},
		"wide before":            {"{汉字: 汉字, active: work, profiles: []}\n", "kimi", "{汉字: 汉字, active: kimi, profiles: []}\n"},
		"quoted key":             {"\"active\": work\n", "kimi", "\"active\": kimi\n"},
		"value on the next line": {"active:\n  work\nprofiles: []\n", "kimi", "active:\n  kimi\nprofiles: []\n"},
		"needs quotes":           {"active: work\n", "123", "active: \"123\"\n"},
		"needs quotes too":       {"active: work\n", "null", "active: \"null\"\n"},
		"spaces behind":          {"active: work   \nprofiles: []\n", "kimi", "active: kimi   \nprofiles: []\n"},
		"one letter and spaces":  {"active: a    \t\nprofiles: []\n", "kimi", "active: kimi    \t\nprofiles: []\n"},
		"spaces at the very end": {"profiles: []\nactive: a   ", "kimi", "profiles: []\nactive: kimi   "},
		"same":                   {"active: work\n", "work", "active: work\n"},
		"long":                   {"active: a\n", strings.Repeat("b", 64), "active: " + strings.Repeat("b", 64) + "\n"},
		"header":                 {"---\nactive: work\n", "kimi", "---\nactive: kimi\n"},
		"blank lines":            {"\n\n# x\n\nactive: work\n\n\nprofiles: []\n", "kimi", "\n\n# x\n\nactive: kimi\n\n\nprofiles: []\n"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := SpliceActive([]byte(tc.src), tc.to)
			if err != nil || string(got) != tc.want {
				t.Errorf("%q, %v\nwant %q", got, err, tc.want)
			}
		})
	}
}

func TestSpliceActiveRefusesWhatItCannotDoExactly(t *testing.T) {
	for name, tc := range map[string]struct {
		src, to string
		want    error
	}{
		"absent":      {"profiles: []\n", "kimi", ErrNoActive},
		"empty file":  {"", "kimi", ErrNoActive},
		"null":        {"active:\nprofiles: []\n", "kimi", ErrNoActive},
		"list":        {"active: [a]\n", "kimi", ErrNoActive},
		"twice":       {"active: a\nactive: b\n", "kimi", ErrNoActive},
		"nested only": {"profiles:\n  - active: a\n", "kimi", ErrNoActive},
		"sealed":      {"active: ENC[AES256_GCM,data:x]\n", "kimi", ErrActiveSealed},
		"literal":     {"active: |\n  work\n", "kimi", ErrNoActive},
		"broken":      {"active: work\n bad: [\n", "kimi", nil},
		"bad name":    {"active: work\n", "a b", nil},
		"injection":   {"active: work\n", "a\nbase_url: x", nil},
		"escapes":     {"active: \"wo\\x72k\"\n", "kimi", nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := SpliceActive([]byte(tc.src), tc.to)
			if err == nil || got != nil {
				t.Fatalf("%q", got)
			}
			if tc.want != nil && !errors.Is(err, tc.want) {
				t.Error(err)
			}
		})
	}
}

// FuzzSpliceActive: the result differs in one place only and reads as the new name; splicing
// the old name back gives the old bytes, but for quotes.
func FuzzSpliceActive(f *testing.F) {
	f.Add([]byte(exampleFile), "kimi")
	f.Add([]byte("\ufeff汉: 1\r\nactive: 'x' # y\r\n"), "null")
	f.Add([]byte("{a: b, active: \"c\"}"), "1e3")
	f.Fuzz(func(t *testing.T, src []byte, name string) {
		out, err := SpliceActive(src, name)
		if err != nil {
			return
		}
		m, err := parseForSplice(out)
		if err != nil {
			t.Fatal(err)
		}
		node, err := activeNode(m)
		if err != nil || node.Value != name {
			t.Fatalf("reads %v, %v", node, err)
		}
		prefix := 0
		for prefix < min(len(src), len(out)) && src[prefix] == out[prefix] {
			prefix++
		}
		suffix := 0
		for suffix < min(len(src), len(out))-prefix && src[len(src)-1-suffix] == out[len(out)-1-suffix] {
			suffix++
		}
		if changed := out[prefix : len(out)-suffix]; !bytes.Contains([]byte(quote(name)), changed) {
			t.Fatalf("changed %q", changed)
		}
	})
}
