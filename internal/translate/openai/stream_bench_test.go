package openai

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"prism/internal/stream"
	"prism/internal/translate"
)

// spoken is what a model says with one event.
type spoken struct {
	kind pieceKind // pieceText, pieceSummary or pieceArgs
	text string
}

// benchAnswers are answers of about a thousand deltas.
func benchAnswers() map[string][]spoken {
	list := make(map[string][]spoken)
	for name, kind := range map[string]pieceKind{"text": pieceText, "reasoning": pieceSummary, "arguments": pieceArgs} {
		if kind == pieceArgs {
			list[name] = append(list[name], spoken{kind, `{"text":"`})
		}
		for i := range 1000 {
			list[name] = append(list[name], spoken{kind, fmt.Sprintf(" word %d, and a few more", i)})
		}
	}
	list["session"] = session()
	return list
}

// session is a turn of an agent as models give it out, a token or two with each event: it thinks,
// says what it does, and writes a file of Go.
func session() []spoken {
	const thought = "The test fails because the reader returns early: io.EOF is taken for an error there. "
	const said = "I'll change `Read` so that it returns what it has, and then run the tests again.\n"
	const code = "package reader\n\nimport (\n\t\"errors\"\n\t\"io\"\n)\n\n// Read reads \"all\" of r.\nfunc Read(r io.Reader) ([]byte, error) {\n\tvar b []byte\n\treturn b, errors.New(\"r is `nil`\")\n}\n"
	file, err := json.Marshal(map[string]string{"file_path": "/src/reader.go", "content": strings.Repeat(code, 12)})
	if err != nil {
		panic(err)
	}
	var list []spoken
	for _, one := range []spoken{
		{pieceSummary, strings.Repeat(thought, 15)}, {pieceText, strings.Repeat(said, 12)}, {pieceArgs, string(file)},
	} {
		for i, n := 0, 0; i < len(one.text); i += n {
			n = min(3+len(list)%5, len(one.text)-i)
			list = append(list, spoken{one.kind, one.text[i : i+n]})
		}
	}
	return list
}

// chatOf renders an answer as Chat Completions gives it out. end stands at the end of each chunk.
func chatOf(answer []spoken, end func(i int) string) string {
	var b strings.Builder
	chunk := func(delta, end string) {
		b.WriteString(`data: {"id":"chatcmpl-AbCdEf0123456789","object":"chat.completion.chunk","created":1764000000,"model":"acme-1",` +
			`"service_tier":"default","system_fingerprint":"fp_0123456789","choices":[{"index":0,"delta":` + delta +
			`,"logprobs":null,"finish_reason":null}]` + end + "}\n\n")
	}
	chunk(`{"role":"assistant","content":""}`, "")
	called := false
	for i, s := range answer {
		quoted := string(translate.Quote(nil, s.text))
		switch s.kind {
		case pieceText:
			chunk(`{"content":`+quoted+`}`, end(i))
		case pieceSummary:
			chunk(`{"reasoning_content":`+quoted+`}`, end(i))
		default:
			if !called {
				chunk(`{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"Write","arguments":""}}]}`, "")
			}
			called = true
			chunk(`{"tool_calls":[{"index":0,"function":{"arguments":`+quoted+`}}]}`, end(i))
		}
	}
	b.WriteString(`data: {"id":"x","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n")
	b.WriteString(`data: {"id":"x","choices":[],"usage":{"prompt_tokens":20,"completion_tokens":500,"total_tokens":520}}` + "\n\ndata: [DONE]\n\n")
	return b.String()
}

// renewed gives each chunk an id and a time of its own, as some servers do.
func renewed(in string) string {
	var b strings.Builder
	for i, one := range events(in) {
		s := strings.Replace(string(one), "AbCdEf0123456789", fmt.Sprintf("%016x", i*i), 1)
		b.WriteString(strings.Replace(s, "1764000000", fmt.Sprint(1764000000+i), 1))
	}
	return b.String()
}

// responsesOf renders it as the Responses API does.
func responsesOf(answer []spoken) string {
	kinds := map[pieceKind][2]string{
		pieceText:    {`"type":"message"`, "response.output_text.delta"},
		pieceSummary: {`"type":"reasoning"`, "response.reasoning_summary_text.delta"},
		pieceArgs:    {`"type":"function_call","call_id":"call_1","name":"Write"`, "response.function_call_arguments.delta"},
	}
	var b strings.Builder
	n, item := 0, -1
	event := func(name, rest string) {
		fmt.Fprintf(&b, "event: %s\ndata: {\"type\":%q,\"sequence_number\":%d,%s}\n\n", name, name, n, rest)
		n++
	}
	whole := func(name string, kind pieceKind) {
		event("response.output_item."+name, fmt.Sprintf(`"output_index":%d,"item":{%s,"id":"item_0123456789abcdef%d"}`, item, kinds[kind][0], item))
	}
	var last pieceKind
	for i, s := range answer {
		kind := kinds[s.kind]
		if s.kind != last {
			if last != 0 {
				whole("done", last)
			}
			item++
			last = s.kind
			whole("added", last)
		}
		part := `"content_index":0,`
		switch s.kind {
		case pieceSummary:
			part = `"summary_index":0,`
		case pieceArgs:
			part = ""
		default:
		}
		event(kind[1], fmt.Sprintf(`"item_id":"item_0123456789abcdef%d","output_index":%d,%s"delta":%s,"obfuscation":%q`,
			item, item, part, translate.Quote(nil, s.text), strings.Repeat("x", i%9)))
	}
	whole("done", last)
	event("response.completed", `"response":{"status":"completed","usage":{"input_tokens":20,"output_tokens":500}}`)
	return b.String()
}

// events cuts a stream as it is read: providers flush behind each event.
func events(in string) [][]byte { return bytes.SplitAfter([]byte(in), []byte("\n\n")) }

// translated feeds a stream event by event and hands on what comes of each.
func translated(codec answerer, in [][]byte, give func([]byte)) error {
	r := translate.Reply{Model: "claude-opus-5-5", Provider: "acme", Stream: true}
	w := translate.NewWriter(translate.Opening{ID: "msg_1", Model: r.Model, Provider: r.Provider}, true)
	d := codec.Stream(&r, w)
	for _, p := range in {
		d.Feed(p)
		give(w.Take())
	}
	err := d.End(io.EOF)
	give(w.Take())
	return err
}

// BenchmarkStream holds what an event costs that is translated and metered against what the same
// event costs that a Claude upstream sent and that is metered only. "ratio" is the one by the other.
// The two take turns, and the time is the processor's, that of the garbage collector included.
func BenchmarkStream(b *testing.B) {
	usage := func(i int) string {
		return fmt.Sprintf(`,"usage":{"prompt_tokens":20,"completion_tokens":%d,"total_tokens":%d}`, i, 20+i)
	}
	plain := func(int) string { return "" }
	padded := func(i int) string { return `,"obfuscation":"` + strings.Repeat("x", i%9) + `"` }
	for name, answer := range benchAnswers() {
		n := len(answer)
		b.Run("chat/"+name, func(b *testing.B) { compare(b, Chat{}, chatOf(answer, plain), n, most) })
		b.Run("responses/"+name, func(b *testing.B) { compare(b, Responses{}, responsesOf(answer), n, most) })
		if name == "session" {
			b.Run("chat/"+name+", padded", func(b *testing.B) { compare(b, Chat{}, chatOf(answer, padded), n, most) })
			b.Run("chat/"+name+", usage in each", func(b *testing.B) { compare(b, Chat{}, chatOf(answer, usage), n, most) })
			b.Run("chat/"+name+", all of it new in each", func(b *testing.B) { compare(b, Chat{}, renewed(chatOf(answer, usage)), n, mostAnew) })
		}
	}
}

// most is what an event may cost that is translated, by what one costs that is passed on: twice as
// much, and a tenth for the noise of a busy machine.
const most = 2.2

// mostAnew is what one may cost of which every part is new that most providers have the same in all
// events of an answer: it is looked at in six places.
const mostAnew = 2.6

func compare(b *testing.B, codec answerer, provider string, deltas int, most float64) {
	b.Helper()
	var out strings.Builder
	in := events(provider)
	if err := translated(codec, in, func(p []byte) { out.Write(p) }); err != nil {
		b.Fatal(err)
	}
	plain := events(out.String())
	if len(plain) < deltas {
		b.Fatalf("%d deltas became %d events:\n%.2000s", deltas, len(plain), out.String())
	}
	var m stream.Meter
	meter := func(p []byte) { _, _ = m.Write(p) }
	const streams = 64
	measured := func(what func()) time.Duration {
		start := processorTime(b)
		for range streams {
			m.Reset(stream.KindSSE)
			what()
			m.Finish()
		}
		return processorTime(b) - start
	}
	var passed, both time.Duration
	var before, after runtime.MemStats
	for b.Loop() {
		passed += measured(func() {
			for _, p := range plain {
				meter(p)
			}
		})
		runtime.ReadMemStats(&before)
		both += measured(func() { _ = translated(codec, in, meter) })
		runtime.ReadMemStats(&after)
	}
	each := func(v float64) float64 { return v / float64(b.N) / streams / float64(deltas) }
	ratio := float64(both) / float64(passed)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(each(float64(passed)), "passed-ns/event")
	b.ReportMetric(each(float64(both)), "ns/event")
	b.ReportMetric(ratio, "ratio")
	b.ReportMetric(float64(len(provider))*streams*float64(b.N)*1e3/float64(both), "MB/s")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/streams/float64(deltas), "allocs/event")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/streams/float64(deltas), "B/event")
	if b.N >= 10 && ratio > most {
		b.Errorf("an event that is translated costs %.2f times one that is passed on", ratio)
	}
}

// processorTime is what this process has used.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
