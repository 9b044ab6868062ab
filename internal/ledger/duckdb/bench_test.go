package duckdb

import (
	"context"
	"os"
	"syscall"
	"testing"
	"time"

	"prism/internal/ledger"
)

// cpu returns the processor time of this process, which a busy machine does not distort.
func cpu(b testing.TB) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// typical returns what most exchanges are: one attempt, no tags, nothing inferred.
func typical(n int) *ledger.Entry {
	e := entry(n)
	e.Tags, e.UsageNotes = nil, nil
	return e
}

// BenchmarkFold reports what a row costs from the journal into a file that is then closed.
func BenchmarkFold(b *testing.B) {
	const rows = 20_000
	b.ReportAllocs()
	var spent time.Duration
	for b.Loop() {
		b.StopTimer()
		h := newHome(b)
		h.close(typical(rows))
		h.fold() // makes the file
		for n := range rows {
			e := typical(n)
			if err := h.journal.Close(e); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
		before := cpu(b)
		res, err := Fold(context.Background(), h.opt)
		if err != nil || res.Rows != rows {
			b.Fatalf("folded %d rows, %v", res.Rows, err)
		}
		spent += cpu(b) - before
		b.StopTimer()
		st, err := os.Stat(h.opt.File)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(st.Size())/rows, "file-B/row")
		b.StartTimer()
	}
	b.ReportMetric(float64(spent.Microseconds())/float64(b.N)/rows, "cpu-µs/row")
}

// BenchmarkFoldOne reports what a fold of a single row costs: opening, appending, closing.
func BenchmarkFoldOne(b *testing.B) {
	h := newHome(b)
	h.close(entry(0))
	h.fold()
	b.ReportAllocs()
	n, before := 0, cpu(b)
	for b.Loop() {
		n++
		h.close(entry(n))
		h.fold()
	}
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(n), "cpu-µs/op")
}

// BenchmarkDecode reports what reading and decoding a close record costs, without DuckDB.
func BenchmarkDecode(b *testing.B) {
	const rows = 20_000
	h := newHome(b)
	for n := range rows {
		if err := h.journal.Close(entry(n)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	before := cpu(b)
	for b.Loop() {
		var e ledger.Entry
		_, err := ledger.Source{Journal: h.opt.JournalDir}.Read(ledger.Watermark{}, func(r *ledger.Record) error { return r.Entry(&e) })
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N)/rows, "cpu-µs/row")
}
