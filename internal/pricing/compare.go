package pricing

import (
	"fmt"
	"slices"
	"time"
)

// What a catalog has for a book.
const (
	ChangeNew       = "new"       // a model that the book has no price for
	ChangeChanged   = "changed"   // another price than the one in force
	ChangeUnchanged = "unchanged" // the price in force
)

// Change is what a catalog says of one model against the row in force.
type Change struct {
	Kind   string
	Row    Row      // as the book would get it; what the catalog does not speak of is filled in
	Before Row      // the row in force; the zero value for a new model
	Doubts []string // why a person should look before it is used
}

// Compare holds a catalog against the book at an instant. A changed price begins at that
// instant, a model new to the book has no beginning, a row of prism's own shape keeps its
// dates. It skips what would contradict a row of the book that begins at the same time.
func (b *Book) Compare(c *Catalog, at time.Time) (changes []Change, skipped []Skipped) {
	for i := range c.Offers {
		o := &c.Offers[i]
		dated := !o.Row.EffectiveFrom.IsZero() || !o.Row.EffectiveTo.IsZero()
		if dated {
			if b.clashes(&o.Row) {
				skipped = append(skipped, Skipped{o.Row.Provider + "/" + o.Row.ModelMatch, "a row of the book with other prices begins at the same time: it belongs under prices: of profiles.yaml"})
				continue
			}
			changes = append(changes, b.compareDated(o))
			continue
		}
		changes = append(changes, b.compare(o, at))
	}
	return changes, skipped
}

// compare handles a row without dates.
func (b *Book) compare(o *Offer, at time.Time) Change {
	ch := Change{Kind: ChangeNew, Row: o.Row.clone(), Doubts: slices.Clone(o.Doubts)}
	before, ok := b.Find(&Query{Provider: o.Row.Provider, Model: o.Row.ModelMatch, At: at})
	if !ok {
		if len(b.Matching(o.Row.Provider, o.Row.ModelMatch)) > 0 {
			ch.Row.EffectiveFrom = at.UTC() // the past has rows of its own
		}
		return ch
	}
	ch.Before, ch.Kind = before, ChangeChanged
	ch.Doubts = append(ch.Doubts, ch.Row.fill(&before)...)
	if samePrices(&ch.Row, &before) {
		return Change{Kind: ChangeUnchanged, Row: before, Before: before}
	}
	ch.Doubts = append(ch.Doubts, jumps(&before, &ch.Row)...)
	ch.Row.EffectiveFrom = at.UTC()
	return ch
}

// compareDated handles a row that says when it holds.
func (b *Book) compareDated(o *Offer) Change {
	ch := Change{Kind: ChangeNew, Row: o.Row.clone(), Doubts: slices.Clone(o.Doubts)}
	for i := range b.rows {
		if r := &b.rows[i]; r.Layer == LayerEmbedded && rowKey(r) == rowKey(&o.Row) {
			ch.Row, ch.Before, ch.Kind = r.clone(), r.clone(), ChangeUnchanged
		}
	}
	return ch
}

// clashes tells whether the book has a row for the same name from the same instant on that
// means something else.
func (b *Book) clashes(row *Row) bool {
	return slices.ContainsFunc(b.rows, func(r Row) bool {
		same := samePrices(&r, row) && r.EffectiveTo.Equal(row.EffectiveTo)
		return r.Layer == LayerEmbedded && rowKey(&r) == rowKey(row) && !same
	})
}

// samePrices tells whether two rows charge the same, whatever they are called and since when.
func samePrices(a, b *Row) bool {
	x, y := a.prices(), b.prices()
	for set := range sets {
		for class := range classes {
			if !samePrice(*x[set][class], *y[set][class]) {
				return false
			}
		}
	}
	return a.TierOverPromptTokens == b.TierOverPromptTokens && slices.Equal(a.PeakWindowsUTC, b.PeakWindowsUTC) && slices.Equal(a.PeakDays, b.PeakDays) &&
		sameFactor(a.BatchMultiplier, b.BatchMultiplier) && sameFactor(a.GeoMultiplier, b.GeoMultiplier) && samePrice(a.WebSearchPer1k, b.WebSearchPer1k)
}

// sameFactor compares two multipliers, of which an absent one is 1.
func sameFactor(a, b string) bool {
	var f faults
	return f.factor("", a) == f.factor("", b)
}

// fill takes from the row in force what a catalog does not speak of, where that still goes with
// what it does say, and returns what got lost.
func (r *Row) fill(before *Row) (lost []string) {
	keep(&r.BatchMultiplier, before.BatchMultiplier)
	keep(&r.GeoMultiplier, before.GeoMultiplier)
	keep(&r.WebSearchPer1k, before.WebSearchPer1k)
	mine, old := r.prices(), before.prices()
	same := agrees(mine[setPlain], old[setPlain])
	sameInput := samePrice(r.Input, before.Input)
	for class := range classes {
		if m, o := mine[setPlain][class], *old[setPlain][class]; *m == "" && o != "" {
			if sameInput {
				*m = o
			} else {
				lost = append(lost, priceColumn(setPlain, class)+" is not in the list, and input changed: it would no longer be known")
			}
		}
	}
	for _, set := range []int{setTier, setPeak, setFast} {
		lost = append(lost, r.fillSet(before, set, same)...)
	}
	return lost
}

// fillSet is fill for one of the sets that apply to some requests only.
func (r *Row) fillSet(before *Row, set int, same bool) (lost []string) {
	mine, old := r.prices()[set], before.prices()[set]
	has, had := stated(mine), stated(old)
	switch {
	case !had:
		return nil
	case !has && same:
		for class := range classes {
			*mine[class] = *old[class]
		}
		switch set {
		case setTier:
			r.TierOverPromptTokens = before.TierOverPromptTokens
		case setPeak:
			r.PeakWindowsUTC, r.PeakDays = slices.Clone(before.PeakWindowsUTC), slices.Clone(before.PeakDays)
		}
		return nil
	case !has:
		return []string{[sets]string{
			setTier: fmt.Sprintf("the prices above %d prompt tokens are not in the list, and would be lost", before.TierOverPromptTokens),
			setPeak: "the prices of peak hours are not in the list, and would be lost",
			setFast: "the prices of fast mode are not in the list, and would no longer be known",
		}[set]}
	case set == setTier && r.TierOverPromptTokens != before.TierOverPromptTokens:
		lost = append(lost, fmt.Sprintf("long prompts would begin at %d tokens instead of %d", r.TierOverPromptTokens, before.TierOverPromptTokens))
	}
	sameInput := samePrice(*mine[classInput], *old[classInput])
	for class := range classes {
		if *mine[class] == "" && *old[class] != "" {
			if sameInput {
				*mine[class] = *old[class]
			} else {
				lost = append(lost, priceColumn(set, class)+" is not in the list: it would no longer be known")
			}
		}
	}
	return lost
}

// keep fills an absent value.
func keep(to *string, from string) {
	if *to == "" {
		*to = from
	}
}

// stated tells whether a set has a price.
func stated(set [classes]*string) bool {
	return slices.ContainsFunc(set[:], func(text *string) bool { return *text != "" })
}

// agrees tells whether every price that a states is b's.
func agrees(a, b [classes]*string) bool {
	for class := range classes {
		if *a[class] != "" && !samePrice(*a[class], *b[class]) {
			return false
		}
	}
	return true
}
