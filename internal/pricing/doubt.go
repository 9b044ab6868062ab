package pricing

import "fmt"

// Prices of text models lie between these, in dollars per million tokens. What lies outside is
// more likely a price in another unit.
const (
	leastPrice = dollar / 1000
	mostPrice  = 1000 * dollar
	jumpFactor = 100
)

// Doubts says what is odd about the prices of a row: an order that prices do not have, or a size
// that points to another unit. It is for a person to read; the row may be right all the same.
func (r *Row) Doubts() (odd []string) {
	if priceOf(r.Input) == 0 && priceOf(r.Output) == 0 {
		odd = append(odd, "costs nothing: free, or not known?")
	}
	for set, texts := range r.prices() {
		var u [classes]USD
		for class, text := range texts {
			u[class] = priceOf(*text)
			if u[class].Known() && u[class] != 0 && (u[class] < leastPrice || u[class] > mostPrice) {
				odd = append(odd, fmt.Sprintf("%s is %s: dollars per million tokens?", priceColumn(set, class), *text))
			}
		}
		odd = append(odd, disorder(r.Provider, set, u)...)
	}
	return odd
}

// disorder compares the prices of one set: reading from the cache is cheaper than input, writing
// to it dearer, for an hour more than for five minutes. Providers other than Anthropic may charge
// nothing for writes, or the same as for input.
func disorder(provider string, set int, u [classes]USD) (odd []string) {
	strict := provider == "anthropic"
	check := func(low, high int) {
		a, b := u[low], u[high]
		if !a.Known() || !b.Known() || !strict && (a == 0 || b == 0) {
			return
		}
		if a > b || strict && a == b {
			odd = append(odd, fmt.Sprintf("%s is not below %s", priceColumn(set, low), priceColumn(set, high)))
		}
	}
	check(classCacheRead, classInput)
	check(classInput, classCacheWrite5m)
	check(classCacheWrite5m, classCacheWrite1h)
	check(classInput, classOutput)
	return odd
}

// jumps names the prices that changed by a factor of a hundred or from or to nothing.
func jumps(before, after *Row) (odd []string) {
	old, now := before.prices(), after.prices()
	for set := range sets {
		for class := range classes {
			a, b := priceOf(*old[set][class]), priceOf(*now[set][class])
			if !a.Known() || !b.Known() || a == b {
				continue
			}
			if a == 0 || b == 0 || a/b >= jumpFactor || b/a >= jumpFactor {
				odd = append(odd, fmt.Sprintf("%s goes from %s to %s", priceColumn(set, class), *old[set][class], *now[set][class]))
			}
		}
	}
	return odd
}
