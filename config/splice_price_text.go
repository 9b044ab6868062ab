package config

import (
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
