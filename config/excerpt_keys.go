package config

import (
	"regexp"
	"strings"
)

var (
	// keysField matches the field keys, up to its value.
	keysField = regexp.MustCompile(`(?:^|[\s{,"'-])keys["']?\s*:\s*`)
	// nameOnly matches what may stand under keys beside the secrets.
	nameOnly = regexp.MustCompile(`^\{?\s*["']?name["']?\s*:[^,:]*$`)
)

// looseKeys finds what stands under keys: outside of the field for it: somebody has put the keys
// themselves there, or misspelled the field. It returns the lines that hold such an item, and
// where in a line such a value begins.
func looseKeys(lines []string) (items map[int]bool, values map[int]int) {
	items, values = make(map[int]bool), make(map[int]int)
	depth := -1
	for i, line := range lines {
		text := strings.TrimLeft(line, " ")
		indent := len(line) - len(text)
		item := strings.TrimLeft(text, "- ")
		switch {
		case text == "":
			continue
		case depth >= 0 && (indent > depth || indent == depth && text[0] == '-'):
			items[i] = item != "" && item[0] != '#' && !strings.Contains(item, "api_key") && !nameOnly.MatchString(item)
			continue
		}
		depth = -1
		if !strings.Contains(line, "keys") {
			continue
		}
		m := keysField.FindStringIndex(clip(line))
		if m == nil {
			continue
		}
		value := strings.TrimLeft(line[m[1]:], "[ ")
		switch {
		case value == "" || value[0] == '#':
			depth = len(line) - len(strings.TrimLeft(line, " -"))
		case value[0] != '{' && value[0] != ']':
			values[i] = m[1]
		}
	}
	return items, values
}
