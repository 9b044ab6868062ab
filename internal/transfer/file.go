package transfer

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// readSource reads a whole file that is a configuration: a regular one, of a sane size.
func readSource(path string) ([]byte, error) {
	// Opening a pipe would wait for somebody to write into it.
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: it is not a regular file", ErrFormat)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSource+1))
	if err == nil && len(data) > maxSource {
		err = ErrTooLarge
	}
	return data, err
}

// isSQLite tells whether a file begins as a database does.
func isSQLite(path string) bool {
	if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 16)
	_, err = io.ReadFull(f, head)
	return err == nil && bytes.Equal(head, []byte("SQLite format 3\x00"))
}

// readObject reads a JSON file that holds fields.
func readObject(path string) (*node, error) {
	data, err := readSource(path)
	if err != nil {
		return nil, err
	}
	return objectOf(data)
}

func objectOf(data []byte) (*node, error) {
	n, err := parseJSON(data)
	if err == nil && n.kind != kindFields {
		err = ErrFormat
	}
	return n, err
}
