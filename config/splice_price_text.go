package config

import (
	"bytes"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// fieldsOf lists the columns of a row that hold something, with their values as YAML.
func fieldsOf(row *PriceRow) [][2]string {
	var fields [][2]string
	v := reflect.ValueOf(row).Elem()
	for i := range v.NumField() {
		if text := yamlOf(v.Field(i)); text != "" {
			fields = append(fields, [2]string{fieldName(v.Type().Field(i)), text})
		}
	}
	return fields
}

// yamlOf writes a column; empty means that it holds nothing.
func yamlOf(v reflect.Value) string {
	switch value := v.Interface().(type) {
	case string:
		switch {
		case value == "":
			return ""
		case decimalNumber.MatchString(value):
			return value
		}
		return quoted(value)
	case time.Time:
		return instantText(value)
	case int64:
		if value == 0 {
			return ""
		}
		return strconv.FormatInt(value, 10)
	case []string:
		return flowList(value, quoted)
	case []int:
		return flowList(value, strconv.Itoa)
	}
	return ""
}

// instantText writes a day as a day, and what is none as an instant.
func instantText(t time.Time) string {
	switch t = t.UTC(); {
	case t.IsZero():
		return ""
	case t.Equal(t.Truncate(24 * time.Hour)):
		return t.Format(time.DateOnly)
	}
	return t.Format(time.RFC3339Nano)
}

func flowList[T any](items []T, write func(T) string) string {
	if len(items) == 0 {
		return ""
	}
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = write(item)
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

// below is the block of the row for the place right behind a line.
func (s *priceSplice) below(indent string, end int) string {
	if end > 0 && s.src[end-1] != '\n' && s.src[end-1] != '\r' {
		return s.newline() + s.block(indent)
	}
	return s.block(indent)
}

// block writes the row as an item of lines.
func (s *priceSplice) block(indent string) string {
	var b strings.Builder
	lead := indent + "- "
	for _, f := range s.fields {
		b.WriteString(lead + f[0] + ": " + f[1] + s.newline())
		lead = indent + "  "
	}
	return b.String()
}

// flow writes the row as {...}.
func (s *priceSplice) flow() string {
	parts := make([]string, len(s.fields))
	for i, f := range s.fields {
		parts[i] = f[0] + ": " + f[1]
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// newline is how the lines of the file end.
func (s *priceSplice) newline() string {
	if bytes.Contains(s.src, []byte("\r\n")) {
		return "\r\n"
	}
	return "\n"
}
