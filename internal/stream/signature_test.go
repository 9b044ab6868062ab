package stream

import (
	"hash/maphash"
	"slices"
	"strings"
	"testing"
)

// signedBy returns the hashes of texts as a meter finds them.
func signedBy(seed maphash.Seed, texts ...string) []Signature {
	var out []Signature
	for _, s := range texts {
		out = append(out, max(Signature(maphash.String(seed, s)), 1))
	}
	return out
}

func TestSignaturesAreCollectedHoweverTheAnswerIsCut(t *testing.T) {
	long := strings.Repeat("QmFzZTY0", 700)
	thinking := blockStart(`{"type":"thinking","thinking":"","signature":""}`)
	delta := func(s string) string { return blockDelta(`{"type":"signature_delta","signature":"` + s + `"}`) }
	tests := []struct {
		name, in string
		kind     Kind
		want     []string
	}{
		{"short", messageStart(startUsage) + thinking + delta("abc=") + blockStop, KindSSE, []string{"abc="}},
		{"long", thinking + delta(long) + blockStop, KindSSE, []string{long}},
		{"several", thinking + delta("a") + thinking + delta(long) + delta(""), KindSSE, []string{"a", long}},
		{"escaped", thinking + delta(`a\/b\u002b`), KindSSE, []string{"a/b+"}},
		{"in the block's start", blockStart(`{"type":"thinking","thinking":"","signature":"` + long + `"}`), KindSSE, []string{long}},
		{"redacted", blockStart(`{"type":"redacted_thinking","data":"` + long + `"}`), KindSSE, []string{long}},
		{"type last", frame("content_block_delta", `{"delta":{"signature":"zz","type":"signature_delta"},"index":0,"type":"content_block_delta"}`), KindSSE, []string{"zz"}},
		{"text that speaks of it", textDelta(`\"signature_delta\",\"signature\":\"no\"`), KindSSE, nil},
		{"no text", blockDelta(`{"type":"signature_delta","signature":7}`), KindSSE, nil},
		{"a tool", blockStart(`{"type":"tool_use","id":"t","name":"thinking","input":{}}`), KindSSE, nil},
		{"broken", frame("content_block_delta", `{"type":"content_block_delta","delta":{"type":"signature_delta","signature":"x"`), KindSSE, nil},
		{
			"json", `{"id":"m","content":[{"type":"thinking","thinking":"x","signature":"` + long + `"},{"type":"text","text":"signature"},{"type":"redacted_thinking","data":"d"}],"stop_reason":"end_turn"}`,
			KindJSON,
			[]string{long, "d"},
		},
		{"json without content", `{"id":"m","content":null,"stop_reason":"end_turn"}`, KindJSON, nil},
	}
	seed := maphash.MakeSeed()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for s := range uint64(40) {
				var m Meter
				m.Watch(seed, true)
				m.Reset(tt.kind)
				for _, p := range chunks(tt.in, s) {
					scratch := []byte(p)
					_, _ = m.Write(scratch)
					clear(scratch)
				}
				m.Finish()
				if got, want := m.Signatures(), signedBy(seed, tt.want...); !slices.Equal(got, want) {
					t.Fatalf("chunks of seed %d: %v, want %v", s, got, want)
				}
			}
		})
	}
}

func TestWatchingChangesNothingElse(t *testing.T) {
	seed := maphash.MakeSeed()
	for kind, set := range map[Kind]map[string]string{KindSSE: corpus(), KindJSON: bodies()} {
		for name, in := range set {
			want := snapshot(meter(kind, in))
			for s := range uint64(30) {
				var m Meter
				m.Watch(seed, true)
				m.Reset(kind)
				for _, p := range chunks(in, s) {
					_, _ = m.Write([]byte(p))
				}
				m.Finish()
				if got := snapshot(&m); got != want {
					t.Fatalf("%s, chunks of seed %d:\n%s\nunwatched:\n%s", name, s, got, want)
				}
			}
		}
	}
}

func TestSignaturesOfOneAnswerAreNotThoseOfTheNext(t *testing.T) {
	var m Meter
	seed := maphash.MakeSeed()
	in := []byte(blockDelta(`{"type":"signature_delta","signature":"abc"}`))
	m.Watch(seed, true)
	m.Reset(KindSSE)
	_, _ = m.Write(in)
	if len(m.Signatures()) != 1 {
		t.Fatalf("%d signatures, want 1", len(m.Signatures()))
	}
	m.Reset(KindSSE)
	if len(m.Signatures()) != 0 {
		t.Fatalf("%d signatures after a reset", len(m.Signatures()))
	}
	_, _ = m.Write(in)
	if len(m.Signatures()) != 1 {
		t.Fatal("a reset ended the watching")
	}
	m.Watch(seed, false)
	m.Reset(KindSSE)
	_, _ = m.Write(in)
	if len(m.Signatures()) != 0 {
		t.Fatal("it watched although it was told not to")
	}
}

func TestAnEnormousSignatureIsNoUnreadUsage(t *testing.T) {
	var m Meter
	m.Watch(maphash.MakeSeed(), true)
	m.Reset(KindSSE)
	_, _ = m.Write([]byte(messageStart(startUsage) + blockDelta(`{"type":"signature_delta","signature":"`+strings.Repeat("A", maxEvent)+`"}`)))
	_, _ = m.Write([]byte(messageDelta(`"end_turn"`, `{"output_tokens":5}`) + stop))
	m.Finish()
	if r := m.Result(); r.GaveUp || !r.Complete || r.Usage.Output != 5 || len(m.Signatures()) != 0 {
		t.Errorf("%+v, %d signatures", r, len(m.Signatures()))
	}
}

func TestWatchingAStreamDoesNotAllocate(t *testing.T) {
	var m Meter
	m.Watch(maphash.MakeSeed(), true)
	m.Reset(KindSSE)
	event := []byte(textDelta("Hello, world") + blockStop + ping)
	if n := testing.AllocsPerRun(100, func() { _, _ = m.Write(event) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkMeterWatching(b *testing.B) {
	in := longStream(1000)
	for name, on := range map[string]bool{"off": false, "on": true} {
		b.Run(name, func(b *testing.B) {
			var m Meter
			m.Watch(maphash.MakeSeed(), on)
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				m.Reset(KindSSE)
				for p := in; len(p) > 0; {
					n := min(1400, len(p))
					_, _ = m.Write(p[:n])
					p = p[n:]
				}
			}
		})
	}
}
