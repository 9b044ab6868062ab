package stream

import (
	"slices"
	"strings"
	"testing"

	gosse "github.com/tmaxmax/go-sse"
)

func TestScannerReadsWhatTheStandardSays(t *testing.T) {
	tests := []struct {
		name, in string
		want     []sse
	}{
		{"one event", "event: a\ndata: x\n\n", []sse{{"a", "x"}}},
		{"no space", "event:a\ndata:x\n\n", []sse{{"a", "x"}}},
		{"one space only", "data:  x\n\n", []sse{{"", " x"}}},
		{"two data lines", "data: x\ndata: y\n\n", []sse{{"", "x\ny"}}},
		{"empty data line between", "data: x\ndata\ndata:\ndata: y\n\n", []sse{{"", "x\n\n\ny"}}},
		{"name without data", "event: a\n\ndata: x\n\n", []sse{{"", "x"}}},
		{"last name wins", "event: a\nevent: b\ndata: x\n\n", []sse{{"b", "x"}}},
		{"bare name resets", "event: a\nevent\ndata: x\n\n", []sse{{"", "x"}}},
		{"comment", ": data: no\ndata: x\n:\n\n", []sse{{"", "x"}}},
		{"unknown fields", "dat: 1\ndata2: 1\nid: 3\nDATA: 1\n data: 1\ndata: x\n\n", []sse{{"", "x"}}},
		{"no blank line", "data: x\n", nil},
		{"CRLF", "data: x\r\ndata: y\r\n\r\n", []sse{{"", "x\ny"}}},
		{"CR", "data: x\rdata: y\r\r", []sse{{"", "x\ny"}}},
		{"CR then LF is one end", "data: x\r\n\r\ndata: y\n\n", []sse{{"", "x"}, {"", "y"}}},
		{"LF then CR are two", "data: x\n\rdata: y\n\n", []sse{{"", "x"}, {"", "y"}}},
		{"BOM", bom + "data: x\n\n", []sse{{"", "x"}}},
		{"BOM twice", bom + bom + "data: x\n\ndata: y\n\n", []sse{{"", "y"}}},
		{"BOM on a later line", "data: x\n" + bom + "data: y\n\n", []sse{{"", "x"}}},
		{"BOM alone", bom + "\ndata: x\n\n", []sse{{"", "x"}}},
		{"half a BOM", bom[:2] + "data: x\n\ndata: y\n\n", []sse{{"", "y"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := readAll(tt.in); !slices.Equal(got, tt.want) {
				t.Errorf("the reference reads %q, want %q", got, tt.want)
			}
			for i := range len(tt.in) + 1 {
				if got := readPieces(tt.in[:i], tt.in[i:]); !slices.Equal(got, tt.want) {
					t.Errorf("cut at %d: read %q, want %q", i, got, tt.want)
				}
			}
		})
	}
}

func TestScannerAgreesWithAnotherLibrary(t *testing.T) {
	for name, in := range corpus() {
		t.Run(name, func(t *testing.T) {
			var want []sse
			for e, err := range gosse.Read(strings.NewReader(in), nil) {
				if err != nil {
					break
				}
				want = append(want, sse{e.Type, e.Data})
			}
			got := readPieces(in)
			// The library also hands out what the end of the stream cut off, and events without data.
			want = slices.DeleteFunc(want, func(e sse) bool { return e.data == "" })
			got = slices.DeleteFunc(got, func(e sse) bool { return e.data == "" })
			if len(want) < len(got) || !slices.Equal(got, want[:len(got)]) || len(want) > len(got)+1 {
				t.Errorf("read\n%q\nthe library reads\n%q", got, want)
			}
		})
	}
}

func TestTailMakesRoomForOneMoreEvent(t *testing.T) {
	failure := string(AppendError(nil, "api_error", "cut"))
	want := readAll(failure)[0]
	for name, in := range corpus() {
		var m Meter
		m.Reset(KindSSE)
		for i := range len(in) + 1 {
			tail := string(m.Tail())
			if m.AtBoundary() != (tail == "") {
				t.Fatalf("%s: after %d bytes AtBoundary is %v and Tail is %q", name, i, m.AtBoundary(), tail)
			}
			before := readAll(in[:i] + tail)
			after := readAll(in[:i] + tail + failure)
			if len(after) != len(before)+1 || after[len(after)-1] != want {
				t.Fatalf("%s: after %d bytes and %q the error event is read as %q", name, i, tail, after[max(0, len(after)-2):])
			}
			if i < len(in) {
				_, _ = m.Write([]byte(in[i : i+1]))
			}
		}
	}
}

func FuzzScanner(f *testing.F) {
	for _, in := range corpus() {
		f.Add(in, uint64(3))
	}
	f.Fuzz(func(t *testing.T, in string, seed uint64) {
		want := readAll(in)
		if got := readPieces(in); !slices.Equal(got, want) {
			t.Fatalf("read %q, want %q", got, want)
		}
		if got := readPieces(chunks(in, seed)...); !slices.Equal(got, want) {
			t.Fatalf("in chunks: read %q, want %q", got, want)
		}
	})
}
