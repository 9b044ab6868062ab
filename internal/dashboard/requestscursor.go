package dashboard

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"prism/internal/admin"
)

// maxCursor bounds the text of a cursor, in bytes.
const maxCursor = 2000

// String is the cursor as it travels in an address.
func (c cursor) String() (string, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("dashboard: write a cursor: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// readCursor reads the cursor of a list that is sorted as name says. It is worth no more than any
// other value from outside: what it holds goes beside the text of a query.
func readCursor(text, name string) (cursor, error) {
	var c cursor
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(text) > maxCursor || json.Unmarshal(b, &c) != nil || c.Sort != name || c.Row < 0 || c.Value != nil && !c.fits(name) {
		return cursor{}, usage("after= is not the next= of such a list", "leave it out, to begin anew")
	}
	return c, nil
}

// fits tells whether the value is one of the column.
func (c cursor) fits(name string) bool {
	if name[0] == '-' {
		name = name[1:]
	}
	switch sortable()[name].kind {
	case "varchar":
		return true
	case "timestamptz":
		_, err := parseStamp(*c.Value)
		return err == nil
	default:
		_, err := strconv.ParseFloat(*c.Value, 64)
		return err == nil
	}
}

// cursorOf reads the last two columns of a row.
func (l *list) cursorOf(values []json.RawMessage) (cursor, error) {
	c := cursor{Sort: l.sort.name}
	var row string
	if err := json.Unmarshal(values[0], &c.Value); err != nil {
		return c, fmt.Errorf("dashboard: place of a row: %w", err)
	}
	if err := json.Unmarshal(values[1], &row); err != nil {
		return c, fmt.Errorf("dashboard: place of a row: %w", err)
	}
	var err error
	if c.Row, err = strconv.ParseInt(row, 10, 64); err != nil {
		return c, fmt.Errorf("dashboard: place of a row: %w", err)
	}
	return c, nil
}

// parseStamp reads an instant as SQL writes it.
func parseStamp(text string) (time.Time, error) {
	var err error
	for _, layout := range []string{"2006-01-02 15:04:05.999999-07", "2006-01-02 15:04:05.999999-07:00", "2006-01-02 15:04:05.999999-07:00:00"} {
		var t time.Time
		if t, err = time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no instant: %w", text, err)
}

// columnNames are the names of the columns, as JSON.
func columnNames(res *admin.QueryResult) [][]byte {
	names := make([][]byte, len(res.Columns))
	for i, c := range res.Columns {
		names[i] = strconv.AppendQuoteToASCII(nil, c.Name)
	}
	return names
}
