// Package pricing says what tokens cost, and when.
//
// A [Book] is an immutable list of dated prices per provider and model: the embedded rows,
// the user's rows above them, and above those the overrides of single profiles. Prices are
// US dollars per million tokens. [Book.Price] finds the row in force at the instant of a
// request and prices its tokens, part by part.
//
// Money is an integer of 1e-10 dollars and no float ever touches it. Each line (tokens x
// price) is rounded once, half away from zero, the way DuckDB rounds a DECIMAL(18,10): the
// macro repriced() of the ledger computes the same figures to the last digit, and its
// macros _line, _times, _peak, _set, _pick and _candidates are the specification of this
// package.
//
// What is not known stays unknown: no row, no price for a class of tokens that was used, or
// an amount that the ledger could not hold is [Unknown], never 0.
package pricing
