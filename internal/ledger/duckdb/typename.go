package duckdb

import (
	"math"
	"strings"
	"time"
)

// ElementType is the type of what is in a list or an array: of INTEGER[] and INTEGER[3], INTEGER. It is
// "" for another type.
func ElementType(typ string) string {
	if !strings.HasSuffix(typ, "]") {
		return ""
	}
	return typ[:strings.LastIndexByte(typ, '[')]
}

// MemberType is the type of a member of a struct, or of the values of a map. It is "" where there is
// none of the name.
func MemberType(typ, name string) string {
	list, ok := strings.CutSuffix(typ, ")")
	if !ok {
		return ""
	}
	if of, ok := strings.CutPrefix(list, "MAP("); ok {
		key := upToComma(of)
		return strings.TrimPrefix(of[len(key):], ", ")
	}
	list, ok = strings.CutPrefix(list, "STRUCT(")
	for ok && list != "" {
		member := upToComma(list)
		if of, found := strings.CutPrefix(member, identifier(name)+" "); found {
			return of
		}
		list = strings.TrimPrefix(list[len(member):], ", ")
	}
	return ""
}

// keyType is the type of the keys of a map, or "".
func keyType(typ string) string {
	list, ok := strings.CutPrefix(typ, "MAP(")
	if !ok {
		return ""
	}
	return upToComma(list)
}

// upToComma is the beginning of a list of types, up to a comma that is in no brackets and no name.
func upToComma(list string) string {
	depth, quoted := 0, false
	for i := range len(list) {
		switch c := list[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			return list[:i]
		}
	}
	return list
}

// Instant writes a value of a type that has to do with time. An instant is in UTC, as RFC 3339 has it; what
// has no time zone is written without one.
func Instant(t time.Time, typ string) string {
	switch t.Unix() {
	case math.MaxInt32 * 86400, math.MaxInt64 / 1_000_000: // of a DATE, of the others
		return "infinity"
	case -math.MaxInt32 * 86400, time.UnixMicro(-math.MaxInt64).Unix():
		return "-infinity"
	}
	switch typ {
	case "DATE":
		return t.Format(time.DateOnly)
	case "TIME":
		return t.Format("15:04:05.999999")
	case "TIMETZ":
		return t.Format("15:04:05.999999-07:00")
	case "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS":
		return t.UTC().Format("2006-01-02T15:04:05.999999999")
	}
	return t.UTC().Format(time.RFC3339Nano)
}
