package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"
)

// Horizon is how far back the ledger goes. It lies beside the packed segments, so that a
// database that is made anew does not bring back what was let go.
type Horizon struct {
	KeepFrom time.Time `json:"keep_from"` // rows from before are not kept; zero = everything is
	SetAt    time.Time `json:"set_at"`    // when it was last moved, or found to be right
}

// ErrHorizon says that the file of a horizon is damaged. Nobody may guess what it said: rows
// would be let go of, or come back.
var ErrHorizon = errors.New("the horizon of the archive is damaged")

// HorizonPath is the file in which the horizon of an archive stands.
func HorizonPath(archive string) string { return filepath.Join(archive, "horizon.json") }

// ReadHorizon returns the horizon of an archive, which is zero where none was ever set. A file
// in which a single bit is another one than was written gives [ErrHorizon].
func ReadHorizon(archive string) (Horizon, error) {
	path := HorizonPath(archive)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Horizon{}, nil
	}
	if err != nil {
		return Horizon{}, fmt.Errorf("read horizon: %w", err)
	}
	var h Horizon
	if err := json.Unmarshal(b, &h); err != nil {
		return Horizon{}, fmt.Errorf("%w: %s", ErrHorizon, path)
	}
	if same, err := h.encode(); err != nil || !bytes.Equal(b, same) {
		return Horizon{}, fmt.Errorf("%w: %s", ErrHorizon, path)
	}
	return h, nil
}

// encode returns the text of the file: one object, with a checksum of the rest of it.
func (h Horizon) encode() ([]byte, error) {
	h.KeepFrom, h.SetAt = h.KeepFrom.UTC(), h.SetAt.UTC()
	b, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(b[:len(b)-1], ",\"crc\":\"%08x\"}\n", crc32.Checksum(b, castagnoli())), nil
}

// Write makes h the horizon of an archive, durably.
func (h Horizon) Write(archive string) error {
	if err := os.MkdirAll(archive, 0o700); err != nil {
		return fmt.Errorf("write horizon: %w", err)
	}
	b, err := h.encode()
	if err != nil {
		return fmt.Errorf("write horizon: %w", err)
	}
	if err := renameio.WriteFile(HorizonPath(archive), b, 0o600); err != nil {
		return fmt.Errorf("write horizon: %w", err)
	}
	return disk{}.SyncDir(archive)
}

// Older returns the packed segments that hold no row from keepFrom on. Only those are looked at
// that were finished before that instant.
func Older(journal, archive string, keepFrom time.Time) ([]SegmentInfo, error) {
	infos, err := Segments(journal, archive)
	if err != nil {
		return nil, err
	}
	list, err := listSegments(journal, archive)
	if err != nil {
		return nil, err
	}
	var out []SegmentInfo
	for i := 0; i+1 < len(infos) && i < len(list); i++ {
		if !infos[i+1].BeganAt.Before(keepFrom) || infos[i].Name != list[i].name {
			break
		}
		if !infos[i].Archived {
			continue
		}
		old, err := onlyOlder(&list[i], keepFrom)
		if err != nil {
			return nil, err
		}
		if old {
			out = append(out, infos[i])
		}
	}
	return out, nil
}

// errNewer ends the reading of a segment.
var errNewer = errors.New("a newer row")

// onlyOlder tells whether every row of a segment is from before keepFrom, whatever the clock
// said when it was written.
func onlyOlder(s *segment, keepFrom time.Time) (bool, error) {
	r := reader{table: castagnoli(), rec: Record{dec: newLexer(nil)}}
	r.fn = func(rec *Record) error {
		if rec.Kind.Projected() && !rec.At().Before(keepFrom) {
			return errNewer
		}
		return nil
	}
	err := r.segment(s, false)
	if errors.Is(err, errNewer) {
		return false, nil
	}
	return err == nil, err
}

// Remove deletes packed segments, oldest first.
func Remove(list []SegmentInfo) error {
	for _, s := range list {
		if err := os.Remove(s.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove segment %s: %w", s.Name, err)
		}
	}
	return nil
}
