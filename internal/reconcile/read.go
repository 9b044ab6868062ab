package reconcile

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Read reads a provider's export: comma, semicolon or tab between the columns, headers in the
// first row. mapped[OURS] = THEIRS says which column is what, where the header does not. An error
// names the line.
func Read(r io.Reader, mapped map[string]string) (*Statement, error) {
	in := bufio.NewReader(r)
	if err := skipMark(in); err != nil {
		return nil, err
	}
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
	l.numbers.comma = c.Comma == ';' // it stands for the comma, which is needed for decimals
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

// skipMark passes over the mark with which a text in Unicode may begin: a quote behind it would
// not be at the beginning of its field.
func skipMark(in *bufio.Reader) error {
	head, _ := in.Peek(3)
	switch mark := string(head); {
	case mark == "\xef\xbb\xbf":
		_, err := in.Discard(len(mark))
		return err
	case strings.HasPrefix(mark, "\xff\xfe"), strings.HasPrefix(mark, "\xfe\xff"):
		return errors.New("the file is in UTF-16; save it as UTF-8")
	}
	return nil
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
		v, decimals, err := l.numbers.read(at(row, i), kind)
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

func clip(s string) string {
	const most = 40
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}
