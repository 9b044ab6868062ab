package stream

import (
	"bytes"
	"hash/maphash"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// Signature is the hash of what a provider has signed a thinking block with: of its signature, or
// of the data of a redacted one. It means nothing outside the process. 0 is that of a block which
// has none, [Minted] that of all blocks which prism's own translation has signed.
type Signature uint64

// Minted is the Signature of thinking that no provider has signed in the way of the Messages API.
const Minted Signature = 1

// MintedPrefix is what such a signature begins with in the text of the block.
const MintedPrefix = "prism1."

// signatureOf hashes the value of a signature, a JSON string with its quotes. Whatever else it is
// counts as none.
func signatureOf(seed maphash.Seed, raw []byte) Signature {
	text := textOf(raw)
	if len(text) == 0 {
		return 0
	}
	if bytes.HasPrefix(text, []byte(MintedPrefix)) {
		return Minted
	}
	return max(Signature(maphash.Bytes(seed, text)), Minted+1)
}

// textOf decodes a JSON string with its quotes, without copying it where nothing is escaped. It
// returns nil for whatever else it is.
func textOf(raw []byte) []byte {
	if len(raw) < 2 || raw[0] != '"' {
		return nil
	}
	if inside := raw[1 : len(raw)-1]; bytes.IndexByte(inside, '\\') < 0 && utf8.Valid(inside) {
		return inside
	}
	text, _ := unquote(raw)
	return []byte(text)
}

// maxSignatures bounds what is kept of one answer. None has more than a few blocks.
const maxSignatures = 1 << 10

// signatures are those that an answer has minted.
type signatures struct {
	on   bool
	seed maphash.Seed
	list []Signature
}

// Watch has the meter collect the signatures of thinking, or stops it. Unlike all else it holds
// until the next call, whatever the meter is used for.
func (m *Meter) Watch(seed maphash.Seed, on bool) {
	m.signatures.seed, m.signatures.on = seed, on
}

// Signatures returns those of the thinking blocks seen so far. It is overwritten by what comes
// after the next [Meter.Reset].
func (m *Meter) Signatures() []Signature { return m.signatures.list }

// add takes the value of a signature over.
func (s *signatures) add(v gjson.Result) {
	if v.Type != gjson.String || len(s.list) == maxSignatures {
		return
	}
	if sig := signatureOf(s.seed, []byte(v.Raw)); sig > Minted {
		s.list = append(s.list, sig)
	}
}

// block takes over the signature of a whole content block.
func (s *signatures) block(v gjson.Result) {
	switch v.Get("type").Str {
	case "thinking":
		s.add(v.Get("signature"))
	case "redacted_thinking":
		s.add(v.Get("data"))
	}
}

// signs tells whether an event may bring a signature. head is the beginning of its data.
func (s *signatures) signs(k eventKind, head []byte) bool {
	if !s.on {
		return false
	}
	switch k {
	case eventBlockDelta:
		return usualTextAt(head) < 0 && bytes.Contains(head[:min(len(head), headMax)], []byte(`"signature_delta"`))
	case eventBlockStart:
		return bytes.Contains(head[:min(len(head), headMax)], []byte(`thinking"`))
	default:
		return false
	}
}

// take reads the signature in the whole data of an event, if there is one.
func (s *signatures) take(k eventKind, data []byte) {
	if !s.signs(k, data) || !gjson.ValidBytes(data) {
		return
	}
	if k == eventBlockDelta {
		s.add(gjson.GetBytes(data, "delta.signature"))
		return
	}
	s.block(gjson.GetBytes(data, "content_block"))
}

// content reads the content of a message that came as one JSON object.
func (s *signatures) content(v gjson.Result) {
	if v.IsArray() {
		v.ForEach(func(_, block gjson.Result) bool {
			s.block(block)
			return true
		})
	}
}
