package pricing

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Bounds of a number in somebody else's list: what is longer is no price.
const (
	maxNumber   = 64   // characters
	maxExponent = 1000 // decimal places either way
)

// errNumber is what is wrong with a number that cannot be a price.
var errNumber = errors.New("no price that the book can hold")

// moved returns a JSON number times 10^shift as a plain decimal. Nothing passes through a
// float, so 1.5e-07 dollars per token are 0.15 per million. A number with more decimals than
// the book holds is rounded half away from zero, and exact is false.
func moved(number string, shift int) (text string, exact bool, err error) {
	fail := func() (string, bool, error) {
		return "", false, fmt.Errorf("%.*q is %w", maxNumber, number, errNumber)
	}
	if len(number) > maxNumber {
		return fail()
	}
	mantissa, exponent, scientific := strings.Cut(strings.ToLower(number), "e")
	exp := 0
	if scientific {
		if exp, err = strconv.Atoi(exponent); err != nil || exp > maxExponent || exp < -maxExponent {
			return fail()
		}
	}
	whole, frac, point := strings.Cut(mantissa, ".")
	digits := whole + frac
	if whole == "" || point && frac == "" || strings.Trim(digits, "0123456789") != "" {
		return fail()
	}
	text, exact = placed(digits, len(whole)+exp+shift)
	if _, ok := parseDecimal(text, usdWidth, usdScale); !ok || text == "0" && strings.Trim(digits, "0") != "" {
		return fail()
	}
	return text, exact, nil
}

// placed writes digits with the point before digits[at], rounded to the decimals of the book.
func placed(digits string, at int) (text string, exact bool) {
	if at < 0 {
		digits, at = strings.Repeat("0", -at)+digits, 0
	}
	if at > len(digits) {
		digits += strings.Repeat("0", at-len(digits))
	}
	exact = true
	if end := at + usdScale; end < len(digits) {
		exact = strings.Trim(digits[end:], "0") == ""
		up := digits[end] >= '5'
		digits = digits[:end]
		if up {
			digits, at = increment(digits, at)
		}
	}
	whole, frac := strings.TrimLeft(digits[:at], "0"), strings.TrimRight(digits[at:], "0")
	if whole == "" {
		whole = "0"
	}
	if frac == "" {
		return whole, exact
	}
	return whole + "." + frac, exact
}

// increment adds one to the last digit.
func increment(digits string, at int) (string, int) {
	sum := []byte(digits)
	for i := len(sum) - 1; i >= 0; i-- {
		if sum[i] != '9' {
			sum[i]++
			return string(sum), at
		}
		sum[i] = '0'
	}
	return "1" + string(sum), at + 1
}

// priceOf reads a price that is known to be one.
func priceOf(text string) USD {
	n, ok := parseDecimal(text, usdWidth, usdScale)
	if !ok {
		return Unknown
	}
	return USD(n)
}

// samePrice compares two prices by value: 0.30 is 0.3.
func samePrice(a, b string) bool { return priceOf(a) == priceOf(b) }

// product multiplies a price by a factor of at most four decimals.
func product(price, factor string) (text string, exact bool) {
	f, ok := parseDecimal(factor, factorWidth, factorScale)
	u := priceOf(price)
	if !ok || !u.Known() {
		return "", false
	}
	p := times(u, f)
	if !p.Known() {
		return "", false
	}
	return plainDecimal(p), (int64(u)%factorOne)*(f%factorOne)%factorOne == 0
}

// quotient returns a / b as a factor, where it is one of at most four decimals.
func quotient(a, b string) (string, bool) {
	x, y := priceOf(a), priceOf(b)
	if !x.Known() || !y.Known() || y <= 0 {
		return "", false
	}
	f := mulDiv(uint64(x), uint64(factorOne), 2*uint64(y)) * 2 // mulDiv wants an even divisor
	for _, n := range [...]USD{f - 1, f, f + 1} {
		if n >= 0 && int64(n) < 1e8 && times(y, int64(n)) == x {
			return plainDecimal(n * (dollar / USD(factorOne))), true
		}
	}
	return "", false
}

// plainDecimal writes a known amount without needless zeros.
func plainDecimal(u USD) string {
	return strings.TrimSuffix(strings.TrimRight(u.String(), "0"), ".")
}
