package pricing

import (
	"cmp"
	_ "embed" // the price book
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"
)

//go:embed prices.json
var embedded []byte

// Book is a price book: an immutable value, safe for concurrent use.
type Book struct {
	rows  []Row
	exact map[key][]*price    // rows without wildcards, by provider and model; the one that wins first
	globs map[string][]*price // the others, by provider; the one that wins first
}

// Embedded returns the book that prism brings along.
func Embedded() (*Book, error) {
	rows, err := ParseRows(embedded)
	if err != nil {
		return nil, fmt.Errorf("read the embedded price book: %w", err)
	}
	for i := range rows {
		rows[i].Layer = LayerEmbedded
	}
	b := &Book{}
	if err := b.add(rows); err != nil {
		return nil, fmt.Errorf("read the embedded price book: %w", err)
	}
	return b, nil
}

// With returns a book with the user's rows above those of b; b stays as it is. A row with a
// Profile overrides the prices for that profile alone. Rows are replaced whole, not merged:
// a price that the new row does not state is not taken from the old one. The error joins all
// problems, each of them a [RowError].
func (b *Book) With(rows []Row) (*Book, error) {
	own := make([]Row, len(rows))
	for i := range rows {
		own[i] = rows[i].clone()
		own[i].Layer = LayerUser
		if own[i].Profile != "" {
			own[i].Layer = LayerProfile
		}
	}
	with := &Book{}
	if err := with.add(b.rows); err != nil {
		return nil, err
	}
	if err := with.add(own); err != nil {
		return nil, err
	}
	return with, nil
}

// add puts rows into a book that nobody else has seen yet.
func (b *Book) add(rows []Row) error {
	var errs []error
	taken := make(map[string]bool, len(b.rows)+len(rows))
	for i := range b.rows {
		taken[b.rows[i].ID] = true
	}
	if b.exact == nil {
		b.exact, b.globs = make(map[key][]*price), make(map[string][]*price)
	}
	for i := range rows {
		var f faults
		p := compile(&rows[i], &f)
		if taken[p.id] {
			f.add("id", "%q is taken by another row", p.id)
		}
		for _, e := range f {
			errs = append(errs, &RowError{i, e})
		}
		if len(f) > 0 {
			continue
		}
		taken[p.id] = true
		row := rows[i]
		row.ID, p.row = p.id, len(b.rows)
		b.rows = append(b.rows, row)
		if p.match.literal {
			b.exact[p.key] = insert(b.exact[p.key], p)
		} else {
			b.globs[p.key.provider] = insert(b.globs[p.key.provider], p)
		}
	}
	return errors.Join(errs...)
}

// insert keeps prices in the order in which they win.
func insert(prices []*price, p *price) []*price {
	i, _ := slices.BinarySearchFunc(prices, p, byPrecedence)
	return slices.Insert(prices, i, p)
}

// byPrecedence puts the row that wins first: the lower layer, the more specific match, the
// later start. The id settles what is left, so that the answer is always the same.
func byPrecedence(a, b *price) int {
	return cmp.Or(
		cmp.Compare(a.layer, b.layer),
		cmp.Compare(b.match.specificity, a.match.specificity),
		cmp.Compare(b.from, a.from),
		cmp.Compare(a.id, b.id),
	)
}

// Rows returns the rows of the book, ids and layers included, embedded ones first.
func (b *Book) Rows() []Row {
	rows := make([]Row, len(b.rows))
	for i := range b.rows {
		rows[i] = b.rows[i].clone()
	}
	return rows
}

// Find returns the row that prices a query, overrides of its profile included.
func (b *Book) Find(q *Query) (Row, bool) {
	p := b.find(q)
	if p == nil {
		return Row{}, false
	}
	return b.rows[p.row].clone(), true
}

// Matching returns every row that could price a model of a provider, at whatever time and for
// whichever profile. The one that would win first, were all of them open, stands first.
func (b *Book) Matching(provider, model string) []Row {
	var rows []Row
	for form := range forms(model) {
		prices := slices.Clone(b.exact[key{provider, form}])
		for _, p := range b.globs[provider] {
			if p.match.matches(form) {
				prices = append(prices, p)
			}
		}
		slices.SortFunc(prices, byPrecedence)
		for _, p := range prices {
			if !slices.ContainsFunc(rows, func(r Row) bool { return r.ID == p.id }) {
				rows = append(rows, b.rows[p.row].clone())
			}
		}
	}
	return rows
}

// forms are the names that a model is looked up by, one after the other, until one is in the book:
// as it stands, without a suffix such as [1m], then without a date; then what a cloud puts around it
// is taken off, and the date behind that.
func forms(model string) iter.Seq[string] {
	return func(yield func(string) bool) {
		bare := trimBracket(model)
		if !yield(model) || bare != model && !yield(bare) {
			return
		}
		if undated := trimDate(bare); undated != bare && !yield(undated) {
			return
		}
		inside := trimCloud(bare)
		if inside == bare || !yield(inside) {
			return
		}
		if undated := trimDate(inside); undated != inside {
			yield(undated)
		}
	}
}

// Covers tells whether the book has a price for a model of a provider at an instant,
// overrides of single profiles left aside.
func (b *Book) Covers(provider, model string, at time.Time) bool {
	return b.find(&Query{Provider: provider, Model: model, At: at}) != nil
}

// find returns the row that prices a query, or nil.
func (b *Book) find(q *Query) *price {
	for form := range forms(q.Model) {
		if p := b.match(q, form); p != nil {
			return p
		}
	}
	return nil
}

// match returns the row that wins for one form of the model's name, or nil.
func (b *Book) match(q *Query, form string) *price {
	at := q.At.UnixMicro()
	var best *price
	for _, p := range b.exact[key{q.Provider, form}] {
		if p.open(q.Profile, at) {
			best = p
			break
		}
	}
	for _, p := range b.globs[q.Provider] {
		if best != nil && byPrecedence(best, p) < 0 {
			break
		}
		if p.open(q.Profile, at) && p.match.matches(form) {
			return p
		}
	}
	return best
}

// open tells whether the row is for the profile and in force at the instant.
func (p *price) open(profile string, at int64) bool {
	return p.from <= at && at < p.to && (p.layer != LayerProfile || p.profile == profile)
}
