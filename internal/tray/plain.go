package tray

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// longest is how many characters of a text are shown: an error of a provider may be a page.
const longest = 200

// Plain makes a text harmless that others have a part in: one line, without what a terminal or a
// panel would act upon.
func Plain(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case Hostile(r), r == utf8.RuneError:
			return -1
		case r == '<':
			return '‹'
		case r == '>':
			return '›'
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if runes := []rune(s); len(runes) > longest {
		return string(runes[:longest-1]) + "…"
	}
	return s
}

// Hostile tells whether r could move the cursor, recolour a terminal, reorder the text around it or
// stand in it unseen: control characters, ends of lines, marks of direction, tags and other
// characters of format. Those that writing itself needs are none: joiners, as in Persian and in
// emoji, and the signs that Arabic puts before numbers.
func Hostile(r rune) bool {
	const nonJoiner, joiner = '\u200c', '\u200d'
	switch {
	case r < utf8.RuneSelf:
		return r < ' ' || r == 0x7f
	case r == nonJoiner, r == joiner:
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) || unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}
