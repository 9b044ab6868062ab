package simulator

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// normal brings a stream in any framing into the usual one.
func normal(b []byte) string {
	s := strings.TrimPrefix(string(b), "\ufeff")
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	var out strings.Builder
	for line := range strings.Lines(s) {
		name, value, _ := strings.Cut(line, ":")
		switch name {
		case "", "id", "retry":
			continue
		}
		if value != "" {
			line = name + ": " + strings.TrimPrefix(value, " ")
		}
		out.WriteString(line)
	}
	return strings.ReplaceAll(strings.TrimRight(out.String(), "\n"), "{\ndata: ", "{")
}

func TestEveryFramingCarriesTheSameEvents(t *testing.T) {
	answer := Reply(Thinking("日本語で考える", ""), Text("Antwort: ✓ 🙂"), ToolUse("Bash", `{"command":"ls"}`), Usage{Input: 5, Output: 6})
	_, plain := serve(t, Options{}, answer)
	want := normal(ask(t, plain, streamBody).body)
	for name, framing := range map[string]Answer{
		"CRLF": CRLF(), "CR": CR(), "BOM": BOM(), "comments": Comments(), "ids": IDLines(), "multi-line": MultiLineData(),
		"no space": NoSpace(), "no last blank line": NoFinalBlankLine(),
		"all": Reply(CRLF(), BOM(), Comments(), IDLines(), MultiLineData(), NoSpace()),
	} {
		_, up := serve(t, Options{}, answer.With(framing))
		r := ask(t, up, streamBody)
		if got := normal(r.body); got != want || r.err != nil {
			t.Errorf("%s: %q\nwant %q", name, r.body, want)
		}
	}
	_, up := serve(t, Options{}, answer.With(NoEventLine()))
	if r := ask(t, up, streamBody); bytes.Contains(r.body, []byte("event:")) || !bytes.Contains(r.body, []byte("message_stop")) {
		t.Errorf("no event line: %q", r.body)
	}
}

func TestEventsCanBeLeftOutAddedRepeatedAndBroken(t *testing.T) {
	base := []string{
		"message_start", "content_block_start", "content_block_delta", "content_block_delta", "content_block_stop", "message_delta", "message_stop",
	}
	with := func(i int, extra ...string) []string { return slices.Insert(slices.Clone(base), i, extra...) }
	for name, c := range map[string]struct {
		fault Answer
		want  []string
	}{
		"none":                {Answer{}, base},
		"no message_stop":     {NoMessageStop(), base[:6]},
		"no message_delta":    {NoMessageDelta(), base[:5]},
		"empty":               {EmptyStream(), nil},
		"error first":         {ErrorEventFirst("overloaded_error", "x"), []string{"error"}},
		"error after 1":       {ErrorEventAfter(1, "api_error", "x"), []string{"message_start", "error"}},
		"error after content": {ErrorEventAfterContent("api_error", "x"), append(slices.Clone(base[:4]), "error")},
		"error after blocks":  {ErrorEventAfterBlocks("api_error", "x"), append(slices.Clone(base[:5]), "error")},
		"pings":               {Pings(2, time.Millisecond), with(1, "ping", "ping")},
		"two deltas":          {EarlierDelta(Usage{Output: 900}), with(5, "message_delta")},
		"stop twice":          {Repeat("message_stop"), with(6, "message_stop")},
		"stray delta":         {StrayDelta(1), with(1, "content_block_delta")},
		"wrong delta":         {WrongDelta(3), with(3, "content_block_delta")},
		"after the end":       {Insert(99, "late", "{}"), with(7, "late")},
		"unknown":             {UnknownEvents(), interleaved(base, "future_event")},
	} {
		s, up := serve(t, Options{}, TextPieces("abcd", 2).With(c.fault))
		r := ask(t, up, streamBody)
		if got := names(r.body); !slices.Equal(got, c.want) || r.err != nil {
			t.Errorf("%s: %v (%v)", name, got, r.err)
		}
		b := bills(t, s, 1)[0]
		wantSource := SourceNone
		if slices.Contains(c.want, "message_start") {
			wantSource = SourcePartial
		}
		if slices.Contains(c.want, "message_delta") {
			wantSource = SourceFinal
		}
		if b.Source != wantSource || (b.ErrorType != "") != slices.Contains(c.want, "error") {
			t.Errorf("%s: billed as %s, error %q", name, b.Source, b.ErrorType)
		}
	}
}

func interleaved(list []string, extra string) []string {
	var out []string
	for i, s := range list {
		if out = append(out, s); i < len(list)-1 {
			out = append(out, extra)
		}
	}
	return out
}

func TestRawBytesCanStandAnywhereInAStream(t *testing.T) {
	_, up := serve(t, Options{},
		Text("x").With(InsertRaw(99, "data: [DONE]\n\n")), Text("x").With(BadJSON(2)), Text("x").With(CommentPings(3, time.Millisecond)),
		Reply(RawBlock(`{"type":"hologram","x":1}`), Text("x")), ToolUseInStart("Bash", `{"command":"ls"}`),
		Reply(Text("a"), Text("b"), IndexGap()), Reply(TextPieces("ab", 1), TextPieces("cd", 1), Interleave()),
		Text("x").With(Usage{InStart: UsageNull, InDelta: UsageAbsent}))
	for i, want := range []string{
		"data: [DONE]\n\n", `"delta":` + "\n\n", ": ping\n\n: ping\n\n: ping\n\n", `"content_block":{"type":"hologram","x":1}`,
		`"input":{"command":"ls"},"caller"`, `"index":2`, `"index":1,"delta":{"type":"text_delta","text":"c"}}` + "\n\nevent: content_block_delta\ndata: " + `{"type":"content_block_delta","index":0`,
		`"usage":null`,
	} {
		r := ask(t, up, streamBody)
		if i == 1 {
			if n := bytes.Count(r.body, []byte("\n\n")); n != 6 || bytes.Contains(r.body, []byte("text_delta")) {
				t.Errorf("bad JSON: %q", r.body)
			}
			continue
		}
		if !strings.Contains(string(r.body), want) {
			t.Errorf("%d: %q lacks %q", i, r.body, want)
		}
	}
}

func TestDataLinesOfAnySize(t *testing.T) {
	for _, n := range []int{64 << 10, 1 << 20, 16 << 20} {
		s, up := serve(t, Options{Record: RecordHashes}, BigLine(n))
		r := ask(t, up, streamBody)
		longest := 0
		for line := range bytes.Lines(r.body) {
			longest = max(longest, len(line))
		}
		if longest <= n || bills(t, s, 1)[0].ResponseBytes != int64(len(r.body)) {
			t.Errorf("longest line %d of %d", longest, n)
		}
	}
}

func TestChunksIgnoreEventsAndRunes(t *testing.T) {
	answer := Text("日本語 🙂🙂🙂 ein Satz, der lang genug ist, um geteilt zu werden")
	for name, c := range map[string]struct {
		part Answer
		most int
	}{"one byte": {SlowChunks(1, 0), 1}, "random": {RandomChunks(42, 9), 9}, "slow": {SlowChunks(7, time.Millisecond), 7}} {
		s, up := serve(t, Options{Trace: true}, answer.With(c.part))
		conn := dial(t, up)
		conn.send(t, http.MethodPost, "/v1/messages", streamBody)
		sizes, split := chunkSizes(t, conn, c.most)
		b := bills(t, s, 1)[0]
		if len(b.Writes) != sizes || b.Writes[len(b.Writes)-1].Total != b.ResponseBytes || !split {
			t.Errorf("%s: %d chunks, %d writes, %d bytes, rune split %v", name, sizes, len(b.Writes), b.ResponseBytes, split)
		}
	}
	first, second := "", ""
	for _, to := range []*string{&first, &second} {
		s, up := serve(t, Options{Trace: true}, answer.With(RandomChunks(7, 50)))
		ask(t, up, streamBody)
		for _, w := range bills(t, s, 1)[0].Writes {
			*to += string(rune('0' + w.Total%64))
		}
	}
	if first != second {
		t.Error("the same seed made other chunks")
	}
}

// chunkSizes reads HTTP chunks as they are on the wire: how many there are, and whether one of
// them ended within a rune.
func chunkSizes(t *testing.T, c *wireClient, most int) (n int, split bool) {
	t.Helper()
	for line := ""; line != "\r\n"; {
		var err error
		if line, err = c.r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	for {
		var size int
		line, err := c.r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range strings.TrimSpace(line) {
			size = size*16 + strings.IndexRune(hexDigits, d)
		}
		data := make([]byte, size+2)
		for i := range data {
			if data[i], err = c.r.ReadByte(); err != nil {
				t.Fatal(err)
			}
		}
		if size == 0 {
			return n, split
		}
		if size > most {
			t.Errorf("chunk of %d bytes, at most %d were wanted", size, most)
		}
		n++
		split = split || !utf8.Valid(data)
	}
}

func TestEventsArriveWhenTheyAreDue(t *testing.T) {
	const gap = 15 * time.Millisecond
	s, up := serve(t, Options{Trace: true}, long().With(EventDelay(gap)), Text("x").With(Delay(gap), Pause(1, gap)), Text("x").With(Jitter(1, gap, 2*gap)))
	ask(t, up, streamBody)
	b := bills(t, s, 1)[0]
	for i := 1; i < len(b.Writes); i++ {
		if d := b.Writes[i].At.Sub(b.Writes[i-1].At); d < gap {
			t.Errorf("event %d came %v after the one before", i, d)
		}
	}
	if len(b.Writes) != 10 {
		t.Errorf("%d writes for 10 events", len(b.Writes))
	}
	for range 2 {
		ask(t, up, streamBody)
	}
	list := bills(t, s, 3)
	if d := list[1].Ended.Sub(list[1].Started); d < 2*gap || len(list[1].Writes) != 2 {
		t.Errorf("delay and pause took %v in %d writes", d, len(list[1].Writes))
	}
	if d := list[2].Ended.Sub(list[2].Started); d < 6*gap {
		t.Errorf("jitter took %v", d)
	}
}
