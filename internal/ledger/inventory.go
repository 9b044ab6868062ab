package ledger

import (
	"fmt"
	"os"
	"time"

	"github.com/oklog/ulid/v2"
)

// SegmentInfo is a segment as it lies on the disk.
type SegmentInfo struct {
	Name     string    `json:"name"` // a ULID
	Path     string    `json:"path"`
	Archived bool      `json:"archived"`
	Bytes    int64     `json:"bytes"` // of the file
	BeganAt  time.Time `json:"began_at"`
}

// Segments lists the segments of a journal and its archive, oldest first. One that is in both
// is listed once.
func Segments(journal, archive string) ([]SegmentInfo, error) {
	list, err := listSegments(journal, archive)
	if err != nil {
		return nil, err
	}
	out := make([]SegmentInfo, 0, len(list))
	for i := range list {
		st, err := os.Stat(list[i].path)
		if err != nil {
			return nil, fmt.Errorf("look at segment %s: %w", list[i].name, err)
		}
		out = append(out, SegmentInfo{
			Name: list[i].name, Path: list[i].path, Archived: list[i].archived, Bytes: st.Size(), BeganAt: began(list[i].name),
		})
	}
	return out, nil
}

// began returns when a segment was begun, which its name says.
func began(name string) time.Time {
	id, err := ulid.ParseStrict(name)
	if err != nil {
		return time.Time{}
	}
	return ulid.Time(id.Time()).UTC()
}
