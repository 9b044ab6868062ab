package pricing

import (
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// USD is an exact amount in units of 1e-10 US dollars, or [Unknown].
type USD int64

// Unknown is the amount that nobody can tell. It is NULL in the ledger, never 0.
const Unknown USD = math.MinInt64

const (
	usdScale = 10                // decimals of a USD
	usdWidth = 18                // digits of a USD: DECIMAL(18,10) in the ledger
	usdLimit = USD(1e18)         // the first amount that the ledger cannot hold
	dollar   = USD(1e10)         // one US dollar
	perMTok  = uint64(1_000_000) // the tokens that a unit price is for

	factorScale = 4 // decimals of the book's factors: DECIMAL(8,4) in the ledger
	factorWidth = 8
	factorOne   = int64(10_000)
)

// Known tells whether u is an amount.
func (u USD) Known() bool { return u != Unknown }

// String returns u in dollars with all ten decimals, such as "0.0042000000", or "unknown".
func (u USD) String() string {
	if !u.Known() {
		return "unknown"
	}
	buf := make([]byte, 0, 24)
	if u < 0 {
		buf = append(buf, '-')
		u = -u
	}
	buf = strconv.AppendInt(buf, int64(u/dollar), 10)
	buf = append(buf, '.')
	frac := len(buf)
	buf = strconv.AppendInt(buf, int64(dollar+u%dollar), 10)
	return string(append(buf[:frac], buf[frac+1:]...))
}

// line prices a number of tokens at a price per million. No tokens cost nothing, even where
// they have no price; tokens without a price are Unknown. It is _line of the ledger.
func line(tokens int64, perMillion USD) USD {
	switch {
	case tokens <= 0:
		return 0
	case !perMillion.Known():
		return Unknown
	}
	return mulDiv(uint64(tokens), uint64(perMillion), perMTok)
}

// times multiplies an amount by a factor of the book. It is _times of the ledger.
func times(u USD, factor int64) USD {
	if !u.Known() || factor == factorOne {
		return u
	}
	return mulDiv(uint64(u), uint64(factor), uint64(factorOne))
}

// plus adds two amounts of less than usdLimit; the sum is Unknown if one of them is.
func plus(a, b USD) USD {
	if !a.Known() || !b.Known() {
		return Unknown
	}
	return a + b
}

// mulDiv returns a x b / d rounded half away from zero, or Unknown where the ledger could
// not hold it. d is even.
func mulDiv(a, b, d uint64) USD {
	hi, lo := bits.Mul64(a, b)
	lo, carry := bits.Add64(lo, d/2, 0)
	hi += carry
	if hi >= d {
		return Unknown
	}
	quo, _ := bits.Div64(hi, lo, d)
	if quo >= uint64(usdLimit) {
		return Unknown
	}
	return USD(quo)
}

// parseDecimal reads digits with an optional fraction as an integer of 10^-scale. The number
// must fit DECIMAL(width, scale); signs, exponents and spaces are refused.
func parseDecimal(text string, width, scale int) (n int64, ok bool) {
	whole, frac, point := strings.Cut(text, ".")
	if whole == "" || point && frac == "" || len(whole) > width-scale || len(frac) > scale {
		return 0, false
	}
	for i := range len(whole) + scale {
		digit := byte('0')
		if i < len(whole) {
			digit = whole[i]
		} else if i-len(whole) < len(frac) {
			digit = frac[i-len(whole)]
		}
		if digit < '0' || digit > '9' {
			return 0, false
		}
		n = n*10 + int64(digit-'0')
	}
	return n, true
}
