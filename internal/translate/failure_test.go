package translate_test

import (
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"prism/internal/translate"
)

// TestAnErrorOfAnySizeIsRead: the body of an error may have a megabyte, and be made to hurt.
func TestAnErrorOfAnySizeIsRead(t *testing.T) {
	const size = 1 << 20
	for name, body := range map[string]string{
		"brackets":         strings.Repeat("[", size),
		"errors in errors": strings.Repeat(`{"error":`, 9000) + "1" + strings.Repeat("}", 9000),
		"errors as texts":  `{"error":"` + strings.Repeat(`{\"error\":`, size/12) + `"}`,
		"tags":             strings.Repeat("<", size),
		"scripts":          strings.Repeat("<script>", size/8),
		"scripts, no end":  "<script" + strings.Repeat("</scrip", size/7),
		"a long list":      `{"errors":[` + strings.Repeat(`"",`, size/3) + `"the last"]}`,
		"a long text":      `{"message":"` + strings.Repeat("é", size/2) + `"}`,
		"many keys":        "{" + strings.Repeat(`"a":1,`, size/6) + `"message":"found"}`,
		"many numbers":     `{"message":"maximum context length is ` + strings.Repeat("9", size) + `"}`,
		"many words":       `{"message":"` + strings.Repeat("requested 1 in the messages ", size/28) + `"}`,
		"no UTF-8":         `{"message":"` + strings.Repeat("\xff", size) + `"}`,
		"lines":            "data:" + strings.Repeat("\n", size),
	} {
		f := failureOf(400, nil, []byte(body))
		if f.Message == "" || len(f.Message) > 5<<10 || !utf8.ValidString(f.Message) {
			t.Errorf("%s: a text of %d bytes", name, len(f.Message))
		}
	}
}

func TestWhatWouldMoveACursorIsLeftOut(t *testing.T) {
	f := failureOf(400, nil, []byte(`{"message":"a\u001b[2Jb\u0007\r\n\tc"}`))
	if f.Message != "a[2Jb\n\tc" {
		t.Errorf("%q", f.Message)
	}
}

// TestTheRequestIsNotRepeated: what providers quote of it in fields of their own is not told.
func TestTheRequestIsNotRepeated(t *testing.T) {
	const secret = "the client's own words"
	for _, body := range []string{
		`{"detail":[{"loc":["body","messages",0,"content"],"msg":"bad","input":"` + secret + `","ctx":{"given":"` + secret + `"}}]}`,
		`{"error":{"message":"flagged","metadata":{"flagged_input":"` + secret + `"}}}`,
		`{"error":{"message":"bad","failed_generation":"` + secret + `","body":{"messages":["` + secret + `"]}}}`,
	} {
		if f := failureOf(400, nil, []byte(body)); strings.Contains(f.Message, secret) {
			t.Errorf("%s: %s", body, f.Message)
		}
	}
}

// TestEveryStatusIsAnErrorOfTheAPI: whatever a status is, the client gets one that it knows.
func TestEveryStatusIsAnErrorOfTheAPI(t *testing.T) {
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	for status := 400; status < 600; status++ {
		f := failureOf(status, http.Header{}, nil)
		if f.Status < 400 || f.Status > 529 || f.Status == http.StatusUnauthorized {
			t.Errorf("%d became %d", status, f.Status)
		}
		if status/100 != f.Status/100 && status != 498 && status != 499 && status != http.StatusRequestTimeout {
			t.Errorf("%d became %d", status, f.Status)
		}
		if err := doc.Validate("ErrorResponse", f.Body()); err != nil {
			t.Errorf("%d: %v", status, err)
		}
	}
}

// failureOf reads an error whose prompt is not known.
func failureOf(status int, h http.Header, body []byte) *translate.Failure {
	r := translate.ReadReport(body)
	return r.Failure(status, h, 0)
}
