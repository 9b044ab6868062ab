package main

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// skipQuoted returns the end of the string, quoted name or comment that begins at i, or i
// where none begins. What does not end goes on to the end of the text.
func skipQuoted(text string, i int) int {
	rest := text[i:]
	until := func(from int, end string) int {
		if n := strings.Index(rest[from:], end); n >= 0 {
			return i + from + n + len(end)
		}
		return len(text)
	}
	switch {
	case strings.HasPrefix(rest, "--"):
		return until(2, "\n")
	case strings.HasPrefix(rest, "/*"):
		return skipComment(text, i)
	case rest[0] == '\'':
		return skipString(text, i)
	case rest[0] == '"':
		return until(1, `"`) // a doubled quote begins another name at once
	case rest[0] == '$':
		tag := rest[:1+identifierEnd(rest[1:])]
		if strings.HasPrefix(rest[len(tag):], "$") {
			return until(len(tag)+1, tag+"$")
		}
	}
	return i
}

// skipString knows the strings with backslashes: e'it\'s'.
func skipString(text string, i int) int {
	escaped := i > 0 && (text[i-1] == 'e' || text[i-1] == 'E') && (i == 1 || !nameByte(text[i-2]))
	for n := i + 1; n < len(text); n++ {
		switch {
		case escaped && text[n] == '\\':
			n++
		case text[n] == '\'':
			return n + 1 // a doubled quote begins another string at once
		}
	}
	return len(text)
}

// skipComment knows that comments nest.
func skipComment(text string, i int) int {
	depth := 0
	for n := i; n < len(text)-1; n++ {
		switch text[n : n+2] {
		case "/*":
			depth++
			n++
		case "*/":
			depth--
			n++
			if depth == 0 {
				return n + 1
			}
		}
	}
	return len(text)
}

// nameByte tells whether b can stand within a name; beyond ASCII every byte can.
func nameByte(b byte) bool {
	return b == '_' || b >= utf8.RuneSelf || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

// identifierEnd is the length of the name that text begins with, 0 where it begins with none.
func identifierEnd(text string) int {
	for i, r := range text {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return i
		}
	}
	return len(text)
}

// statements takes text apart at the semicolons between statements. rest is what follows the
// last one: a statement that is not complete.
func statements(text string) (complete []string, rest string) {
	start := 0
	for i := 0; i < len(text); {
		if end := skipQuoted(text, i); end > i {
			i = end
			continue
		}
		if text[i] == ';' {
			if s := strings.TrimSpace(text[start:i]); !blankSQL(s) {
				complete = append(complete, s)
			}
			start = i + 1
		}
		i++
	}
	return complete, strings.TrimSpace(text[start:])
}

// allStatements are those of a text that is complete, as a file is.
func allStatements(text string) []string {
	all, rest := statements(text)
	if !blankSQL(rest) {
		all = append(all, rest)
	}
	return all
}

// blankSQL tells whether text holds nothing but comments.
func blankSQL(text string) bool {
	for i := 0; i < len(text); {
		if strings.HasPrefix(text[i:], "--") || strings.HasPrefix(text[i:], "/*") {
			i = skipQuoted(text, i)
			continue
		}
		if !unicode.IsSpace(rune(text[i])) {
			return false
		}
		i++
	}
	return true
}

// parameters rewrites :name as $name, which is what DuckDB reads, and returns the names of
// all parameters in order. A colon after a name, a number or a bracket is a slice or an alias.
func parameters(text string) (rewritten string, names []string) {
	var b strings.Builder
	seen := map[string]bool{}
	for i := 0; i < len(text); {
		if end := skipQuoted(text, i); end > i {
			b.WriteString(text[i:end])
			i = end
			continue
		}
		n := 0
		if text[i] == '$' || text[i] == ':' && (i == 0 || !operandEnd(text[i-1])) {
			n = identifierEnd(text[i+1:])
		}
		if n == 0 || strings.HasPrefix(text[i+1+n:], "$") {
			b.WriteByte(text[i])
			i++
			continue
		}
		name := text[i+1 : i+1+n]
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
		b.WriteString("$" + name)
		i += 1 + n
	}
	return b.String(), names
}

func operandEnd(b byte) bool { return nameByte(b) || strings.IndexByte(`:$'")]}`, b) >= 0 }
