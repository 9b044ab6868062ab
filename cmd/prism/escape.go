package main

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// hostile tells whether r could move the cursor, recolour the terminal or reorder the text:
// control characters, and the marks that change the direction of writing. Names, models and
// error texts come from files and from upstreams.
func hostile(r rune) bool {
	switch {
	case r == utf8.RuneError:
		return false
	case unicode.IsControl(r):
		return true
	case r == 0x061c, r == 0x200e, r == 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
		return true
	case r == 0x2028, r == 0x2029, r == 0xfeff:
		return true
	}
	return false
}

// escape makes s harmless on a terminal by writing hostile characters as \u escapes. Line
// feeds stay where lines says so.
func escape(s string, lines bool) string {
	keep := func(r rune) bool { return lines && r == '\n' }
	if strings.IndexFunc(s, func(r rune) bool { return hostile(r) && !keep(r) }) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case hostile(r) && !keep(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}
