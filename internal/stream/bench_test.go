package stream

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// longStream is a stream of n text deltas of a few words each.
func longStream(n int) []byte {
	var b strings.Builder
	b.WriteString(messageStart(startUsage) + blockStart(`{"type":"text","text":""}`))
	for i := range n {
		b.WriteString(textDelta(fmt.Sprintf(" word %d, and a few more", i)))
	}
	b.WriteString(blockStop + messageDelta(`"end_turn"`, `{"output_tokens":500}`) + stop)
	return []byte(b.String())
}

func BenchmarkMeterSSE(b *testing.B) {
	const events = 1000
	in := longStream(events)
	for _, read := range []int{len(in), 32 << 10, 1400, 140} {
		b.Run(fmt.Sprintf("read=%d", read), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(in)))
			var m Meter
			for b.Loop() {
				m.Reset(KindSSE)
				for p := in; len(p) > 0; {
					n := min(read, len(p))
					_, _ = m.Write(p[:n])
					p = p[n:]
				}
				m.Finish()
			}
			if r := m.Result(); r.Usage.Output != 500 || r.Events != events+5 {
				b.Fatalf("%+v", r)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/events, "ns/event")
		})
	}
	b.Run("json.Unmarshal", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(in)))
		for b.Loop() {
			for _, e := range readAll(string(in)) {
				var v struct {
					Type  string
					Usage json.RawMessage
				}
				if err := json.Unmarshal([]byte(e.data), &v); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

// prose is text as it is in JSON bodies: words, line ends and quotes, escaped.
func prose(n int) string {
	const text = `The quick brown fox jumps over the lazy dog.\n\tif err := run(\"prism\"); err != nil {\n\t\treturn err\n\t}\n`
	return strings.Repeat(text, n/len(text)+1)[:n/len(text)*len(text)]
}

func sizes() map[string]int {
	return map[string]int{"2KB": 2 << 10, "100KB": 100 << 10, "1MB": 1 << 20}
}

func BenchmarkMeterJSON(b *testing.B) {
	for _, name := range []string{"2KB", "100KB", "1MB"} {
		in := []byte(`{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"` +
			prose(sizes()[name]) + `"}],"stop_reason":"end_turn","usage":` + startUsage + `}`)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(in)))
			var m Meter
			for b.Loop() {
				m.Reset(KindJSON)
				for p := in; len(p) > 0; {
					n := min(32<<10, len(p))
					_, _ = m.Write(p[:n])
					p = p[n:]
				}
				m.Finish()
			}
			if !m.Complete() {
				b.Fatal("not complete")
			}
		})
		b.Run(name+"/json.Unmarshal", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(in)))
			for b.Loop() {
				var v struct {
					ID, Model  string
					StopReason string `json:"stop_reason"`
					Usage      json.RawMessage
				}
				if err := json.Unmarshal(in, &v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// conversation is a request body of about n bytes: turns with tool calls and their results.
func conversation(n int) []byte {
	const turn = 2000
	var b strings.Builder
	b.WriteString(`{"model":"claude-opus-5-5","messages":[`)
	for i := 0; b.Len() < n-turn; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"role":"assistant","content":[{"type":"tool_use","id":"toolu_%d","name":"Read","input":{"file_path":"/src/a.go","limit":%d}}]},`, i, i)
		fmt.Fprintf(&b, `{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_%d","content":"%s"}]}`, i, prose(turn))
	}
	b.WriteString(`],"system":[{"type":"text","text":"` + prose(500) + `","cache_control":{"type":"ephemeral","ttl":"1h"}}],` +
		`"metadata":{"user_id":"{\"session_id\":\"1b9d\"}"},"max_tokens":128000,"stream":true}`)
	return []byte(b.String())
}

func BenchmarkPeek(b *testing.B) {
	for _, name := range []string{"2KB", "100KB", "1MB"} {
		in := conversation(sizes()[name])
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(in)))
			for b.Loop() {
				if r, err := Peek(in); err != nil || !r.Stream || r.CacheTTL != "1h" {
					b.Fatal(r, err)
				}
			}
		})
		b.Run(name+"/json.Unmarshal", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(in)))
			for b.Loop() {
				var v struct {
					Model  string
					Stream bool
				}
				if err := json.Unmarshal(in, &v); err != nil || !v.Stream {
					b.Fatal(err)
				}
			}
		})
	}
}
