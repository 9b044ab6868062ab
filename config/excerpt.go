package config

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// excerptWidth is how many characters of a line an excerpt shows at most.
const excerptWidth = 120

// excerpts cuts excerpts out of one file. What looks like a key is redacted, and characters
// that could move a terminal's cursor are shown as dots.
type excerpts struct {
	lines   []string
	scanned bool
	secrets map[int]bool // lines that continue a secret scalar; by index
	items   map[int]bool // lines that are a key without a field
	values  map[int]int  // where the value of keys begins that is no list of fields
}

func newExcerpts(src []byte) *excerpts {
	return &excerpts{lines: strings.Split(normalize(src), "\n")}
}

// clamp moves p into the file: the parser counts past the end now and then.
func (e *excerpts) clamp(p Pos) Pos {
	p.Line = min(max(p.Line, 1), len(e.lines))
	width := utf8.RuneCountInString(e.lines[p.Line-1])
	p.Column = min(max(p.Column, 1), width+1)
	return p
}

// at returns the line of p with the one before it and a caret under the column:
//
//	  19 |   - name: local
//	> 20 |     dialect: opanai
//	     |              ^
func (e *excerpts) at(p Pos) string {
	p = e.clamp(p)
	digits := max(len(fmt.Sprint(p.Line)), 2)
	start := 0
	if p.Column > excerptWidth*3/4 {
		start = p.Column - excerptWidth/2
	}
	var b strings.Builder
	if p.Line > 1 && strings.TrimSpace(e.lines[p.Line-2]) != "" {
		fmt.Fprintf(&b, "   %*d | %s\n", digits, p.Line-1, window(e.redact(p.Line-2), start))
	}
	fmt.Fprintf(&b, " > %*d | %s\n", digits, p.Line, window(e.redact(p.Line-1), start))
	pad := indent(e.lines[p.Line-1], start, p.Column-1)
	fmt.Fprintf(&b, "   %*s | %s^\n", digits, "", pad)
	return b.String()
}

// window returns the part of a line that an excerpt shows, from the character start on.
func window(line string, start int) string {
	runes := []rune(line)
	if start >= len(runes) {
		return ""
	}
	runes = runes[start:]
	cut := len(runes) > excerptWidth
	if cut {
		runes = runes[:excerptWidth]
	}
	for i, r := range runes {
		if r != '\t' && !unicode.IsPrint(r) {
			runes[i] = '·'
		}
	}
	out := strings.TrimRight(string(runes), " \t")
	if cut {
		out += "…"
	}
	return out
}

// indent returns the white space as wide as the characters from start to end of line.
func indent(line string, start, end int) string {
	runes := []rune(line)
	var b strings.Builder
	for _, r := range runes[min(start, len(runes)):min(end, len(runes))] {
		switch {
		case r == '\t':
			b.WriteByte('\t')
		case wide(r):
			b.WriteString("  ")
		default:
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// wide tells whether a terminal gives r two cells.
func wide(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana) ||
		r >= 0x3000 && r <= 0x303f || r >= 0xff01 && r <= 0xff60 || r >= 0x1f300 && r <= 0x1faff
}

// redact returns line i without the secrets in it; the characters before them keep their
// columns.
func (e *excerpts) redact(i int) string {
	if !e.scanned {
		e.scanned = true
		e.secrets = continuedSecrets(e.lines)
		e.items, e.values = looseKeys(e.lines)
	}
	line := clip(e.lines[i])
	if from, loose := e.values[i]; loose {
		return redactKeys(line[:from]) + redacted
	}
	if e.secrets[i] || e.items[i] {
		text := strings.TrimLeft(line, " \t")
		return line[:len(line)-len(text)] + redacted
	}
	if named(line) {
		if m := secretField.FindStringSubmatchIndex(line); m != nil && !strings.HasPrefix(line[m[2]:], "ENC[") {
			return line[:m[2]] + redacted
		}
	}
	return redactKeys(line)
}

// continuedSecrets finds the lines below "api_key:" that its value runs on to.
func continuedSecrets(lines []string) map[int]bool {
	out := make(map[int]bool)
	depth := -1
	for i, line := range lines {
		text := strings.TrimLeft(line, " ")
		indent := len(line) - len(text)
		switch {
		case depth >= 0 && (text == "" || indent > depth):
			out[i] = text != ""
		default:
			depth = -1
			if named(line) && secretKey.MatchString(clip(line)) {
				depth = len(line) - len(strings.TrimLeft(line, " -"))
			}
		}
	}
	return out
}

// named is a quick look for what the patterns of secret fields need.
func named(line string) bool {
	return strings.Contains(line, "api_key") || strings.Contains(line, "client_token")
}

// clip cuts a line where nobody looks any more.
func clip(line string) string {
	if len(line) <= maxWidth {
		return line
	}
	return strings.ToValidUTF8(line[:maxWidth], "")
}
