package config

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func TestTheLanguageIsReadOutOfAnyFile(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"alone", "lang: zh\n", "zh"},
		{"among others", "# lang: en\nlisten: 127.0.0.1:1\nlang: \"zh\" # as at home\n", "zh"},
		{"in one line", "{lang: zh, audit: strict}\n", "zh"},
		{"with a name in quotes", "'lang': zh\n", "zh"},
		{"from Windows", "\ufefflang: zh\r\naudit: strict\r\n", "zh"},
		{"auto", "lang: auto\n", ""},
		{"nothing", "", ""},
		{"comments", "# lang: zh\n", ""},
		{"not said", "listen: 127.0.0.1:1\n", ""},
		{"of something else", "timeouts:\n  lang: zh\n", ""},
		{"a list", "lang: [zh]\n", ""},
		{"no value", "lang:\n", ""},
		{"no mapping", "- lang: zh\n", ""},
		{"broken below", "lang: zh\nlisten: [\n", "zh"},
		{"broken above", "listen: 'x\nlang: en # the quote is open\n", "en"},
		{"broken, and of something else", "timeouts:\n  lang: zh\n ]\n", ""},
		{"one that nobody speaks", "lang: de\n", "de"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "prism.yaml")
			writeFile(t, file, tt.text)
			if got := Language(file); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	for _, file := range []string{"", filepath.Join(t.TempDir(), "prism.yaml"), t.TempDir()} {
		if got := Language(file); got != "" {
			t.Errorf("%q says %q", file, got)
		}
	}
}

// The flag and the variable take locales and are taken before the settings are read.
func TestALocaleIsNoBadSetting(t *testing.T) {
	flags := pflag.NewFlagSet("prism", pflag.ContinueOnError)
	flags.String("lang", "", "")
	if err := flags.Parse([]string{"--lang=zh-CN"}); err != nil {
		t.Fatal(err)
	}
	got, err := LoadSettings(LoadOptions{Flags: flags, Env: testEnv("PRISM_LANG=de_DE.UTF-8")})
	if err != nil || got.Lang != "auto" {
		t.Errorf("%q, %v", got.Lang, err)
	}
}

func TestALanguageThatNobodySpeaksIsABadSetting(t *testing.T) {
	file := filepath.Join(t.TempDir(), "prism.yaml")
	writeFile(t, file, "lang: zz\n")
	_, err := LoadSettings(LoadOptions{File: file, Env: testEnv("PRISM_LANG=zh")})
	if err == nil || !strings.Contains(err.Error(), `1:7  lang: expected auto, en or zh, got "zz"`) {
		t.Errorf("%v", err)
	}
}
