package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"prism/internal/ledger/duckdb"
)

func numeric(typ string) bool {
	switch {
	case strings.HasPrefix(typ, "DECIMAL"), strings.HasSuffix(typ, "INT"), typ == "INTEGER", typ == "UINTEGER", typ == "DOUBLE", typ == "FLOAT":
		return true
	}
	return false
}

// sqlCell shows a value of a query as it is: nothing is rounded, and only a terminal that is
// too narrow shortens texts. Decimals are
// text, so that money is never a float; instants are RFC 3339 in UTC, and what has no time zone is
// written without one.
func sqlCell(v any, typ string) cell {
	switch x := v.(type) {
	case nil:
		return cell{unknown, nil}
	case string:
		return cell{x, x}
	case bool:
		return cell{fmt.Sprint(x), x}
	case int64:
		return cell{fmt.Sprint(x), x}
	case float64:
		return floatCell(x)
	case []byte:
		h := hex.EncodeToString(x)
		if typ == "UUID" && len(h) == 32 {
			h = strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
		}
		return cell{h, h}
	case time.Time:
		return instantCell(x, typ)
	}
	b, err := marshal(within(v, typ))
	if err != nil {
		return cell{fmt.Sprint(v), fmt.Sprint(v)}
	}
	return cell{string(b), json.RawMessage(b)}
}

// within is a value that stands in a list, a struct or a map of a type, as JSON holds it: it is written as
// it would be in a column of its own.
func within(v any, typ string) any {
	switch x := v.(type) {
	case []any:
		of := duckdb.ElementType(typ)
		out := make([]any, len(x))
		for i := range x {
			out[i] = within(x[i], of)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(x))
		for name := range x {
			out[name] = within(x[name], duckdb.MemberType(typ, name))
		}
		return out
	case float64, []byte, time.Time:
		return sqlCell(v, typ).value
	}
	return v
}

// floatCell keeps what JSON has no number for as text. Only what is very large or very small has an
// exponent.
func floatCell(f float64) cell {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		s := fmt.Sprint(f)
		return cell{s, s}
	}
	form := byte('f')
	if size := math.Abs(f); size != 0 && (size < 1e-6 || size >= 1e21) {
		form = 'e'
	}
	s := strconv.FormatFloat(f, form, -1, 64)
	return cell{s, json.Number(s)}
}

func instantCell(t time.Time, typ string) cell {
	s := duckdb.Instant(t, typ)
	return cell{s, s}
}
