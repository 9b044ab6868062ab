package translate

import (
	_ "embed"
	"html"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// failureText is what is known of the words of providers: data that grows with every provider,
// unlike the code that reads it.
//
//go:embed failure.txt
var failureText string

// says tells whether an error has a phrase of the section. text is in lower case.
func says(text, section string) bool {
	_, rest, _ := strings.Cut(failureText, "\n["+section+"]")
	_, rest, _ = strings.Cut(rest, "\n")
	for phrase := range strings.SplitSeq(rest, "\n") {
		if strings.HasPrefix(phrase, "[") {
			return false
		}
		if phrase != "" && holds(text, phrase) {
			return true
		}
	}
	return false
}

// holds tells whether the parts of a phrase stand in a text, one behind the other.
func holds(text, phrase string) bool {
	for part, rest, more := strings.Cut(phrase, gap); ; part, rest, more = strings.Cut(rest, gap) {
		i := strings.Index(text, part)
		if i < 0 || !more {
			return i >= 0
		}
		text = text[i+len(part):]
	}
}

// gap stands in a phrase for anything.
const gap = " … "

// Limits on the text of an error, in bytes.
const (
	maxMessage = 4 << 10
	maxPage    = 300 // of a page for people, whose first words are all that helps
)

// looksLikeKey matches what may be a part of a key: providers quote the key that they refuse, with
// some of it starred out.
var looksLikeKey = regexp.MustCompile(`\b(?:sk|pk|gsk|xai|key|AIza)[-_A-Za-z0-9]*[-_*A-Za-z0-9]{8,}|\S*\*{3,}\S*`)

// tidy makes a text of a provider fit to be shown: in one piece, of a bearable length, and without
// what could move a cursor.
func tidy(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	s = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || !unicode.IsControl(r) {
			return r
		}
		return -1
	}, s)
	return shorten(strings.TrimSpace(s), maxMessage)
}

// shorten cuts s in front of a rune.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// pageText is what a page for people says, as far as it helps. Its title counts where it says
// nothing else.
func pageText(page string) string {
	if text := textOf(page, "title", "script", "style"); text != "" {
		return text
	}
	return textOf(page, "script", "style")
}

// textOf strips the tags of a page, and what stands in those that are hidden.
func textOf(page string, hidden ...string) string {
	var b strings.Builder
	for rest := page; rest != "" && b.Len() < 4*maxPage; {
		text, tag, ok := strings.Cut(rest, "<")
		b.WriteString(text)
		b.WriteByte(' ')
		if !ok {
			break
		}
		rest = afterTag(tag, hidden)
	}
	return shorten(strings.Join(strings.Fields(html.UnescapeString(b.String())), " "), maxPage)
}

// afterTag returns what follows a tag, whose bracket was read; of a hidden one, what follows its
// end.
func afterTag(tag string, hidden []string) string {
	name := strings.ToLower(tag[:min(len(tag), 6)])
	for _, h := range hidden {
		if strings.HasPrefix(name, h) {
			end := indexFold(tag, "</"+h)
			if end < 0 {
				return ""
			}
			tag = tag[end:]
			break
		}
	}
	_, rest, _ := strings.Cut(tag, ">")
	return rest
}

// indexFold is where want, in lower case, begins in s, whatever its case there.
func indexFold(s, want string) int {
	for i := 0; ; i++ {
		n := strings.IndexByte(s[i:], want[0])
		if n < 0 || i+n+len(want) > len(s) {
			return -1
		}
		if i += n; strings.EqualFold(s[i:i+len(want)], want) {
			return i
		}
	}
}
