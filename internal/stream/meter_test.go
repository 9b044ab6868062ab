package stream

import (
	"math/rand/v2"
	"testing"
)

// chunks cuts s at places that depend on seed; 0 cuts everywhere.
func chunks(s string, seed uint64) []string {
	var parts []string
	r := rand.New(rand.NewPCG(seed, 7))
	for len(s) > 0 {
		n := 1
		if seed > 0 {
			n += r.IntN(1 + int(seed%512))
		}
		n = min(n, len(s))
		parts = append(parts, s[:n])
		s = s[n:]
	}
	return parts
}

// meter returns a meter that has seen the parts and whose body has ended.
func meter(kind Kind, parts ...string) *Meter {
	var m Meter
	m.Reset(kind)
	for _, p := range parts {
		scratch := []byte(p)
		_, _ = m.Write(scratch)
		clear(scratch) // what was written may be overwritten
	}
	m.Finish()
	return &m
}

func TestResultDoesNotDependOnTheChunks(t *testing.T) {
	for kind, set := range map[Kind]map[string]string{KindSSE: corpus(), KindJSON: bodies()} {
		for name, in := range set {
			want := snapshot(meter(kind, in))
			for i := range len(in) + 1 {
				if got := snapshot(meter(kind, in[:i], in[i:])); got != want {
					t.Fatalf("%s, cut at %d:\n%s\nwhole:\n%s", name, i, got, want)
				}
			}
			for seed := range uint64(200) {
				if got := snapshot(meter(kind, chunks(in, seed)...)); got != want {
					t.Fatalf("%s, chunks of seed %d:\n%s\nwhole:\n%s", name, seed, got, want)
				}
			}
		}
	}
}

func TestEveryPrefixLooksTheSameByteByByte(t *testing.T) {
	for kind, set := range map[Kind]map[string]string{KindSSE: corpus(), KindJSON: bodies()} {
		for name, in := range set {
			var m Meter
			m.Reset(kind)
			for i := range len(in) {
				_, _ = m.Write([]byte(in[i : i+1]))
				var whole Meter
				whole.Reset(kind)
				_, _ = whole.Write([]byte(in[:i+1]))
				if got, want := snapshot(&m), snapshot(&whole); got != want {
					t.Fatalf("%s: after %d single bytes:\n%s\nat once:\n%s", name, i+1, got, want)
				}
			}
		}
	}
}

func FuzzMeter(f *testing.F) {
	for _, in := range corpus() {
		f.Add(in, uint8(KindSSE), uint64(5))
	}
	for _, in := range bodies() {
		f.Add(in, uint8(KindJSON), uint64(5))
	}
	f.Fuzz(func(t *testing.T, in string, kind uint8, seed uint64) {
		k := Kind(kind % 3)
		whole, parts := meter(k, in), meter(k, chunks(in, seed)...)
		if got, want := snapshot(parts), snapshot(whole); got != want {
			t.Fatalf("in chunks:\n%s\nwhole:\n%s", got, want)
		}
		whole.Estimate()
		parts.Estimate()
		if got, want := snapshot(parts), snapshot(whole); got != want {
			t.Fatalf("estimated, in chunks:\n%s\nwhole:\n%s", got, want)
		}
		checkResult(t, whole.Result())
		if k == KindSSE && whole.Result().Events < len(readAll(in)) {
			t.Fatalf("%d events, want at least %d", whole.Result().Events, len(readAll(in)))
		}
	})
}
