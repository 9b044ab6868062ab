package lang

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"golang.org/x/text/language"
)

func TestTheFirstWishThatIsSaidDecides(t *testing.T) {
	tests := []struct {
		name   string
		wishes []string
		want   language.Tag
	}{
		{"nothing", nil, language.English},
		{"empty ones are not said", []string{"", "", "zh_CN.UTF-8"}, language.Chinese},
		{"a locale", []string{"zh_CN.GB18030@stroke"}, language.Chinese},
		{"the language alone", []string{"zh"}, language.Chinese},
		{"traditional characters are nearer than English", []string{"zh_TW.UTF-8"}, language.Chinese},
		{"C asks for English", []string{"C.UTF-8", "zh_CN"}, language.English},
		{"POSIX too", []string{"POSIX"}, language.English},
		{"one that nobody speaks is said all the same", []string{"de_DE.UTF-8", "zh_CN"}, language.English},
		{"a header", []string{"fr;q=0.9, zh-Hans;q=0.8, en;q=0.7"}, language.Chinese},
		{"a header that prefers English", []string{"en-GB, zh;q=0.5"}, language.English},
		{"no language", []string{"<script>"}, language.English},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Match(tt.wishes...); got != tt.want {
				t.Errorf("Match(%q) = %s, want %s", tt.wishes, got, tt.want)
			}
		})
	}
}

func TestALanguageThatPrismDoesNotSpeakIsNamed(t *testing.T) {
	for _, wish := range []string{"de", "", "x", "../en", "tlh", "*"} {
		if tag, ok := Parse(wish); ok {
			t.Errorf("Parse(%q) = %s", wish, tag)
		}
	}
}

func TestEveryLanguageHasACatalogueAndIsNamed(t *testing.T) {
	names := map[string]bool{}
	for _, tag := range Languages() {
		if _, ok := JSON(tag.String()); !ok || For(tag).Tag() != tag {
			t.Errorf("%s has no catalogue", tag)
		}
		if name := Name(tag); names[name] {
			t.Errorf("%s is called %s", tag, name)
		}
		names[Name(tag)] = true
		if !strings.HasPrefix(PageTag(tag), tag.String()) {
			t.Errorf("a page in %s is one in %s", tag, PageTag(tag))
		}
	}
	if got := Name(language.MustParse("tlh")); got != "English" {
		t.Errorf("got %q", got)
	}
}

// printer has a small catalogue of its own.
func printer(tag language.Tag, texts map[string]forms) Printer {
	entries := map[string]json.RawMessage{}
	for key, said := range texts {
		entries[key], _ = json.Marshal(said)
	}
	return Printer{&catalogue{tag: tag, texts: entries}}
}

func TestATextWithoutATranslationIsEnglish(t *testing.T) {
	p := printer(language.Chinese, map[string]forms{"known %s": {other: "已知 %s"}})
	if got := p.Text("known %s", "x"); got != "已知 x" {
		t.Errorf("got %q", got)
	}
	if got := p.Text("unknown %s", "x"); got != "unknown x" {
		t.Errorf("got %q", got)
	}
	if got := p.Text("100% sure"); got != "100% sure" {
		t.Errorf("a text without arguments is not a format: %q", got)
	}
	var zero Printer
	if got := zero.Text("known %s", "x"); got != "known x" {
		t.Errorf("the zero printer said %q", got)
	}
}

func TestCountChoosesThePluralForm(t *testing.T) {
	const key = "%d requests"
	english := printer(language.English, map[string]forms{key: {"one": "%d request"}})
	chinese := printer(language.Chinese, map[string]forms{key: {other: "%d 个请求"}})
	for _, tt := range []struct {
		p    Printer
		n    int
		want string
	}{
		{english, 0, "0 requests"},
		{english, 1, "1 request"},
		{english, 2, "2 requests"},
		{english, 101, "101 requests"},
		{chinese, 1, "1 个请求"},
		{chinese, 7, "7 个请求"},
	} {
		if got := tt.p.Count(tt.n, key); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.p.Tag(), got, tt.want)
		}
	}
	if got := chinese.Count(1200, "%s rows of %s", "1,200", "x"); got != "1,200 rows of x" {
		t.Errorf("arguments of its own: %q", got)
	}
}

func TestASentenceIsRecognisedByItsKey(t *testing.T) {
	p := printer(language.Chinese, map[string]forms{
		"no profile %q; there are: %s":     {other: "没有配置 %[1]q；现有：%[2]s"},
		"move %s to %s":                    {other: "把 %[2]s 换成 %[1]s"},
		"open ledger %s: %w":               {other: "打开账本 %s：%w"},
		"permission denied":                {other: "没有权限"},
		"%s at %s":                         {other: "不该匹配 %s %s"},
		"%d%% of the requests were slow":   {other: "%d%% 的请求很慢"},
		"%v, did you mean %s?":             {other: "%v，你是指 %s 吗？"},
		"active":                           {other: "当前"},
		"profiles.yaml:%s":                 {other: "profiles.yaml:%s"},
		"%s: %s":                           {other: "%s：%s"},
		"profile %s":                       {other: "配置 %s"},
		"profile %s has no key of its own": {other: "配置 %s 没有自己的密钥"},
	})
	tests := []struct{ name, text, want string }{
		{"exact", "permission denied", "没有权限"},
		{"values are taken over", `no profile "a b"; there are: x, y`, `没有配置 "a b"；现有：x, y`},
		{"in the order of the translation", "move a to b", "把 b 换成 a"},
		{"an error within an error", "open ledger /x: permission denied", "打开账本 /x：没有权限"},
		{"within one that is foreign", "fork: permission denied", "fork: 没有权限"},
		{"within a place that is the same in both", "profiles.yaml:2 b: permission denied", "profiles.yaml:2 b: 没有权限"},
		{"around one that is foreign", "permission denied: EOF", "没有权限：EOF"},
		{"a percent sign", "5% of the requests were slow", "5% 的请求很慢"},
		{"the key that says more", "profile x has no key of its own", "配置 x 没有自己的密钥"},
		{"too little to recognise", "look at this", "look at this"},
		{"unknown", "something else", "something else"},
		{"what goes around a sentence", "profile x has no key of its own, did you mean y?", "配置 x 没有自己的密钥，你是指 y 吗？"},
		{"a line to write is no sentence", "active: permission denied", "active: 没有权限"},
		{"nor is a word in it", "active: active", "active: active"},
		{"a value that looks like a text stays", "profile permission denied", "配置 permission denied"},
		{"empty", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := p.Translate(tt.text); got != tt.want {
				t.Errorf("Translate(%q) = %q, want %q", tt.text, got, tt.want)
			}
		})
	}
}

// FuzzTranslate: no text makes it fail, and values never disappear.
func FuzzTranslate(f *testing.F) {
	f.Add("a", "b")
	f.Add("%s", "%[9]d %!")
	f.Add("; there are: ", ": : ")
	p := printer(language.Chinese, map[string]forms{
		"no profile %s; there are: %v": {other: "没有配置 %[2]v；现有：%[1]s"},
		"really nothing at all: %w":    {other: "什么都没有：%w"},
	})
	f.Fuzz(func(t *testing.T, a, b string) {
		if got := p.Translate("really nothing at all: " + a); len(got) < len(a) {
			t.Errorf("%q lost something: %q", a, got)
		}
		p.Translate(a + ": " + b)
	})
}

func TestAnErrorAmongTheArgumentsIsTranslated(t *testing.T) {
	p := printer(language.Chinese, map[string]forms{"note: %v": {other: "注意：%v"}, "the disk is full": {other: "磁盘已满"}})
	if got := p.Text("note: %v", errors.New("the disk is full")); got != "注意：磁盘已满" {
		t.Errorf("got %q", got)
	}
}

func TestAPhraseWaitsForItsLanguage(t *testing.T) {
	p := printer(language.Chinese, map[string]forms{
		"%s waits": {other: "%s在等待"}, "%d requests": {other: "%d 个请求"}, "the gateway at %s": {other: "位于 %s 的网关"},
	})
	gateway := Say("the gateway at %s", "home")
	if got := p.Text("%s waits", gateway); got != "位于 home 的网关在等待" {
		t.Errorf("got %q", got)
	}
	if got := p.Text("%s waits", Number(3, "%d requests")); got != "3 个请求在等待" {
		t.Errorf("got %q", got)
	}
	if got := (Printer{}).Text("%s waits", gateway); got != "the gateway at home waits" {
		t.Errorf("got %q", got)
	}
	if got := Number(1, "%d profiles").String(); got != "1 profile" {
		t.Errorf("got %q", got)
	}
}

func BenchmarkFor(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		For(language.Chinese)
	}
}

func BenchmarkTranslate(b *testing.B) {
	p := For(language.Chinese)
	p.Translate("nothing that is known")
	b.ReportAllocs()
	for b.Loop() {
		p.Translate(`open ledger /home/someone/.local/share/prism/ledger.duckdb: permission denied by the "system"`)
	}
}
