package lang

import (
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

//go:embed *.json
var files embed.FS

// spoken is a language that prism speaks.
type spoken struct {
	tag  language.Tag // its catalogue is named so
	page string       // as a document of HTML names it, by the script that the texts are written in
	name string       // in itself
}

// allSpoken is the one list of them, the default first. Another one is a line here and its catalogue
// beside this file; docs/language.md has the rest.
func allSpoken() []spoken {
	return []spoken{
		{language.English, "en", "English"},
		{language.Chinese, "zh-CN", "中文"},
	}
}

// Languages are the ones that prism speaks, the default first.
func Languages() []language.Tag {
	var tags []language.Tag
	for _, s := range allSpoken() {
		tags = append(tags, s.tag)
	}
	return tags
}

// Name is what one of [Languages] is called by those who speak it; the name of the first one for a tag
// that is none of them.
func Name(tag language.Tag) string { return spokenOf(tag).name }

// PageTag is the tag of BCP 47 for a document whose texts are in one of [Languages]: zh-CN. It begins
// with the name of the catalogue.
func PageTag(tag language.Tag) string { return spokenOf(tag).page }

func spokenOf(tag language.Tag) spoken {
	all := allSpoken()
	if i := slices.IndexFunc(all, func(s spoken) bool { return s.tag == tag }); i >= 0 {
		return all[i]
	}
	return all[0]
}

// JSON is the catalogue of a language, as name.json holds it, for who reads it elsewhere.
func JSON(name string) ([]byte, bool) {
	b, err := files.ReadFile(name + ".json")
	return b, err == nil
}

// Parse finds the language that a wish asks for: a tag (zh-CN), a locale of POSIX (zh_CN.UTF-8) or
// an Accept-Language header. It is false for one that prism does not speak.
func Parse(wish string) (language.Tag, bool) {
	// A locale has a charset and a modifier, which say nothing of the language.
	if !strings.Contains(wish, ";") {
		wish, _, _ = strings.Cut(wish, ".")
		wish, _, _ = strings.Cut(wish, "@")
	}
	if wish == "C" || wish == "POSIX" {
		return language.English, true
	}
	wanted, _, err := language.ParseAcceptLanguage(strings.ReplaceAll(wish, "_", "-"))
	if err != nil || len(wanted) == 0 {
		return language.English, false
	}
	// Not the matcher of x/text: it has an answer for everybody, such as English for Klingon.
	for _, want := range wanted {
		base, _ := want.Base()
		for _, tag := range Languages() {
			if own, _ := tag.Base(); own == base {
				return tag, true
			}
		}
	}
	return language.English, false
}

// Match is the language for the first of wishes that is not empty: as with a locale, what is said
// first counts, even where it cannot be had. Then, and without any wish, it is English.
func Match(wishes ...string) language.Tag {
	for _, wish := range wishes {
		if wish != "" {
			tag, _ := Parse(wish)
			return tag
		}
	}
	return language.English
}

// forms is a text in the plural forms that its language has; a text with one form has "other".
type forms map[string]string

// formsOf reads an entry of a catalogue: a text, or an object of forms.
func formsOf(entry json.RawMessage) forms {
	var text string
	if json.Unmarshal(entry, &text) == nil {
		return forms{other: text}
	}
	var f forms
	_ = json.Unmarshal(entry, &f) // the files are part of the program; a test reads them
	return f
}

// other is the form of CLDR that every language has.
const other = "other"

// Printer says texts in one language. The zero value speaks English.
type Printer struct{ *catalogue }

type catalogue struct {
	tag      language.Tag
	texts    map[string]json.RawMessage // read one by one: a run says few of them
	learn    sync.Once
	patterns []pattern // of the keys with verbs, for Translate; made when it is first asked
}

// For returns the Printer of a language that [Match] or [Parse] found. It reads the catalogue,
// which takes some milliseconds, so it is asked once. A Printer may be used by several goroutines
// at a time.
func For(tag language.Tag) Printer {
	b, ok := JSON(tag.String())
	if !ok {
		tag = language.English
		b, _ = JSON(tag.String())
	}
	c := &catalogue{tag: tag}
	if err := json.Unmarshal(b, &c.texts); err != nil {
		// The files are part of the program; a test reads them. Without them it speaks English.
		c.tag, c.texts = language.English, nil
	}
	return Printer{c}
}

// Tag is the language.
func (p Printer) Tag() language.Tag {
	if p.catalogue == nil {
		return language.English
	}
	return p.tag
}

// English tells whether texts are said as they stand in the code.
func (p Printer) English() bool { return p.Tag() == language.English }

// Text says format, which is a key, with its verbs replaced as by Sprintf. Without arguments it is
// taken as it is. A [Phrase] among the arguments is said in this language, an error is translated
// as [Printer.Translate] does it.
func (p Printer) Text(format string, args ...any) string {
	if text := p.known(format)[other]; text != "" {
		format = text
	}
	if len(args) == 0 {
		return format
	}
	return fmt.Sprintf(format, p.arguments(args)...)
}

// known are the forms of a key; none where it has no entry.
func (p Printer) known(key string) forms {
	if p.catalogue == nil {
		return nil
	}
	entry, ok := p.texts[key]
	if !ok {
		return nil
	}
	return formsOf(entry)
}

// arguments puts what they say in this language in the place of phrases and errors.
func (p Printer) arguments(args []any) []any {
	if p.English() {
		return args
	}
	out := slices.Clone(args)
	for i, arg := range out {
		switch v := arg.(type) {
		case Phrase:
			out[i] = v.In(p)
		case error:
			out[i] = p.Translate(v.Error())
		}
	}
	return out
}

// Count says format, which is the key in its general form ("%d requests"), in the plural form for
// n. Without arguments, n is the only one.
func (p Printer) Count(n int, format string, args ...any) string {
	if p.catalogue == nil {
		p = For(language.English)
	}
	if len(args) == 0 {
		args = []any{n}
	}
	known := p.known(format)
	text := known[p.form(n)]
	if text == "" {
		text = known[other]
	}
	if text == "" {
		text = format
	}
	return fmt.Sprintf(text, args...)
}

// form is the name of the plural form for n.
func (p Printer) form(n int) string {
	switch plural.Cardinal.MatchPlural(p.tag, max(n, -n), 0, 0, 0, 0) {
	case plural.Zero:
		return "zero"
	case plural.One:
		return "one"
	case plural.Two:
		return "two"
	case plural.Few:
		return "few"
	case plural.Many:
		return "many"
	default:
		return other
	}
}
