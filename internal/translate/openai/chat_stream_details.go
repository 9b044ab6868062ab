package openai

import (
	"bytes"
	"encoding/json"
	"strings"
)

// details puts the pieces of reasoning_details together, which OpenRouter wants back as they were.
type details struct {
	on   bool // they are wanted back
	list []detail
}

// detail is one entry, in the order of its documentation.
type detail struct {
	Type      string          `json:"type"`
	Text      string          `json:"text,omitempty"`
	Summary   string          `json:"summary,omitempty"`
	Data      string          `json:"data,omitempty"`
	Signature string          `json:"signature,omitempty"`
	ID        json.RawMessage `json:"id,omitempty"`
	Format    string          `json:"format,omitempty"`
	Index     json.RawMessage `json:"index,omitempty"`

	text []byte // of Text or Summary
}

// add takes the entries of a delta and returns their text.
func (d *details) add(v []byte) string {
	r := reader{b: v}
	if v == nil || !r.enter('[') {
		return ""
	}
	var text strings.Builder
	for r.item() {
		if r.peek() != '{' {
			r.skip()
			continue
		}
		one := parseDetail(&r)
		text.WriteString(one.Text)
		text.WriteString(one.Summary)
		if d.on {
			d.merge(&one)
		}
	}
	return text.String()
}

func parseDetail(r *reader) detail {
	var d detail
	r.enter('{')
	for key := r.key(); key != nil; key = r.key() {
		switch string(key) {
		case "type":
			d.Type = r.string()
		case "text":
			d.Text = r.string()
		case "summary":
			d.Summary = r.string()
		case "data":
			d.Data = r.string()
		case "signature":
			d.Signature = r.string()
		case "format":
			d.Format = r.string()
		case "id":
			d.ID = bytes.Clone(r.value())
		case "index":
			d.Index = bytes.Clone(r.value())
		default:
			r.skip()
		}
	}
	return d
}

// merge adds to the last entry what goes on with it.
func (d *details) merge(one *detail) {
	n := len(d.list)
	if n == 0 || !d.list[n-1].goesOn(one) {
		d.list = append(d.list, detail{})
		n++
	}
	last := &d.list[n-1]
	last.Type = one.Type
	last.text = append(append(last.text, one.Text...), one.Summary...)
	last.Data += one.Data
	if one.Signature != "" {
		last.Signature = one.Signature
	}
	if one.Format != "" {
		last.Format = one.Format
	}
	if one.ID != nil {
		last.ID = one.ID
	}
	if one.Index != nil {
		last.Index = one.Index
	}
}

// goesOn tells whether one is the next piece of d.
func (d *detail) goesOn(one *detail) bool {
	return d.Type == one.Type && bytes.Equal(d.Index, one.Index) && one.Data == "" && d.Data == "" &&
		(d.Signature == "" || one.Text == "" && one.Summary == "")
}

// take returns what was put together as a JSON array, and begins anew; "" = nothing.
func (d *details) take() string {
	if len(d.list) == 0 {
		return ""
	}
	for i := range d.list {
		one := &d.list[i]
		if one.Type == "reasoning.summary" {
			one.Summary = string(one.text)
		} else {
			one.Text = string(one.text)
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(d.list)
	d.list = nil
	if err != nil { // an index that is no JSON
		return ""
	}
	return strings.TrimSuffix(b.String(), "\n")
}
