package translate

// Search is a search of the web that a provider has made by itself.
type Search struct {
	ID     string // of the provider's; ""
	Query  string
	Hits   []Hit // what was found, as far as the provider tells
	Failed bool
}

// Hit is a page that a search has found.
type Hit struct{ Title, URL string }

// Search writes that the provider searches. What it has found follows with [Writer.Found]: the two
// are blocks of their own, as they are at Anthropic. key is one of the tool calls' kind.
func (w *Writer) Search(key int, s *Search) {
	if w.closed() || w.tools[key] != nil {
		return
	}
	w.flushStops()
	w.endLast()
	b := &block{kind: blockSearch, id: w.searchID(key, s.ID), name: "web_search"}
	w.tools[key], w.ids[b.id] = b, true
	w.push(b)
	w.add(b, string(appendJSON(nil, struct {
		Query string `json:"query"`
	}{s.Query})))
	w.finish(b)
}

// Found writes what a search has found that was begun. One that has failed counts as none: it costs
// nothing.
func (w *Writer) Found(key int, s *Search) {
	use := w.tools[key]
	if use == nil || w.closed() {
		return
	}
	if !s.Failed {
		w.searches++
	}
	w.flushStops()
	w.endLast()
	b := &block{kind: blockFound, whole: foundBlock{"web_search_tool_result", use.id, found(s), caller{"direct"}}}
	w.push(b)
	w.finish(b)
}

// searchID is an id as the API gives them to tools that a server runs.
func (w *Writer) searchID(key int, id string) string {
	if id == "" {
		id = madeID(w.seed, key)
	}
	b := []byte(id)
	for i, c := range b {
		if !letter(c) {
			b[i] = '_'
		}
	}
	return w.ToolID(key, "srvtoolu_"+string(b))
}

type foundBlock struct {
	Type   string `json:"type"`
	ID     string `json:"tool_use_id"`
	Found  any    `json:"content"`
	Caller caller `json:"caller"`
}

type hit struct {
	Type    string  `json:"type"`
	Title   string  `json:"title"`
	URL     string  `json:"url"`
	Content string  `json:"encrypted_content"` // Anthropic's only
	Age     *string `json:"page_age"`
}

// found is the content of a result: what was found, or an error.
func found(s *Search) any {
	if s.Failed {
		return struct {
			Type string `json:"type"`
			Code string `json:"error_code"`
		}{"web_search_tool_result_error", "unavailable"}
	}
	hits := make([]hit, len(s.Hits))
	for i, h := range s.Hits {
		hits[i] = hit{Type: "web_search_result", Title: h.Title, URL: h.URL}
		if h.Title == "" {
			hits[i].Title = h.URL
		}
	}
	return hits
}

// serverTools counts what the provider's own tools were used for.
type serverTools struct {
	Searches int64 `json:"web_search_requests"`
	Fetches  int64 `json:"web_fetch_requests"`
}

// served is what the usage says of the provider's own tools; nil where none was used.
func (w *Writer) served() *serverTools {
	if w.searches == 0 {
		return nil
	}
	return &serverTools{Searches: w.searches}
}
