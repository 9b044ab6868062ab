package main

import (
	"strings"
	"testing"

	"prism/internal/tray"
)

// The columns of a query are called what somebody wrote there.
func TestAHostileNameOfAColumnIsHarmlessInEveryFormat(t *testing.T) {
	const name = "=cmd|'/C calc'!A0 \x1b]0;title\a\x1b[2J \u202eevil"
	v := view{columns: []column{{name: name, theirs: true}}, rows: [][]cell{{{"1", 1}}}}
	a := &app{}
	for format, text := range map[string]string{
		"table": strings.Join(a.tableLines(v, 0), "\n"), "tsv": renderTSV(v), "csv": renderCSV(v), "markdown": a.renderMarkdown(v),
	} {
		if strings.ContainsFunc(text, func(r rune) bool { return tray.Hostile(r) && r != '\n' }) {
			t.Errorf("%s: %q", format, text)
		}
		if format == "csv" && strings.HasPrefix(strings.Trim(text, `"`), "=") {
			t.Errorf("a spreadsheet would run %q", text)
		}
	}
}
