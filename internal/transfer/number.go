package transfer

import (
	"math/big"
	"strconv"
	"strings"
)

// decimals is how many places money has in profiles.yaml.
const decimals = 10

// decimalOf writes a number times a factor as profiles.yaml takes it; empty where it is none, or
// negative. Exponents, which other tools write small prices with, are written out.
func decimalOf(s string, factor int64) string {
	r, ok := ratOf(s)
	if !ok || r.Sign() < 0 {
		return ""
	}
	r.Mul(r, new(big.Rat).SetInt64(factor))
	if r.Cmp(new(big.Rat).SetInt64(1e12)) >= 0 {
		return ""
	}
	out := r.FloatString(decimals)
	return strings.TrimSuffix(strings.TrimRight(out, "0"), ".")
}

// ratOf reads a decimal number exactly. Numbers with exponents beyond any price are none.
func ratOf(s string) (*big.Rat, bool) {
	s = strings.TrimSpace(s)
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || len(s) > 40 || f != 0 && (f > 1e15 || f < -1e15 || f > -1e-15 && f < 1e-15) || strings.ContainsAny(s, "xXpP_") {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

// isOne tells whether a decimal is 1.
func isOne(s string) bool {
	r, ok := ratOf(s)
	return ok && r.Cmp(big.NewRat(1, 1)) == 0
}

// wholeOf reads a number of tokens; 0 where it is none.
func wholeOf(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}
