package sqlfile

import (
	"bytes"
	"strconv"
)

// values reads the literals of an insert statement.
type values struct {
	text []byte
	bad  bool
}

// open passes the bracket that begins a row, and the comma before it.
func (v *values) open() bool {
	v.space()
	if v.take(',') {
		v.space()
	}
	return v.take('(')
}

// close passes the bracket that ends a row, and tells whether the row was of the right shape.
func (v *values) close() bool {
	v.space()
	return v.take(')') && !v.bad
}

// value reads a literal: a text, a whole number, or nil for null and everything that is of no
// use here. The comma behind it is passed.
func (v *values) value() any {
	v.space()
	var out any
	if len(v.text) > 0 && v.text[0] == '\'' {
		out = v.quoted()
	} else {
		out = v.bare()
	}
	v.space()
	v.take(',')
	return out
}

// quoted reads a text, in which a quote is written twice.
func (v *values) quoted() any {
	v.text = v.text[1:]
	var out []byte
	for {
		i := bytes.IndexByte(v.text, '\'')
		if i < 0 {
			v.bad = true
			return nil
		}
		out = append(out, v.text[:i]...)
		v.text = v.text[i+1:]
		if !v.take('\'') {
			return string(out)
		}
		out = append(out, '\'')
	}
}

// bare reads a number, a word or a blob.
func (v *values) bare() any {
	i := bytes.IndexAny(v.text, ",()'")
	switch {
	case i < 0, i == 0:
		v.bad = true
		return nil
	case v.text[i] == '\'' && i == 1 && (v.text[0] == 'x' || v.text[0] == 'X'):
		v.text = v.text[i:]
		v.quoted()
		return nil
	case v.text[i] == '(' || v.text[i] == '\'':
		v.bad = true
		return nil
	}
	word := string(bytes.TrimSpace(v.text[:i]))
	v.text = v.text[i:]
	n, err := strconv.ParseInt(word, 10, 64)
	if err != nil {
		return nil
	}
	return n
}

func (v *values) space() { v.text = bytes.TrimLeft(v.text, " \t\r\n") }

func (v *values) take(c byte) bool {
	if len(v.text) == 0 || v.text[0] != c {
		return false
	}
	v.text = v.text[1:]
	return true
}
