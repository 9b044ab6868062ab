package ledger

import "bytes"

// Bounds of the search for records in a damaged line.
const (
	maxSalvageStarts = 4096
	maxSalvageTails  = 4
)

// recordStart is what every record begins with, and what no text within a record holds: quotes
// in texts are escaped.
const recordStart = `{"seq":`

// crcKey begins the last member of a record.
const crcKey = `,"crc":"`

// salvage reads the records that a damaged line holds whole: those of two lines whose line feed
// is lost, or one behind bytes that were never written. What is left is reported.
func (r *reader) salvage(s *segment, line []byte, start, end int64) error {
	lost := 0 // everything before is accounted for
	for pos, tries := 0, 0; tries < maxSalvageStarts; tries++ {
		i := bytes.Index(line[pos:], []byte(recordStart))
		if i < 0 {
			break
		}
		pos += i
		length := r.recordLength(line[pos:])
		if length == 0 {
			pos++
			continue
		}
		if pos > lost {
			r.damage(s.name, start+int64(lost), start+int64(pos))
		}
		lost = pos + length
		if err := r.record(s, line[pos:lost], start+int64(pos)); err != nil {
			return err
		}
		pos = lost
	}
	if rest := start + int64(lost); rest < end-1 {
		r.damage(s.name, rest, end)
	}
	r.mark.Segment, r.mark.Offset = s.name, end
	return nil
}

// recordLength returns the length of the intact record that b begins with; 0 = there is none.
func (r *reader) recordLength(b []byte) int {
	for at, tries := 0, 0; tries < maxSalvageTails; tries++ {
		i := bytes.Index(b[at:], []byte(crcKey))
		if i < 0 {
			return 0
		}
		end := at + i + crcTail
		if end > len(b) {
			return 0
		}
		if intact(b[:end], r.table) {
			return end
		}
		at += i + 1
	}
	return 0
}
