package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/google/renameio/v2"
)

// historyLines is how many statements the prompt remembers.
const historyLines = 1000

// sqlHistory is what was typed at the prompt, oldest first, one JSON string a line: a
// statement may have several lines.
type sqlHistory struct {
	file  string // "" = kept in memory only
	lines []string
}

// loadHistory reads the file; a line that cannot be read is passed over.
func loadHistory(file string) (*sqlHistory, error) {
	h := &sqlHistory{file: file}
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return h, nil
	}
	if err != nil {
		return h, fmt.Errorf("read the history: %w", err)
	}
	in := bufio.NewScanner(bytes.NewReader(b))
	in.Buffer(nil, maxQuery)
	for in.Scan() {
		var line string
		if json.Unmarshal(in.Bytes(), &line) == nil && line != "" {
			h.lines = append(h.lines, line)
		}
	}
	if extra := len(h.lines) - historyLines; extra > 0 {
		h.lines = h.lines[extra:]
	}
	return h, nil
}

// Write adds what was typed and returns how much there is. A repetition is not added.
func (h *sqlHistory) Write(line string) (int, error) {
	if n := len(h.lines); strings.TrimSpace(line) == "" || n > 0 && h.lines[n-1] == line {
		return n, nil
	}
	h.lines = append(h.lines, line)
	if extra := len(h.lines) - historyLines; extra > 0 {
		h.lines = h.lines[extra:]
	}
	return len(h.lines), nil
}

// GetLine returns one of the lines.
func (h *sqlHistory) GetLine(i int) (string, error) {
	if i < 0 || i >= len(h.lines) {
		return "", fmt.Errorf("the history has no line %d", i)
	}
	return h.lines[i], nil
}

// Len is how many lines there are.
func (h *sqlHistory) Len() int { return len(h.lines) }

// Dump returns all lines.
func (h *sqlHistory) Dump() any { return h.lines }

// save replaces the file.
func (h *sqlHistory) save() error {
	if h.file == "" {
		return nil
	}
	var b bytes.Buffer
	for _, line := range h.lines {
		text, err := marshal(line)
		if err != nil {
			return err
		}
		b.Write(append(text, '\n'))
	}
	if err := renameio.WriteFile(h.file, b.Bytes(), 0o600); err != nil {
		return fmt.Errorf("save the history: %w", err)
	}
	return nil
}
