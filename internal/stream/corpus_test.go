package stream

import (
	"fmt"
	"strings"
)

// frame writes one event as the provider does.
func frame(typ, data string) string { return "event: " + typ + "\ndata: " + data + "\n\n" }

const (
	startUsage = `{"input_tokens":10,"cache_creation_input_tokens":100,"cache_read_input_tokens":1000,` +
		`"cache_creation":{"ephemeral_5m_input_tokens":40,"ephemeral_1h_input_tokens":60},"output_tokens":1,` +
		`"service_tier":"standard","inference_geo":"us","speed":"fast"}`
	ping = "event: ping\ndata: {\"type\":\"ping\"}\n\n"
	stop = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
)

func messageStart(usage string) string {
	return frame("message_start", `{"type":"message_start","message":{"id":"msg_01","type":"message","role":"assistant",`+
		`"content":[],"model":"claude-opus-5-5","stop_reason":null,"stop_sequence":null,"usage":`+usage+`}}`)
}

func messageDelta(stopReason, usage string) string {
	return frame("message_delta", `{"type":"message_delta","delta":{"stop_reason":`+stopReason+`,"stop_sequence":null},"usage":`+usage+`}`)
}

func blockStart(block string) string {
	return frame("content_block_start", `{"type":"content_block_start","index":0,"content_block":`+block+`}`)
}

func textDelta(text string) string {
	return frame("content_block_delta", `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"`+text+`"}}`)
}

func blockDelta(delta string) string {
	return frame("content_block_delta", `{"type":"content_block_delta","index":1,"delta":`+delta+`}`)
}

const blockStop = "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"

// plain is the stream of a short answer as the provider writes it.
func plain() string {
	return messageStart(startUsage) + blockStart(`{"type":"text","text":""}`) + ping + textDelta("Hello") +
		textDelta(`, \"w\u00f6rld\" \\`) + textDelta("数据 🙂") + blockStop + messageDelta(`"end_turn"`, `{"output_tokens":50}`) + stop
}

// tools is the stream of an answer with thinking and two tool calls.
func tools() string {
	return messageStart(startUsage) +
		blockStart(`{"type":"thinking","thinking":"","signature":""}`) +
		blockDelta(`{"type":"thinking_delta","thinking":"Let me see","estimated_tokens":3}`) +
		blockDelta(`{"type":"signature_delta","signature":"`+strings.Repeat("QmFzZTY0", 100)+`"}`) + blockStop +
		blockStart(`{"type":"tool_use","id":"toolu_1","name":"Bash","input":{}}`) +
		blockDelta(`{"type":"input_json_delta","partial_json":""}`) +
		blockDelta(`{"type":"input_json_delta","partial_json":"{\"command\": \"ls"}`) +
		blockDelta(`{"type":"input_json_delta","partial_json":"\"}"}`) + blockStop +
		messageDelta(`"tool_use"`, `{"output_tokens":77,"output_tokens_details":{"thinking_tokens":12}}`) + stop
}

const (
	compaction = `{"type":"compaction","input_tokens":180000,"output_tokens":3500,"cache_read_input_tokens":0,"cache_creation_input_tokens":0,"cache_creation":null}`
	advice     = `{"type":"advisor_message","model":"claude-fable-5-2","input_tokens":823,"output_tokens":1612,"cache_read_input_tokens":7,"cache_creation_input_tokens":9,"cache_creation":{"ephemeral_5m_input_tokens":4,"ephemeral_1h_input_tokens":5}}`
)

// fallen is the stream of an answer that one model declined and another one gave: what
// message_start says is about the first, and its cache entries are of no use to the second.
func fallen() string {
	return messageStart(startUsage) + blockStart(`{"type":"fallback","from":{"model":"claude-opus-5-5"},"to":{"model":"claude-sonnet-5-5"}}`) + blockStop +
		textDelta("Hello") + messageDelta(`"end_turn"`, `{"input_tokens":1110,"cache_creation_input_tokens":30,"cache_read_input_tokens":0,"output_tokens":50,"iterations":[`+
		`{"type":"message","model":"claude-opus-5-5","input_tokens":10,"output_tokens":2,"cache_creation_input_tokens":100,"cache_read_input_tokens":1000,"cache_creation":{"ephemeral_5m_input_tokens":40,"ephemeral_1h_input_tokens":60}},`+
		`{"type":"message","model":"claude-sonnet-5-5","input_tokens":400,"output_tokens":20,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0}},`+
		`{"type":"fallback_message","model":"claude-sonnet-5-5","input_tokens":710,"output_tokens":30,"cache_creation_input_tokens":30,"cache_read_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20}}]}`) + stop
}

// corpus holds streams like those that providers send, healthy and not.
func corpus() map[string]string {
	long := strings.Repeat("lorem ipsum \\\"dolor\\\" ", 40)
	return map[string]string{
		"empty":          "",
		"plain":          plain(),
		"tools":          tools(),
		"crlf":           strings.ReplaceAll(plain(), "\n", "\r\n"),
		"cr":             strings.ReplaceAll(plain(), "\n", "\r"),
		"mixed ends":     strings.ReplaceAll(plain(), "}\n\n", "}\r\n\r"),
		"bom":            bom + plain(),
		"two boms":       bom + bom + plain(),
		"comments":       ": hi\n\n" + strings.ReplaceAll(plain(), "\nevent:", "\n: keep-alive\n\n:\nevent:"),
		"no event lines": strings.ReplaceAll(strings.ReplaceAll(plain(), "event: ", "x: "), "data: ", "data:"),
		"wrong events":   strings.ReplaceAll(plain(), "event: message_delta", "event: ping"),
		"other fields":   strings.ReplaceAll(plain(), "\nevent:", "\nid: 7\nretry: 10\nevent\ndatax: 1\nevent:"),
		"multi line":     strings.NewReplacer(`,"index"`, ",\ndata: \"index\"", `,"usage"`, ",\ndata: \"usage\"").Replace(plain()),
		"spaces":         strings.NewReplacer(`":`, `": `, `,"`, `, "`).Replace(plain()),
		"sorted keys": frame("message_start", `{"message":{"id":"msg_1","model":"m","usage":`+startUsage+`,"x":"`+long+`"},"type":"message_start"}`) +
			frame("content_block_delta", `{"delta":{"text":"Hello","type":"text_delta"},"index":0,"type":"content_block_delta"}`) +
			frame("content_block_delta", `{"delta":{"text":"`+long+`","type":"text_delta"},"index":0,"type":"content_block_delta"}`) +
			frame("message_delta", `{"delta":{"stop_reason":"end_turn"},"type":"message_delta","usage":{"output_tokens":5}}`),
		"long delta":      messageStart(startUsage) + textDelta(long) + textDelta(long+`\\`),
		"long block":      messageStart(startUsage) + blockStart(`{"type":"web_search_tool_result","content":"`+long+`"}`),
		"fallback":        messageStart(startUsage) + blockStart(`{"type":"fallback","from":{"model":"a"},"to":{"model":"claude-sonnet-5-5"}}`) + blockStop,
		"iterations":      messageStart(startUsage) + messageDelta(`"end_turn"`, `{"output_tokens":50,"iterations":[`+compaction+`,`+advice+`,{"type":"message","model":null,"input_tokens":10,"output_tokens":50,"cache_creation_input_tokens":100,"cache_read_input_tokens":1000},7,null]}`) + stop,
		"fallen":          fallen(),
		"error first":     frame("error", `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}`),
		"error later":     messageStart(startUsage) + textDelta("Hi") + frame("error", `{"type":"error","error":{"type":"api_error","message":"`+long+`"}}`),
		"error bare":      frame("error", `{"type":"overloaded_error","message":"busy"}`) + frame("error", `no JSON`),
		"twice":           plain() + plain(),
		"after stop":      plain() + "garbage\n\ndata: [DONE]\n\n",
		"no last blank":   strings.TrimSuffix(plain(), "\n"),
		"no last newline": strings.TrimSuffix(plain(), "\n\n"),
		"no stop":         strings.TrimSuffix(plain(), "\n\n"+stop),
		"cut in delta":    plain()[:strings.Index(plain(), "rld")],
		"cut in start":    plain()[:200],
		"cut in usage":    plain()[:strings.Index(plain(), `50}`)+1],
		"broken JSON":     messageStart(startUsage) + frame("message_delta", `{"type":"message_delta","delta":{"stop_reason":"end_turn",}}`),
		"nulls":           messageStart(`null`) + messageDelta(`null`, `null`) + messageDelta(`""`, `{"input_tokens":null,"output_tokens":null}`),
		"odd counts":      messageStart(`{"input_tokens":-1,"cache_read_input_tokens":"7","output_tokens":1.5}`) + messageDelta(`"end_turn"`, `{"output_tokens":1e300}`),
		"unknown":         frame("novelty", `{"type":"novelty","x":[1,{"y":"}"}]}`) + "data\n\ndata:\n\nevent: x\n\n" + plain(),
	}
}

// bodies holds JSON answers, healthy and not.
func bodies() map[string]string {
	message := func(usage string) string {
		return `{"id":"msg_02","type":"message","role":"assistant","model":"claude-haiku-5-5",` +
			`"content":[{"type":"text","text":"say \"usage\": {\"input_tokens\": 9}, \\"},{"type":"tool_use","id":"no","input":{"model":"no","usage":{"output_tokens":3}}}],` +
			`"stop_reason":"end_turn","stop_sequence":null,"usage":` + usage + `}`
	}
	whole := message(`{"input_tokens":3,"output_tokens":12,"cache_creation_input_tokens":null,"server_tool_use":{"web_search_requests":2},"new":{"a":[1,2]}}`)
	return map[string]string{
		"empty":       "",
		"whole":       whole,
		"spaced":      bom + " \r\n" + strings.NewReplacer(`":`, "\" :\n", `,"`, ",\t\"").Replace(whole) + "\n\n",
		"cut":         whole[:len(whole)-1],
		"cut earlier": whole[:len(whole)-20],
		"error":       `{"type":"error","error":{"type":"rate_limit_error","message":"slow \u0064own"},"request_id":"req_9"}`,
		"error text":  `{"error":"model not found"}`,
		"error null":  `{"error":null,"usage":{"input_tokens":1,"output_tokens":2},"stop_reason":"end_turn"}`,
		"array":       `[{"usage":{"input_tokens":1}}]`,
		"text":        `upstream connect error`,
		"count":       `{"input_tokens":2095}`,
		"long key":    `{"` + strings.Repeat("k", 40) + `":1,"usage\u0020":2,"usage":{"output_tokens":4},"model":{"a":[]},"id":7,"stop_reason":null}`,
		"longer key":  `{"` + strings.Repeat("k", 17) + `usage":{"output_tokens":5},"k":1}`,
		"after end":   whole + `{"usage":{"output_tokens":999},"stop_reason":"x"}`,
		"deep":        `{"a":` + strings.Repeat("[{\"b\":", 200) + `"usage"` + strings.Repeat("}]", 200) + `,"usage":{"output_tokens":8}}`,
		"mismatched":  `{"a":[}],"usage":{"output_tokens":8}}`,
		"no colon":    `{"usage" "x" {"output_tokens":8}, "usage":{"output_tokens":9}}`,
	}
}

// snapshot is everything that can be seen of a meter.
func snapshot(m *Meter) string {
	s := fmt.Sprintf("started=%v content=%v complete=%v boundary=%v tail=%q\n",
		m.Started(), m.Content(), m.Complete(), m.AtBoundary(), m.Tail())
	s += fmt.Sprintf("%+v\n", *m.Result())
	s += fmt.Sprintf("raw=%s\n", m.Result().Raw)
	return s
}
