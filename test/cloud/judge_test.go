package cloud

import (
	"bytes"
	"net/http"
	"strings"
	"sync"

	"prism/internal/translate/translatetest"
	"prism/internal/translate/translatetest/sdk"
)

// document is the API's own, read once.
var document = sync.OnceValues(translatetest.Load)

// judge holds what the client got against the API's document, and a stream that came to its end
// against Anthropic's SDK too.
func (h *house) judge(path string, resp *http.Response, body []byte, cut error) {
	h.t.Helper()
	doc, err := document()
	if err != nil {
		h.t.Fatal(err)
	}
	if i := bytes.LastIndex(body, []byte("\n\n")); cut != nil && i >= 0 {
		body = body[:i+2] // the connection may have cut the event behind it
	}
	if h.lacks {
		_, rest, _ := strings.Cut(string(body), "\n\n")
		err = doc.Stream(rest)
	} else {
		err = doc.Answer(path, resp.StatusCode, resp.Header, body)
	}
	if err != nil {
		h.t.Errorf("%s: the client got what the API's document does not know: %v\n%d %s", path, err, resp.StatusCode, body)
	}
	if resp.Header.Get("Content-Type") != "text/event-stream" || cut != nil {
		return
	}
	if _, err := sdk.Accumulate(string(body)); err != nil {
		h.t.Errorf("%s: Anthropic's SDK refuses the stream: %v", path, err)
	}
}
