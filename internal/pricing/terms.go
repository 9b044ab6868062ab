package pricing

import "math/big"

// MultiplierOf returns the shortest multiplier that makes a list price what was paid, for rows
// whose terms are not known any more. It is empty, and ok false, where there is none of at most
// ten decimals.
func MultiplierOf(list, paidAmount USD) (multiplier string, ok bool) {
	if !list.Known() || !paidAmount.Known() || list <= 0 || paidAmount < 0 {
		return "", false
	}
	for decimals := range usdScale + 1 {
		scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(usdScale-decimals)), nil)
		// The nearest number of that many decimals: paid / list, in units of scale x 1e-10.
		num := new(big.Int).Mul(big.NewInt(int64(paidAmount)), big.NewInt(int64(dollar)))
		den := new(big.Int).Mul(big.NewInt(int64(list)), scale)
		num.Add(num, new(big.Int).Rsh(den, 1)).Quo(num, den).Mul(num, scale)
		if !num.IsInt64() || num.Int64() >= int64(usdLimit) {
			return "", false
		}
		text := plainDecimal(USD(num.Int64()))
		if paid(list, &Query{Multiplier: text}) == paidAmount {
			return text, true
		}
	}
	return "", false
}

// Paid is what a profile pays for a list price: times its multiplier, a decimal of which an empty
// one is 1, or nothing with a flat fee. A multiplier that is none makes it Unknown.
func Paid(list USD, multiplier string, flatFee bool) USD {
	if !list.Known() {
		return Unknown
	}
	return paid(list, &Query{Multiplier: multiplier, FlatFee: flatFee})
}

// ParseUSD reads dollars such as "0.0042000000"; what is no amount of at most ten decimals is
// Unknown.
func ParseUSD(text string) USD { return priceOf(text) }

// RoundUSD reads dollars as a provider states them: a JSON number with as many decimals as it
// likes, maybe with an exponent. It is rounded to what the ledger holds; what is no such amount is
// Unknown.
func RoundUSD(number string) USD {
	text, _, err := moved(number, 0)
	if err != nil {
		return Unknown
	}
	return priceOf(text)
}
