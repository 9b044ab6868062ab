package openai

import (
	"strings"
	"testing"

	"prism/internal/translate"
)

// TestTheBeginningOfAnAnswerIsNotSaidAgain: the client has it, and puts what comes behind it. What is
// not that beginning stays whole.
func TestTheBeginningOfAnAnswerIsNotSaidAgain(t *testing.T) {
	for _, tt := range []struct{ begun, says, want string }{
		{"The letter", "The letter a.", " a."},
		{"The letter", " a.", " a."},
		{"The letter", "The lesson is over.", "The lesson is over."},
		{"The letter", "The", "The"},
		{"The letter", "The letter", ""},
		{"Ü", "Über", "ber"},
		{"ha", "hahaha", "haha"},
		{"", "The letter", "The letter"},
	} {
		for cut := range len(tt.says) {
			if cut > 0 && tt.says[cut]&0xc0 == 0x80 {
				continue // JSON has whole characters only
			}
			e := echo{left: tt.begun}
			got := e.cut(tt.says[:cut])
			got += e.cut(tt.says[cut:]) + e.flush()
			if got != tt.want {
				t.Errorf("begun with %q, then %q and %q: %q, want %q", tt.begun, tt.says[:cut], tt.says[cut:], got, tt.want)
			}
		}
	}
}

func TestAnAnswerThatTheClientHasBegunGoesOn(t *testing.T) {
	delta := func(content string) string {
		return `data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":` + string(quoted(content)) + `}}]}` + "\n\n"
	}
	const end = `data: {"id":"c","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\ndata: [DONE]\n\n"
	for in, want := range map[string]string{
		delta("The letter ") + delta("a.") + end: `"text":"a."`,
		delta("The ") + delta("letter a.") + end: `"text":"a."`,
		delta("The l") + end:                     `"text":"The l"`,
		delta("No.") + end:                       `"text":"No."`,
	} {
		o := read([]string{in}, translate.Reply{Begun: "The letter "}, Chat{}.Stream)
		if o.end != nil || !strings.Contains(o.out, want) {
			t.Errorf("%v, want %s\n%s", o.end, want, o.out)
		}
	}
	whole := `{"id":"c","model":"m","choices":[{"index":0,"message":{"content":"The letter a."},"finish_reason":"stop"}]}`
	if o := read([]string{whole}, translate.Reply{Begun: "The letter "}, Chat{}.Message); o.end != nil || !strings.Contains(o.out, `"text":"a."`) {
		t.Errorf("%v\n%s", o.end, o.out)
	}
}
