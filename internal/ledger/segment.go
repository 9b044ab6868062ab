package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/klauspost/compress/zstd"
)

// segment is one file of the journal or of the archive.
type segment struct {
	name     string
	path     string
	archived bool
	limit    int64  // bytes that count; -1 = all
	run      string // that wrote it; "" = the header is damaged
}

// listSegments returns the segments of a journal and, where archive is not empty, of its
// archive, in the order of their names. One that is in both is taken from the journal.
func listSegments(journal, archive string) ([]segment, error) {
	found := make(map[string]segment)
	for _, from := range []struct{ dir, ext string }{{archive, archiveExt}, {journal, segmentExt}} {
		if from.dir == "" {
			continue
		}
		entries, err := os.ReadDir(from.dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("list segments: %w", err)
		}
		for _, entry := range entries {
			name, ok := strings.CutSuffix(entry.Name(), from.ext)
			if ok && isID(name) && entry.Type().IsRegular() {
				found[name] = segment{
					name: name, path: filepath.Join(from.dir, entry.Name()), archived: from.ext == archiveExt, limit: -1,
				}
			}
		}
	}
	list := make([]segment, 0, len(found))
	for _, s := range found {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b segment) int { return strings.Compare(a.name, b.name) })
	return list, nil
}

// readHeaders finds out who wrote each segment, and which ones were given up, and where, from
// the headers of those that took over.
func readHeaders(list []segment) error {
	table := castagnoli()
	for i := range list {
		h, err := readHeader(&list[i], table)
		if err != nil {
			return err
		}
		list[i].run = h.run
		if h.segment == "" {
			continue
		}
		at := slices.IndexFunc(list, func(s segment) bool { return s.name == h.segment })
		if at >= 0 && (list[at].limit < 0 || h.offset < list[at].limit) {
			list[at].limit = h.offset
		}
	}
	return nil
}

// readHeader reads the first line of a segment. One that is missing or damaged says nothing.
func readHeader(s *segment, table *crc32.Table) (header, error) {
	var h header
	in, err := s.open()
	if errors.Is(err, fs.ErrNotExist) {
		return h, nil // archived in the meantime; it is finished, so nothing continues it
	}
	if err != nil {
		return h, err
	}
	defer in.Close()
	buf := make([]byte, 2048)
	n, _ := io.ReadFull(in, buf)
	line, _, found := bytes.Cut(buf[:n], []byte{'\n'})
	if found && intact(line, table) {
		newLexer(line).head(&Record{}, &h)
	}
	return h, nil
}

// open returns the bytes of a segment, unpacked.
func (s *segment) open() (io.ReadCloser, error) {
	f, err := s.file()
	if err != nil || !s.archived {
		return f, err
	}
	unpacked, err := unpack(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("unpack segment %s: %w", s.name, err), f.Close())
	}
	return &unpacker{unpacked, f}, nil
}

// bytes returns the file of a segment as it is. A packed one is small enough for that.
func (s *segment) bytes() ([]byte, error) {
	f, err := s.file()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("read segment %s: %w", s.name, err)
	}
	return b, nil
}

func (s *segment) file() (*os.File, error) {
	f, err := os.OpenFile(s.path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open segment: %w", err)
	}
	return f, nil
}

func unpack(r io.Reader) (io.ReadCloser, error) {
	dec, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, err
	}
	return dec.IOReadCloser(), nil
}

// unpacker closes both the decoder and its file.
type unpacker struct {
	io.ReadCloser
	file *os.File
}

// Close implements io.Closer.
func (u *unpacker) Close() error {
	return errors.Join(u.ReadCloser.Close(), u.file.Close())
}
