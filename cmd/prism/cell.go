package main

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"prism/internal/lang"
)

// unknown is what a table shows for what nobody knows. It is null in JSON, never 0.
const unknown = "–"

// cell is one value: as people read it, and as JSON holds it (nil = unknown).
type cell struct {
	text  string
	value any
}

// raw is the text of the value in CSV and TSV; unknown is empty.
func (c cell) raw() string {
	switch v := c.value.(type) {
	case nil:
		return ""
	case string:
		return v
	case time.Time:
		return v.UTC().Format(time.RFC3339)
	case json.Number:
		return v.String()
	case json.RawMessage:
		return string(v)
	case []string:
		return strings.Join(v, " ")
	default:
		return fmt.Sprint(v)
	}
}

func textCell(s string) cell {
	if s == "" {
		return cell{unknown, nil}
	}
	return cell{s, s}
}

// textAs shows text for people and keeps value for machines.
func textAs(text, value string) cell {
	if value == "" {
		return cell{text, nil}
	}
	return cell{text, value}
}

func (a *app) boolCell(b bool) cell {
	if b {
		return cell{a.text("yes"), true}
	}
	return cell{a.text("no"), false}
}

// countCell shows a number with thousands separated.
func countCell(n *int64) cell {
	if n == nil {
		return cell{unknown, nil}
	}
	return cell{grouped(*n), *n}
}

// tokenCell shows tokens in thousands or millions; JSON has them all.
func tokenCell(n *int64) cell {
	if n == nil {
		return cell{unknown, nil}
	}
	return cell{short(*n), *n}
}

// percentCell shows a share; JSON has both numbers that it comes from, in other columns.
func percentCell(part, whole *int64) cell {
	if part == nil || whole == nil || *whole == 0 {
		return cell{unknown, nil}
	}
	return cell{strconv.FormatInt((*part*100+*whole/2) / *whole, 10) + "%", json.Number(ratio(*part, *whole))}
}

// moneyCell takes an exact decimal and shows it with four places; "" is unknown.
func moneyCell(d string) cell {
	if d == "" {
		return cell{unknown, nil}
	}
	return cell{dollars(d, 4), d}
}

// centsCell is moneyCell with two places, for sums that people compare.
func centsCell(d string) cell {
	if d == "" {
		return cell{unknown, nil}
	}
	return cell{dollars(d, 2), d}
}

func msCell(ms *int64) cell {
	if ms == nil {
		return cell{unknown, nil}
	}
	return cell{seconds(*ms), *ms}
}

func timeCell(t time.Time, layout string) cell {
	if t.IsZero() {
		return cell{unknown, nil}
	}
	return cell{t.Local().Format(layout), t.UTC().Format(time.RFC3339Nano)}
}

// dollars rounds half away from zero, as the ledger does. It is exact: the text never
// passes through a float.
func dollars(d string, places int) string {
	r, ok := new(big.Rat).SetString(d)
	if !ok {
		return d
	}
	s := new(big.Rat).Abs(r).FloatString(places)
	whole, frac, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err == nil {
		whole = grouped(n)
	}
	sign := ""
	if r.Sign() < 0 {
		sign = "-"
	}
	return sign + "$" + whole + "." + frac
}

func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(s) - 3; i > start; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// short writes 52140 as 52.1k and 4200000 as 4.2M.
func short(n int64) string {
	switch {
	case n < 1000:
		return strconv.FormatInt(n, 10)
	case n < 999_950:
		return fmt.Sprintf("%d.%dk", (n+50)/1000, (n+50)%1000/100)
	default:
		return fmt.Sprintf("%d.%dM", (n+50_000)/1_000_000, (n+50_000)%1_000_000/100_000)
	}
}

func ratio(part, whole int64) string { return big.NewRat(part, whole).FloatString(4) }

func seconds(ms int64) string {
	if ms < 100 {
		return fmt.Sprintf("%dms", ms)
	}
	if ms < 10_000 {
		return fmt.Sprintf("%d.%ds", (ms+50)/1000, (ms+50)%1000/100)
	}
	return (time.Duration(ms) * time.Millisecond).Round(time.Second).String()
}

// ago says how long before now t was.
func ago(now, t time.Time) lang.Phrase {
	d := now.Sub(t)
	switch {
	case t.IsZero():
		return phrase(unknown)
	case d < time.Minute:
		return phrase("%ds ago", int(max(d, 0).Seconds()))
	case d < time.Hour:
		return phrase("%dm ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return phrase("%dh ago", int(d.Hours()))
	default:
		return phrase("%dd ago", int(d.Hours()/24))
	}
}

// span writes a long duration as 3d 4h.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(max(d, 0).Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh %dm", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%dd %dh", int(d.Hours())/24, int(d.Hours())%24)
	}
}
