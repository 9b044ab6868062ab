package proxy

import (
	"bytes"
	"net/http"
	"slices"

	"prism/internal/ledger"
	"prism/internal/stream"
)

// noteThinkingRemoved is a translation note: thinking that another provider has signed was cut out
// of the body.
const noteThinkingRemoved = "thinking_removed"

// mend is what an upstream is sent instead of the client's body.
type mend struct {
	by                   signer // whom it is for; 0 = nobody was looked at yet
	body                 []byte // owned by p.bodies; nil = the client's body is sent
	modelStart, modelEnd int
	removed              []stream.Signature
	known                int // how many of removed were known to be refused before
}

// heal mends a request that an upstream refused, before the commit: thinking that it has not
// signed itself is cut out. It returns true where the body to be sent has changed and the same
// upstream is to be tried once more. body is the error answer. An upstream that translates is never
// sent what would be cut here.
func (x *exchange) heal(status int, body []byte) bool {
	if status != http.StatusBadRequest || x.request.Messages.End == 0 || x.lane.Upstream.Translates() || !aboutThinking(body) {
		return false
	}
	s, session := &x.p.signed, x.entry.SessionID
	by := s.signer(x.route, x.target)
	return x.cut(by, func(sig stream.Signature) bool {
		return s.mintedBy(session, sig).profile() != by.profile() || s.refuses(session, by, sig)
	}) || x.cut(by, func(sig stream.Signature) bool {
		return s.mintedBy(session, sig) != by || s.refuses(session, by, sig)
	})
}

// aboutThinking tells whether an error answer is about the signature of a thinking block. Providers
// in between wrap Anthropic's words, so they are looked for anywhere, whatever quotes them.
func aboutThinking(body []byte) bool {
	b := bytes.ToLower(body[:min(len(body), maxWording)])
	b = slices.DeleteFunc(b, func(c byte) bool { return c == '`' || c == '\\' || c == '"' || c == '\'' })
	says := func(s string) bool { return bytes.Contains(b, []byte(s)) }
	return says("thinking") && (says("signature") || says("cannot be modified") || says("bound to a different") ||
		says("redacted_thinking") && says("invalid data"))
}

// maxWording is how much of an error answer is searched.
const maxWording = 16 << 10

// source returns the body to send to the route of the attempt, and where in it the value of the
// model stands. It is the client's, unless thinking in it was refused by this upstream before: the
// refusal would come again with every turn of the session, and what is sent stays the same from
// turn to turn, so that the provider's prompt cache holds.
func (x *exchange) source() (raw []byte, modelStart, modelEnd int) {
	s := &x.p.signed
	x.meter.Watch(s.seed, x.entry.Operation == ledger.OpMessages && len(x.table.Config.Profiles) > 1)
	if x.mend.by != 0 || s.refusals.Load() > 0 || x.carriesMinted() {
		x.foresee()
	}
	if m := &x.mend; m.body != nil {
		return m.body, m.modelStart, m.modelEnd
	}
	return x.raw, x.request.ModelStart, x.request.ModelEnd
}

// foresee cuts out what the upstream is known to refuse, unless this was done for it already.
func (x *exchange) foresee() {
	s, session := &x.p.signed, x.entry.SessionID
	by := s.signer(x.route, x.target)
	if x.mend.by == by || x.request.Messages.End == 0 {
		return
	}
	x.dropMended()
	x.mend = mend{by: by}
	minted := x.carriesMinted()
	x.cut(by, func(sig stream.Signature) bool {
		return minted && sig <= stream.Minted || s.refuses(session, by, sig)
	})
	x.mend.known = len(x.mend.removed)
}

// carriesMinted tells whether the body holds thinking that came from a translated answer. A Claude
// upstream would refuse it, and what such an answer left without any signature as well.
func (x *exchange) carriesMinted() bool {
	if x.minted == 0 {
		x.minted = -1
		if (x.p.translated.Load() || x.table.Translates()) && bytes.Contains(x.raw, []byte(`"`+stream.MintedPrefix)) {
			x.minted = 1
		}
	}
	return x.minted > 0
}

// cut makes the body without the foreign thinking, and returns true if that is less than before.
func (x *exchange) cut(by signer, foreign func(stream.Signature) bool) bool {
	c, ok := stream.FindThinking(x.raw, &x.request, x.p.signed.seed, foreign)
	if !ok || len(c.Signatures) <= len(x.mend.removed) {
		return false
	}
	buf := x.p.bodies.get(c.Size(x.raw))
	if buf == nil {
		return false // too much is in memory already: the client mends the request itself
	}
	x.dropMended()
	x.mend = mend{
		by: by, body: c.Append(buf[:0], x.raw), removed: c.Signatures, known: x.mend.known,
		modelStart: c.Shift(x.request.ModelStart), modelEnd: c.Shift(x.request.ModelEnd),
	}
	return true
}

// noteMended says in the entry that the answer is one to a request of which something was cut out.
func (x *exchange) noteMended() {
	if notes := &x.entry.TranslationNotes; len(x.mend.removed) > 0 && !slices.Contains(*notes, noteThinkingRemoved) {
		*notes = append(*notes, noteThinkingRemoved)
	}
}

// dropMended gives the memory of the mended body back. What is known of it stays.
func (x *exchange) dropMended() {
	switch body := x.mend.body; {
	case body == nil:
	case x.keepRaw:
		x.p.bodies.used.Add(-int64(cap(body)))
	default:
		x.p.bodies.put(body)
	}
	x.mend.body = nil
}

// learn remembers, once a message came whole, what it has signed, and that the upstream refuses
// what had to be cut out for it.
func (x *exchange) learn() {
	s, m := &x.p.signed, &x.mend
	minted := x.meter.Signatures()
	if len(minted) == 0 && len(m.removed) == m.known {
		return
	}
	by := s.signer(x.route, x.target)
	if len(minted) > 0 {
		s.mint(x.entry.SessionID, by, minted)
	}
	if m.by == by && len(m.removed) > m.known {
		s.refuse(x.entry.SessionID, by, m.removed)
	}
}
