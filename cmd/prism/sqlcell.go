package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"
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
// text, so that money is never a float; instants are RFC 3339 in UTC.
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
		return cell{h, h}
	case time.Time:
		return instantCell(x, typ)
	}
	b, err := marshal(v)
	if err != nil {
		return cell{fmt.Sprint(v), fmt.Sprint(v)}
	}
	return cell{string(b), json.RawMessage(b)}
}

// floatCell keeps what JSON has no number for as text.
func floatCell(f float64) cell {
	s := fmt.Sprint(f)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return cell{s, s}
	}
	return cell{s, json.Number(s)}
}

func instantCell(t time.Time, typ string) cell {
	s := t.UTC().Format(time.RFC3339Nano)
	switch {
	case typ == "DATE":
		s = t.Format(time.DateOnly)
	case strings.HasPrefix(typ, "TIME") && !strings.HasPrefix(typ, "TIMESTAMP"):
		s = t.Format("15:04:05.999999")
	}
	return cell{s, s}
}
