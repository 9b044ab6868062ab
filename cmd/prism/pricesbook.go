package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"prism/config"
	"prism/config/sealed"
	"prism/internal/daemon"
	"prism/internal/ledger/duckdb"
	"prism/internal/pricing"
)

// baseBook is the price book below the rows of profiles.yaml. A file of fetched rows that cannot
// be read is told of, and left out.
func (a *app) baseBook(r room) (*pricing.Book, error) {
	base, err := daemon.BaseBook(r.paths.Prices)
	if base == nil {
		return nil, err
	}
	if err != nil {
		a.note("note: fetched prices are left out: %v", err)
	}
	return base, nil
}

// book is the price book as the gateway uses it. Prices are not sealed as a rule, so that the
// file need not be opened for them; where they are, it is.
func (a *app) book(ctx context.Context, r room) (*pricing.Book, error) {
	base, err := a.baseBook(r)
	if err != nil {
		return nil, err
	}
	if f := clearPrices(r.paths.Profiles); f != nil {
		if book, problems := daemon.BookOf(base, f); problems.Err() == nil {
			return book, nil
		}
	}
	f, err := a.load(ctx, r, r.paths.Profiles)
	if err != nil {
		return nil, err
	}
	if f.Profiles == nil {
		return nil, f.Problems.Err()
	}
	book, problems := daemon.BookOf(base, f.File)
	return book, problems.Err()
}

// clearPrices reads profiles.yaml without opening it; nil where the prices in it are sealed, or
// where it cannot be read.
func clearPrices(path string) *daemon.File {
	src, _, err := config.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &daemon.File{Path: path, Profiles: &config.Profiles{}}
	}
	if err != nil {
		return nil
	}
	opt := config.ParseOptions{File: path, Sealed: sealed.IsSealed(src), AllowPlaintext: true, Unopened: true, Active: "-"}
	p, _ := config.ParseProfiles(src, opt)
	if p == nil {
		return nil
	}
	for i := range p.Prices {
		if row := &p.Prices[i]; row.Provider == "" || row.ModelMatch == "" {
			return nil
		}
	}
	return &daemon.File{Path: path, Src: src, Profiles: p}
}

// foldPrices are the rows for a fold without the gateway; nil, which leaves the table of prices
// as it is, where they cannot be known without opening the file.
func (a *app) foldPrices(r room) []duckdb.PriceRow {
	base, err := daemon.BaseBook(r.paths.Prices)
	f := clearPrices(r.paths.Profiles)
	if base == nil || err != nil || f == nil {
		return nil
	}
	book, problems := daemon.BookOf(base, f)
	if problems.Err() != nil {
		return nil
	}
	rows, err := priceRows(book)
	if err != nil {
		return nil
	}
	return rows
}

// priceRows are the rows of a book as the database takes them. Both have the same JSON, which is
// how the gateway hands them to its worker as well.
func priceRows(book *pricing.Book) ([]duckdb.PriceRow, error) {
	data, err := json.Marshal(book.Rows())
	if err != nil {
		return nil, fmt.Errorf("price book: %w", err)
	}
	var rows []duckdb.PriceRow
	if err := json.Unmarshal(data, &rows); err != nil {
		return nil, fmt.Errorf("price book: %w", err)
	}
	return rows, nil
}
