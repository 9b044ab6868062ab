package main

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"prism/internal/tray"
)

// escape makes s harmless on a terminal by writing hostile characters as \u escapes: names, models
// and error texts come from files and from upstreams. Line feeds stay where lines says so.
func escape(s string, lines bool) string {
	keep := func(r rune) bool { return lines && r == '\n' }
	if strings.IndexFunc(s, func(r rune) bool { return tray.Hostile(r) && !keep(r) }) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case tray.Hostile(r) && !keep(r) && r > 0xffff:
			high, low := utf16.EncodeRune(r) // as JSON has it: this escapes JSON too
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		case tray.Hostile(r) && !keep(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}
