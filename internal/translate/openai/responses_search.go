package openai

import (
	"slices"
	"strings"

	"prism/internal/translate"
)

// A search of the web is an item of its own. Only the text behind it says what the pages are
// called that it has found, so what stands behind a search waits for the end of that text: what
// was found stands in front of what was made of it.

// learnSearch takes what an item says of its search. One that opens a page, or looks for words in
// one, is none: it finds nothing new and costs nothing.
func (it *responsesItem) learnSearch(b *itemBody) {
	it.search.ID = it.id
	it.search.Failed = it.search.Failed || b.failed
	r := reader{b: b.action}
	if b.action == nil || !r.enter('{') {
		return
	}
	for key := r.key(); key != nil; key = r.key() {
		switch string(key) {
		case "type":
			kind := r.string()
			it.silent = kind != "" && kind != "search"
		case "query":
			if q := r.string(); q != "" {
				it.search.Query = q
			}
		case "queries":
			if q := strings.Join(stringsIn(r.value()), "; "); q != "" && it.search.Query == "" {
				it.search.Query = q
			}
		case "sources":
			it.search.Hits = hitsIn(r.value(), "url")
		default:
			r.skip()
		}
	}
}

func stringsIn(list []byte) []string {
	var out []string
	r := reader{b: list}
	if list == nil || !r.enter('[') {
		return nil
	}
	for r.item() {
		if s := r.string(); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// hitsIn returns the pages of a list whose elements have the type.
func hitsIn(list []byte, typ string) []translate.Hit {
	var out []translate.Hit
	r := reader{b: list}
	if list == nil || !r.enter('[') {
		return nil
	}
	for r.item() && len(out) < maxHits {
		if h, ok := hitOf(r.value(), typ); ok {
			out = append(out, h)
		}
	}
	return out
}

func hitOf(v []byte, typ string) (h translate.Hit, ok bool) {
	kind := ""
	r := reader{b: v}
	if v == nil || !r.enter('{') {
		return h, false
	}
	for key := r.key(); key != nil; key = r.key() {
		switch string(key) {
		case "type":
			kind = r.string()
		case "url":
			h.URL = pageOf(r.string())
		case "title":
			h.Title = r.string()
		default:
			r.skip()
		}
	}
	return h, kind == typ && h.URL != ""
}

// pageOf is an address without the mark by which OpenAI tells pages where their readers come from.
func pageOf(url string) string {
	const mark = "utm_source=openai"
	return strings.TrimSuffix(strings.TrimSuffix(url, "?"+mark), "&"+mark)
}

// cite takes the pages that a text names. content is the whole of a message's.
func (d *responsesAnswer) cite(content []byte) {
	if !d.searched {
		return
	}
	r := reader{b: content}
	if content == nil || !r.enter('[') {
		return
	}
	for r.item() {
		part := reader{b: r.value()}
		if part.peek() != '{' {
			continue
		}
		for _, h := range hitsIn(part.field("annotations"), "url_citation") {
			d.citeOne(h)
		}
	}
}

// cited takes one that comes by itself.
func (d *responsesAnswer) cited(annotation []byte) {
	if h, ok := hitOf(annotation, "url_citation"); ok && d.searched {
		d.citeOne(h)
	}
}

func (d *responsesAnswer) citeOne(h translate.Hit) {
	if len(d.cites) < maxCites && !slices.ContainsFunc(d.cites, func(old citation) bool { return old.URL == h.URL }) {
		d.cites = append(d.cites, citation{Hit: h})
	}
}

// citation is a page that a text names.
type citation struct {
	translate.Hit
	found bool // by a search that tells of it
}

// More pages than these are not told: a client shows a few.
const (
	maxHits  = 64 // of one search
	maxCites = 256
)

// searching writes that a search was made, and tells whether what it has found is still to be
// named: no text behind it has come to its end, and one may.
func (d *responsesAnswer) searching(it *responsesItem) bool {
	if it.kind != itemSearch || it.silent {
		return false
	}
	if it.over && !it.begun {
		it.begun = true
		d.w.Search(it.key, &it.search)
	}
	return !d.final && !slices.ContainsFunc(d.queue, func(next *responsesItem) bool { return next.kind == itemMessage && next.over })
}

// found writes what a search has found, in the words of the text that names it. Pages that no
// search tells of are the last one's.
func (d *responsesAnswer) found(it *responsesItem) {
	if it.silent {
		return
	}
	s := &it.search
	last := !slices.ContainsFunc(d.queue, func(next *responsesItem) bool { return next.kind == itemSearch && !next.silent })
	for i := range s.Hits {
		at := slices.IndexFunc(d.cites, func(c citation) bool { return c.URL == s.Hits[i].URL })
		if at >= 0 {
			s.Hits[i].Title, d.cites[at].found = d.cites[at].Title, true
		}
	}
	for _, c := range d.cites {
		if last && !c.found {
			s.Hits = append(s.Hits, c.Hit)
		}
	}
	d.w.Found(it.key, s)
}
