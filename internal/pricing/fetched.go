package pricing

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrProfileRow is returned for a row of one profile where rows for everybody are wanted: it
// belongs into profiles.yaml.
var ErrProfileRow = errors.New("a row of one profile belongs into profiles.yaml")

// fetchedPrefix begins the id of every row that was fetched.
const fetchedPrefix = "fetched:"

// Fetched tells whether the row was fetched rather than brought along.
func (r *Row) Fetched() bool {
	return r.Layer == LayerEmbedded && strings.HasPrefix(r.ID, fetchedPrefix)
}

// WithFetched returns a book with rows that were fetched beside those that prism brings along;
// b stays as it is. They share a layer: of two rows that match a name equally well the one that
// begins later wins, so that a fetched change holds until a newer version of prism knows of a
// later one. Ids are derived from the contents. The error is as that of [Book.With].
func (b *Book) WithFetched(rows []Row) (*Book, error) {
	own := make([]Row, 0, len(rows))
	for i := range rows {
		r, err := fetchedRow(&rows[i])
		if err != nil {
			return nil, fmt.Errorf("prices[%d].%w", i, err)
		}
		if !slices.ContainsFunc(own, func(o Row) bool { return o.ID == r.ID }) {
			own = append(own, r)
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

// fetchedRow returns a copy of r as a book of fetched rows holds it.
func fetchedRow(r *Row) (Row, error) {
	if r.Profile != "" {
		return Row{}, &FieldError{Field: "profile", Problem: ErrProfileRow.Error()}
	}
	own := r.clone()
	own.ID, own.Layer = "", LayerEmbedded
	var f faults
	own.ID = deriveID(own, &f)
	return own, f.err()
}

// ParseRows reads rows as JSON: a list of objects, as [Row] is written. A field that no row has
// is an error.
func ParseRows(data []byte) ([]Row, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var rows []Row
	if err := dec.Decode(&rows); err != nil {
		return nil, fmt.Errorf("read price rows: %w", err)
	}
	if dec.More() {
		return nil, errors.New("read price rows: there is something after the list")
	}
	return rows, nil
}
