package translate

import (
	"strings"
	"testing"
)

// scanned is what a scanner makes of pieces: the text, and the stop sequence behind it.
func scanned(stops, pieces []string) (text, hit string) {
	var s scanner
	s.set(stops)
	for _, p := range pieces {
		out, stop := s.feed(p)
		if text += out; stop != "" {
			return text, stop
		}
	}
	return text + s.flush(), ""
}

// expected looks for the sequence that is complete first, the longest of several.
func expected(stops []string, in string) (text, hit string) {
	for end := range len(in) + 1 {
		for _, stop := range stops {
			if stop != "" && strings.HasSuffix(in[:end], stop) && len(stop) > len(hit) {
				hit = stop
			}
		}
		if hit != "" {
			return in[:end-len(hit)], hit
		}
	}
	return in, ""
}

func TestStopSequenceIsFoundWhereverTheTextIsCut(t *testing.T) {
	for _, c := range []struct {
		in    string
		stops []string
	}{
		{"one END two", []string{"END"}},
		{"aaaaaaab", []string{"aaab", "aab"}},
		{"abcd", []string{"abcd", "bc"}},
		{"xabc", []string{"c", "abc", "bc"}},
		{"ababababc", []string{"ababc"}},
		{"nothing EN", []string{"END", ""}},
		{"ü🙂ü", []string{"🙂"}},
		{"", []string{"x"}},
	} {
		text, hit := expected(c.stops, c.in)
		for n := 1; n <= max(len(c.in), 1); n++ {
			var pieces []string
			for rest := c.in; rest != ""; rest = rest[min(n, len(rest)):] {
				pieces = append(pieces, rest[:min(n, len(rest))])
			}
			if a, b := scanned(c.stops, pieces); a != text || b != hit {
				t.Errorf("%q in pieces of %d: %q and %q, want %q and %q", c.in, n, a, b, text, hit)
			}
		}
	}
}

// FuzzStopScanner compares the scanner with a search that looks at all of the text.
func FuzzStopScanner(f *testing.F) {
	f.Add("one END two", "END", "D t", uint8(3))
	f.Add("aaaaaaab", "aaab", "aab", uint8(1))
	f.Fuzz(func(t *testing.T, in, a, b string, n uint8) {
		stops := []string{a, b}
		text, hit := expected(stops, in)
		var pieces []string
		for rest := in; rest != ""; rest = rest[min(int(n)+1, len(rest)):] {
			pieces = append(pieces, rest[:min(int(n)+1, len(rest))])
		}
		if got, stop := scanned(stops, pieces); got != text || stop != hit {
			t.Fatalf("%q, %q in %q: %q and %q, want %q and %q", a, b, in, got, stop, text, hit)
		}
	})
}
