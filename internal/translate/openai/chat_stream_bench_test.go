package openai

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"prism/internal/stream"
	"prism/internal/translate"
)

const benchEvents = 1000

// benchStreams are answers of a thousand deltas as providers of several habits send them.
func benchStreams() map[string][]byte {
	chunk := func(delta, rest string) string {
		return `data: {"id":"chatcmpl-AbCdEf0123456789","object":"chat.completion.chunk","created":1764000000,"model":"acme-1",` +
			`"service_tier":"default","system_fingerprint":"fp_0123456789","choices":[{"index":0,"delta":` + delta +
			`,"logprobs":null,"finish_reason":null}],"usage":null` + rest + "}\n\n"
	}
	kinds := map[string]func(i int) string{
		"text": func(i int) string { return chunk(fmt.Sprintf(`{"content":" word %d, and a few more"}`, i), "") },
		"padded": func(i int) string {
			return chunk(fmt.Sprintf(`{"content":" word %d, and a few more"}`, i), `,"obfuscation":"`+strings.Repeat("x", i%9)+`"`)
		},
		"reasoning": func(i int) string {
			return chunk(fmt.Sprintf(`{"reasoning_content":" word %d, and a few more"}`, i), "")
		},
		"arguments": func(i int) string {
			return chunk(fmt.Sprintf(`{"tool_calls":[{"index":0,"function":{"arguments":"word %d, and a few more"}}]}`, i), "")
		},
	}
	streams := make(map[string][]byte)
	for name, one := range kinds {
		var b strings.Builder
		b.WriteString(chunk(`{"role":"assistant","content":""}`, ""))
		if name == "arguments" {
			b.WriteString(chunk(`{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"Write","arguments":"{\"a\":\""}}]}`, ""))
		}
		for i := range benchEvents {
			b.WriteString(one(i))
		}
		b.WriteString(`data: {"id":"x","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n")
		b.WriteString(`data: {"id":"x","choices":[],"usage":{"prompt_tokens":20,"completion_tokens":500,"total_tokens":520}}` + "\n\ndata: [DONE]\n\n")
		streams[name] = []byte(b.String())
	}
	return streams
}

// eventEnd is how long the first event of a stream is: providers flush behind each, so that a read
// brings one.
func eventEnd(in []byte) int { return bytes.Index(in, []byte("\n\n")) + 2 }

// translated feeds a stream event by event and hands on what comes of each.
func translated(in []byte, give func([]byte)) error {
	r := translate.Reply{Model: "claude-opus-5-5", Provider: "acme", Stream: true}
	w := translate.NewWriter(translate.Opening{ID: "msg_1", Model: r.Model, Provider: r.Provider}, true)
	d := Chat{}.Stream(&r, w)
	for len(in) > 0 {
		n := eventEnd(in)
		d.Feed(in[:n])
		give(w.Take())
		in = in[n:]
	}
	err := d.End(io.EOF)
	give(w.Take())
	return err
}

// BenchmarkChatStream compares what an event costs that is translated and metered with one of the
// same text that a Claude upstream sent and that is metered only.
func BenchmarkChatStream(b *testing.B) {
	for name, in := range benchStreams() {
		var plain []byte
		if err := translated(in, func(p []byte) { plain = append(plain, p...) }); err != nil {
			b.Fatal(err)
		}
		run := func(kind string, size int, one func(m *stream.Meter)) {
			b.Run(name+"/"+kind, func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(size))
				var m stream.Meter
				for b.Loop() {
					m.Reset(stream.KindSSE)
					one(&m)
					m.Finish()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchEvents, "ns/event")
			})
		}
		run("passed", len(plain), func(m *stream.Meter) {
			for p := plain; len(p) > 0; {
				n := eventEnd(p)
				_, _ = m.Write(p[:n])
				p = p[n:]
			}
		})
		run("translated", len(in), func(m *stream.Meter) {
			if err := translated(in, func(p []byte) { _, _ = m.Write(p) }); err != nil {
				b.Fatal(err)
			}
		})
		run("translated-unmetered", len(in), func(*stream.Meter) {
			if err := translated(in, func([]byte) {}); err != nil {
				b.Fatal(err)
			}
		})
	}
}
