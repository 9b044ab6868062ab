package ledger

import (
	"encoding/json"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"
)

func TestEntrySurvivesTheJournalUnchanged(t *testing.T) {
	for name, want := range map[string]*Entry{"full": full(1), "empty": func() *Entry { e := &Entry{}; e.Reset(); return e }()} {
		line := want.AppendJSON(nil)
		if !json.Valid(line) {
			t.Fatalf("%s: not JSON: %s", name, line)
		}
		got := &Entry{}
		if err := got.UnmarshalJSON(line); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !same(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, want)
		}
	}
}

// same compares what is written: nil and empty lists are the same.
func same(a, b *Entry) bool {
	return string(a.AppendJSON(nil)) == string(b.AppendJSON(nil)) &&
		(a.RequestID != full(1).RequestID || reflect.DeepEqual(a, b))
}

func TestEveryFieldOfAnEntryIsWritten(t *testing.T) {
	e := full(1)
	v := reflect.ValueOf(*e)
	for i := range v.NumField() {
		changed := *e
		field := reflect.ValueOf(&changed).Elem().Field(i)
		empty := Entry{}
		empty.Reset()
		field.Set(reflect.ValueOf(empty).Field(i))
		if string(changed.AppendJSON(nil)) == string(e.AppendJSON(nil)) {
			t.Errorf("field %s makes no difference", v.Type().Field(i).Name)
		}
	}
}

func TestUnknownIsLeftOutAndZeroIsNot(t *testing.T) {
	e := &Entry{}
	e.Reset()
	e.Usage.Input, e.CostList = 0, 0
	line := string(e.AppendJSON(nil))
	for _, want := range []string{`"input_tokens":0`, `"cost_list_usd":"0.0000000000"`} {
		if !strings.Contains(line, want) {
			t.Errorf("%s is missing in %s", want, line)
		}
	}
	for _, not := range []string{"output_tokens", "cost_usd", "rl_5h_used", "started_at"} {
		if strings.Contains(line, `"`+not+`"`) {
			t.Errorf("unknown %s is written: %s", not, line)
		}
	}
}

func TestLongTextIsCutWithAMark(t *testing.T) {
	e := &Entry{}
	e.Reset()
	e.ErrorMessage = strings.Repeat("ä", 1<<20)
	e.UsageRaw = []byte(`"` + strings.Repeat("x", capRaw) + `"`)
	got := &Entry{}
	if err := got.UnmarshalJSON(e.AppendJSON(nil)); err != nil {
		t.Fatal(err)
	}
	if len(got.ErrorMessage) > capMessage || !strings.HasSuffix(got.ErrorMessage, "ä"+cutMark) || !utf8.ValidString(got.ErrorMessage) {
		t.Errorf("message of %d bytes ends with %q", len(got.ErrorMessage), got.ErrorMessage[len(got.ErrorMessage)-12:])
	}
	if string(got.UsageRaw) != `{"cut_bytes":16386}` {
		t.Errorf("usage_raw = %s", got.UsageRaw)
	}
}

func TestUsageThatIsNoJSONCannotBreakALine(t *testing.T) {
	for _, raw := range []string{"{", "a\nb", "{\n\"a\":\r\n1}", "\"\\ud800\"", "\"\xff\""} {
		e := &Entry{UsageRaw: []byte(raw)}
		line := e.AppendJSON(nil)
		if !json.Valid(line) || strings.ContainsAny(string(line), "\n\r") || !utf8.Valid(line) {
			t.Errorf("%q gives %q", raw, line)
		}
	}
}

func FuzzTextSurvives(f *testing.F) {
	for _, s := range []string{"", "plain", "quote \" back \\ slash /", "\x00\x01\x1f\x7f", "\xff\xfe", "ä€😀", "\u2028\u2029", "\n\r\t\b\f", "\xed\xa0\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > capMessage {
			t.Skip()
		}
		want := string([]rune(s)) // what is not UTF-8 becomes U+FFFD, byte by byte
		b := appendText(nil, s, capMessage)
		var std string
		if err := json.Unmarshal(b, &std); err != nil || std != want {
			t.Fatalf("encoding/json reads %q from %q: %v", std, b, err)
		}
		if strings.ContainsAny(string(b), "\n\r\x00") {
			t.Fatalf("%q is not one line", b)
		}
		x := newLexer(b)
		if got := x.text(); got != want || x.bad {
			t.Fatalf("lexer reads %q from %q", got, b)
		}
	})
}

func FuzzDecoderNeverPanics(f *testing.F) {
	f.Add(full(1).AppendJSON(nil))
	f.Add([]byte(`{"attempts":[{"usage":{`))
	f.Add([]byte(`{"usage_raw":[[[[`))
	f.Add([]byte(`{"tags":n`))
	f.Add([]byte("{\"error_message\":\"line\xff\"}"))
	f.Add([]byte(`{"started_at":"2026-13-45T99:99:99.000000Z"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var e Entry
		if err := e.UnmarshalJSON(b); err != nil || !utf8.Valid(b) {
			return // the encoder writes UTF-8 only
		}
		// What was read can be written, and is read the same again.
		first := e.AppendJSON(nil)
		if !json.Valid(first) {
			t.Fatalf("not JSON: %q", first)
		}
		var again Entry
		if err := again.UnmarshalJSON(first); err != nil {
			t.Fatalf("%v: %q", err, first)
		}
		if second := again.AppendJSON(nil); string(second) != string(first) {
			t.Fatalf("not stable:\n%s\n%s", first, second)
		}
	})
}

func TestMoneyIsExact(t *testing.T) {
	for m, want := range map[Money]string{0: "0.0000000000", 1: "0.0000000001", -1: "-0.0000000001", 10_000_000_000: "1.0000000000", 123_456_789_012_345_678: "12345678.9012345678"} {
		if got := string(appendMoney(nil, m)); got != want {
			t.Errorf("%d = %s, want %s", int64(m), got, want)
		}
		if got := newLexer([]byte(`"` + want + `"`)).money(); got != m {
			t.Errorf("%s = %d, want %d", want, int64(got), int64(m))
		}
	}
}

func TestNamesGrowWhateverTheClockDoes(t *testing.T) {
	last := NewID(testNow)
	for _, now := range []time.Time{testNow, testNow.Add(-time.Hour), testNow.AddDate(-10, 0, 0), testNow.Add(time.Hour)} {
		next := idAfter(last, now)
		if next <= last || !isID(next) {
			t.Fatalf("%s does not follow %s", next, last)
		}
		last = next
	}
}

func TestNamesGrowAcrossACarry(t *testing.T) {
	const last, want = "01KAYZZZZZ7ZZZZZZZZZZZZZZZ", "01KAYZZZZZ8000000000000000"
	if got := idAfter(last, time.UnixMilli(0)); got != want {
		t.Errorf("%s is followed by %s, want %s", last, got, want)
	}
	const half = "01KAYZZZZZZZZZZZZZZZZZZZZZ" // all of the low 64 bits
	if got := idAfter(half, time.UnixMilli(0)); got <= half || !isID(got) {
		t.Errorf("%s is followed by %s", half, got)
	}
}

func TestOnlyCanonicalULIDsAreNames(t *testing.T) {
	good := NewID(testNow)
	for text, want := range map[string]bool{
		good: true, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ": true, "00000000000000000000000000": true,
		strings.ToLower(good): false, "8ZZZZZZZZZZZZZZZZZZZZZZZZZ": false, good[1:]: false, good + "0": false, "": false,
		"0000000000000000000000000U": false, "0000000000000000000000000-": false, "0000000000000000000000000I": false,
	} {
		if isID(text) != want {
			t.Errorf("isID(%q) is %t", text, !want)
		}
	}
}

func BenchmarkEncodeClose(b *testing.B) {
	e := full(1)
	e.Tags = nil
	var buf []byte
	b.ReportAllocs()
	before := cpu(b)
	for b.Loop() {
		buf = e.AppendJSON(buf[:0])
	}
	b.ReportMetric(float64(cpu(b)-before)/float64(b.N), "cpu-ns/op")
	b.ReportMetric(float64(len(buf)), "B/record")
}

// cpu returns the processor time of this process, which a busy machine does not distort.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
