package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/text/language"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/lang"
	"prism/internal/ledger"
	"prism/internal/tray"
)

func TestTheLanguageIsThatOfTheFlagTheVariableThenTheLocale(t *testing.T) {
	tests := []struct {
		name string
		args []string
		env  map[string]string
		want language.Tag
	}{
		{"nothing", []string{"status"}, nil, language.English},
		{"the flag", []string{"status", "--lang", "zh"}, map[string]string{"PRISM_LANG": "en"}, language.Chinese},
		{"with an equals sign", []string{"--lang=zh-CN", "status"}, nil, language.Chinese},
		{"the last one", []string{"--lang=zh", "--lang", "en"}, nil, language.English},
		{"not that of the command", []string{"run", "--", "claude", "--lang", "zh"}, nil, language.English},
		{"no value", []string{"status", "--lang"}, map[string]string{"LANG": "zh_CN.UTF-8"}, language.Chinese},
		{"the variable", nil, map[string]string{"PRISM_LANG": "zh", "LC_ALL": "en_US.UTF-8"}, language.Chinese},
		{"LC_ALL before the others", nil, map[string]string{"LC_ALL": "C", "LC_MESSAGES": "zh_CN", "LANG": "zh_CN"}, language.English},
		{"LC_MESSAGES before LANG", nil, map[string]string{"LC_MESSAGES": "zh_CN", "LANG": "en_US"}, language.Chinese},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := languageOf(tt.args, func(k string) string { return tt.env[k] }); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestTheFileSaysTheLanguageWhereNobodyElseDid(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	for file, text := range map[string]string{dir: "lang: zh\nlisten: 127.0.0.1:1\n", other: "listen: 127.0.0.1:1\nlang: en\n"} {
		if err := os.WriteFile(filepath.Join(file, "prism.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name string
		args []string
		env  map[string]string
		want language.Tag
	}{
		{"before the locale", nil, map[string]string{"PRISM_CONFIG": dir, "LC_ALL": "en_US.UTF-8"}, language.Chinese},
		{"English before a Chinese locale", nil, map[string]string{"PRISM_CONFIG": other, "LANG": "zh_CN.UTF-8"}, language.English},
		{"that of --config", []string{"--config", dir, "status"}, map[string]string{"PRISM_CONFIG": other}, language.Chinese},
		{"with an equals sign", []string{"status", "--config=" + filepath.Join(dir, "profiles.yaml")}, nil, language.Chinese},
		{"behind the variable", nil, map[string]string{"PRISM_CONFIG": dir, "PRISM_LANG": "en"}, language.English},
		{"behind the flag", []string{"--lang=en"}, map[string]string{"PRISM_CONFIG": dir}, language.English},
		{"not that of another program", []string{"run", "--", "x", "--config", dir}, map[string]string{"PRISM_CONFIG": other}, language.English},
		{"none", nil, map[string]string{"PRISM_CONFIG": t.TempDir(), "LANG": "zh_CN.UTF-8"}, language.Chinese},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			getenv := func(k string) string { return firstOf(tt.env[k], map[string]string{"HOME": t.TempDir()}[k]) }
			if got := languageOf(tt.args, getenv); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// TestTheSettingTakesEveryLanguage: the package of the settings stands below the one of the languages.
func TestTheSettingTakesEveryLanguage(t *testing.T) {
	field, _ := reflect.TypeFor[config.Settings]().FieldByName("Lang")
	if got, want := field.Tag.Get("enum"), strings.Join(append([]string{"auto"}, languages()...), ","); got != want {
		t.Errorf("config takes %s, want %s", got, want)
	}
}

// chinese is a run whose reader reads Chinese.
func chinese() *app {
	return &app{getenv: func(string) string { return "" }, lang: lang.For(language.Chinese)}
}

func hasHan(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Han, r) })
}

func TestEveryCommandSpeaksChinese(t *testing.T) {
	a := chinese()
	root := newRoot(a)
	a.localize(root)
	walk(root, func(c *cobra.Command) {
		for what, said := range map[string]string{"short": c.Short, "long": c.Long} {
			if said != "" && !hasHan(said) {
				t.Errorf("%s: the %s text is %q", c.CommandPath(), what, said)
			}
		}
		for _, g := range c.Groups() {
			if !hasHan(g.Title) {
				t.Errorf("%s: the group %q", c.CommandPath(), g.Title)
			}
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			// What only lists the values is the same in every language.
			if strings.Contains(f.Usage, " ") && !hasHan(f.Usage) {
				t.Errorf("%s --%s: %q", c.CommandPath(), f.Name, f.Usage)
			}
		})
	})
}

func TestHelpIsAlignedByWhatATerminalShows(t *testing.T) {
	a := chinese()
	var out bytes.Buffer
	a.out, a.err = &out, &out
	root := newRoot(a)
	a.localize(root)
	root.SetArgs([]string{"logs", "--help"})
	if err := root.Execute(); err != nil {
		t.Fatal(err)
	}
	_, flags, ok := strings.Cut(out.String(), "\n选项：\n")
	flags, _, _ = strings.Cut(flags, "\n\n")
	if !ok {
		t.Fatalf("no flags in\n%s", out.String())
	}
	column := 0
	for line := range strings.Lines(flags) {
		line = strings.TrimRight(line, "\n")
		at := strings.LastIndex(line[:len(line)-len(strings.TrimLeft(line, " "))+strings.Index(strings.TrimLeft(line, " "), "   ")+3], " ") + 1
		for at < len(line) && line[at] == ' ' {
			at++
		}
		w := text.StringWidthWithoutEscSequences(line[:at])
		if column == 0 {
			column = w
		}
		if w != column {
			t.Errorf("the text begins in column %d, not %d: %q", w, column, line)
		}
	}
}

func TestTablesAreForPeopleAndTheRestIsForMachines(t *testing.T) {
	a := chinese()
	v := view{
		columns: []column{{name: "profile"}, {name: "state"}, {name: "ok", theirs: true}},
		rows:    [][]cell{{textCell("工作"), a.wordCell("denied"), a.boolCell(true)}, {textCell("b"), a.wordCell("denied"), a.boolCell(false)}},
	}
	lines := strings.Split(a.render(v, formatTable), "\n")
	if want := []string{"配置档  状态  OK", "工作    被拒  是", "b       被拒  否"}; strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("table:\n%s", strings.Join(lines, "\n"))
	}
	if got, want := a.render(v, formatTSV), "profile\tstate\tok\n工作\tdenied\ttrue\nb\tdenied\tfalse"; got != want {
		t.Errorf("TSV:\n%s", got)
	}
	if got, want := a.render(v, formatCSV), "profile,state,ok\n工作,denied,true\nb,denied,false"; got != want {
		t.Errorf("CSV:\n%s", got)
	}
}

// TestEveryStateHasAWord: the words come out of one package and are said by another.
func TestEveryStateHasAWord(t *testing.T) {
	a := chinese()
	a.format = formatTmux
	for _, s := range tray.States() {
		if text := a.bar(tray.Glance{State: s, Active: "1"}); s != tray.OK && !hasHan(text) {
			t.Errorf("the bar says %q of %s", text, s)
		}
	}
	for _, state := range []string{ledger.HealthCooling, ledger.HealthOpen, ledger.HealthProbing, ledger.HealthDenied} {
		g := tray.Glance{Active: "1", Profiles: []admin.ProfileStatus{{Name: "1", State: state}}}
		if lines := g.Lines(a.wordsIn(""), time.Now()); len(lines) != 2 || !hasHan(lines[1]) {
			t.Errorf("the tray says %q of %s", lines, state)
		}
		if word := a.wordCell(state); !hasHan(word.text) {
			t.Errorf("a table says %q", word.text)
		}
	}
}

func TestErrorsAreTranslatedWhereTheyAreShown(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"one of ours", noProfile("x y"), "错误：没有名为 \"x y\" 的配置档\n修复：prism profiles list\n"},
		{"one of cobra's", errors.New(`unknown command "bogus" for "prism"`), "错误：\"prism\" 没有命令 \"bogus\"\n修复：prism help\n"},
		{"one of the system within one of ours", usagef("prism help", "read the request: %v", errors.New("permission denied")), "错误：读取请求：没有权限\n修复：prism help\n"},
		{"a list of what may stand there", usagef("prism help", "%s", `profiles.yaml:2:3 a: expected x, y or z, got "w"`), "错误：profiles.yaml:2:3 a: 应为 x, y 或 z，实为 \"w\"\n修复：prism help\n"},
		{"one that nobody foresaw", errors.New("the moon is in the way"), "错误：the moon is in the way\n修复：prism doctor\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := chinese()
			var errs bytes.Buffer
			a.err = &errs
			a.report(tt.err)
			if errs.String() != tt.want {
				t.Errorf("got\n%s\nwant\n%s", errs.String(), tt.want)
			}
		})
	}
}

func TestAProblemOfTheFileEndsWithItsFix(t *testing.T) {
	a := chinese()
	_, problems := config.ParseProfiles([]byte("active: x\nprofiles:\n  - name: y\n    base_url: ftp://h\n    auth: none\n"), config.ParseOptions{File: "profiles.yaml", AllowPlaintext: true})
	got := a.refusalText(problems)
	if !strings.Contains(got, "没有配置档") || !strings.Contains(got, "错误 1:9") {
		t.Errorf("got\n%s", got)
	}
	lines := strings.Split(strings.TrimRight(got, "\n"), "\n")
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "修复：") {
		t.Errorf("the last line is %q", last)
	}
	if english := (&app{}).refusalText(problems); !strings.Contains(english, "\nfix: ") {
		t.Errorf("in English:\n%s", english)
	}
}
