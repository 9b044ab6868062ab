package sqlfile

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
)

// dump is an export as SQL text. Nothing of it is executed: only the values of the rows of a table
// are read.
type dump struct {
	path string
	tell func(int64)
}

func (*dump) close() error { return nil }

// maxStatement bounds what is kept of a statement, in bytes.
const maxStatement = 4 << 20

func (d *dump) each(ctx context.Context, table string, fn func(Row) error) error {
	file, err := os.Open(d.path)
	if err != nil {
		return err
	}
	defer file.Close()
	s := statements{in: bufio.NewReaderSize(file, 128<<10)}
	found := false
	var columns []string // of the table, for inserts that name none, as sqlite3 writes them
	for n := 0; ; n++ {
		if n%1000 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		text, err := s.next()
		d.tell(s.taken())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		switch kind, name := statementOf(text); {
		case name != table:
			continue
		case kind == "create":
			found, columns = true, columnsOf(text)
			continue
		}
		found = true
		if err := insertRows(text, columns, fn); err != nil {
			return err
		}
	}
	if !found {
		return ErrNoTable
	}
	return nil
}

// statements splits SQL text at the semicolons that are not in quotes or comments.
type statements struct {
	in   *bufio.Reader
	buf  []byte
	read int64
	told int64
}

// taken is how many bytes were read since the last call.
func (s *statements) taken() int64 {
	n := s.read - s.told
	s.told = s.read
	return n
}

// next returns a statement without its semicolon, valid until the following call. One that is
// too long is cut; it will not parse.
func (s *statements) next() ([]byte, error) {
	s.buf = s.buf[:0]
	var quote, last byte // quote is also - or / in a comment
	for {
		c, err := s.in.ReadByte()
		if err != nil {
			if errors.Is(err, io.EOF) && len(bytes.TrimSpace(s.buf)) > 0 {
				return s.buf, nil
			}
			return nil, err
		}
		s.read++
		switch {
		case quote == '-':
			if c == '\n' {
				quote = 0
			}
			continue
		case quote == '/':
			if c == '/' && last == '*' {
				quote = 0
			}
			last = c
			continue
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == ';':
			return s.buf, nil
		case c == '\'' || c == '"' || c == '`':
			quote = c
		case c == '-' && last == '-' || c == '*' && last == '/':
			quote = last
			s.buf = s.buf[:max(len(s.buf)-1, 0)]
			last = 0
			continue
		}
		last = c
		if len(s.buf) < maxStatement {
			s.buf = append(s.buf, c)
		}
	}
}

var (
	createTable = regexp.MustCompile("(?is)^\\s*create\\s+table\\s+(?:if\\s+not\\s+exists\\s+)?[\"`\\[]?(\\w+)")
	insertInto  = regexp.MustCompile("(?is)^\\s*insert\\s+(?:or\\s+\\w+\\s+)?into\\s+[\"`\\[]?(\\w+)[\"`\\]]?\\s*(?:\\(([^)]*)\\)\\s*)?values\\s*")
)

// statementOf says whether a statement creates a table or inserts into one, and into which.
func statementOf(text []byte) (kind, table string) {
	if m := insertInto.FindSubmatch(text); m != nil {
		return "insert", string(m[1])
	}
	if m := createTable.FindSubmatch(text); m != nil {
		return "create", string(m[1])
	}
	return "", ""
}

// insertRows calls fn with the rows of an insert statement, which may leave it to the table what its
// columns are. A row that cannot be read gives an empty one, which nobody can take for one that says
// something.
func insertRows(text []byte, columns []string, fn func(Row) error) error {
	m := insertInto.FindSubmatchIndex(text)
	if m == nil {
		return nil
	}
	if m[4] >= 0 {
		columns = nil
		for c := range strings.SplitSeq(string(text[m[4]:m[5]]), ",") {
			columns = append(columns, strings.Trim(strings.TrimSpace(c), "\"`[]"))
		}
	}
	if len(columns) == 0 {
		return fn(Row{})
	}
	v := values{text: text[m[1]:]}
	for v.open() {
		r := make(Row, len(columns))
		for _, name := range columns {
			r[name] = v.value()
		}
		if !v.close() {
			return fn(Row{})
		}
		if err := fn(r); err != nil {
			return err
		}
	}
	return nil
}

// columnsOf are the columns of a table, in their order.
func columnsOf(create []byte) (names []string) {
	_, list, _ := bytes.Cut(create, []byte("("))
	depth, begin := 0, 0
	var quote byte
	add := func(end int) {
		m := columnName.FindSubmatch(list[begin:end])
		begin = end + 1
		switch {
		case m == nil:
		case len(m[1]) > 0:
			names = append(names, strings.ReplaceAll(string(m[1]), `""`, `"`))
		case !tableConstraint.Match(m[2]):
			names = append(names, strings.Trim(string(m[2]), "`[]"))
		}
	}
	for i, c := range list {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"' || c == '`':
			quote = c
		case c == '(':
			depth++
		case c == ')' && depth == 0:
			add(i)
			return names
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			add(i)
		}
	}
	return nil
}

var (
	columnName      = regexp.MustCompile("^\\s*(?:\"((?:[^\"]|\"\")+)\"|([^\\s\",(]+))")
	tableConstraint = regexp.MustCompile(`(?i)^(primary|unique|check|foreign|constraint)$`)
)
