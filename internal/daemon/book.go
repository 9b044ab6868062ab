package daemon

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"

	"prism/config"
	"prism/internal/pricing"
)

// maxPriceFile bounds the file of fetched rows.
const maxPriceFile = 16 << 20

// ReadPrices reads the rows that were fetched into the file at path, and the state of the file
// for writing it again. A file that is not there has no rows.
func ReadPrices(path string) ([]pricing.Row, config.FileState, error) {
	data, state, err := readPriceFile(path)
	if err != nil || len(data) == 0 {
		return nil, state, err
	}
	rows, err := pricing.ParseRows(data)
	if err != nil {
		return nil, state, fmt.Errorf("prices %s: %w", path, err)
	}
	return rows, state, nil
}

func readPriceFile(path string) ([]byte, config.FileState, error) {
	state, err := config.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || path == "" {
		return nil, config.FileState{}, nil
	}
	if err == nil && !state.Mode.IsRegular() {
		err = config.ErrNotRegular // a pipe would make the reader wait
	}
	if err != nil {
		return nil, state, fmt.Errorf("prices %s: %w", path, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, state, fmt.Errorf("prices: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxPriceFile+1))
	if err == nil && len(data) > maxPriceFile {
		err = fmt.Errorf("larger than %d bytes", maxPriceFile)
	}
	if err != nil {
		return nil, state, fmt.Errorf("prices %s: %w", path, err)
	}
	return data, state, nil
}

// BaseBook is the price book below the rows of profiles.yaml: what prism brings along and what
// was fetched into the file at path. Where that file cannot be read, the book is the one that
// prism brings along, and the error says why.
func BaseBook(path string) (*pricing.Book, error) {
	base, err := readBase(path, nil)
	return base.book, err
}

// baseBook is what BaseBook found. It is replaced whole.
type baseBook struct {
	book *pricing.Book
	hash string // of the file; "" = there is none, or it cannot be read
}

// readBase returns now where the file has not changed since.
func readBase(path string, now *baseBook) (*baseBook, error) {
	data, _, readErr := readPriceFile(path)
	hash := ""
	if len(data) > 0 {
		hash = hashOf(data)
	}
	if now != nil && readErr == nil && hash == now.hash {
		return now, nil
	}
	embedded, err := pricing.Embedded()
	if err != nil {
		return &baseBook{}, fmt.Errorf("price book: %w", err)
	}
	base := &baseBook{book: embedded}
	if readErr != nil || hash == "" {
		return base, readErr
	}
	rows, err := pricing.ParseRows(data)
	if err != nil {
		return base, fmt.Errorf("prices %s: %w", path, err)
	}
	book, err := embedded.WithFetched(rows)
	if err != nil {
		return base, fmt.Errorf("prices %s: %w", path, err)
	}
	return &baseBook{book, hash}, nil
}

// nextBook reads the base of the next table's price book. A file that went bad is told of, and
// the rows that are in force stay.
func (d *Daemon) nextBook() *baseBook {
	now := d.base.Load()
	next, err := readBase(d.opt.Paths.Prices, now)
	if err == nil {
		return next
	}
	d.log.Error().Err(err).Str(keyFile, d.opt.Paths.Prices).Str(keyFix, "prism prices update --from URL, or delete the file").Msg("fetched prices not read")
	return now
}

// samePrices tells whether two readings of profiles.yaml have the same rows of prices.
func samePrices(a, b *File) bool {
	return reflect.DeepEqual(a.Profiles.Prices, b.Profiles.Prices)
}

// FilePrice is a row of the price book as profiles.yaml holds it.
func FilePrice(row *pricing.Row) config.PriceRow {
	var file config.PriceRow
	from, to := reflect.ValueOf(row).Elem(), reflect.ValueOf(&file).Elem()
	for i := range to.NumField() {
		to.Field(i).Set(from.FieldByName(to.Type().Field(i).Name))
	}
	return file
}
