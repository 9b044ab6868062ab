// Package reconcile compares what a provider says was used and billed, in a CSV file, with what
// the ledger says, by day and model.
//
// Figures are exact: rational numbers, never floats. The provider's days are UTC's.
package reconcile
