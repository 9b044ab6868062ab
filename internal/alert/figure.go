package alert

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// ErrBound is wrapped by what [New] says of a bound that is no decimal.
var ErrBound = errors.New("not a decimal number")

func rational(text string) (*big.Rat, error) {
	if text == "" {
		return nil, nil
	}
	n, ok := parse(text)
	if !ok {
		return nil, fmt.Errorf("%q: %w", text, ErrBound)
	}
	return n, nil
}

// parse reads what a query gives: a number in any of DuckDB's spellings, or a truth. The
// exponent is bounded: 1e999999999 is a number that nobody has the memory for.
func parse(text string) (*big.Rat, bool) {
	switch text {
	case "true":
		return big.NewRat(1, 1), true
	case "false":
		return new(big.Rat), true
	}
	const longest = 400
	if len(text) > longest || strings.ContainsAny(text, "/_xXpPbBoO") {
		return nil, false
	}
	if at := strings.IndexAny(text, "eE"); at >= 0 && len(strings.TrimLeft(text[at+1:], "+-0")) > 3 {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}
