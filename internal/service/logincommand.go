package service

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxLoginFile bounds what is read of an entry, in bytes.
const maxLoginFile = 64 << 10

// Command is what the login starts, word by word; nil where it starts nothing, where somebody else
// wrote the file, or where it cannot be read.
func (l *Login) Command() []string {
	if st, err := os.Stat(l.path); err != nil || st.Size() > maxLoginFile || l.ours() != nil {
		return nil
	}
	b, err := os.ReadFile(l.path)
	if err != nil {
		return nil
	}
	if filepath.Ext(l.path) == ".plist" {
		return agentCommand(string(b))
	}
	return entryCommand(string(b))
}

// programOf is the program of a command that may begin with env and its variables.
func programOf(argv []string) string {
	if len(argv) > 0 && filepath.Base(argv[0]) == "env" {
		for _, word := range argv[1:] {
			if !strings.Contains(word, "=") {
				return word
			}
		}
	}
	return slices.Concat(argv, []string{""})[0]
}

// entryCommand takes Exec out of a file for XDG desktops; it undoes quoteEntry.
func entryCommand(text string) []string {
	for line := range strings.Lines(text) {
		if exec, ok := strings.CutPrefix(strings.TrimSpace(line), "Exec="); ok {
			return splitEntry(strings.NewReplacer(`\\`, `\`, "%%", "%").Replace(exec))
		}
	}
	return nil
}

// splitEntry takes words apart: between quotes a backslash stands before what is to be taken as it is.
func splitEntry(exec string) []string {
	var words []string
	var word strings.Builder
	open, quoted, escaped := false, false, false // a word has begun; within quotes; after a backslash
	for _, r := range exec {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case quoted && r == '\\':
			escaped = true
		case r == '"':
			open, quoted = true, !quoted
		case r == ' ' && !quoted:
			if open {
				words = append(words, word.String())
			}
			word.Reset()
			open = false
		default:
			open = true
			word.WriteRune(r)
		}
	}
	if open {
		words = append(words, word.String())
	}
	return words
}

// agentCommand takes ProgramArguments out of a property list.
func agentCommand(text string) []string {
	type element struct {
		XMLName xml.Name
		Text    string   `xml:",chardata"`
		Strings []string `xml:"string"`
	}
	var plist struct {
		Dict struct {
			Elements []element `xml:",any"`
		} `xml:"dict"`
	}
	if xml.Unmarshal([]byte(text), &plist) != nil {
		return nil
	}
	for i, e := range plist.Dict.Elements[:max(len(plist.Dict.Elements)-1, 0)] {
		if e.XMLName.Local == "key" && e.Text == "ProgramArguments" {
			return plist.Dict.Elements[i+1].Strings
		}
	}
	return nil
}
