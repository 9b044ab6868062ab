package reconcile

import (
	"fmt"
	"math/big"
	"strings"
)

// maxDigits bounds a figure; no provider bills more.
const maxDigits = 40

// numbers reads figures as one file writes them.
type numbers struct {
	comma bool // it comes from a country where a comma stands before the decimals
}

// ornaments may stand in and around a number and mean nothing.
func ornaments() *strings.Replacer {
	return strings.NewReplacer("$", "", "_", "", " ", "", "\u00a0", "", "\u202f", "", "'", "", "’", "")
}

// read reads a figure exactly, and counts its decimals. Nothing is 0; thousands may be set
// apart, and a dollar may stand in front.
func (n numbers) read(text string, kind Kind) (*big.Rat, int, error) {
	plain := ornaments().Replace(strings.TrimSpace(text))
	if plain == "" || plain == "-" || plain == "–" {
		return new(big.Rat), 0, nil
	}
	mark := n.decimalMark(plain, kind)
	whole, fraction, _ := cutLast(plain, mark)
	whole, grouped := joinGroups(whole)
	if !grouped || len(plain) > maxDigits || strings.ContainsAny(fraction, ",.") || strings.ContainsAny(plain, "/eExXpP") {
		return nil, 0, fmt.Errorf("%q is not a number", clip(text))
	}
	if mark != "" {
		whole += "."
	}
	v, ok := new(big.Rat).SetString(whole + fraction)
	if !ok {
		return nil, 0, fmt.Errorf("%q is not a number", clip(text))
	}
	return v, len(fraction), nil
}

// decimalMark tells what stands before the decimals, if there are any. Where both marks occur
// it is the last one; one that occurs twice sets thousands apart.
func (n numbers) decimalMark(s string, kind Kind) string {
	commas, dots := strings.Count(s, ","), strings.Count(s, ".")
	switch {
	case commas+dots == 0:
		return ""
	case commas > 0 && dots > 0:
		return s[strings.LastIndexAny(s, ",."):][:1]
	case commas+dots > 1:
		return ""
	}
	mark := s[strings.IndexAny(s, ",."):][:1]
	_, behind, _ := strings.Cut(s, mark)
	// A single mark before three digits can be either. Counts have no decimals, and in a file
	// with commas before decimals neither does a dot stand there.
	thousands := len(behind) == 3 && (mark == "," && !n.comma || n.comma && !kind.Money())
	if thousands {
		return ""
	}
	return mark
}

// joinGroups takes out what sets thousands apart; ok is false where the groups are not of three
// digits.
func joinGroups(s string) (joined string, ok bool) {
	mark := ","
	if strings.Contains(s, ".") {
		mark = "."
	}
	groups := strings.Split(s, mark)
	for i, g := range groups {
		if digits := strings.TrimLeft(g, "+-"); i > 0 && len(g) != 3 || len(groups) > 1 && (len(digits) == 0 || len(digits) > 3) {
			return "", false
		}
	}
	return strings.Join(groups, ""), true
}

// cutLast slices s around the last mark; "" cuts nothing.
func cutLast(s, mark string) (before, after string, found bool) {
	if i := strings.LastIndex(s, mark); mark != "" && i >= 0 {
		return s[:i], s[i+len(mark):], true
	}
	return s, "", false
}
