package cloud

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"prism/internal/simulator"
	"prism/internal/translate"
	"prism/internal/translate/translatetest"
)

// frames renders a readable list of frames: a line each, its kind, a name where one is told, and
// what it holds.
func frames(t testing.TB, text []byte) []byte {
	t.Helper()
	var b []byte
	for line := range strings.Lines(string(text)) {
		kind, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		name, held, _ := strings.Cut(rest, " ")
		switch kind {
		case "chunk":
			b = append(b, chunkOf([]byte(rest))...)
		case "event":
			b = append(b, simulator.Frame([]byte(held), ":message-type", "event", ":event-type", name)...)
		case "exception":
			b = append(b, simulator.Frame([]byte(held), ":message-type", "exception", ":exception-type", name)...)
		case "error":
			b = append(b, simulator.Frame(nil, ":message-type", "error", ":error-code", name, ":error-message", held)...)
		case "cut":
			b = append(b, chunkOf([]byte(rest))[:20]...)
		default:
			t.Fatalf("unknown kind %q", kind)
		}
	}
	return b
}

func chunkOf(data []byte) []byte {
	text, _ := json.Marshal(struct {
		Bytes []byte `json:"bytes"`
		P     string `json:"p"`
	}{data, "abcdef"})
	return simulator.Frame(text, ":event-type", "chunk", ":content-type", "application/json", ":message-type", "event")
}

// read feeds b in pieces of the sizes that next tells.
func read(b []byte, next func() int) (out []byte, end error) {
	var e Events
	for len(b) > 0 {
		n := min(max(next(), 1), len(b))
		e.Feed(b[:n])
		out = append(out, e.Take()...)
		b = b[n:]
	}
	end = e.End(io.EOF)
	return append(out, e.Take()...), end
}

func TestStreams(t *testing.T) {
	forEachCase(t, "stream", func(t *testing.T, c *goldenCase) {
		in := frames(t, c.File("in.frames"))
		whole, end := read(in, func() int { return len(in) })
		c.Want(t, "want.sse", whole)
		judge(t, c.File("in.frames"), string(whole))
		if end != io.EOF { //nolint:errorlint // the bare EOF of a whole body
			c.Want(t, "end", []byte(end.Error()))
		} else {
			c.Want(t, "end", nil)
		}
		rng := rand.New(rand.NewPCG(1, 2))
		for name, next := range map[string]func() int{"byte by byte": func() int { return 1 }, "at random": func() int { return rng.IntN(40) }} {
			if out, again := read(in, next); !bytes.Equal(out, whole) || again.Error() != end.Error() {
				t.Errorf("%s, it reads otherwise: %v\n%s", name, again, out)
			}
		}
	})
}

// document is the API's own, read once.
var document = sync.OnceValues(translatetest.Load)

// judge holds every event of a stream against the API's document. What came from the cloud and passed
// as it was may lack something; and an event that had no usage at all has no more of it than Amazon
// tells.
func judge(t *testing.T, in []byte, stream string) {
	t.Helper()
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	events, err := translatetest.Events(stream)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		one := "event: " + e.Name + "\ndata: " + e.Data + "\n\n"
		bare, _, _ := strings.Cut(e.Data, `,"usage":`)
		if bytes.Contains(in, []byte("chunk "+e.Data+"\n")) || bytes.Contains(in, []byte("chunk "+bare+"}\n")) {
			continue
		}
		if err := doc.Stream(one); err != nil {
			t.Errorf("the client gets what the API's document does not know: %v\n%s", err, one)
		}
	}
}

func TestADamagedFrameEndsTheStream(t *testing.T) {
	good := chunkOf([]byte(`{"type":"ping"}`))
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x40
		var e Events
		e.Feed(bad)
		if out := e.Take(); len(out) > 0 {
			t.Errorf("with byte %d changed, it says %q", i, out)
		}
		if end := e.End(io.EOF); !errors.Is(end, ErrFrame) && !errors.Is(end, translate.ErrCut) {
			t.Errorf("with byte %d changed, it ends with %v", i, end)
		}
	}
}

func TestWhatCameBeforeADamagedFrameIsPassedOn(t *testing.T) {
	b := append(chunkOf([]byte(`{"type":"ping"}`)), "this is no frame, but long enough"...)
	var e Events
	e.Feed(b)
	if got := string(e.Take()); got != "event: ping\ndata: {\"type\":\"ping\"}\n\n" {
		t.Errorf("got %q", got)
	}
	if !errors.Is(e.Err(), ErrFrame) {
		t.Errorf("the damage was not noticed: %v", e.Err())
	}
}

func TestHeadersOfAllTypesAreReadOver(t *testing.T) {
	var h []byte
	header := func(name string, kind byte, value ...byte) {
		h = append(append(append(h, byte(len(name))), name...), kind)
		h = append(h, value...)
	}
	for kind, size := range map[byte]int{0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16} {
		header(fmt.Sprint("h", kind), kind, make([]byte, size)...)
	}
	header("bytes", 6, 0, 3, 'a', 'b', 'c')
	header(":message-type", 7, append([]byte{0, 5}, "event"...)...)
	header(":event-type", 7, append([]byte{0, 5}, "chunk"...)...)
	var f frame
	if err := f.read(h); err != nil || string(f.event) != "chunk" || string(f.kind) != "event" {
		t.Errorf("got %q, %v", f.event, err)
	}
	for n := range h {
		if err := f.read(h[:n]); err == nil && n > 0 && !whole(h, n) {
			t.Errorf("cut after %d bytes, no error", n)
		}
	}
}

// whole tells whether a header ends after n bytes.
func whole(h []byte, n int) bool {
	for at := 0; at < len(h); {
		name := int(h[at])
		size, lead := sizeOf(h[at+name+1], h[at+name+2:])
		if at += name + 2 + lead + size; at == n {
			return true
		}
	}
	return false
}

func TestALargeFrameInSingleBytesCostsNoMoreThanItsLength(t *testing.T) {
	text := strings.Repeat("x", 2<<20)
	b := chunkOf([]byte(`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"` + text + `"}}`))
	out, _ := read(b, func() int { return 1 }) // quadratic, this would take hours
	if !bytes.Contains(out, []byte(text)) {
		t.Error("the text was lost")
	}
}

func FuzzEvents(f *testing.F) {
	f.Add(frames(f, []byte("chunk {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":1}}}\nchunk {\"type\":\"message_delta\"}\nchunk {\"type\":\"message_stop\"}\n")), uint64(1))
	f.Add(frames(f, []byte("exception throttlingException {\"message\":\"x\"}\n")), uint64(2))
	f.Fuzz(func(t *testing.T, b []byte, seed uint64) {
		if len(b) > 8 && binary.BigEndian.Uint32(b) > 1<<20 {
			return
		}
		whole, end := read(b, func() int { return len(b) })
		rng := rand.New(rand.NewPCG(seed, 3))
		out, again := read(b, func() int { return rng.IntN(50) })
		if !bytes.Equal(out, whole) || end.Error() != again.Error() {
			t.Fatalf("%q, %v and %q, %v", whole, end, out, again)
		}
	})
}

// FuzzChunks puts any bytes into frames that are sound.
func FuzzChunks(f *testing.F) {
	f.Add([]byte(`{"type":"message_delta","usage":{"output_tokens":null}}`), []byte(`{"type":"message_stop","amazon-bedrock-invocationMetrics":{"outputTokenCount":3}}`))
	f.Add([]byte("{\"type\":\n\"ping\"}"), []byte(`{"type":"message_stop","usage":{"input_tokens":-1}}`))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		in := append(chunkOf(a), chunkOf(b)...)
		out, _ := read(in, func() int { return len(in) })
		for event := range bytes.SplitSeq(bytes.TrimSuffix(out, []byte("\n\n")), []byte("\n\n")) {
			if lines := bytes.Count(event, []byte("\n")); len(event) > 0 && (lines != 1 || !bytes.HasPrefix(event, []byte("event: "))) {
				t.Fatalf("not an event: %q", event)
			}
		}
		if json.Valid(a) && json.Valid(b) {
			for line := range bytes.SplitSeq(out, []byte("\n")) {
				if data, ok := bytes.CutPrefix(line, []byte("data: ")); ok && !json.Valid(data) {
					t.Fatalf("not JSON: %q", data)
				}
			}
		}
	})
}

func BenchmarkEvents(b *testing.B) {
	one := chunkOf([]byte(`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"some words of an answer"}}`))
	b.ReportAllocs()
	b.SetBytes(int64(len(one)))
	var e Events
	for b.Loop() {
		e.Feed(one)
		if len(e.Take()) == 0 {
			b.Fatal("nothing came")
		}
	}
}
