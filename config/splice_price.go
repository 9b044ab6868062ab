package config

import (
	"errors"
	"fmt"

	"github.com/goccy/go-yaml/ast"
)

// ErrPricesShape is returned where the list of prices is written in a way that a row cannot be
// put into without touching more than that; an editor can.
var ErrPricesShape = errors.New("prices cannot be extended as it is written")

// pricesKey is the field that holds the rows.
const pricesKey = "prices"

// SplicePrice puts a row into the field prices of src, and changes nothing else: the other bytes,
// comments and ciphertexts stay. A row for the same profile, provider and model from the same
// instant on is replaced, since two of them would contradict each other; replaced tells. The
// result is parsed again and compared before it is returned.
func SplicePrice(src []byte, row PriceRow) (out []byte, replaced bool, err error) {
	s := &listSplice{src: src, key: pricesKey}
	s.write(fieldsOf(&row))
	out, err = s.splice(func(item ast.Node) bool { return sameSubject(item, &row) })
	return out, err == nil && s.replaces >= 0, spliceError("splice price", err, ErrPricesShape)
}

// sameSubject tells whether an item is for what the row is for, from the same instant on.
func sameSubject(item ast.Node, row *PriceRow) bool {
	m, ok := item.(ast.MapNode)
	if !ok {
		return false
	}
	got := map[string]string{}
	for it := m.MapRange(); it.Next(); {
		if s, ok := it.Value().(ast.ScalarNode); ok {
			got[keyOf(it.Key())] = fmt.Sprint(s.GetValue())
		}
	}
	from, _ := instantOf(got["effective_from"])
	return got["profile"] == row.Profile && got["provider"] == row.Provider && got["model_match"] == row.ModelMatch && from.Equal(row.EffectiveFrom)
}
