package simulator

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// pieceRunes is how many characters one delta carries unless an answer says otherwise.
const pieceRunes = 24

// block is one content block, rendered ahead as far as it does not depend on the request. A
// tool block without an id gets one per message, written between head and tail.
type block struct {
	head, tail           string // content_block of content_block_start
	wholeHead, wholeTail string // the block of a JSON body
	deltas               []string
	id                   string
	tool                 bool // has an id; a client's tool, so the stop reason is tool_use
	server               bool // has an id, but runs at the provider
	size                 int  // bytes of what the model wrote, for the usage
	thinking             int  // bytes of thinking, a part of size

	// What the block is made of, for dialects that render it otherwise.
	kind      blockKind
	text      string // of text and thinking; the input of a tool call
	name      string // of the tool
	signature string
	piece     int // characters per delta; < 1 = a single one
}

// blockKind is what other dialects have something like.
type blockKind int

const (
	kindNone blockKind = iota // nothing: it is left out there
	kindText
	kindThinking
	kindTool
)

// Text is a text block.
func Text(text string) Answer { return TextPieces(text, pieceRunes) }

// TextPieces is a text block whose deltas carry n characters each; with n < 1 it has a single
// delta.
func TextPieces(text string, n int) Answer {
	b := block{
		head:      `{"type":"text","text":"","citations":null}`,
		wholeHead: `{"type":"text","text":` + quoted(text) + `,"citations":null}`,
		size:      len(text),
		kind:      kindText, text: text, piece: n,
	}
	for piece := range pieces(text, n) {
		b.deltas = append(b.deltas, `{"type":"text_delta","text":`+quoted(piece)+`}`)
	}
	return blockAnswer(b)
}

// BigLine is a text block of one delta with n bytes of text: a data line a little longer
// than n.
func BigLine(n int) Answer { return TextPieces(strings.Repeat("x", n), 0) }

// Thinking is a thinking block. An empty signature becomes one that [Options.CheckSignatures]
// accepts from the simulator that made it; the signature "none" sends no signature_delta.
func Thinking(text, signature string) Answer {
	return Answer{set: []func(*plan){func(p *plan) {
		sign := signature
		switch sign {
		case "":
			sign = signatureOf(p.server, text)
		case "none":
			sign = ""
		}
		b := block{
			head:      `{"type":"thinking","thinking":"","signature":""}`,
			wholeHead: `{"type":"thinking","thinking":` + quoted(text) + `,"signature":` + quoted(sign) + `}`,
			size:      len(text),
			thinking:  len(text),
			kind:      kindThinking, text: text, signature: sign, piece: pieceRunes,
		}
		for piece := range pieces(text, pieceRunes) {
			b.deltas = append(b.deltas, `{"type":"thinking_delta","thinking":`+quoted(piece)+`}`)
		}
		if sign != "" {
			b.deltas = append(b.deltas, `{"type":"signature_delta","signature":`+quoted(sign)+`}`)
		}
		p.blocks = append(p.blocks, b)
	}}}
}

// RedactedThinking is a redacted_thinking block with opaque data.
func RedactedThinking(data string) Answer {
	whole := `{"type":"redacted_thinking","data":` + quoted(data) + `}`
	return blockAnswer(block{head: whole, wholeHead: whole, size: len(data)})
}

// ToolUse is a call of a client's tool; input is a JSON object. Several of them in one answer
// are parallel calls. The stop reason becomes tool_use.
func ToolUse(name, input string) Answer { return ToolUseID("", name, input) }

// ToolUseID is ToolUse with an id of the caller's choice; "" mints one.
func ToolUseID(id, name, input string) Answer {
	b := toolBlock("tool_use", id, name, input)
	b.tool, b.kind, b.piece = true, kindTool, pieceRunes
	return blockAnswer(b)
}

// ToolUseInStart is a tool call whose input stands in content_block_start, without deltas:
// clients ignore it there and call the tool with {}.
func ToolUseInStart(name, input string) Answer {
	b := toolBlock("tool_use", "", name, input)
	b.tool, b.kind, b.deltas = true, kindTool, nil
	b.tail = b.wholeTail
	return blockAnswer(b)
}

// ServerToolUse is a call of a tool that runs at the provider, such as web_search.
func ServerToolUse(id, name, input string) Answer {
	b := toolBlock("server_tool_use", id, name, input)
	b.server = true
	return blockAnswer(b)
}

// WebSearch is a provider's web search: the call, its results (pairs of title and URL) and the
// count in the usage is the caller's to set.
func WebSearch(query string, results ...string) Answer {
	var b strings.Builder
	b.WriteString(`{"type":"web_search_tool_result","tool_use_id":"srvtoolu_01`)
	id := strings.Map(func(r rune) rune {
		if r < 0x80 && (r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z') {
			return r
		}
		return '_'
	}, query)
	b.WriteString(id + `","content":[`)
	for i := 0; i+1 < len(results); i += 2 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"type":"web_search_result","title":` + quoted(results[i]) + `,"url":` + quoted(results[i+1]) +
			`,"encrypted_content":"RXhhbXBsZQ==","page_age":null}`)
	}
	b.WriteString(`],"caller":{"type":"direct"}}`)
	return Reply(
		ServerToolUse("srvtoolu_01"+id, "web_search", `{"query":`+quoted(query)+`}`),
		RawBlock(b.String()),
	)
}

// RawBlock is a content block given as JSON, sent whole in content_block_start: results of
// server tools, or a block type nobody knows.
func RawBlock(whole string, deltas ...string) Answer {
	return blockAnswer(block{head: whole, wholeHead: whole, deltas: deltas, size: len(whole)})
}

// toolBlock renders a tool call. As at the provider, the first delta is empty.
func toolBlock(kind, id, name, input string) block {
	open := `{"type":"` + kind + `","id":"`
	rest := `","name":` + quoted(name) + `,"input":`
	b := block{
		head: open, tail: rest + `{},"caller":{"type":"direct"}}`,
		wholeHead: open, wholeTail: rest + wholeInput(input) + `,"caller":{"type":"direct"}}`,
		id: id, size: len(name) + len(input), name: name, text: input,
		deltas: []string{`{"type":"input_json_delta","partial_json":""}`},
	}
	for piece := range pieces(input, pieceRunes) {
		b.deltas = append(b.deltas, `{"type":"input_json_delta","partial_json":`+quoted(piece)+`}`)
	}
	return b
}

// wholeInput returns input where it is JSON, so that a JSON body stays JSON when the deltas of
// the streamed form are scripted to be broken.
func wholeInput(input string) string {
	if json.Valid([]byte(input)) {
		return input
	}
	return "{}"
}

// blockAnswer is an answer of one block.
func blockAnswer(b block) Answer {
	return Answer{set: []func(*plan){func(p *plan) { p.blocks = append(p.blocks, b) }}}
}

// pieces yields s in runs of n characters, or whole where n < 1; nothing for an empty s.
func pieces(s string, n int) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for s != "" {
			end := len(s)
			if n > 0 {
				end = 0
				for range n {
					if end == len(s) {
						break
					}
					_, size := utf8.DecodeRuneInString(s[end:])
					end += size
				}
			}
			if !yield(s[:end]) {
				return
			}
			s = s[end:]
		}
	}
}
