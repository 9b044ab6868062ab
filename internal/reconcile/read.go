package reconcile

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"time"
)

// maxDigits bounds a figure; no provider bills more.
const maxDigits = 40

// Read reads a provider's export: comma, semicolon or tab between the columns, headers in the
// first row. mapped[OURS] = THEIRS says which column is what, where the header does not. An error
// names the line.
func Read(r io.Reader, mapped map[string]string) (*Statement, error) {
	in := bufio.NewReader(r)
	c := csv.NewReader(in)
	c.Comma = separator(in)
	c.FieldsPerRecord, c.ReuseRecord, c.TrimLeadingSpace = -1, true, true
	header, err := c.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("the file is empty")
	}
	if err != nil {
		return nil, err
	}
	l, err := layoutOf(header, mapped)
	if err != nil {
		return nil, err
	}
	s := NewStatement()
	s.Format = l.format
	for {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			return s, nil
		}
		if err != nil {
			return nil, err
		}
		line, _ := c.FieldPos(0)
		if blank(row) {
			continue
		}
		if err := s.row(&l, row); err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		s.Rows++
	}
}

// separator looks at the first line: what is there most often is it.
func separator(in *bufio.Reader) rune {
	head, _ := in.Peek(4096)
	first, _, _ := strings.Cut(string(head), "\n")
	best, most := ',', 0
	for _, sep := range []rune{',', ';', '\t'} {
		if n := strings.Count(first, string(sep)); n > most {
			best, most = sep, n
		}
	}
	return best
}

func blank(row []string) bool {
	for _, v := range row {
		if strings.TrimSpace(v) != "" {
			return false
		}
	}
	return true
}

// row adds the figures of one row.
func (s *Statement) row(l *layout, row []string) error {
	day, err := dayOf(at(row, l.date))
	if err != nil {
		return err
	}
	model := strings.TrimSpace(at(row, l.model))
	for kind, i := range l.figures {
		v, decimals, err := number(at(row, i))
		if err != nil {
			return fmt.Errorf("column %d: %w", i+1, err)
		}
		kinds := []Kind{kind}
		if kind == Cost && l.tokenType >= 0 {
			kinds = append(kinds, costOf(at(row, l.tokenType)))
		}
		for _, k := range kinds {
			s.Add(day, model, k, v)
			if k.Money() && v.Sign() != 0 {
				s.round(day, model, k, decimals)
			}
		}
	}
	return nil
}

func at(row []string, i int) string {
	if i < 0 || i >= len(row) {
		return ""
	}
	return row[i]
}

// dayOf reads a date in one of the forms that exports have; a time on that day will do.
func dayOf(text string) (string, error) {
	text = strings.TrimSpace(text)
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC().Format(time.DateOnly), nil
		}
	}
	for _, layout := range []string{time.DateOnly, "2006/1/2", "2006-1-2", "20060102", "Jan 2, 2006", "2 Jan 2006"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.Format(time.DateOnly), nil
		}
	}
	return "", fmt.Errorf("%q is not a date", clip(text))
}

// number reads a figure exactly, and counts its decimals. Nothing is 0; thousands may be set
// apart with commas, and a dollar may stand in front.
func number(text string) (*big.Rat, int, error) {
	plain := strings.NewReplacer(",", "", "$", "", "_", "", " ", "").Replace(strings.TrimSpace(text))
	if plain == "" || plain == "-" || plain == "–" {
		return new(big.Rat), 0, nil
	}
	if len(plain) > maxDigits || strings.ContainsAny(plain, "/eExXpP") {
		return nil, 0, fmt.Errorf("%q is not a number", clip(text))
	}
	v, ok := new(big.Rat).SetString(plain)
	if !ok {
		return nil, 0, fmt.Errorf("%q is not a number", clip(text))
	}
	_, fraction, _ := strings.Cut(plain, ".")
	return v, len(fraction), nil
}

func clip(s string) string {
	const most = 40
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}
