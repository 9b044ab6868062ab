package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// packed returns a packed segment of several blocks, and what it holds.
func packed(t testing.TB, lines int) (file, content []byte) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for n := range lines {
		fmt.Fprintf(&b, "line %d %x\n", n, random.Uint64())
	}
	var out bytes.Buffer
	length, _, err := writeBlocks(&out, bytes.NewReader(b.Bytes()))
	if err != nil || length != int64(b.Len()) {
		t.Fatalf("packed %d of %d bytes: %v", length, b.Len(), err)
	}
	return out.Bytes(), b.Bytes()
}

// readBlocks returns what can be unpacked of a file, and the number of complaints.
func readBlocks(t testing.TB, file []byte) (content []byte, complaints []string) {
	t.Helper()
	b, err := newBlocks(file, func(from, to int64, what string) {
		complaints = append(complaints, fmt.Sprintf("%d to %d: %s", from, to, what))
	})
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	for data, _ := b.next(); data != nil; data, _ = b.next() {
		content = append(content, data...)
	}
	return content, complaints
}

func TestAPackedSegmentIsReadByAnyZstd(t *testing.T) {
	for _, lines := range []int{0, 1, 100, 50_000} {
		file, want := packed(t, lines)
		got, complaints := readBlocks(t, file)
		if !bytes.Equal(got, want) || len(complaints) > 0 {
			t.Fatalf("%d lines: %d of %d bytes, %v", lines, len(got), len(want), complaints)
		}
		dec, err := zstd.NewReader(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		got, err = io.ReadAll(dec)
		dec.Close()
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d lines through zstd: %d of %d bytes, %v", lines, len(got), len(want), err)
		}
	}
}

func TestEveryBitOfAPackedSegmentCounts(t *testing.T) {
	file, want := packed(t, 40)
	for bit := range len(file) * 8 {
		spoilt := slices.Clone(file)
		spoilt[bit/8] ^= 1 << (bit % 8)
		if !labelled(spoilt) {
			t.Fatalf("bit %d makes it a segment of an earlier version", bit)
		}
		if _, complaints := readBlocks(t, spoilt); len(complaints) == 0 {
			t.Fatalf("bit %d of byte %d: no complaint", bit%8, bit/8)
		}
	}
	for length := range len(file) {
		got, complaints := readBlocks(t, file[:length])
		if len(complaints) == 0 {
			t.Fatalf("cut to %d bytes: no complaint", length)
		}
		if !bytes.HasPrefix(want, got) {
			t.Fatalf("cut to %d bytes: something else was read", length)
		}
	}
	if _, complaints := readBlocks(t, append(slices.Clone(file), 0)); len(complaints) == 0 {
		t.Fatal("one byte more: no complaint")
	}
}

func TestADamagedBlockCostsNoOther(t *testing.T) {
	file, want := packed(t, 60_000)
	lines := bytes.Count(want, []byte{'\n'})
	random := rand.New(rand.NewPCG(5, 5))
	for range 200 {
		spoilt := slices.Clone(file)
		at := random.IntN(len(file))
		spoilt[at] ^= 1 << random.IntN(8)
		got, complaints := readBlocks(t, spoilt)
		if len(complaints) == 0 {
			t.Fatalf("byte %d: no complaint", at)
		}
		if lost := lines - bytes.Count(got, []byte{'\n'}); lost > lines/4 {
			t.Fatalf("byte %d of %d: %d of %d lines are lost, %v", at, len(file), lost, lines, complaints)
		}
	}
}

func FuzzBlocks(f *testing.F) {
	file, _ := packed(f, 40)
	f.Add(file)
	f.Add(file[:len(file)-7])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, file []byte) {
		b, err := newBlocks(file, func(from, to int64, _ string) {
			if from < 0 || to >= 0 && to < from {
				t.Errorf("damage from %d to %d", from, to)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		defer b.close()
		for range len(file) + 2 {
			data, _ := b.next()
			if data == nil {
				return
			}
		}
		t.Error("there is no end of blocks")
	})
}

// oneSegment writes n close records into a journal of one segment and returns its path.
func oneSegment(t *testing.T, n int) (dir, path string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "journal")
	j, _ := openTest(t, JournalOptions{Dir: dir})
	for i := range n {
		if err := j.Close(full(i)); err != nil {
			t.Fatal(err)
		}
	}
	path = j.State().Segment
	shut(t, j)
	return dir, path
}

// change rewrites a file.
func change(t *testing.T, path string, fn func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, fn(b), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestWholeRecordsOfADamagedLineAreSaved(t *testing.T) {
	// feed returns the offset of the n-th line feed.
	feed := func(b []byte, n int) int {
		at := -1
		for range n {
			at += 1 + bytes.IndexByte(b[at+1:], '\n')
		}
		return at
	}
	tests := []struct {
		name  string
		spoil func([]byte) []byte
		lost  []string // ids
	}{
		{"a line feed is lost", func(b []byte) []byte { b[feed(b, 3)] ^= 1; return b }, nil},
		{"two line feeds are lost", func(b []byte) []byte { b[feed(b, 3)], b[feed(b, 2)] = 'x', 'y'; return b }, nil},
		{"the header has lost its line feed", func(b []byte) []byte { b[feed(b, 1)] = ' '; return b }, nil},
		{"zeros before a record", func(b []byte) []byte {
			at := feed(b, 2) + 1
			return slices.Insert(b, at, make([]byte, 5000)...)
		}, nil},
		{"half a record before another", func(b []byte) []byte {
			from, to := feed(b, 2)+1, feed(b, 3)+1
			return slices.Delete(b, from+(to-from)/2, to)
		}, []string{full(1).RequestID}},
		{"a bit within", func(b []byte) []byte { b[feed(b, 2)+100] ^= 4; return b }, []string{full(1).RequestID}},
		{"a byte becomes a line feed", func(b []byte) []byte { b[feed(b, 2)+100] = '\n'; return b }, []string{full(1).RequestID}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir, path := oneSegment(t, 5)
			change(t, path, tt.spoil)
			damages := 0
			got := closes(t, Source{Journal: dir, OnDamage: func(Damage) { damages++ }})
			var want []string
			for n := range 5 {
				if id := full(n).RequestID; !slices.Contains(tt.lost, id) {
					want = append(want, id)
				}
			}
			if !slices.Equal(got, want) || damages == 0 {
				t.Errorf("read %v with %d damages, want %v", got, damages, want)
			}
		})
	}
}

func TestRunsWithoutAHeaderAreNotTakenForOne(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	var want []string
	for run := range 2 {
		j, _ := openTest(t, JournalOptions{Dir: dir})
		for n := range 3 {
			e := full(10*run + n)
			want = append(want, e.RequestID)
			if err := j.Close(e); err != nil {
				t.Fatal(err)
			}
		}
		path := j.State().Segment
		shut(t, j)
		change(t, path, func(b []byte) []byte { b[20] ^= 1; return b })
	}
	if got := closes(t, Source{Journal: dir}); !slices.Equal(got, want) {
		t.Errorf("read %v, want %v", got, want)
	}
}

func TestAGapInARunIsReported(t *testing.T) {
	dir, path := oneSegment(t, 5)
	var gaps []Gap
	source := Source{Journal: dir, OnGap: func(g Gap) { gaps = append(gaps, g) }}
	if got := closes(t, source); len(got) != 5 || len(gaps) != 0 {
		t.Fatalf("sound: %v, %v", got, gaps)
	}
	change(t, path, func(b []byte) []byte {
		lines := bytes.SplitAfter(b, []byte{'\n'})
		return bytes.Join(append(lines[:2:2], lines[4:]...), nil)
	})
	closes(t, source)
	if len(gaps) != 1 || gaps[0].Missing() != 2 || gaps[0].After != 1 || gaps[0].Before != 4 {
		t.Errorf("gaps = %+v", gaps)
	}
}

func TestASegmentThatAnEarlierVersionPackedIsRead(t *testing.T) {
	dir, path := oneSegment(t, 50)
	plain, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(filepath.Dir(dir), "archive")
	if err := os.Mkdir(archive, 0o700); err != nil {
		t.Fatal(err)
	}
	name := strings.TrimSuffix(filepath.Base(path), segmentExt)
	target := archivePath(archive, name)
	if err := os.WriteFile(target, enc.EncodeAll(plain, nil), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(enc.Close(), os.Remove(path)); err != nil {
		t.Fatal(err)
	}
	damages := 0
	source := Source{Journal: dir, Archive: archive, OnDamage: func(Damage) { damages++ }}
	if got := closes(t, source); len(got) != 50 || damages != 0 {
		t.Fatalf("read %d of 50 records, %d damages", len(got), damages)
	}
	change(t, target, func(b []byte) []byte { return b[:len(b)/2] })
	closes(t, source)
	if damages == 0 {
		t.Error("half of it is gone, and nobody says so")
	}
}

func TestAHorizonIsRememberedAndSegmentsBehindItAreFound(t *testing.T) {
	base := t.TempDir()
	dir, archive := filepath.Join(base, "journal"), filepath.Join(base, "archive")
	if h, err := ReadHorizon(archive); err != nil || !h.KeepFrom.IsZero() {
		t.Fatalf("before there is one: %v, %v", h, err)
	}
	for day := range 5 {
		now := testNow.AddDate(0, 0, day)
		j, _ := openTest(t, JournalOptions{Dir: dir, Archive: archive, Now: func() time.Time { return now }})
		e := full(day)
		if e.StartedAt = now; day == 1 { // by a clock that was wrong
			e.StartedAt = now.AddDate(1, 0, 0)
		}
		if err := j.Close(e); err != nil {
			t.Fatal(err)
		}
		shut(t, j)
	}
	mark, err := (Source{Journal: dir}).Read(Watermark{}, func(*Record) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if n, err := Archive(dir, archive, mark); err != nil || n != 4 {
		t.Fatalf("packed %d segments: %v", n, err)
	}
	older, err := Older(dir, archive, testNow.AddDate(0, 0, 3).Add(time.Hour))
	if err != nil || len(older) != 2 {
		t.Fatalf("%d segments are older, %v", len(older), err)
	}
	want := Horizon{KeepFrom: testNow, SetAt: testNow.Add(time.Hour)}
	if err := want.Write(archive); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadHorizon(archive); err != nil || got != want {
		t.Errorf("horizon = %v, %v", got, err)
	}
	wantEveryBitKnown(t, archive)
	if err := Remove(older); err != nil {
		t.Fatal(err)
	}
	if got := closes(t, Source{Journal: dir, Archive: archive}); !slices.Equal(got, []string{full(1).RequestID, full(3).RequestID, full(4).RequestID}) {
		t.Errorf("left: %v", got)
	}
}

// wantEveryBitKnown flips each bit of a horizon, and cuts it at each byte.
func wantEveryBitKnown(t *testing.T, archive string) {
	t.Helper()
	path := HorizonPath(archive)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	broken := func(what string, b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if h, err := ReadHorizon(archive); !errors.Is(err, ErrHorizon) {
			t.Errorf("%s: read as %+v, %v", what, h, err)
		}
	}
	for i := range whole {
		broken(fmt.Sprintf("cut to %d bytes", i), whole[:i])
		for bit := range 8 {
			b := bytes.Clone(whole)
			b[i] ^= 1 << bit
			broken(fmt.Sprintf("byte %d, bit %d", i, bit), b)
		}
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
}
